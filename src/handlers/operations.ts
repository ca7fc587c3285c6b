/** What each route does: call the engine, shape the answer. */
import { type OperationName, workerStateOf } from '../contract/index.ts';
import type { ApiCall, OperationDeps } from './apiDeps.ts';
import { claimOperations } from './claimOperations.ts';
import { commandOperations } from './commandOperations.ts';
import type { Operations } from './operation.ts';
import type { Answer } from './problem.ts';
import { fitting } from './reading.ts';
import { readingOperations } from './readingOperations.ts';
import type { Input } from './request.ts';
import { runbookOperations } from './runbookOperations.ts';
import { voteOperations } from './voteOperations.ts';

const operations: Operations = {
  health: async () => ({ status: 200, body: { status: 'ok' } }),

  // Few ask for it, and its schemas take their time to make.
  openApi: async () => ({ status: 200, body: (await import('./openapi.ts')).openApi() }),

  me: async (_deps, _input, { by: { actor }, groups, permissions }) => ({
    status: 200,
    body: { actor, groups, permissions },
  }),

  workers: async ({ workers: heartbeats, clock }, { query }) => {
    const { workers, wanted } = await heartbeats.list(query.place);
    const nowMs = clock.nowMs();
    const shownWorkers = workers.map((worker) => ({ ...worker, state: workerStateOf(worker, nowMs) }));
    const served = new Set(workers.map(({ place }) => place));
    const unserved = wanted.filter(({ place }) => !served.has(place));
    return { status: 200, body: { workers: fitting(shownWorkers), wanted: unserved, nowMs } };
  },

  ...runbookOperations,
  ...readingOperations,
  ...commandOperations,
  ...voteOperations,
  ...claimOperations,
};

type Operation = (deps: OperationDeps, input: Input, call: ApiCall) => Promise<Answer>;
/** An operation by its name. Its own types follow from the schemas that have just read its input. */
export const operationOf = (name: OperationName): Operation => operations[name] as unknown as Operation;
