/** The environment of the functions, read once and checked. serverless.yml sets it; `npm run dev` sets the same. */
import {
  type ErrorCode,
  isPublicUrl,
  limits,
  PawlError,
  peopleForm,
  peopleIn,
  publicUrlForm,
} from '../engine/index.ts';
import type { Auth } from './actor.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const refuse = (message: string, code: ErrorCode = 'deployment.unsupported'): never => {
  throw new PawlError(code, message);
};

const needed = (env: Environment, name: string): string =>
  env[name] || refuse(`${name} is not set: deploy with the serverless.yml of this version.`);

const countOf = (env: Environment, name: string, otherwise: number): number => {
  const text = env[name];
  if (text === undefined || text === '') return otherwise;
  return /^\d{1,12}$/.test(text) ? Number(text) : refuse(`${name} is ${JSON.stringify(text)}; give a whole number.`);
};

/**
 * How entries are appended: `put`, or `insert` for roles that may do nothing but insert. The value of serverless.yml's
 * `appendOnly`, by which infra/roles.yml gives the rights.
 */
const appendOnlyOf = (env: Environment): EngineSettings['appendOnly'] => {
  const by = env.PAWL_APPEND_ONLY || 'put';
  if (by === 'put' || by === 'insert') return by;
  return refuse(`PAWL_APPEND_ONLY is ${JSON.stringify(by)}; it may be put or insert.`);
};

/** The service runs on its user's own machine, under serverless-offline. */
export const isLocal = (env: Environment): boolean => env.IS_OFFLINE === 'true';

/**
 * Lambda Managed Instances run several invocations in one environment, and none of them is frozen or ended when its time
 * is over: a cell could outlive its deadline there.
 */
export const refuseManagedInstances = (env: Environment): void => {
  const managed = env.AWS_LAMBDA_INITIALIZATION_TYPE === 'lambda-managed-instances';
  if (managed || env.AWS_LAMBDA_MAX_CONCURRENCY !== undefined)
    refuse('Lambda Managed Instances are refused: a cell could outlive its deadline there. Deploy plain functions.');
};

export const authOf = (env: Environment): Auth => {
  if (isLocal(env)) return 'local';
  const auth = env.PAWL_AUTH;
  if (auth === 'iam' || auth === 'jwt') return auth;
  return refuse(`PAWL_AUTH is ${JSON.stringify(auth ?? '')}; it may be iam or jwt.`);
};

/** A service on somebody's own machine may share the file of the command line's store. */
const dataFileOf = (env: Environment): string | undefined => {
  const file = env.PAWL_DATA_FILE;
  if (file && !isLocal(env))
    refuse('PAWL_DATA_FILE is set, and this is no local service: on AWS the store is DynamoDB. Unset it.');
  return file || undefined;
};

export type StoreSettings = {
  tables: string;
  dataFile: string | undefined;
  /** It keeps the tables of each access key apart, so it is not shown the one that stands for the token of a local service. */
  emulator: string | undefined;
};

export type EngineSettings = StoreSettings & {
  appendOnly: 'put' | 'insert';
  deployment: { name: string; epoch: number; takeoverGraceMs: number; url?: string; decidePeople?: 1 | 2 };
  httpAllow: string;
  /** What cells may have, as JSON (or a file that says it); empty: nothing. */
  allow: string;
  allowSh: boolean;
  executeFunction: string;
  /** Runs tasks. A stack of somebody's own may have none. */
  taskFunction: string | undefined;
  unrecorded: { kind: 'queue'; url: string } | { kind: 'folder'; folder: string };
  wakes: { kind: 'queue'; url: string } | { kind: 'timer' };
};

/** Where people see the service: what cells at the end of a run are told as `run.url`. */
const publicUrlOf = (env: Environment): { url?: string } => {
  const url = env.PAWL_PUBLIC_URL;
  if (!url) return {};
  return isPublicUrl(url) ? { url } : refuse(`PAWL_PUBLIC_URL is ${JSON.stringify(url)}; give ${publicUrlForm}.`);
};

/** By how many people a step in doubt is decided. */
const peopleOf = ({ PAWL_DECIDE_PEOPLE: people }: Environment): { decidePeople?: 2 } =>
  peopleIn(people) ?? refuse(`PAWL_DECIDE_PEOPLE is ${JSON.stringify(people)}; give ${peopleForm}.`);

const deploymentOf = (env: Environment): EngineSettings['deployment'] => {
  const name = needed(env, 'PAWL_DEPLOYMENT');
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name))
    refuse(`PAWL_DEPLOYMENT is ${JSON.stringify(name)}; letters, digits, dots and dashes only.`);
  const takeoverGraceMs = countOf(env, 'PAWL_TAKEOVER_GRACE_MS', limits.takeoverGraceMsDefault);
  if (takeoverGraceMs < limits.takeoverGraceMsMin)
    refuse(`PAWL_TAKEOVER_GRACE_MS is ${takeoverGraceMs}; it must be at least ${limits.takeoverGraceMsMin}.`);
  const epoch = countOf(env, 'PAWL_EPOCH', 0);
  return { name, epoch, takeoverGraceMs, ...publicUrlOf(env), ...peopleOf(env) };
};

const unrecordedOf = (env: Environment): EngineSettings['unrecorded'] => {
  const url = env.PAWL_UNRECORDED_QUEUE;
  if (url) return { kind: 'queue', url };
  if (isLocal(env)) return { kind: 'folder', folder: env.PAWL_UNRECORDED_DIR || '.pawl/unrecorded' };
  return refuse('PAWL_UNRECORDED_QUEUE is not set: an outcome that the store does not take would be lost.');
};

const wakesOf = (env: Environment): EngineSettings['wakes'] => {
  const url = env.PAWL_WAKES_QUEUE;
  if (url) return { kind: 'queue', url };
  if (isLocal(env)) return { kind: 'timer' };
  return refuse('PAWL_WAKES_QUEUE is not set: what waits would be looked at by the schedule alone.');
};

/** The claim of a JWT that names the caller's groups. */
export const groupsClaimOf = (env: Environment): string => env.PAWL_GROUPS_CLAIM || 'cognito:groups';
export const storeSettings = (env: Environment): StoreSettings => ({
  tables: needed(env, 'PAWL_TABLES'),
  dataFile: dataFileOf(env),
  emulator: (isLocal(env) && env.AWS_ENDPOINT_URL_DYNAMODB) || undefined,
});
export const workFunctionOf = (env: Environment): string => needed(env, 'PAWL_WORK_FUNCTION');
export const allowShOf = (env: Environment): boolean => env.PAWL_ALLOW_SH === 'true';

/** @throws PawlError `deployment.unsupported` naming the variable */
export const engineSettings = (env: Environment): EngineSettings => ({
  ...storeSettings(env),
  appendOnly: appendOnlyOf(env),
  deployment: deploymentOf(env),
  httpAllow: env.PAWL_HTTP_ALLOW ?? '',
  allow: env.PAWL_ALLOW ?? '',
  allowSh: allowShOf(env),
  executeFunction: needed(env, 'PAWL_EXECUTE_FUNCTION'),
  taskFunction: env.PAWL_EXECUTE_TASK_FUNCTION || undefined,
  unrecorded: unrecordedOf(env),
  wakes: wakesOf(env),
});
