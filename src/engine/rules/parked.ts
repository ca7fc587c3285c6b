/** When a wait is looked at again, and how that is told. */
import type { Waiting } from '../model/entries.ts';
import type { Stop } from './stop.ts';
import { isDecided } from './voting.ts';

/** At its end; when it is polled, at the next of its turns; when its votes decide, at once. */
export const nextLookAtMs = (open: Waiting, updatedAtMs: number, nowMs: number): number | null => {
  if (open.quorum !== undefined && isDecided(open, 0)) return updatedAtMs;
  if (open.pollMs === undefined) return open.dueAtMs;
  const turns = Math.max(0, Math.floor((nowMs - open.atMs) / open.pollMs)) + 1;
  return Math.min(open.atMs + turns * open.pollMs, open.dueAtMs ?? Number.POSITIVE_INFINITY);
};

export const parkedAt = (open: Waiting, nowMs: number): Extract<Stop, { result: 'parked' }> => ({
  kind: 'stop',
  result: 'parked',
  cell: open.cell,
  seq: open.seq,
  dueAtMs: nextLookAtMs(open, open.atMs, nowMs),
});
