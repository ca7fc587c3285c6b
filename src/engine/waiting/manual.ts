/** `manual`: waits for a person, who says so by `done`. */
import { prepare } from '../call/prepare.ts';
import { bodyOf, type WaitKind } from './kind.ts';

/** `answer`: the schema of what it asks; absent where it asks for nothing. */
type Report = { kind: 'manual'; instructions: string | null; answer?: Record<string, unknown> };

export const manual: WaitKind<Report> = {
  begin: (call, _cell, { body }) => ({
    shownHash: body.kind === 'manual' ? call.engine.sha256(body.instructions) : null,
  }),
  park: () => ({ look: 'never' }),
  look: () => ({ kind: 'waits' }),
  report: async (call, cell) => {
    const found = await prepare(call, cell);
    const instructions = found.kind === 'go' && found.body.kind === 'manual' ? found.body.instructions : null;
    const { answer } = bodyOf(cell, 'manual');
    return { kind: 'manual', instructions, ...(answer === undefined ? {} : { answer }) };
  },
};
