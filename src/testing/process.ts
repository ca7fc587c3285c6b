/** One engine of a test, as if in a process of its own: above the shipped store, on tables in memory, in moved time. */
import { type Authoring, type By, createEngine, type Engine, type Entry, type Secrets } from '../engine/index.ts';
import {
  canonical,
  createStore,
  decodeEntry,
  type Operation,
  type StoreClient,
  sha256,
  systemRandom,
} from '../store/index.ts';
import type { Bodies } from './bodies.ts';
import type { Tables } from './tables.ts';
import { createMovedClock, type MovedClock } from './time.ts';

export const graceMs = 15_000;
/** Enough for every cell with all its pauses: in a test no invocation ends. */
export const budgetMs = 3_600_000;
export const tester: By = { actor: 'pawl-test', via: 'test', where: 'pawl-test' };

/** Told about an entry of the instance's chain: right before it is put, and when it stands. */
type Watch = {
  before(entry: Entry): Promise<void>;
  after(entry: Entry): Promise<void>;
};

export type Process = { engine: Engine; clock: MovedClock; tables: Tables; bodies: Bodies };
export type ProcessOptions = {
  authoring: Authoring;
  tables: Tables;
  bodies: Bodies;
  secrets: Secrets;
  /** `null`: now. */
  startAtMs: number | null;
  deployment: string;
  watch?: Watch;
};

/** The entry that an operation would put into a chain; notes and outputs beside it have partitions with a `/`. */
const entryOf = (operation: Operation): Entry | undefined => {
  if (operation.kind !== 'putIf') return undefined;
  const { instanceId, seq, entry } = operation.item;
  if (typeof seq !== 'number' || typeof entry !== 'string') return undefined;
  return String(instanceId).includes('/') ? undefined : decodeEntry(operation.item).entry;
};

const clientOn = (tables: Tables, watch: Watch | undefined): StoreClient => ({
  send: async (operation) => {
    const entry = watch === undefined ? undefined : entryOf(operation);
    if (entry === undefined) return tables.execute(operation);
    await watch?.before(entry);
    const answer = tables.execute(operation);
    await watch?.after(entry);
    return answer;
  },
});

export const createProcess = (options: ProcessOptions): Process => {
  const { authoring, tables, bodies, secrets, startAtMs, deployment, watch } = options;
  const clock = createMovedClock(startAtMs, bodies.isBusy);
  const engine = createEngine({
    ...createStore(clientOn(tables, watch), { clock }),
    random: systemRandom,
    authoring,
    execute: bodies.execute,
    secrets,
    sha256,
    canonical,
    observe: () => undefined,
    setAside: async () => undefined,
    wakeAt: async () => undefined,
    deployment: { name: deployment, epoch: 0, takeoverGraceMs: graceMs },
    here: { place: 'local', home: 'local', missing: async () => [] },
  });
  return { engine, clock, tables, bodies };
};
