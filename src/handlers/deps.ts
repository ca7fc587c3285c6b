/** The one place that reads the environment of the functions and puts things together. Each takes what it needs. */
import { fileURLToPath } from 'node:url';
import { authoringWith, withinInvocation } from '../authoring/index.ts';
import {
  createAws,
  createHttp,
  createTask,
  executeCode,
  parseAwsAllow,
  parseHttpAllow,
  readTasks,
} from '../cells/index.ts';
import { createEngine, type Here, lambdaPlace, limits, localPlace, type Ports } from '../engine/index.ts';
import { createSecrets, openHere, openRemoteHere, placeIn, readAllow } from '../places/index.ts';
import { createClient } from '../store/dynamodb.ts';
import { type AppendBy, canonical, createStore, sha256, storeLater, systemRandom } from '../store/index.ts';
import type { ApiDeps } from './apiDeps.ts';
import type { AuditDeps } from './audit.ts';
import { createConsoleFiles } from './consoleFiles.ts';
import type { WorkRequest } from './events.ts';
import type { ExecuteCellDeps, ExecuteTaskDeps } from './executeCell.ts';
import { createHandOver, createInvokeCell } from './lambda.ts';
import { metricNames, type Telemetry } from './metrics.ts';
import { packagedTasks } from './packagedTasks.ts';
import { createRemote } from './remote.ts';
import { setAsideInQueue } from './setAside.ts';
import { setAsideInFolder } from './setAsideFolder.ts';
import {
  allowShOf,
  authOf,
  type EngineSettings,
  type Environment,
  engineSettings,
  groupsClaimOf,
  isLocal,
  refuseManagedInstances,
  type StoreSettings,
  storeSettings,
  workFunctionOf,
} from './settings.ts';
import { signInOf } from './signIn.ts';
import type { TickDeps } from './tick.ts';
import { isTimeForPlaces } from './unmanned.ts';
import { wakeByQueue } from './wakes.ts';
import { wakeByTimer } from './wakeTimer.ts';
import type { WorkDeps } from './work.ts';

const authoring = withinInvocation(authoringWith(packagedTasks));

/** A service on somebody's own machine shares the command line's file. What is deployed holds none of this (infra/bundle.mjs). */
const openLocal = (file: string) => {
  const opening = import('../store/local.ts').then(({ openFile }) => openFile(file));
  const { client, clock } = storeLater(opening);
  return createStore(client, { clock, home: homeOf({ dataFile: file }) });
};

/** Where DynamoDB and Lambda are is the SDK's own business: AWS_REGION, AWS_ENDPOINT_URL_DYNAMODB and so on. */
const openStore = ({ tables, dataFile, emulator }: StoreSettings, appendOnly: AppendBy) => {
  if (dataFile !== undefined) return openLocal(dataFile);
  const { client, clock } = createClient({
    tablesPrefix: tables,
    ...(emulator === undefined ? {} : { endpoint: emulator }),
  });
  return createStore(client, { clock, appendOnly, home: homeOf({ dataFile }) });
};

/** The functions look after what belongs to no place. A service on somebody's own machine shares the file of what is `local`. */
const homeOf = ({ dataFile }: Pick<StoreSettings, 'dataFile'>): string =>
  dataFile === undefined ? lambdaPlace : localPlace;
const hereOf = (settings: EngineSettings, env: Environment): Here => {
  const home = homeOf(settings);
  const place = { place: placeIn(env, home), home };
  const allow = () => readAllow(settings.allow, null);
  return isLocal(env) ? openHere(place, env, allow) : openRemoteHere(place, env, allow);
};

const openEngine = (telemetry: Telemetry, env: Environment) => {
  refuseManagedInstances(env);
  const settings = engineSettings(env);
  const { deployment, unrecorded } = settings;
  const store = openStore(settings, settings.appendOnly);
  const aws = () => parseAwsAllow(readAllow(settings.allow, null));
  const execute = createRemote({
    http: createHttp({ httpAllow: parseHttpAllow(settings.httpAllow), aws }),
    aws: createAws(aws),
    allowSh: settings.allowSh,
    invoke: createInvokeCell(settings.executeFunction),
    invokeTask: settings.taskFunction === undefined ? undefined : createInvokeCell(settings.taskFunction),
  });
  const setAside = unrecorded.kind === 'queue' ? setAsideInQueue(unrecorded.url) : setAsideInFolder(unrecorded.folder);
  const { observe } = telemetry;
  const wakeAt = openWakeAt(settings.wakes, store.clock, telemetry, env);
  const here = hereOf(settings, env);
  const ports = {
    ...store,
    random: systemRandom,
    authoring,
    execute,
    secrets: openSecrets(settings, env),
    sha256,
    canonical,
    observe,
    setAside,
    wakeAt,
    here,
  };
  const flush = settings.dataFile === undefined ? {} : { logFlushMs: limits.logFlushLocalMs };
  return { engine: createEngine({ ...ports, ...flush, deployment }), store, deployment };
};

/**
 * From stores alone. What a function has as files and variables is in its package and its configuration, for all who may read
 * these: no place for a secret.
 */
const openSecrets = ({ allow }: EngineSettings, env: Environment) =>
  createSecrets({ allow: () => readAllow(allow, null), env, ownPaths: [], key: null });

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

/** The page lies beside the bundle (infra/bundle.mjs). */
const openConsole = (env: Environment): ApiDeps['console'] => {
  const found = signInOf(env);
  if (found === undefined) return undefined;
  return { signIn: found.signIn, files: createConsoleFiles(new URL('console/', import.meta.url), found.origins) };
};

export const openApiDeps = (telemetry: Telemetry, env: Environment = process.env): ApiDeps => {
  const { engine, store, deployment } = openEngine(telemetry, env);
  return {
    engine,
    runbooks: store.versions,
    workers: store.workers,
    pace: store.pace,
    authoring,
    clock: store.clock,
    sha256,
    auth: authOf(env),
    groupsClaim: groupsClaimOf(env),
    console: openConsole(env),
    deployment,
    telemetry,
    answerWithinMs: limits.answerWithinMs,
    handOver: openHandOver(telemetry, env),
  };
};

export const openWorkDeps = (telemetry: Telemetry, env: Environment = process.env): WorkDeps => {
  const { engine, store } = openEngine(telemetry, env);
  return { engine, clock: store.clock, views: store.views, marks: store.marks, workers: store.workers, telemetry };
};

export const openTickDeps = (telemetry: Telemetry, env: Environment = process.env): TickDeps => {
  // It appends nothing, by whichever way.
  const settings = storeSettings(env);
  const { marks, clock, workers } = openStore(settings, 'put');
  const home = homeOf(settings);
  return {
    nowMs: async () => {
      // Nothing is due before 1970: the answer of this query is asked for its time alone.
      await marks.due(0, home, limits.dueShards - 1);
      return clock.nowMs();
    },
    due: marks.due,
    places: [home],
    home,
    unmanned: { workers, orphans: marks.orphans, isTime: isTimeForPlaces },
    handOver: openHandOver(telemetry, env),
    fraction: systemRandom.fraction,
    telemetry,
  };
};

export const openExecuteCellDeps = (telemetry: Telemetry, env: Environment = process.env): ExecuteCellDeps => {
  refuseManagedInstances(env);
  return { execute: executeCode, allowSh: isLocal(env) || allowShOf(env), nowMs: Date.now, telemetry };
};

/** A package has its tasks beside the bundle; else `PAWL_TASKS` says where they are, as on one machine. */
export const openExecuteTaskDeps = (telemetry: Telemetry, env: Environment = process.env): ExecuteTaskDeps => {
  refuseManagedInstances(env);
  const folder = env.PAWL_TASKS || fileURLToPath(new URL('tasks', import.meta.url));
  return { execute: createTask(() => readTasks(folder, 'tasks')), nowMs: Date.now, telemetry };
};

export const openAuditDeps = (telemetry: Telemetry): AuditDeps => ({ telemetry });
