/** What is due costs the same however many wait beside it; nobody who waits for a claim is forgotten, however many do. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  engineFor,
  fillParked,
  makeDue,
  openParked,
  parkedOf,
  type Ticked,
  tickOnce,
  wakeThree,
  wakeWaiters,
} from '../../bench/scale/measure.ts';
import { unitsOf } from '../support/meter.ts';
import { type Items, itemsAs, itemsOf, type Model, type Parked, park } from '../support/parked.ts';
import { type FreshStore, freshStore } from '../support/world.ts';

const by = { actor: 'ci', via: 'test', where: 'host:2' };
let world: FreshStore;
let models: Model[];
beforeAll(async () => {
  world = await freshStore('dynamodb');
  models = await openParked(world);
});
afterAll(() => world.drop());

/** Without what differs between two runs of the same: tokens, moments, and the hashes over them. */
const plain = (items: Items): unknown => {
  const text = (value: unknown): unknown => {
    if (typeof value === 'string')
      return value
        .replace(/"prev":"[0-9a-f]{64}"/g, '"prev":"HASH"')
        .replace(/"token":"[0-9a-f]{32}"/g, '"token":"TOKEN"')
        .replace(/^[0-9a-f]{32}$/, 'TOKEN')
        .replace(/^[0-9a-f]{64}$/, 'HASH')
        .replace(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/, 'TIME')
        .replace(/\b1[789]\d{11}\b/g, 'TIME');
    return typeof value === 'number' && value > 1_500_000_000_000 ? 'TIME' : value;
  };
  const all = (list: Record<string, unknown>[]) =>
    list.map((item) => Object.fromEntries(Object.entries(item).map(([name, value]) => [name, text(value)])));
  return { journal: all(items.journal), views: all(items.views), subscriptions: all(items.subscriptions) };
};

describe('what is written in bulk', () => {
  test.each([0, 1])('is what the engine writes, name by name (kind %i)', async (kind) => {
    const engine = engineFor(world.store);
    const { parked, items } = models[kind] as Model;
    expect([items.journal.length, items.views.length, items.subscriptions.length]).toEqual([2, 1, 1 - kind]);
    for (let n = 0; n < 6; n += 1) {
      const claimId = kind === 0 ? `other/${n}` : null;
      const other: Parked = { instanceId: `other-${kind}-${n}`, claimId };
      await park(engine, other);
      const theirs = await itemsOf(world, other);
      expect(plain(itemsAs(items, parked, other))).toEqual(plain(theirs));
    }
  });
});

describe('20 due among 200 and among 2,000 that wait', () => {
  let small: Ticked;
  let large: Ticked;
  let due: string[];
  beforeAll(async () => {
    await fillParked(world, models, 0, 200);
    due = await makeDue(world, 20);
    small = await tickOnce(world);
    await fillParked(world, models, 200, 2_000);
    large = await tickOnce(world);
  });

  test('a tick finds those, by the same requests and capacity units', () => {
    expect(small.handed).toEqual(due);
    expect(large.handed).toEqual(due);
    expect(large.answer).toMatchObject({ due: 20, handedOver: 20, whole: true });
    expect(large.requests).toEqual(small.requests);
    expect(unitsOf(large.requests)).toBeGreaterThan(0);
    // One for the time, one for each part of the index.
    expect(small.requests.map(({ what }) => what)).toEqual(Array.from({ length: 17 }, () => 'Query views.due'));
    console.log(`a tick: ${large.requests.length} requests, ${unitsOf(large.requests)} read units, at either size`);
  });

  test('an instance that was written in bulk reads as any other', async () => {
    const engine = engineFor(world.store);
    const { view, waits } = await engine.inspect(parkedOf(1_998).instanceId, by);
    expect(view).toMatchObject({ status: 'waiting', cell: 'ci', seq: 1, dueAtMs: null });
    expect(waits).toMatchObject({ kind: 'await' });
    expect(await engine.journal(parkedOf(1_998).instanceId, -1, 10)).toHaveLength(2);
  });

  test('waking one makes 3 requests before the put that reserves its next cell, and two more for a runbook that the process has not read', async () => {
    const wakes = await wakeThree(world, { ...world.again(), prefix: world.prefix }, 'woken');
    const { 'new process': cold, 'runbook known': unseen, 'instance known': seen } = wakes;
    expect(seen.beforeCell).toEqual(['Query journal', 'UpdateItem views', 'Query claims']);
    // How it started and where it stands, in one request: the wake says which entry was the newest, and it is near the first.
    expect(unseen.beforeCell).toEqual(['Query journal', 'UpdateItem views', 'Query claims']);
    // What its runbook says, which never changes: once for each version in a process.
    const runbook = ['GetItem runbooks', 'GetItem runbooks'];
    expect(cold.beforeCell).toEqual([...unseen.beforeCell.slice(0, 1), ...runbook, ...unseen.beforeCell.slice(1)]);
    expect(unseen.after).toEqual([
      'PutItem journal',
      'DeleteItem subscriptions',
      'PutItem journal',
      'UpdateItem views',
    ]);
    const [, , entry] = await engineFor(world.store).journal('woken-2', -1, 10);
    expect(entry?.entry).toMatchObject({ kind: 'outcome', cell: 'ci', reserve: { cell: 'last', attempt: 1 } });
    for (const [what, { beforeCell }] of Object.entries(wakes))
      console.log(`woken, ${what}: ${beforeCell.length} requests before the put (${beforeCell.join(', ')})`);
  });
});

test('300 waiters of one claim are due once it is set', async () => {
  const { woken, due, requests } = await wakeWaiters(world, 'many/1', 300);
  expect([woken, due]).toEqual([300, 300]);
  console.log(`300 waiters: ${requests.length} requests, ${(requests.length / 300).toFixed(2)} for each`);
  // One update each; its pages, the claim, and the mark beside.
  expect(requests.length).toBeLessThanOrEqual(300 + 8);
});
