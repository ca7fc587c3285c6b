/** Pauses that a target asked for. */
import { limits } from '../engine/index.ts';
import { duration } from './format.ts';

/** Whose pause it is before a further attempt: the target's, and how much of it counts. */
export const askedFor = (askedMs: number | undefined): string => {
  if (askedMs === undefined) return '';
  const max = limits.retryAfterMsMax;
  const counts = askedMs > max ? `, of which ${duration(max)} count (retryAfterMsMax)` : '';
  return `, the target asked for ${duration(askedMs)}${counts}`;
};
