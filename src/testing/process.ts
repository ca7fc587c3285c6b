/** One engine of a test, as if in a process of its own: above the shipped store, on tables in memory, in moved time. */
import {
  type Authoring,
  type By,
  createEngine,
  type Engine,
  type Entry,
  leaseOfPlaces,
  type Pins,
  type Secrets,
  type Versions,
} from '../engine/index.ts';
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
import { testedOf } from './ends.ts';
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
  /** The versions that the document runs, and what these run. */
  pins: Pins;
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

/** Only the document itself is published in a test: what it runs is as it stands elsewhere, gone through as a test goes through it. */
const withPinned = (versions: Versions, pins: Pins): Versions => ({
  ...versions,
  get: async (runbookId, version) => {
    const pinned = pins({ runbookId, ...(version === undefined ? {} : { version }) });
    if (pinned == null) return await versions.get(runbookId, version);
    return { ...pinned, runbook: testedOf(pinned.runbook), source: '', sourceHash: '' };
  },
});

export const createProcess = (options: ProcessOptions): Process => {
  const { authoring, pins, tables, bodies, secrets, startAtMs, deployment, watch } = options;
  const clock = createMovedClock(startAtMs, bodies.isBusy);
  const store = createStore(clientOn(tables, watch), { clock });
  const engine = createEngine({
    ...store,
    versions: withPinned(store.versions, pins),
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
    lease: leaseOfPlaces,
  });
  return { engine, clock, tables, bodies };
};
