/** What an instance waits for, as it is shown to people. Reads only. */
import { type Call, nextCell, stateOf } from '../call/call.ts';
import { parkedAt } from '../rules/parked.ts';
import { type WaitReport, waitKindOf } from '../waiting/kinds.ts';

/** @returns `null` when it waits for nothing */
export const waitReport = async (call: Call): Promise<WaitReport | null> => {
  const { open } = stateOf(call);
  const cell = nextCell(call);
  if (open?.kind !== 'waiting' || cell === undefined) return null;
  const { seq, atMs: sinceMs, family } = open;
  // Of runs it is told only while one is locked out: it bears on nothing else.
  const dueAtMs = family !== undefined && family.locked === undefined ? null : open.dueAtMs;
  const { dueAtMs: nextAtMs } = parkedAt(open, call.engine.clock.nowMs());
  const details = await waitKindOf(cell).report(call, cell, open);
  return { cell: cell.name, seq, sinceMs, dueAtMs, nextAtMs, ...details };
};
