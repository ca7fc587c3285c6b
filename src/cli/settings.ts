/** The one place in this folder that reads the environment. */
import { homedir, hostname, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import {
  type By,
  isPlace,
  isPublicUrl,
  lambdaPlace,
  limits,
  localPlace,
  PawlError,
  peopleForm,
  peopleIn,
  placeForm,
  publicUrlForm,
} from '../engine/index.ts';
import { placeIn } from '../places/index.ts';
import type { AppendBy } from '../store/index.ts';
import { chosenContext, userFile } from './contexts.ts';
import { type DataPlace, dataPlace } from './dataPlace.ts';
import { tokenIn } from './localToken.ts';
import { readService, type ServiceSettings } from './service.ts';

/** A folder of tasks, and what people call it. */
export type TasksPlace = { folder: string; where: string };

export type Settings = {
  /** The named place it works with; `isInUse`: nobody named it for this command. */
  context: { name: string; isInUse: boolean } | null;
  /** A running service, which has a store of its own: then nothing below is opened here. */
  service: ServiceSettings | null;
  store:
    | { kind: 'aws'; tables: string; appendOnly: AppendBy }
    | { kind: 'endpoint'; endpoint: string; tables: string; appendOnly: AppendBy }
    | ({ kind: 'embedded' } & DataPlace);
  /** Of this machine, whichever store it is. */
  dataDir: string;
  /** Keeps outcomes that the store did not take. */
  setAsideDir: string;
  /** What cells may have: JSON, or the file that says it; else `allow.json` of the data folder does. */
  allow: string | undefined;
  /** What `http` cells may reach besides public addresses: `host[:port]`, separated by commas. */
  httpAllow: string;
  /** The place that it carries cells out at. */
  place: string;
  /** Where the deployment has its tasks. */
  tasks: TasksPlace;
  /** The user as whom code cells run; `undefined`: the one of this process. */
  cellsAs: string | undefined;
  /** `url`: where people see the service of its store. */
  deployment: { name: string; epoch: number; takeoverGraceMs: number; url?: string; decidePeople?: 1 | 2 };
  by: By;
  /** The groups that the caller claims to be in: on this machine no authorizer says it. */
  groups: string[];
  debug: boolean;
};

/** What must be known before any setting can be refused. `debug`: stack traces, for developers of Pawl. */
export const readTerminal = (env: NodeJS.ProcessEnv = process.env) => ({
  dumb: env.TERM === 'dumb',
  debug: env.PAWL_DEBUG === '1',
});

/**
 * For a process that serves. Its functions log as JSON, from warnings on; PAWL_LOG_LEVEL=INFO tells every request. Before
 * they are loaded.
 */
export const readServing = (env: NodeJS.ProcessEnv = process.env): { token: string | undefined } => {
  env.POWERTOOLS_SERVICE_NAME ??= 'pawl';
  env.POWERTOOLS_METRICS_NAMESPACE ??= 'Pawl';
  env.POWERTOOLS_METRICS_DISABLED ??= 'true';
  env.POWERTOOLS_LOG_LEVEL ??= env.PAWL_LOG_LEVEL || 'WARN';
  return { token: env.PAWL_TOKEN };
};

const refuse = (message: string): never => {
  throw new PawlError('request.invalid', message);
};

const countOf = (env: NodeJS.ProcessEnv, name: string, otherwise: number): number => {
  const text = env[name];
  if (text === undefined || text === '') return otherwise;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  return refuse(`${name} is ${JSON.stringify(text)}; give a whole number, or unset it.`);
};

const osUser = (): string => {
  try {
    return userInfo().username;
  } catch {
    return 'unknown'; // A container may run under a user id that has no name.
  }
};

const appendOnlyOf = (env: NodeJS.ProcessEnv): AppendBy => {
  const by = env.PAWL_APPEND_ONLY || 'put';
  if (by === 'put' || by === 'insert') return by;
  return refuse(`PAWL_APPEND_ONLY is ${JSON.stringify(by)}; it may be put or insert.`);
};

const storeOf = (env: NodeJS.ProcessEnv, place: DataPlace): Settings['store'] => {
  const tables = env.PAWL_TABLES || 'pawl';
  const appendOnly = appendOnlyOf(env);
  if (env.PAWL_STORE === 'aws') return { kind: 'aws', tables, appendOnly };
  if (env.PAWL_STORE) refuse(`PAWL_STORE is ${JSON.stringify(env.PAWL_STORE)}; it may be aws, or unset.`);
  const endpoint = env.PAWL_DYNAMODB_ENDPOINT;
  if (!endpoint && appendOnly === 'insert')
    refuse('PAWL_APPEND_ONLY is insert, which the embedded store does not know: unset it, or use DynamoDB.');
  if (!endpoint) return { kind: 'embedded', ...place };
  if (!URL.canParse(endpoint))
    refuse(`PAWL_DYNAMODB_ENDPOINT is ${JSON.stringify(endpoint)}; give an http URL, or unset it.`);
  return { kind: 'endpoint', endpoint, tables, appendOnly };
};

/** @throws PawlError `request.invalid`; `lambda` is no place that a process of this machine could be */
export const placeNamed = (text: string, what: string): string => {
  if (!isPlace(text)) return refuse(`${what} is ${JSON.stringify(text)}: ${placeForm}.`);
  if (text === lambdaPlace)
    return refuse(`${what} is ${text}, the place of the functions on AWS: choose another name for this machine.`);
  return text;
};

/** The place whose service looks after what belongs to none in particular. */
export const homeOf = ({ kind }: { kind: Settings['store']['kind'] | 'nothing' }): string =>
  kind === 'embedded' || kind === 'nothing' ? localPlace : lambdaPlace;

/** What stands on the command line comes before what the environment says. */
export type Given = {
  url?: string | undefined;
  data?: string | undefined;
  context?: string | undefined;
  cwd?: string;
};

/** For what looks at files of the user alone. */
export const plainEnvironment = (): NodeJS.ProcessEnv => process.env;

/** Where this user keeps the tokens of Pawl's contexts, and the credentials of its store: no cell gets a file of these. */
export const ownFolders = (env: NodeJS.ProcessEnv): string[] => [
  dirname(userFile(env)),
  join(homedir(), '.aws'),
  ...['AWS_SHARED_CREDENTIALS_FILE', 'AWS_CONFIG_FILE', 'AWS_WEB_IDENTITY_TOKEN_FILE'].flatMap(
    (name) => env[name] || [],
  ),
];

/** What a cell should not be able to read: what this process reads or writes by itself. */
export const guardedFiles = ({ dataDir }: Pick<Settings, 'dataDir'>, env: NodeJS.ProcessEnv): string[] => [
  ...['pawl.db', 'pawl.db-wal', 'token', 'secrets.key', 'unrecorded'].map((name) => join(dataDir, name)),
  ...ownFolders(env).flatMap((path) => [path, join(path, 'credentials'), join(path, 'config'), join(path, 'sso')]),
  ...(env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE ? [env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE] : []),
];

/** What names another store than a folder of this machine. */
const elsewhere = ['PAWL_URL', 'PAWL_STORE', 'PAWL_DYNAMODB_ENDPOINT'];
const without = (env: NodeJS.ProcessEnv, names: string[]): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)));

/** What names a store: nothing that is in use matters beside it. */
const naming = [...elsewhere, 'PAWL_DATA_DIR'];

type Resolved = Pick<Given, 'url' | 'data'> & Pick<Settings, 'context'> & { env: NodeJS.ProcessEnv };

/** A context stands for what could be said by options and environment. */
const withContext = ({ url, data, context: asked }: Given, env: NodeJS.ProcessEnv, cwd: string): Resolved => {
  const isNamedOtherwise = url !== undefined || data !== undefined;
  if (asked !== undefined && isNamedOtherwise)
    refuse('--context names a place, and --url and --data do too: give one of them.');
  const named = asked ?? (env.PAWL_CONTEXT || undefined);
  const asItStands = { url, data, env, context: null };
  if (isNamedOtherwise || (named === undefined && naming.some((name) => env[name]))) return asItStands;
  const chosen = chosenContext(named, env, cwd);
  if (chosen === undefined) return asItStands;
  const context = { name: chosen.name, isInUse: named === undefined };
  if ('data' in chosen.context) return { url, data: chosen.context.data, env, context };
  const { url: service, region } = chosen.context;
  const own = {
    ...(chosen.token === undefined ? {} : { PAWL_TOKEN: chosen.token }),
    ...(region === undefined ? {} : { AWS_REGION: region }),
  };
  return { url: service, data, env: { ...without(env, ['PAWL_TOKEN']), ...own }, context };
};

const publicUrlOf = ({ PAWL_PUBLIC_URL: url }: NodeJS.ProcessEnv): { url?: string } => {
  if (!url) return {};
  return isPublicUrl(url) ? { url } : refuse(`PAWL_PUBLIC_URL is ${JSON.stringify(url)}; give ${publicUrlForm}.`);
};

/** As it was given, from the working directory on. */
const tasksPlace = (where: string, cwd: string): TasksPlace => ({ folder: resolve(cwd, where), where });

/** By how many people a step in doubt is decided. */
const peopleOf = ({ PAWL_DECIDE_PEOPLE: people }: NodeJS.ProcessEnv): { decidePeople?: 2 } =>
  peopleIn(people) ?? refuse(`PAWL_DECIDE_PEOPLE is ${JSON.stringify(people)}; give ${peopleForm}.`);

const groupsIn = ({ PAWL_GROUPS: groups = '' }: NodeJS.ProcessEnv): string[] => {
  const { groupsCharsMax: most } = limits;
  if (groups.length > most)
    refuse(
      `PAWL_GROUPS has ${groups.length} characters; at most ${most} (groupsCharsMax): name only groups that an approval asks.`,
    );
  return groups
    .split(',')
    .map((group) => group.trim())
    .filter((group) => group !== '');
};

/** @throws PawlError `request.invalid` naming the variable */
export const readSettings = (asked: Given = {}, plain: NodeJS.ProcessEnv = process.env): Settings => {
  const { cwd = process.cwd() } = asked;
  const { url, data, env: environment, context } = withContext(asked, plain, cwd);
  if (url !== undefined && data !== undefined)
    refuse(
      '--url names a service, which has a store of its own, and --data a folder of this machine: give one of them.',
    );
  const env = data === undefined ? environment : without(environment, elsewhere);
  const name = env.PAWL_DEPLOYMENT || 'local';
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name))
    refuse(`PAWL_DEPLOYMENT is ${JSON.stringify(name)}; letters, digits, dots and dashes only.`);
  const takeoverGraceMs = countOf(env, 'PAWL_TAKEOVER_GRACE_MS', limits.takeoverGraceMsDefault);
  if (takeoverGraceMs < limits.takeoverGraceMsMin)
    refuse(
      `PAWL_TAKEOVER_GRACE_MS is ${takeoverGraceMs}; it must be at least ${limits.takeoverGraceMsMin} (takeoverGraceMsMin).`,
    );
  const actor = env.PAWL_ACTOR || osUser();
  const service = url ?? env.PAWL_URL ?? '';
  const place = dataPlace(data ?? env.PAWL_DATA_DIR, cwd);
  const { dataDir } = place;
  return {
    service: service === '' ? null : readService(service, env, actor, () => tokenIn(dataDir)),
    store: storeOf(env, place),
    dataDir,
    setAsideDir: join(dataDir, 'unrecorded'),
    allow: env.PAWL_ALLOW || undefined,
    httpAllow: env.PAWL_HTTP_ALLOW ?? '',
    place: placeIn(env, localPlace),
    tasks: tasksPlace(env.PAWL_TASKS || 'tasks', cwd),
    cellsAs: env.PAWL_CELLS_AS || undefined,
    deployment: {
      name,
      epoch: countOf(env, 'PAWL_EPOCH', 0),
      takeoverGraceMs,
      ...publicUrlOf(env),
      ...peopleOf(env),
    },
    by: { actor, via: 'cli', where: `${hostname()}:${process.pid}` },
    groups: groupsIn(env),
    debug: readTerminal(env).debug,
    context,
  };
};

/** The demo never leaves this machine, whatever store is set; it reaches only the service it starts itself. */
export const demoSettings = (settings: Settings, httpAllow: string): Settings => ({
  ...settings,
  service: null,
  store: { kind: 'embedded', dataDir: settings.dataDir },
  httpAllow,
});

/** For a process of the CLI that the demo starts in the name of `actor`. */
export const demoEnvironment = (actor: string, dataDir: string): NodeJS.ProcessEnv => {
  const others = without(process.env, [...elsewhere, 'PAWL_APPEND_ONLY']);
  return { ...others, PAWL_DATA_DIR: dataDir, PAWL_ACTOR: actor };
};
