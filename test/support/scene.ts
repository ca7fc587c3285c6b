/**
 * A scene for failures: real tables, engines of several processes on them, a proxy that loses and delays what they say to
 * the store, and a witness outside of them all.
 */

import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { TestContext } from 'vitest';
import { createExecute } from '../../src/cells/index.ts';
import type { AdvanceAnswer, By, Cell, Engine, Entry, Ports, Probe, Runbook } from '../../src/engine/index.ts';
import { createClient } from '../../src/store/dynamodb.ts';
import { createStore, type Store } from '../../src/store/index.ts';
import { runbookOf } from '../engine/runbooks.ts';
import { engineOn } from './engine.ts';
import { createProxy, type Proxy as StoreProxy } from './proxy.ts';
import { createWitness, type Witness } from './witness.ts';
import { spawnWorker, type Worker, type WorkerOptions } from './workers.ts';
import { type FreshStore, freshStore } from './world.ts';

export const alice: By = { actor: 'alice', via: 'test', where: 'host:1' };
export const bob: By = { actor: 'bob', via: 'test', where: 'host:2' };
const graceMs = 1_000;
/**
 * Of a cell whose holder is to vanish: it is gone after this, a quarter of it, and the grace. The next attempt has as much, to
 * begin and to end in on a machine that is busy with other things.
 */
export const brief = { timeoutMs: 6_000 };
export const request = { budgetMs: 60_000, by: alice };

type Event = { kind: string; [key: string]: unknown };
export type Scene = {
  fresh: FreshStore;
  witness: Witness;
  proxy: StoreProxy;
  /** Another process, as it were, straight on the tables. */
  engine: Engine;
  events: Event[];
  /** One whose every request goes through the proxy, and what it has to say. */
  proxied(over?: Partial<Ports>): { engine: Engine; events: Event[]; store: Store };
  /** One more straight on the tables, with a client, a clock and caches of its own. */
  another(over?: Partial<Ports>): Engine;
  /** A real process whose requests go through the proxy, warm: it has read the instance. */
  worker(instanceId: string, over?: Partial<WorkerOptions> & { wallClockOffMs?: number }): Promise<Worker>;
  /** A cell that posts to the witness, by a real http cell, with time enough on any machine; `brief` if its holder vanishes. */
  effect(over?: Partial<Cell>): Partial<Cell>;
  /** Asks the witness whether it happened. */
  probe: Probe;
  start(cells: Partial<Cell>[], over?: Partial<Runbook>): Promise<string>;
  entries(instanceId: string): Promise<Entry[]>;
  /**
   * Advances again and again while the step is in flight; the first other answer. Each process learns the time by itself,
   * so what is in doubt for one may be in flight for another for up to a second.
   */
  whenGone(instanceId: string, over?: object, by?: Pick<Engine, 'advance'>): Promise<AdvanceAnswer>;
};

/** One set of tables for all tests of a file: each test has instances of its own. */
let tables: Promise<FreshStore> | undefined;

export const createScene = async (test: Pick<TestContext, 'onTestFinished'>): Promise<Scene> => {
  tables ??= freshStore('dynamodb');
  const fresh = await tables;
  const witness = await createWitness();
  const proxy = await createProxy(fresh.endpoint);
  test.onTestFinished(async () => {
    await witness.close();
    await proxy.close();
  });
  const base = {
    execute: createExecute({ httpAllow: [witness.host] }),
    deployment: { name: 'test', epoch: 0, takeoverGraceMs: graceMs },
  };
  const events: Event[] = [];
  const engine = engineOn(fresh.again().store, { ...base, observe: (event) => events.push(event) });
  const http = (method: string, path: string) =>
    ({ kind: 'http', method, url: `${witness.url}${path}`, headers: [], body: null }) as unknown as Cell['body'];
  const scene: Scene = {
    fresh,
    witness,
    proxy,
    engine,
    events,
    proxied: (over = {}) => {
      const { client, clock, document } = createClient({ tablesPrefix: fresh.prefix, endpoint: proxy.endpoint });
      test.onTestFinished(() => document.destroy());
      const store = createStore(client, { clock });
      const told: Event[] = [];
      return { store, events: told, engine: engineOn(store, { ...base, observe: (e) => told.push(e), ...over }) };
    },
    another: (over = {}) => engineOn(fresh.again().store, { ...base, ...over }),
    worker: async (instanceId, over = {}) => {
      const options = { endpoint: proxy.endpoint, prefix: fresh.prefix, graceMs, httpAllow: [witness.host], ...over };
      const worker = await spawnWorker(options);
      test.onTestFinished(() => worker.kill());
      await worker.inspect(instanceId);
      return worker;
    },
    effect: (over = {}) => ({ timeoutMs: 20_000, body: http('POST', '/effect'), ...over }),
    probe: {
      line: 1,
      timeoutMs: 20_000,
      done: 'output.status == 200',
      notDone: 'output.status == 404',
      reads: [],
      body: http('GET', '/happened/{key}') as Probe['body'],
    },
    start: async (cells, over = {}) => {
      const name = `r${randomBytes(4).toString('hex')}`;
      await engine.publish(JSON.stringify(runbookOf(cells, { runbookId: name, ...over })), alice);
      const { view } = await engine.start({ runbookId: name, params: {}, instanceId: `${name}-1`, by: alice });
      return view.instanceId;
    },
    entries: async (instanceId) => (await fresh.store.journal.page(instanceId, -1, 10_000)).map(({ entry }) => entry),
    whenGone: async (instanceId, over = {}, by = engine) => {
      for (;;) {
        const answer = await by.advance(instanceId, { ...request, ...over });
        if (answer.result !== 'in_flight') return answer;
        await wait(100);
      }
    },
  };
  return scene;
};

/** Waits until it holds. Of no use as an assertion about time: it only gives up before the test does. */
export const eventually = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  const endMs = performance.now() + 120_000;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`never: ${holds}`);
    await wait(50);
  }
};

/** One word for each entry: what it is, and what an outcome says. */
export const lines = (entries: Entry[]): string[] =>
  entries.map((entry) => {
    if (entry.kind === 'outcome') return `${entry.status} by ${entry.closedBy} > ${entry.then}`;
    return entry.kind === 'resolved' ? `resolved ${entry.verdict} by ${entry.closedBy} > ${entry.then}` : entry.kind;
  });

/** Reservations of a journal, by whichever entry they stand in, without those that provably never began. */
export const attemptsOf = (entries: Entry[]) => {
  const falseStarts = new Set(entries.map((e) => (e.kind === 'outcome' && e.status === 'never' ? e.closes : null)));
  return entries.flatMap((entry) => {
    const made = entry.kind === 'reserved' ? entry : entry.kind === 'outcome' ? entry.reserve : undefined;
    if (made === undefined || falseStarts.has(entry.seq)) return [];
    const { cell, visit, attempt, key, deadlineAtMs } = made;
    return [{ seq: entry.seq, cell, visit, attempt, key, deadlineAtMs, token: entry.token, by: entry.by }];
  });
};

/**
 * What the witness saw that the journal does not allow: an effect that no entry reserved, more effects than attempts, or
 * more attempts than one and one for each permission. Empty when they agree.
 */
export const disagreements = (entries: Entry[], effects: string[]): string[] => {
  const attempts = attemptsOf(entries);
  const wrong: string[] = [];
  for (const key of new Set(effects)) {
    const seen = effects.filter((one) => one === key).length;
    const reserved = attempts.filter((attempt) => attempt.key === key).length;
    if (seen > reserved) wrong.push(`${key} happened ${seen} times, ${reserved} attempts were reserved`);
  }
  for (const key of new Set(attempts.map((attempt) => attempt.key))) {
    const mine = attempts.filter((attempt) => attempt.key === key);
    const permissions = entries.filter(
      (entry) =>
        (entry.kind === 'outcome' || entry.kind === 'resolved') &&
        entry.cell === mine[0]?.cell &&
        entry.permission !== null &&
        entry.permission.kind !== 'never',
    ).length;
    if (mine.length > 1 + permissions) wrong.push(`${key} has ${mine.length} attempts and ${permissions} permissions`);
  }
  return wrong;
};
