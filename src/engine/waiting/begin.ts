/** Beginning to wait: what is fixed then stands in the `waiting` entry, or an outcome says why nobody can wait. */
import type { Call } from '../call/call.ts';
import { failure } from '../call/outcomes.ts';
import { type Ready, withoutReservation } from '../call/prepare.ts';
import type { EntryBody } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';
import type { Cell } from '../model/runbook.ts';
import { asked, cannotAsk, shownOf } from './approvals.ts';

/** The entry that begins to wait, or an outcome that says why it cannot. */
export const beginWait = async (call: Call, cell: Cell, found: Ready): Promise<EntryBody> => {
  const { engine } = call;
  const { body, poll } = cell;
  const base = { kind: 'waiting', index: cell.index, cell: cell.name, visit: call.head.entry.state.visit } as const;
  const begun = { ...base, inputsHash: found.inputsHash, dueAtMs: null, shownHash: null };
  const within = (ms: number | null): number | null => (ms === null ? null : Math.ceil(engine.clock.nowMs() + ms));
  if (poll !== undefined) return { ...begun, dueAtMs: within(poll.withinMs), pollMs: poll.everyMs };
  if (found.body.kind === 'manual') return { ...begun, shownHash: engine.sha256(found.body.instructions) };
  if (found.body.kind === 'await' && body.kind === 'await')
    return { ...begun, dueAtMs: within(body.withinMs), claims: found.body.claims };
  if (found.body.kind === 'approve' && body.kind === 'approve') {
    const shown = await shownOf(call, cell, found.body.text, found.inputs, call.head.entry.seq + 1);
    const error = cannotAsk(call, cell, found.body, body, shown);
    if (error !== undefined) return withoutReservation(call, cell, { kind: 'cannot', error });
    return { ...begun, dueAtMs: within(body.withinMs), shownHash: shown.hash, asked: asked(found.body, body) };
  }
  if (found.body.kind !== 'wait') throw new PawlError('journal.broken', `Cell ${cell.name} does not wait.`);
  const nowMs = engine.clock.nowMs();
  const moment = engine.authoring.momentOf(found.body, nowMs);
  // One that has passed, however long ago, is now: an entry holds no time before there were any.
  if (moment.kind === 'moment') return { ...begun, dueAtMs: Math.ceil(Math.max(moment.atMs, nowMs)) };
  const error = failure('inputs.unresolvable', moment.message);
  return withoutReservation(call, cell, { kind: 'cannot', error });
};
