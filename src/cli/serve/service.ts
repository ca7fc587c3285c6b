/**
 * The whole service in one process: the functions that are deployed to AWS, behind a port instead of API Gateway. What runs
 * and ends it is the same as in `pawl worker`.
 */
import { limits } from '../../engine/index.ts';
import { createApi } from '../../handlers/serving.ts';
import type { Settings } from '../settings.ts';
import { openRuntime, type Runtime } from '../worker/index.ts';
import type { Api, HttpEventLike } from './http.ts';

/** What others have made due in the file of this machine is found as soon as this; asking costs it next to nothing. */
const lookEveryMs = 1_000;
/** Of tables behind a network, as the schedule on AWS. */
const tickEveryMs = 60_000;

export type Serving = Runtime & {
  api: Api;
};

/** @param concurrency instances that are gone on with at once for no waiting caller */
export const openService = async (settings: Settings, concurrency: number): Promise<Serving> => {
  const isEmbedded = settings.store.kind === 'embedded';
  const runtime = await openRuntime(settings, {
    place: settings.place,
    // It is the whole service of its store, wherever its cells run.
    isHome: true,
    concurrency,
    lookEveryMs: isEmbedded ? lookEveryMs : tickEveryMs,
    where: String(process.pid),
  });
  const { deps, handOver } = runtime;

  // One for each invocation: what a log line says of one is none of the others'.
  const api = (event: HttpEventLike) =>
    createApi((telemetry) => ({
      ...deps,
      telemetry,
      handOver,
      auth: 'local',
      groupsClaim: '',
      console: 'before',
      get answerWithinMs() {
        return runtime.isLeaving() ? 0 : limits.answerWithinMs;
      },
    }))(event, runtime.invocation('api'));
  return { ...runtime, api };
};
