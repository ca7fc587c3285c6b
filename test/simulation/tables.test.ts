/**
 * The simulated table service is a table service: for the parts of the store that nobody else runs above it, it answers
 * as DynamoDB does, and it takes no write that could alter what is append-only.
 */
import { expect, test } from 'vitest';
import { free, leaving } from '../../src/store/conditions.ts';
import { createStore, type Operation } from '../../src/store/index.ts';
import { clientOf, createTables } from '../../src/testing/tables.ts';
import { atMs, by } from '../store/fixtures.ts';

const fresh = () => {
  const tables = createTables();
  const clock = { nowMs: () => atMs, behindMs: () => 0, heldMs: () => 0, sleep: async () => {}, alarm: async () => {} };
  return { tables, store: createStore(clientOf(tables), { clock }) };
};
const claim = (claimId: string, revision: number) =>
  ({ claimId, revision, status: 'asserted', statement: null, evidence: null, by, atMs, token: 'mine' }) as const;
const seed = (instanceId: string) => ({ instanceId, runbookId: 'deploy' });

test('claims are listed once each, by their newest revision, page by page, without locks', async () => {
  const { store } = fresh();
  for (const id of ['🦊', 'ﬁne', 'b', 'a', 'c']) await store.claims.putOnce(claim(id, 1));
  await store.claims.putOnce(claim('b', 2));
  await store.locks.putOnce({ lock: 'a', revision: 1, instanceId: 'run', token: 'lock', atMs });
  const first = await store.claims.list({ limit: 3 });
  expect(first.claims.map(({ claimId, revision }) => [claimId, revision])).toEqual([
    ['a', 1],
    ['b', 2],
    ['c', 1],
  ]);
  const second = await store.claims.list({ limit: 3, next: first.next ?? '' });
  expect(second.claims.map(({ claimId }) => claimId)).toEqual(['ﬁne', '🦊']);
  expect(second.next).toBeNull();
});

test('subscriptions are found page by page, put anew and deleted', async () => {
  const { store, tables } = fresh();
  const waiter = (instanceId: string) => ({ instanceId, cell: 'wait', about: 1, runbookId: 'deploy' });
  for (const id of ['c', 'a', 'b', 'a']) await store.subscriptions.add('ci', waiter(id));
  expect(await store.subscriptions.page('ci', 2)).toEqual({ waiters: [waiter('a'), waiter('b')], next: 'b/wait' });
  expect(await store.subscriptions.page('ci', 2, 'b/wait')).toEqual({ waiters: [waiter('c')], next: null });
  await store.subscriptions.remove('ci', waiter('a'));
  expect(tables.rows('subscriptions').map((row) => row.waiter)).toEqual(['c/wait', 'b/wait']);
});

test('what is due is found by its shard, earliest first, until it is disarmed or dropped', async () => {
  const { store } = fresh();
  // The first byte of the sha256 of each is 14 modulo 16.
  const due = async () => (await store.marks.due(atMs + 500, 'local', 14)).due.map(({ instanceId }) => instanceId);
  const armed = await store.marks.arm(seed('wake:ci/2'), atMs + 300, atMs);
  await store.marks.wake(seed('run-1'), atMs + 30);
  await store.marks.wake(seed('run-11'), atMs + 20);
  await store.marks.wake(seed('run-25'), atMs + 10);
  await store.marks.wake(seed('run-28'), atMs + 600);
  expect(await due()).toEqual(['run-25', 'run-11', 'run-1', 'wake:ci/2']);
  await store.marks.settle('wake:ci/2', armed);
  expect(await store.marks.drop('run-11', atMs + 400)).toBe(true);
  expect(await due()).toEqual(['run-25', 'run-1']);
});

test('no write that could alter an append-only table is carried out, and none that the store never sends', async () => {
  const { tables, store } = fresh();
  await store.claims.putOnce(claim('a', 1));
  const item = { claimId: 'a', revision: 1 };
  const forbidden = [
    { kind: 'putIf', table: 'claims', item },
    { kind: 'putIf', table: 'journal', item: { instanceId: 'a', seq: 0 } },
    { kind: 'putIf', table: 'views', item: { instanceId: 'a' }, condition: free },
    { kind: 'putIf', table: 'claims', item, condition: 'attribute_not_exists(#other)' },
    { kind: 'delete', table: 'claims', item, condition: leaving },
    { kind: 'delete', table: 'views', item: { instanceId: 'a' }, condition: leaving },
    { kind: 'delete', table: 'claims', item, condition: free },
    { kind: 'update', table: 'claims', key: item, condition: free, update: 'REMOVE #status', values: {} },
  ] as unknown as Operation[];
  for (const operation of forbidden)
    expect(() => tables.execute(operation), JSON.stringify(operation)).toThrow(/under the condition/);
  expect(await store.claims.newest('a')).toEqual(claim('a', 1));
  expect(tables.rows('journal')).toEqual([]);
});
