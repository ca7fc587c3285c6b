/** A worker: the runtime at one place, its heartbeats, and how it ends. */
import { limits } from '../../engine/index.ts';
import type { Session } from '../session.ts';
import { homeOf, type Settings } from '../settings.ts';
import { drain } from './drain.ts';
import { startBeating } from './heartbeat.ts';
import { openRuntime, type Runtime } from './runtime.ts';

export type Worker = {
  runtime: Runtime;
  /** @returns waits until it is to end */
  drain(on: Pick<Session, 'screen' | 'interruption'> & { drainSeconds: number }): ReturnType<typeof drain>;
  close(): void;
};

export const startWorker = async (settings: Settings, concurrency: number): Promise<Worker> => {
  const { place, store, by } = settings;
  const runtime = await openRuntime(settings, {
    place,
    isHome: place === homeOf(store),
    concurrency,
    lookEveryMs: store.kind === 'embedded' ? limits.workerLookLocalMs : limits.workerLookMs,
    // Who follows a run of the schedule follows this one too.
    by: { actor: 'schedule', via: 'worker' },
    where: `${place}/${by.where}`,
  });
  return {
    runtime,
    drain: (on) => {
      const stopBeating = startBeating(runtime);
      const ended = drain({ ...on, runtime, close: async () => {} });
      return async () => {
        const how = await ended();
        await stopBeating();
        return how;
      };
    },
    close: () => runtime.close(),
  };
};
