/** The one place that reads the environment of the functions and puts things together. Each takes what it needs. */
import { authoring } from '../authoring/index.ts';
import { createHttp, executeCode, parseHttpAllow } from '../cells/index.ts';
import { createEngine, limits, type Ports } from '../engine/index.ts';
import { createClient } from '../store/dynamodb.ts';
import { type AppendBy, canonical, createStore, sha256, storeLater, systemRandom } from '../store/index.ts';
import type { ApiDeps } from './apiDeps.ts';
import type { AuditDeps } from './audit.ts';
import type { WorkRequest } from './events.ts';
import type { ExecuteCellDeps } from './executeCell.ts';
import { createHandOver, createInvokeCell } from './lambda.ts';
import { metricNames, type Telemetry } from './metrics.ts';
import { createRemote } from './remote.ts';
import { setAsideInQueue } from './setAside.ts';
import { setAsideInFolder } from './setAsideFolder.ts';
import {
  allowShOf,
  authOf,
  dataFileOf,
  type EngineSettings,
  type Environment,
  engineSettings,
  groupsClaimOf,
  isLocal,
  refuseManagedInstances,
  tablesOf,
  workFunctionOf,
} from './settings.ts';
import type { TickDeps } from './tick.ts';
import { wakeByQueue, wakeByTimer } from './wakes.ts';
import type { WorkDeps } from './work.ts';

/** A service on somebody's own machine shares the command line's file. What is deployed holds none of this (infra/bundle.mjs). */
const openLocal = (file: string) => {
  const opening = import('../store/local.ts').then(({ openFile }) => openFile(file));
  const { client, clock } = storeLater(opening);
  return createStore(client, { clock });
};

/** Where DynamoDB and Lambda are is the SDK's own business: AWS_REGION, AWS_ENDPOINT_URL_DYNAMODB and so on. */
const openStore = (tablesPrefix: string, appendOnly: AppendBy, dataFile: string | undefined) => {
  if (dataFile !== undefined) return openLocal(dataFile);
  const { client, clock } = createClient({ tablesPrefix });
  return createStore(client, { clock, appendOnly });
};

const openEngine = (telemetry: Telemetry, env: Environment) => {
  refuseManagedInstances(env);
  const settings = engineSettings(env);
  const { deployment, unrecorded } = settings;
  const store = openStore(settings.tables, settings.appendOnly, settings.dataFile);
  const execute = createRemote({
    http: createHttp({ httpAllow: parseHttpAllow(settings.httpAllow) }),
    allowSh: settings.allowSh,
    invoke: createInvokeCell(settings.executeFunction),
  });
  const setAside = unrecorded.kind === 'queue' ? setAsideInQueue(unrecorded.url) : setAsideInFolder(unrecorded.folder);
  const { observe } = telemetry;
  const wakeAt = openWakeAt(settings.wakes, store.clock, telemetry, env);
  const ports = { ...store, random: systemRandom, authoring, execute, sha256, canonical, observe, setAside, wakeAt };
  return { engine: createEngine({ ...ports, deployment }), store, deployment };
};

const openWakeAt = (wakes: EngineSettings['wakes'], clock: Ports['clock'], telemetry: Telemetry, env: Environment) =>
  wakes.kind === 'queue' ? wakeByQueue(wakes.url, clock) : wakeByTimer(openHandOver(telemetry, env), clock);

/** What a log line says of it. */
const loggablePlace = (event: WorkRequest) => {
  if ('sweep' in event) return { shard: event.sweep, instanceId: null, seq: null, cell: null };
  if ('wake' in event) return { claimId: event.wake, instanceId: null, seq: null, cell: null };
  if ('look' in event) return { instanceId: event.look, seq: event.seq ?? null, cell: null };
  const { instanceId, expectedSeq: seq = null, cell = null } = event;
  return { instanceId, seq, cell };
};

/** Asks `work` for something, asynchronously. */
const openHandOver = (telemetry: Telemetry, env: Environment) => {
  const invoke = createHandOver(workFunctionOf(env));
  return async (event: WorkRequest): Promise<boolean> => {
    const answer = await invoke(event);
    if (answer.taken) return true;
    telemetry.logger.warn('not handed over', { ...loggablePlace(event), why: answer.why });
    telemetry.count(metricNames.handOversFailed);
    return false;
  };
};

export const openApiDeps = (telemetry: Telemetry, env: Environment = process.env): ApiDeps => {
  const { engine, store, deployment } = openEngine(telemetry, env);
  return {
    engine,
    runbooks: store.versions,
    authoring,
    clock: store.clock,
    sha256,
    auth: authOf(env),
    groupsClaim: groupsClaimOf(env),
    deployment,
    telemetry,
    answerWithinMs: limits.answerWithinMs,
    handOver: openHandOver(telemetry, env),
  };
};

export const openWorkDeps = (telemetry: Telemetry, env: Environment = process.env): WorkDeps => {
  const { engine, store } = openEngine(telemetry, env);
  return { engine, clock: store.clock, views: store.views, marks: store.marks, telemetry };
};

export const openTickDeps = (telemetry: Telemetry, env: Environment = process.env): TickDeps => {
  // It appends nothing, by whichever way.
  const { marks, clock } = openStore(tablesOf(env), 'put', dataFileOf(env));
  return {
    nowMs: async () => {
      // Nothing is due before 1970: the answer of this query is asked for its time alone.
      await marks.due(0, limits.dueShards - 1);
      return clock.nowMs();
    },
    due: marks.due,
    handOver: openHandOver(telemetry, env),
    fraction: systemRandom.fraction,
    telemetry,
  };
};

export const openExecuteCellDeps = (telemetry: Telemetry, env: Environment = process.env): ExecuteCellDeps => {
  refuseManagedInstances(env);
  return { execute: executeCode, allowSh: isLocal(env) || allowShOf(env), nowMs: Date.now, telemetry };
};

export const openAuditDeps = (telemetry: Telemetry): AuditDeps => ({ telemetry });
