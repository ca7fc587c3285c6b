/** When a wait is looked at again, and how that is told. */
import type { Waiting } from '../model/state.ts';
import type { Stop } from './stop.ts';
import { isDecided } from './voting.ts';

/** Of a poll that holds: when it has done so for long enough. */
const heldAtMs = ({ holds, held }: Waiting): number =>
  holds !== undefined && held !== undefined && 'forMs' in holds ? held.sinceMs + holds.forMs : Number.POSITIVE_INFINITY;

/** At its end; when it is polled, at the next of its turns; when its votes decide, at once. */
export const nextLookAtMs = (open: Waiting, updatedAtMs: number, nowMs: number): number | null => {
  // Its elements wake it; by when those that are locked out may begin is no end of it.
  if (open.family !== undefined) return null;
  if (open.quorum !== undefined && isDecided(open, 0)) return updatedAtMs;
  if (open.pollMs === undefined) return open.dueAtMs;
  const turns = Math.max(0, Math.floor((nowMs - open.atMs) / open.pollMs)) + 1;
  const endMs = heldAtMs(open);
  const next = Math.min(open.atMs + turns * open.pollMs, open.dueAtMs ?? Number.POSITIVE_INFINITY);
  return endMs > nowMs ? Math.min(next, endMs) : next;
};

export const parkedAt = (open: Waiting, nowMs: number): Extract<Stop, { result: 'parked' }> => ({
  kind: 'stop',
  result: 'parked',
  cell: open.cell,
  seq: open.seq,
  dueAtMs: nextLookAtMs(open, open.atMs, nowMs),
});
