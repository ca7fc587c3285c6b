/** A fresh engine above the shipped store and a simulated table service, with time that moves only by hand. */
import { createHash } from 'node:crypto';
import {
  type By,
  type CellInput,
  type CellResult,
  createEngine,
  type Engine,
  type Entry,
  type Ports,
  type Runbook,
  type Unrecorded,
} from '../../src/engine/index.ts';
import type { Access, StoreClient } from '../../src/store/access.ts';
import { createClaims } from '../../src/store/claims.ts';
import { canonical } from '../../src/store/items.ts';
import { createJournal } from '../../src/store/journal.ts';
import { createLinks } from '../../src/store/links.ts';
import { createLocks } from '../../src/store/locks.ts';
import { createLooks } from '../../src/store/looks.ts';
import { createMarks } from '../../src/store/marks.ts';
import { createSubscriptions } from '../../src/store/subscriptions.ts';
import { createVersions } from '../../src/store/versions.ts';
import { createViews } from '../../src/store/views.ts';
import { clientOf, createTables, type Tables } from '../../src/testing/tables.ts';
import type { Command } from '../support/operations.ts';
import { plainAuthoring } from './runbooks.ts';

export const T0 = Date.UTC(2026, 10, 24, 3, 0, 0);
/** Of the simulated store: the second part of every idempotency key. */
const storeId = '5707e1d0aaaa';
export const alice: By = { actor: 'alice', via: 'test', where: 'host:1' };
export const bob: By = { actor: 'bob', via: 'test', where: 'host:2' };

export type World = {
  engine: Engine;
  ports: Ports;
  tables: Tables;
  /** What the executor was asked to begin, in order. */
  begun: CellInput[];
  /** How cells end; default: completed with `{}`. */
  behave: (input: CellInput) => CellResult | Promise<CellResult>;
  now: number;
  /** What the machine slept, and its clock does not know. */
  slept: number;
  start(runbook: Runbook, instanceId?: string): Promise<string>;
  entries(instanceId: string): Promise<Entry[]>;
  events: { kind: string; [key: string]: unknown }[];
  /** Advances asked for to the second. */
  wakes: { instanceId: string; atMs: number }[];
  /** The failure queue. */
  aside: Unrecorded[];
};

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** `wrap` puts faults between the store and the tables. */
export const setup = (wrap: (client: StoreClient) => StoreClient = (c) => c, tables = createTables()): World => {
  let drawn = 0;
  const random = {
    token: () => sha256(`token ${drawn++}`).slice(0, 32),
    fraction: () => ((drawn++ * 2_654_435_761) % 1_000) / 1_000,
  };
  const access: Access = { client: wrap(clientOf(tables)), appendBy: 'put' };
  const world = {
    begun: [],
    behave: () => ({ status: 'completed', output: '{}' }),
    now: T0,
    slept: 0,
    events: [],
    aside: [],
    wakes: [],
    tables,
  } as unknown as World;
  const ports: Ports = {
    clock: {
      nowMs: () => world.now,
      behindMs: () => world.slept,
      heldMs: () => 0,
      sleep: async (ms) => {
        world.now += ms;
      },
      // Nothing takes too long here.
      alarm: (_ms, signal) => new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
    },
    random,
    journal: createJournal(access, random),
    versions: createVersions(
      access,
      { nowMs: () => world.now, behindMs: () => 0, heldMs: () => 0, sleep: async () => {}, alarm: async () => {} },
      random,
    ),
    locks: createLocks(access),
    claims: createClaims(access),
    subscriptions: createSubscriptions(access),
    links: createLinks(access),
    looks: createLooks(access),
    marks: createMarks(access, 'local'),
    views: createViews(access),
    authoring: plainAuthoring,
    execute: async (input) => {
      world.begun.push(input);
      return await world.behave(input);
    },
    sha256,
    canonical,
    observe: (event) => world.events.push(event),
    setAside: async (item) => {
      world.aside.push(item);
    },
    wakeAt: async (instanceId, atMs) => {
      world.wakes.push({ instanceId, atMs });
    },
    storeId: async () => storeId,
    deployment: { name: 'test', epoch: 0, takeoverGraceMs: 15_000 },
    here: { place: 'local', home: 'local', missing: async () => [] },
  };
  world.ports = ports;
  world.engine = createEngine(ports);
  world.start = async (runbook, instanceId = 'i1') => {
    await world.engine.publish(JSON.stringify(runbook), alice);
    await world.engine.start({ runbookId: runbook.runbookId, params: {}, instanceId, by: alice });
    return instanceId;
  };
  world.entries = async (instanceId) =>
    (await ports.journal.page(instanceId, -1, 1_000)).map((standing) => standing.entry);
  return world;
};

/** Whether it puts an entry of a journal. */
export const isEntry = (command: Command): boolean =>
  command.kind === 'putIf' && command.table === 'journal' && command.item?.entry !== undefined;

/** A world in which something happens once, right before a command of that sort is carried out. */
export const watched = () => {
  let waiting: { when(command: Command): boolean; then(): Promise<unknown> } | undefined;
  const world = setup((client) => {
    const send = async (command: Command): Promise<unknown> => {
      if (waiting?.when(command)) {
        const { then } = waiting;
        waiting = undefined;
        await then();
      }
      return await client.send(command as never);
    };
    return { send } as unknown as StoreClient;
  });
  const once = (when: (command: Command) => boolean, then: () => Promise<unknown>): void => {
    waiting = { when, then };
  };
  return { world, once };
};
