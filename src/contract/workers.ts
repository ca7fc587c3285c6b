/** What the heartbeats of workers say: whether one is alive, and whether a place has anybody. */
import { limits, type Needs, variableOf } from '../engine/model/index.ts';

type Beat = { place: string; seenAtMs: number; leftAtMs: number | null };

/** `left`: it ended by itself. `gone`: nothing was heard of it for `workerGoneMs`. */
type WorkerState = 'alive' | 'left' | 'gone';

/** Clocks differ by less. Whoever says more would be taken for alive for ever. */
export const isNotYet = (atMs: number, nowMs: number): boolean => atMs - nowMs > limits.workerGoneMs;

export const workerStateOf = ({ seenAtMs, leftAtMs }: Omit<Beat, 'place'>, nowMs: number): WorkerState => {
  if (leftAtMs !== null) return 'left';
  return nowMs - seenAtMs < limits.workerGoneMs && !isNotYet(seenAtMs, nowMs) ? 'alive' : 'gone';
};

/**
 * How a place is manned. `lastSeenAtMs`: when any worker was there last; `null`: never, as far as is kept. `lacking`: what the
 * next cell needs and every worker that is alive there says it has not; absent where one has all of it, as far as is known.
 */
export type Manned = { place: string; alive: number; lastSeenAtMs: number | null; lacking?: string[] };

export const mannedAt = (place: string, beats: Beat[], nowMs: number): Manned => {
  const there = beats.filter((beat) => beat.place === place);
  const alive = there.filter((beat) => workerStateOf(beat, nowMs) === 'alive').length;
  const seen = there.map(({ seenAtMs }) => seenAtMs).filter((atMs) => !isNotYet(atMs, nowMs));
  return { place, alive, lastSeenAtMs: seen.length === 0 ? null : Math.max(...seen) };
};

/** As a worker tells what it lacks: a kind and a name, and perhaps where it looked or why not. */
const isAbout = (lack: string, need: string): boolean =>
  lack === need || lack.startsWith(`${need} `) || lack.startsWith(`${need},`);

/** With what the needs of a cell lack at every worker there. A worker tells what it met last, so this may be a minute old. */
export const withLacking = (
  manned: Manned,
  beats: (Beat & { lacks: string[] })[],
  { programs, env }: Needs,
  nowMs: number,
): Manned => {
  const there = beats.filter((beat) => beat.place === manned.place && workerStateOf(beat, nowMs) === 'alive');
  const needed = [...programs.map((name) => `program ${name}`), ...env.map((need) => `env ${variableOf(need).name}`)];
  const lackedBy = (lacks: string[]): string[] => needed.filter((need) => lacks.some((lack) => isAbout(lack, need)));
  const lacked = there.map(({ lacks }) => lackedBy(lacks));
  if (lacked.length === 0 || lacked.some((lacks) => lacks.length === 0)) return manned;
  return { ...manned, lacking: needed.filter((need) => lacked.some((lacks) => lacks.includes(need))) };
};
