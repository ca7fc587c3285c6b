/** `wait`: waits for a moment, fixed by the caller that begins the wait: a later look, with another clock, finds the same one. */
import { failure } from '../call/outcomes.ts';
import { PawlError } from '../model/errors.ts';
import { over, type WaitKind } from './kind.ts';

export const moment: WaitKind<{ kind: 'wait' }> = {
  begin: ({ engine }, cell, { body }) => {
    if (body.kind !== 'wait') throw new PawlError('journal.broken', `Cell ${cell.name} does not wait.`);
    const nowMs = engine.clock.nowMs();
    const found = engine.authoring.momentOf(body, nowMs);
    if (found.kind === 'error') return failure('inputs.unresolvable', found.message);
    // One that has passed, however long ago, is now: an entry holds no time before there were any.
    return { dueAtMs: Math.ceil(Math.max(found.atMs, nowMs)) };
  },
  park: ({ dueAtMs }, nowMs) => {
    if (dueAtMs === null) return { look: 'never' };
    return nowMs >= dueAtMs ? { look: 'now' } : { look: 'then', atMs: dueAtMs };
  },
  look: ({ engine }, _cell, { dueAtMs }) => {
    const at = new Date(dueAtMs ?? engine.clock.nowMs()).toISOString();
    return over({
      status: 'completed',
      output: JSON.stringify({ until: at }),
      error: null,
      note: `it is past ${at}`,
    });
  },
  report: () => ({ kind: 'wait' }),
};
