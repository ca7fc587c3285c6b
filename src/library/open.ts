/** An engine on a store, in the caller's process: what the command line works with, without a terminal. */
import { join, resolve } from 'node:path';
import { type Deps, openDeps, type StoreSettings } from '../cli/deps.ts';
import { type Engine, limits, localPlace } from '../engine/index.ts';

export type OpenOptions = {
  /** Folder of pawl.db, and of outcomes that a store did not take. Default: `.pawl` in the working directory. */
  dataDir?: string;
  /** DynamoDB instead of a file on this machine: on AWS by the usual credentials, or at an `endpoint`. */
  dynamodb?: {
    endpoint?: string;
    /** Tables are `<tables>-journal` and so on, as in infra/tables.yml. Default: `pawl`. */
    tables?: string;
    /** `insert` appends by an INSERT, which can overwrite nothing. Default: `put`. */
    appendOnly?: 'put' | 'insert';
  };
  /** What cells may have, as JSON, or a file that says it (docs/security.md). Default: `allow.json` of the data folder. */
  allow?: string;
  /** What `http` cells may reach besides public addresses: `host[:port]`, separated by commas. */
  httpAllow?: string;
  /** Folder of the deployment's tasks. Default: `tasks` in the working directory. */
  tasks?: string;
  /** The place that it carries cells out at. Default: `local`. */
  place?: string;
  /** Stands in idempotency keys and journals. Default: `local`, epoch 0, the default grace. */
  deployment?: { name?: string; epoch?: number; takeoverGraceMs?: number; decidePeople?: 1 | 2 };
};

export type Pawl = {
  engine: Engine;
  /** Published versions. */
  runbooks: Deps['runbooks'];
  /** The store's time, from which deadlines are reckoned. */
  clock: Deps['clock'];
  close(): void;
};

const storeOf = ({ dataDir = '.pawl', dynamodb }: OpenOptions): StoreSettings['store'] => {
  if (dynamodb === undefined) return { kind: 'embedded', dataDir };
  const { endpoint, tables = 'pawl', appendOnly = 'put' } = dynamodb;
  return endpoint === undefined
    ? { kind: 'aws', tables, appendOnly }
    : { kind: 'endpoint', endpoint, tables, appendOnly };
};

/**
 * Opens a store, and gives an engine on it. Nothing listens here: what is due goes on when the caller calls `engine.advance`.
 * @throws PawlError `store.misconfigured`, `store.unavailable`, `request.invalid` for a grace that is too short
 */
export const openPawl = async (options: OpenOptions = {}): Promise<Pawl> => {
  const { dataDir = '.pawl', httpAllow = '', place = localPlace, allow, deployment = {}, tasks = 'tasks' } = options;
  const { name = 'local', epoch = 0, takeoverGraceMs = limits.takeoverGraceMsDefault, decidePeople = 1 } = deployment;
  const { engine, runbooks, clock, load, close } = await openDeps({
    store: storeOf(options),
    dataDir,
    setAsideDir: join(dataDir, 'unrecorded'),
    allow,
    httpAllow,
    place,
    tasks: { folder: resolve(tasks), where: tasks },
    cellsAs: undefined,
    deployment: { name, epoch, takeoverGraceMs, decidePeople },
    debug: false,
  });
  await load();
  return { engine, runbooks, clock, close };
};
