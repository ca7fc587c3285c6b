/** Whether a call that meets an open wait looks at it, sleeps until there may be something to see, or leaves it. Pure. */
import { type Decision, mayWait, type Wish } from '../rules/decide.ts';
import { parkedAt } from '../rules/parked.ts';
import { waitKindOf } from './kinds.ts';

export const parkOf = (
  { cell, open }: Extract<Decision, { kind: 'waiting' }>,
  wish: Wish,
  nowMs: number,
): Exclude<Decision, { kind: 'waiting' }> => {
  const park = waitKindOf(cell).park(open, nowMs);
  if (park.look === 'now') return { kind: 'look', cell, open };
  const ms = park.look === 'then' ? park.atMs - nowMs : Number.POSITIVE_INFINITY;
  return mayWait(wish, ms, nowMs) ? { kind: 'wait', ms } : parkedAt(open, nowMs);
};
