/** The one place in this folder that reads the environment, and the one that builds things. */
import assert from 'node:assert/strict';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { type Authoring, type By, type Clock, type Execute, isPawlError, limits, PawlError } from '../engine/index.ts';
import type { OperationDeps } from '../handlers/index.ts';
import type { AppendBy, StoreClient } from '../store/index.ts';
import { type DataPlace, dataPlace } from './dataPlace.ts';
import { readService, type ServiceSettings } from './service.ts';

export type Settings = {
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
  /** What `http` cells may reach besides public addresses: `host[:port]`, separated by commas. */
  httpAllow: string;
  deployment: { name: string; epoch: number; takeoverGraceMs: number };
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

/** What stands on the command line comes before what the environment says. */
export type Given = { url?: string | undefined; data?: string | undefined; cwd?: string };

/** What names another store than a folder of this machine. */
const elsewhere = ['PAWL_URL', 'PAWL_STORE', 'PAWL_DYNAMODB_ENDPOINT'];
const without = (env: NodeJS.ProcessEnv, names: string[]): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)));

/** @throws PawlError `request.invalid` naming the variable */
export const readSettings = (
  { url, data, cwd = process.cwd() }: Given = {},
  environment: NodeJS.ProcessEnv = process.env,
): Settings => {
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
    service: service === '' ? null : readService(service, env, actor),
    store: storeOf(env, place),
    dataDir,
    setAsideDir: join(dataDir, 'unrecorded'),
    httpAllow: env.PAWL_HTTP_ALLOW ?? '',
    deployment: { name, epoch: countOf(env, 'PAWL_EPOCH', 0), takeoverGraceMs },
    by: { actor, via: 'cli', where: `${hostname()}:${process.pid}` },
    groups: (env.PAWL_GROUPS ?? '')
      .split(',')
      .map((group) => group.trim())
      .filter((group) => group !== ''),
    debug: readTerminal(env).debug,
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

const noAnswer =
  (endpoint: string) =>
  (error: unknown): never => {
    const message = `Nothing that speaks DynamoDB answers at ${endpoint}: start it, or correct PAWL_DYNAMODB_ENDPOINT.`;
    throw isPawlError(error) ? error : new PawlError('store.unavailable', message, { endpoint }, error);
  };

export const openAuthoring = async (): Promise<Authoring> => (await import('../authoring/index.ts')).authoring;

/** `nothing`: what a folder without a store is read as. */
type OpenedStore = Settings['store'] | { kind: 'nothing' };

/** Whoever works with one kind of tables loads nothing of the other. */
const openTables = async (store: OpenedStore): Promise<{ client: StoreClient; clock: Clock; close(): void }> => {
  if (store.kind === 'nothing') return (await import('../store/local.ts')).openMemory();
  if (store.kind === 'embedded') return (await import('../store/local.ts')).openFolder(store.dataDir);
  const { createClient, createTables } = await import('../store/dynamodb.ts');
  const { tables: tablesPrefix } = store;
  const endpoint = store.kind === 'endpoint' ? { endpoint: store.endpoint } : {};
  const { client, clock, document } = createClient({ tablesPrefix, ...endpoint });
  if (store.kind === 'endpoint') await createTables(document, tablesPrefix).catch(noAnswer(store.endpoint));
  return { client, clock, close: () => document.destroy() };
};

/**
 * The parser of documents and expressions takes longer to load than most commands to answer: here it stands for itself
 * until an operation that may need it is about to begin.
 */
const authoringOnDemand = (): { authoring: Authoring; load(): Promise<void> } => {
  let loaded: Authoring | undefined;
  const now = (): Authoring => {
    assert(loaded !== undefined, 'an operation that reads documents began without their parser');
    return loaded;
  };
  return {
    load: async () => {
      loaded ??= await openAuthoring();
    },
    authoring: {
      compile: (...given) => now().compile(...given),
      resolveParams: (...given) => now().resolveParams(...given),
      evaluate: (...given) => now().evaluate(...given),
      render: (...given) => now().render(...given),
      renderBody: (...given) => now().renderBody(...given),
      momentOf: (...given) => now().momentOf(...given),
      parseJson: (...given) => now().parseJson(...given),
    },
  };
};

/** Everything on one store. Loaded on demand: `pawl check` and `pawl --help` need none of it. */
export type Deps = OperationDeps & {
  /** Before whatever may compile a document, evaluate an expression or run a cell. */
  load(): Promise<void>;
  close(): void;
};

/** So it is with what runs cells. Where something is allowed it is loaded at once, since that may be refused. */
const executeOnDemand = async (allowed: string): Promise<{ execute: Execute; load(): Promise<void> }> => {
  let loaded: Execute | undefined;
  const load = async (): Promise<void> => {
    if (loaded !== undefined) return;
    const { createExecute, parseHttpAllow } = await import('../cells/index.ts');
    loaded = createExecute({ httpAllow: parseHttpAllow(allowed) });
  };
  if (allowed !== '') await load();
  const execute: Execute = async (input) => {
    assert(loaded !== undefined, 'an operation that runs cells began without what runs them');
    return await loaded(input);
  };
  return { execute, load };
};

/** Events that say what neither the store nor, perhaps, the failure queue has. */
const lostOtherwise = new Set(['outcome.unrecorded', 'outcome.unqueued', 'note.unwritten']);

type StoreSettings = Pick<Settings, 'setAsideDir' | 'httpAllow' | 'deployment' | 'debug'> & { store: OpenedStore };

export const openDeps = async (settings: StoreSettings): Promise<Deps> => {
  const [{ createEngine }, { canonical, createStore, sha256, systemRandom }, { setAsideInFolder }] = await Promise.all([
    import('../engine/index.ts'),
    import('../store/index.ts'),
    import('../handlers/index.ts'),
  ]);
  const { store, deployment } = settings;
  const { authoring, load: loadAuthoring } = authoringOnDemand();
  const { execute, load: loadCells } = await executeOnDemand(settings.httpAllow);
  const tables = await openTables(store);
  const { clock } = tables;
  const ports = createStore(tables.client, {
    clock,
    ...('appendOnly' in store ? { appendOnly: store.appendOnly } : {}),
  });
  const engine = createEngine({
    ...ports,
    random: systemRandom,
    authoring,
    execute,
    sha256,
    canonical,
    // What only an operator of a deployment wants to know, the CLI shows by the journal; what no journal has is told always.
    observe: (event) => {
      if (settings.debug || lostOtherwise.has(event.kind)) process.stderr.write(`${JSON.stringify(event)}\n`);
    },
    setAside: setAsideInFolder(settings.setAsideDir),
    // Nothing listens here: what is due is found by `pawl advance`, `pawl run --wait`, or the schedule of a service.
    wakeAt: async () => {},
    deployment,
  });
  const { close } = tables;
  const telemetry = { advanced: () => {} };
  const load = async (): Promise<void> => {
    await Promise.all([loadAuthoring(), loadCells()]);
  };
  return { engine, runbooks: ports.versions, authoring, clock, sha256, deployment, telemetry, load, close };
};
