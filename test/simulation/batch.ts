/** Many seeds over all cores: threads take chunks in order, so the failure reported is that of the smallest seed. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { addTotals, nothing, rangeDigest, rangeSize, type Totals } from './totals.ts';

export type ChunkWanted = { from: number; seeds: number };
export type Failure = { seed: number; rule: string; message: string };
export type ChunkDone = { from: number; totals: Totals; digests: string[]; failure: Failure | null };

export type Batch = {
  from: number;
  seeds: number;
  totals: Totals;
  /** Digests of the full ranges of 10,000 seeds, from a multiple of 10,000 plus 1. */
  ranges: { from: number; to: number; digest: string }[];
  /** Of all seeds that were asked for; `null` when a rule broke before the last. */
  digest: string | null;
  failure: Failure | null;
  elapsedMs: number;
  /** Of all threads together. */
  cpuMs: number;
};

export type BatchOptions = {
  from: number;
  seeds: number;
  jobs?: number;
  onProgress?: (schedules: number) => void;
};

const chunkSeeds = 100;
/** A schedule takes a few milliseconds; one that takes this long loops without ever waiting. */
const hangMs = 60_000;
const lookMs = 1_000;
/** A schedule leaves little behind: what dies young costs less where there is room for it. */
const youngMb = 64;

const rangesOf = (from: number, digests: string[]): Batch['ranges'] => {
  const ranges: Batch['ranges'] = [];
  const end = from + digests.length;
  const first = Math.ceil((from - 1) / rangeSize) * rangeSize + 1;
  for (let at = first; at + rangeSize <= end; at += rangeSize) {
    const digest = rangeDigest(digests.slice(at - from, at - from + rangeSize));
    ranges.push({ from: at, to: at + rangeSize - 1, digest });
  }
  return ranges;
};

/** Runs seeds `from` to `from + seeds - 1`, and stops at the first that breaks a rule. */
export const runSeeds = async ({ from, seeds, jobs, onProgress }: BatchOptions): Promise<Batch> => {
  const begunAtMs = performance.now();
  const cpuBefore = process.cpuUsage();
  const totals = nothing();
  const digests = new Map<number, string[]>();
  let next = from;
  let failure: Failure | null = null;
  const fail = (found: Failure): void => {
    if (failure === null || found.seed < failure.seed) failure = found;
  };
  const take = (): ChunkWanted | undefined => {
    if (failure !== null || next >= from + seeds) return undefined;
    const chunk = { from: next, seeds: Math.min(chunkSeeds, from + seeds - next) };
    next += chunk.seeds;
    return chunk;
  };

  const thread = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const at = new SharedArrayBuffer(4);
      const resourceLimits = { maxYoungGenerationSizeMb: youngMb };
      const worker = new Worker(new URL('./worker.ts', import.meta.url), {
        workerData: at,
        execArgv: [],
        resourceLimits,
      });
      let seen = { seed: -1, sinceMs: performance.now() };
      const end = (): void => {
        clearInterval(looking);
        void worker.terminate().then(() => resolve());
      };
      const looking = setInterval(() => {
        const seed = Atomics.load(new Int32Array(at), 0);
        if (seed !== seen.seed) seen = { seed, sinceMs: performance.now() };
        if (performance.now() - seen.sinceMs < hangMs) return;
        fail({ seed, rule: 'rest', message: 'rest: it did not come to rest: a loop that never waits' });
        end();
      }, lookMs);
      const give = (): void => {
        const chunk = take();
        if (chunk === undefined) end();
        else worker.postMessage(chunk satisfies ChunkWanted);
      };
      worker.on('message', (done: ChunkDone) => {
        addTotals(totals, done.totals);
        digests.set(done.from, done.digests);
        if (done.failure !== null) fail(done.failure);
        onProgress?.(totals.schedules);
        give();
      });
      worker.on('error', (error) => {
        clearInterval(looking);
        reject(error);
      });
      give();
    });

  const threads = Math.max(1, Math.min(jobs ?? availableParallelism(), Math.ceil(seeds / chunkSeeds)));
  await Promise.all(Array.from({ length: threads }, thread));
  const inOrder = [...digests].sort(([a], [b]) => a - b).flatMap(([, chunk]) => chunk);
  const used = process.cpuUsage(cpuBefore);
  return {
    from,
    seeds,
    totals,
    ranges: failure === null ? rangesOf(from, inOrder) : [],
    digest: failure === null ? rangeDigest(inOrder) : null,
    failure,
    elapsedMs: performance.now() - begunAtMs,
    cpuMs: (used.user + used.system) / 1000,
  };
};
