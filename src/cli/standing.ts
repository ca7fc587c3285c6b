/** Where an instance stands, in one word or the few that say whom it waits for. */
import { type View, workerAt } from '../engine/index.ts';

type Standing = Pick<View, 'status' | 'place' | 'waitsFor'>;

/** The worker that it waits for: `ready` is what may go on here, and what is in doubt is that first of all. */
const workerFor = ({ status, place, waitsFor }: Standing): string | null =>
  waitsFor === workerAt(place) && (status === 'ready' || status === 'waiting') ? waitsFor : null;

export const standingText = (view: Standing): string => {
  const worker = workerFor(view);
  return worker === null ? view.status.replace('_', ' ') : `waiting for ${worker}`;
};

/** For a column of a table, which leaves room for the others. */
export const standingWords = (view: Standing): string => workerFor(view) ?? view.status.replace('_', ' ');
