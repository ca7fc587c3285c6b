/** Which entry satisfied a cell. Pure. */

import { limits } from '../model/limits.ts';
import type { State } from '../model/state.ts';

/**
 * Where to find the entry that satisfied a cell of this run: its seq, or the seq of an entry whose state knows (`satisfiedBy`).
 */
export const satisfiedAt = (state: State, index: number): { seq: number } | { ask: number; at: number } | undefined => {
  const own = index - state.from;
  if (own < 0) return undefined;
  const chunk = Math.floor(own / limits.satisfiedChunk);
  const { chunks } = state.satisfied;
  const ask = chunks[chunk];
  const at = own % limits.satisfiedChunk;
  // An entry that filled more than one chunk passed over all cells of the second.
  if (ask !== undefined) return ask === chunks[chunk - 1] ? { seq: ask + 1 } : { ask, at };
  const seq = state.satisfied.recent[at];
  return chunk === state.satisfied.chunks.length && seq !== undefined ? { seq } : undefined;
};

/** What the entry that was asked says: what it does not know yet, the entry after it passed over. */
export const satisfiedBy = ({ seq, state }: { seq: number; state: State }, at: number): number =>
  state.satisfied.recent[at] ?? seq + 1;
