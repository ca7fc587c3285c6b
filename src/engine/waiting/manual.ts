/** `manual`: waits for a person, who says so by `done`. */
import { prepare } from '../call/prepare.ts';
import type { WaitKind } from './kind.ts';

export const manual: WaitKind<{ kind: 'manual'; instructions: string | null }> = {
  begin: (call, _cell, { body }) => ({
    shownHash: body.kind === 'manual' ? call.engine.sha256(body.instructions) : null,
  }),
  park: () => ({ look: 'never' }),
  look: () => ({ kind: 'waits' }),
  report: async (call, cell) => {
    const found = await prepare(call, cell);
    const instructions = found.kind === 'go' && found.body.kind === 'manual' ? found.body.instructions : null;
    return { kind: 'manual', instructions };
  },
};
