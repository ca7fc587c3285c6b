/** An engine on a store, in the caller's process: what the command line works with, without a terminal. */
import { join } from 'node:path';
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
  /** The place that it carries cells out at. Default: `local`. */
  place?: string;
  /** Stands in idempotency keys and journals. Default: `local`, epoch 0, the default grace. */
  deployment?: { name?: string; epoch?: number; takeoverGraceMs?: number };
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
  const { dataDir = '.pawl', httpAllow = '', place = localPlace, allow, deployment = {} } = options;
  const { name = 'local', epoch = 0, takeoverGraceMs = limits.takeoverGraceMsDefault } = deployment;
  const { engine, runbooks, clock, load, close } = await openDeps({
    store: storeOf(options),
    dataDir,
    setAsideDir: join(dataDir, 'unrecorded'),
    allow,
    httpAllow,
    place,
    cellsAs: undefined,
    deployment: { name, epoch, takeoverGraceMs },
    debug: false,
  });
  await load();
  return { engine, runbooks, clock, close };
};
