/**
 * What an answer's status says about the request: `completed`, `failed` (it is known not to have happened), or `unknown`.
 * The author's word about a status counts before the table.
 */
import { isSafeMethod } from '../engine/index.ts';

type Request = { method: string; failedOn?: readonly number[]; unknownOn?: readonly number[] };

/**
 * The closed list of refusals that come before any effect: the request was sent elsewhere (307, 308), not understood, not
 * allowed, not found, too large, or there were too many. Whatever is not in it may have been answered after the effect:
 * other redirects (303 follows a POST that was done), a conflict with an earlier attempt (409, 412), whatever a server says
 * of itself (500, 503, however soon it wants to be asked again), and numbers that are not registered.
 */
const refusals: ReadonlySet<number> = new Set([
  ...[307, 308, 400, 401, 403, 404, 405, 406, 410, 411, 413, 414, 415, 417, 421, 422, 426, 428, 429, 431, 451],
  ...[501, 505],
]);

export const meaningOf = (
  status: number,
  { method, failedOn = [], unknownOn = [] }: Request,
): 'completed' | 'failed' | 'unknown' => {
  if (failedOn.includes(status)) return 'failed';
  if (unknownOn.includes(status)) return 'unknown';
  if (status >= 200 && status < 300) return 'completed';
  return isSafeMethod(method) || refusals.has(status) ? 'failed' : 'unknown';
};
