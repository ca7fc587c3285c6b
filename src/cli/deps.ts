/** The one place in this folder that builds things. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import type { CellsStandby, FoundTasks } from '../cells/index.ts';
import {
  type Authoring,
  allCells,
  type Clock,
  type Execute,
  isPawlError,
  type Lease,
  leaseOfPlaces,
  limits,
  type Marks,
  PawlError,
  type Ports,
  type Problem,
  type Runbook,
  type Secrets,
  type Views,
} from '../engine/index.ts';
import type { OperationDeps } from '../handlers/index.ts';
import { openHere, readAllow } from '../places/index.ts';
import type { StoreClient, Workers } from '../store/index.ts';
import { homeOf, ownFolders, plainEnvironment, type Settings, type TasksPlace } from './settings.ts';

const noAnswer =
  (endpoint: string) =>
  (error: unknown): never => {
    const message = `Nothing that speaks DynamoDB answers at ${endpoint}: start it, or correct PAWL_DYNAMODB_ENDPOINT.`;
    throw isPawlError(error) ? error : new PawlError('store.unavailable', message, { endpoint }, error);
  };

/** What the shells of this machine say about the scripts of a document. */
export const scriptProblems = async (runbook: Runbook): Promise<Problem[]> =>
  allCells(runbook.cells).some(({ body, probe }) => body.kind === 'sh' || probe?.body.kind === 'sh')
    ? await (await import('../cells/index.ts')).scriptProblems(runbook)
    : [];

/** Loaded where there is a folder of tasks alone: most have none. */
const tasksIn = async ({ folder, where }: TasksPlace): Promise<FoundTasks | undefined> =>
  existsSync(folder) ? await (await import('../cells/index.ts')).readTasks(folder, where) : undefined;

export const openAuthoring = async (tasks: TasksPlace): Promise<Authoring> => {
  const [{ authoring, authoringWith }, found] = await Promise.all([import('../authoring/index.ts'), tasksIn(tasks)]);
  return found === undefined ? authoring : authoringWith(found);
};

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
const authoringOnDemand = (tasks: TasksPlace): { authoring: Authoring; load(): Promise<void> } => {
  let loaded: Authoring | undefined;
  const now = (): Authoring => {
    assert(loaded !== undefined, 'an operation that reads documents began without their parser');
    return loaded;
  };
  return {
    load: async () => {
      loaded ??= await openAuthoring(tasks);
    },
    authoring: {
      runsIn: (...given) => now().runsIn(...given),
      compile: (...given) => now().compile(...given),
      resolveParams: (...given) => now().resolveParams(...given),
      evaluate: (...given) => now().evaluate(...given),
      render: (...given) => now().render(...given),
      renderBody: (...given) => now().renderBody(...given),
      lasts: (...given) => now().lasts(...given),
      momentOf: (...given) => now().momentOf(...given),
      parseJson: (...given) => now().parseJson(...given),
    },
  };
};

/** Everything on one store. Loaded on demand: `pawl check` and `pawl --help` need none of it. */
export type Deps = OperationDeps & {
  views: Pick<Views, 'get'>;
  marks: Pick<Marks, 'due' | 'drop' | 'orphans'>;
  workers: Workers;
  /** What belongs to no place in particular is due there. */
  home: string;
  /** Before whatever may compile a document, evaluate an expression or run a cell. */
  load(): Promise<void>;
  close(): void;
};

type Allowing = Pick<Settings, 'httpAllow' | 'allow' | 'dataDir' | 'cellsAs' | 'tasks'>;

/** So it is with what runs cells. Where something is allowed it is loaded at once, since that may be refused. */
type Executing = Required<Pick<Ports, 'execute' | 'process' | 'holderState' | 'standby'>> & {
  load(): Promise<void>;
  close(): Promise<void>;
};
type Loaded = Pick<Executing, 'execute' | 'process'> & { standby: CellsStandby };
const executeOnDemand = async ({ httpAllow, allow, dataDir, cellsAs, tasks }: Allowing): Promise<Executing> => {
  let loaded: Loaded | undefined;
  const load = async (): Promise<void> => {
    if (loaded !== undefined) return;
    const cells = await import('../cells/index.ts');
    const { cellsUser, createExecute, createStandby, lookAroundAs, ownProcess } = cells;
    const { parseAwsAllow, parseHttpAllow, readTasks } = cells;
    const own = ownProcess();
    const aws = () => parseAwsAllow(readAllow(allow, dataDir));
    const user = cellsAs === undefined ? {} : { cellsAs: await cellsUser(cellsAs) };
    // Not where such a cell could become who this process is.
    if (user.cellsAs !== undefined) await lookAroundAs(user.cellsAs, { readable: [], alterable: [], addresses: [] });
    const standby = createStandby(user.cellsAs);
    const read = () => readTasks(tasks.folder, tasks.where);
    const run = createExecute({ httpAllow: parseHttpAllow(httpAllow), aws, standby, tasks: read, ...user });
    loaded = { execute: run, process: () => own, standby };
  };
  if (httpAllow !== '') await load();
  const there = (): Loaded => {
    assert(loaded !== undefined, 'an operation that runs cells began without what runs them');
    return loaded;
  };
  return {
    execute: async (input) => await there().execute(input),
    standby: {
      claim: (wanted) => there().standby.claim(wanted),
      expect: (wanted) => there().standby.expect(wanted),
      drop: (execution) => there().standby.drop(execution),
    },
    load,
    close: async () => await loaded?.standby.close(),
    process: () => loaded?.process() ?? null,
    holderState: async (...asked) => await (await import('../cells/index.ts')).holderState(...asked),
  };
};

/** Most runbooks have none: what reads them is loaded by the first that has. */
const secretsOnDemand = (
  { dataDir, allow }: Pick<Allowing, 'dataDir' | 'allow'>,
  keyOf?: () => Promise<string>,
): Secrets => {
  let opening: Promise<Secrets> | undefined;
  const open = async (): Promise<Secrets> => {
    const { allowFileOf, createSecrets, keyOfFolder } = await import('../places/index.ts');
    const env = plainEnvironment();
    const file = allowFileOf(allow);
    return createSecrets({
      allow: () => readAllow(allow, dataDir),
      env,
      ownPaths: [dataDir, ...(file === undefined ? [] : [file]), ...ownFolders(env)],
      key: keyOf ?? (() => keyOfFolder(dataDir)),
    });
  };
  const opened = (): Promise<Secrets> => {
    opening ??= open();
    return opening;
  };
  return {
    read: async (...given) => (await opened()).read(...given),
    keep: async (...given) => (await opened()).keep(...given),
  };
};

/**
 * What of some secrets (`from` by name) cannot be had here. Versions are of no use then, so no key of the folder is made for them.
 */
export const missingSecrets = async (
  allowing: Pick<Allowing, 'dataDir' | 'allow'>,
  wanted: Record<string, string>,
): Promise<string[]> => {
  const found = await secretsOnDemand(allowing, async () => 'not kept').read(wanted, {});
  return found.kind === 'missing' ? found.what : [];
};

/**
 * For a process that stays: later each cell would only wait, one by one.
 * @throws PawlError `request.invalid` where what cells may have is said in a file that is missing or cannot be read, or not as it must be
 */
export const assertAllowRead = async ({ allow, dataDir }: Pick<Allowing, 'dataDir' | 'allow'>): Promise<void> => {
  const { parseAwsAllow } = await import('../cells/index.ts');
  try {
    parseAwsAllow(readAllow(allow, dataDir));
  } catch (error) {
    if (!isPawlError(error)) throw error;
    const where = allow === undefined ? `allow.json in ${dataDir}` : 'PAWL_ALLOW';
    throw new PawlError(error.code, `${error.message} Correct ${where} first: nothing was begun.`, {}, error);
  }
};

/** Events that say what neither the store nor, perhaps, the failure queue has; and that nobody was told who is needed. */
const lostOtherwise = new Set(['outcome.unrecorded', 'outcome.unqueued', 'note.unwritten', 'notify.failed']);

export type StoreSettings = Pick<
  Settings,
  'dataDir' | 'setAsideDir' | 'allow' | 'httpAllow' | 'deployment' | 'debug' | 'place' | 'cellsAs' | 'tasks'
> & {
  store: OpenedStore;
};

/** What a process that serves does otherwise than one command. */
export type Own = Partial<Pick<Ports, 'observe' | 'leaving'>> & {
  wakeAt?(clock: Clock): Ports['wakeAt'];
  /** Cells may be stopped from outside. */
  around?(execute: Execute): Execute;
  /** How it holds cells that take hours; without it as every place does. */
  lease?: Lease;
};

export const openDeps = async (settings: StoreSettings, own: Own = {}): Promise<Deps> => {
  const [{ createEngine }, { canonical, createStore, sha256, systemRandom }, { setAsideInFolder }] = await Promise.all([
    import('../engine/index.ts'),
    import('../store/index.ts'),
    import('../handlers/index.ts'),
  ]);
  const { store, deployment } = settings;
  const home = homeOf(store);
  const { authoring, load: loadAuthoring } = authoringOnDemand(settings.tasks);
  const {
    execute,
    standby,
    load: loadCells,
    close: closeCells,
    process: name,
    holderState,
  } = await executeOnDemand(settings);
  const tables = await openTables(store);
  const { clock } = tables;
  const ports = createStore(tables.client, {
    clock,
    home,
    ...('appendOnly' in store ? { appendOnly: store.appendOnly } : {}),
  });
  const engine = createEngine({
    ...ports,
    random: systemRandom,
    authoring,
    execute: own.around?.(execute) ?? execute,
    secrets: secretsOnDemand(settings),
    lease: own.lease ?? leaseOfPlaces,
    process: name,
    // One command has few cells, and many may begin at once: only a process that stays has some stand ready.
    ...(own.leaving === undefined ? {} : { standby }),
    holderState,
    sha256,
    canonical,
    // What only an operator of a deployment wants to know, the CLI shows by the journal; what no journal has is told always.
    observe:
      own.observe ??
      ((event) => {
        if (settings.debug || lostOtherwise.has(event.kind)) process.stderr.write(`${JSON.stringify(event)}\n`);
      }),
    setAside: setAsideInFolder(settings.setAsideDir),
    // Nothing listens here: what is due is found by `pawl advance`, `pawl run --wait`, or the schedule of a service.
    wakeAt: own.wakeAt?.(clock) ?? (async () => {}),
    ...(own.leaving === undefined ? {} : { leaving: own.leaving }),
    ...(store.kind === 'embedded' ? { logFlushMs: limits.logFlushLocalMs } : {}),
    deployment,
    here: openHere({ place: settings.place, home }, plainEnvironment(), () =>
      readAllow(settings.allow, settings.dataDir),
    ),
  });
  const close = (): void => {
    tables.close();
    // What stands ready holds this process until it has gone; it goes by itself where this one is ended.
    void closeCells();
  };
  const telemetry = { advanced: () => {} };
  const load = async (): Promise<void> => {
    await Promise.all([loadAuthoring(), loadCells()]);
  };
  const { versions: runbooks, views, marks, workers, pace } = ports;
  return {
    engine,
    runbooks,
    views,
    marks,
    workers,
    pace,
    home,
    authoring,
    clock,
    sha256,
    deployment,
    telemetry,
    load,
    close,
  };
};
