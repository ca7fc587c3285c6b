/**
 * The simulated table service is a table service: for the parts of the store that nobody else runs above it, it answers
 * as DynamoDB does, and it takes no write that could alter what is append-only.
 */
import { DeleteCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { expect, test } from 'vitest';
import { free } from '../../src/store/conditions.ts';
import { createStore } from '../../src/store/index.ts';
import { clientOf, createTables } from '../../src/testing/tables.ts';
import { atMs, by } from '../store/fixtures.ts';

const fresh = () => {
  const tables = createTables();
  const clock = { nowMs: () => atMs, behindMs: () => 0, sleep: async () => {} };
  return { tables, store: createStore(clientOf(tables), { tablesPrefix: 's', clock }) };
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
  const due = async () => (await store.marks.due(atMs + 500, 14)).due.map(({ instanceId }) => instanceId);
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
  const Key = { claimId: 'a', revision: 1 };
  const names = { '#pk': 'claimId' };
  for (const command of [
    new PutCommand({ TableName: 's-claims', Item: Key }),
    new PutCommand({ TableName: 's-journal', Item: { instanceId: 'a', seq: 0 } }),
    new PutCommand({ TableName: 's-views', Item: { instanceId: 'a' } }),
    new PutCommand({
      TableName: 's-claims',
      Item: Key,
      ConditionExpression: 'attribute_not_exists(#other)',
      ExpressionAttributeNames: { '#other': 'other' },
    }),
    new DeleteCommand({ TableName: 's-claims', Key }),
    new DeleteCommand({ TableName: 's-views', Key: { instanceId: 'a' } }),
    new DeleteCommand({
      TableName: 's-claims',
      Key,
      ConditionExpression: free,
      ExpressionAttributeNames: names,
    }),
    new UpdateCommand({ TableName: 's-claims', Key, UpdateExpression: 'REMOVE #pk', ExpressionAttributeNames: names }),
  ])
    expect(() => tables.execute(command as unknown as Parameters<typeof tables.execute>[0])).toThrow(
      /under the condition/,
    );
  expect(await store.claims.newest('a')).toEqual(claim('a', 1));
  expect(tables.rows('journal')).toEqual([]);
});
