/** Workers and places as a person reads them. */
import { type BodyOf, isNotYet, type Manned } from '../contract/index.ts';
import { duration, plural } from './format.ts';
import { harmless } from './screen.ts';

type Found = BodyOf<'workers'>;
type Worker = Found['workers'][number];

const seenText = ({ state, seenAtMs, leftAtMs }: Worker, nowMs: number): string => {
  if (state === 'alive') return 'alive';
  if (isNotYet(seenAtMs, nowMs)) return 'seen at a time that is not yet';
  if (leftAtMs !== null) return `left ${duration(nowMs - leftAtMs)} ago`;
  return `last seen ${duration(nowMs - seenAtMs)} ago`;
};

const rowOf = (worker: Worker, nowMs: number): string[] => [
  worker.place,
  harmless(worker.id),
  seenText(worker, nowMs),
  `${worker.running}/${worker.concurrency}`,
  harmless(worker.version),
  harmless(worker.lacks.join(', ')),
];

/** Rows of: place, worker, seen, at work, pawl, lacks. */
export const workerRows = ({ workers, wanted, nowMs }: Found): string[][] =>
  [
    ...workers.map((worker) => rowOf(worker, nowMs)),
    ...wanted.map(({ place, sinceMs }) => [
      place,
      '',
      `never; waited for since ${duration(nowMs - sinceMs)}`,
      '',
      '',
      '',
    ]),
  ].sort(([a = ''], [b = '']) => (a < b ? -1 : Number(a > b)));

/** `last seen 3 h ago`, `2 workers alive`. */
export const mannedText = ({ alive, lastSeenAtMs }: Pick<Manned, 'alive' | 'lastSeenAtMs'>, nowMs: number): string => {
  if (alive > 0) return `${plural(alive, 'worker')} alive`;
  return lastSeenAtMs === null ? 'never seen' : `last seen ${duration(nowMs - lastSeenAtMs)} ago`;
};
