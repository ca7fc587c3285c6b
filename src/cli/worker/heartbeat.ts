/** Says every `workerBeatMs` that this process is alive, and forgets what has been gone for long. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { isNotYet } from '../../contract/index.ts';
import { type Clock, limits } from '../../engine/index.ts';
import type { Heartbeat, Workers } from '../../store/index.ts';
import { packageVersion } from '../ownPackage.ts';
import type { Runtime } from './runtime.ts';

/** Those that are gone are looked for at the start, and so often. */
const forgetEveryMs = 60 * 60_000;

type Beating = Pick<Runtime, 'place' | 'concurrency' | 'atWork' | 'lacks' | 'warn'> & {
  deps: { workers: Workers; clock: Pick<Clock, 'nowMs'> };
};

/** The last that was at a place is kept for longer, so that the place stays known. One of a time that is not yet was never there. */
const isOver = (worker: Heartbeat, all: Heartbeat[], nowMs: number): boolean => {
  if (isNotYet(worker.seenAtMs, nowMs)) return true;
  const isLast = !all.some(({ place, seenAtMs }) => place === worker.place && seenAtMs > worker.seenAtMs);
  return nowMs - worker.seenAtMs > (isLast ? limits.placeKeptMs : limits.workerKeptMs);
};

export const forgetGone = async (workers: Workers, clock: Pick<Clock, 'nowMs'>): Promise<void> => {
  const found = await workers.list();
  const nowMs = clock.nowMs();
  for (const worker of found.workers) {
    if (isOver(worker, found.workers, nowMs)) await workers.forget(worker);
  }
  for (const { place, sinceMs } of found.wanted) {
    if (nowMs - sinceMs > limits.placeKeptMs) await workers.forget({ place, id: '', seenAtMs: sinceMs });
  }
};

/** @returns ends it, and says that it has left */
export const startBeating = (runtime: Beating): (() => Promise<void>) => {
  const { place, concurrency } = runtime;
  const { workers, clock } = runtime.deps;
  const host = hostname();
  const { pid } = process;
  const same = { place, id: `${host}:${pid}-${randomBytes(4).toString('hex')}`, host, pid, version: packageVersion() };
  let startedAtMs: number | undefined;
  let forgottenMs = Number.NEGATIVE_INFINITY;
  let hasLeft = false;

  const beat = async (): Promise<void> => {
    try {
      if (performance.now() - forgottenMs >= forgetEveryMs && !hasLeft) {
        await forgetGone(workers, clock);
        forgottenMs = performance.now();
      }
      // The time is the store's: by now it has told it.
      const seenAtMs = clock.nowMs();
      startedAtMs ??= seenAtMs;
      const now = { seenAtMs, leftAtMs: hasLeft ? seenAtMs : null, running: runtime.atWork(), lacks: runtime.lacks() };
      await workers.beat({ ...same, startedAtMs, concurrency, ...now });
    } catch (error) {
      // One beat is missed, and nothing else.
      runtime.warn('heartbeat missed', error);
    }
  };

  let timer: NodeJS.Timeout | undefined;
  let last = Promise.resolve();
  const again = async (): Promise<void> => {
    last = beat();
    await last;
    if (!hasLeft) timer = setTimeout(again, limits.workerBeatMs);
  };
  void again();
  return async () => {
    hasLeft = true;
    clearTimeout(timer);
    await last;
    // Where it was never seen, there is nothing that it could leave.
    if (startedAtMs !== undefined) await beat();
  };
};
