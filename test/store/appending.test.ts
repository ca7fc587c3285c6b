/** Two ways of appending, one meaning: what stands is the same, whoever comes later gets it, and neither overwrites. */
import { strict as assert } from 'node:assert';
import { type DynamoDBDocumentClient, ExecuteStatementCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Random, Runbook } from '../../src/engine/index.ts';
import { createCommands } from '../../src/store/commands.ts';
import { type AppendBy, createStore, type Store, type StoreClient } from '../../src/store/index.ts';
import { clientOf, createTables } from '../../src/testing/tables.ts';
import { type FreshStore, freshStore, storeKinds } from '../support/world.ts';
import { atMs, by, entry } from './fixtures.ts';

type Command = { constructor: { name: string }; input: Record<string, unknown> };

/** A client for the same tables that notes the commands of the SDK, and lets them pass. */
const noting = (world: FreshStore, prefix = world.prefix): { client: StoreClient; sent: Command[] } => {
  const sent: Command[] = [];
  const send = world.document.send.bind(world.document) as (command: Command) => Promise<unknown>;
  const noted = async (command: Command): Promise<unknown> => {
    sent.push(command);
    return send(command);
  };
  const document = { send: noted } as unknown as DynamoDBDocumentClient;
  return { client: createCommands(document, prefix), sent };
};
const namesOf = (sent: Command[]): string[] => sent.map((command) => command.constructor.name);

const runbook: Runbook = {
  format: 1,
  runbookId: 'deploy',
  title: 'Deploy',
  params: { type: 'object', properties: {}, required: [], additionalProperties: false },
  unique: null,
  concurrency: null,
  cells: [],
};

/** Every kind of item that is appended. */
const appendAll = async (store: Store): Promise<void> => {
  await store.journal.putOnce(entry('run-1', 0, 'mine', 'żółć 🦊 \u0000 "quoted"'));
  await store.journal.addNote('run-1', { kind: 'log', about: 1, cell: 'first', atMs, by, text: '' });
  await store.journal.putOutput('run-1', 1, 'owner', '{"n":0.10}');
  const content = {
    runbookId: 'deploy',
    source: 'source',
    sourceHash: 'a'.repeat(64),
    runHash: 'b'.repeat(64),
    runbook,
  };
  await store.versions.publish('deploy', content, by);
  const claim = {
    claimId: 'ci/main',
    revision: 1,
    status: 'asserted',
    statement: null,
    evidence: '{"ok":true}',
  } as const;
  await store.claims.putOnce({ ...claim, by, atMs, token: 'claim' });
  await store.locks.putOnce({ lock: 'prod', revision: 1, instanceId: 'run-1', token: 'lock', atMs });
  const about = { instanceId: 'run-1', cell: 'approve', about: 7, actor: 'grace' };
  await store.links.putOnce({
    linkHash: 'c'.repeat(64),
    revision: 1,
    ...about,
    expiresAtMs: atMs,
    by,
    atMs,
    token: 'l',
  });
  await store.storeId();
};

const sentence = 'this table service is not DynamoDB itself and knows no INSERT, so use appendOnly=put.';

test('the tables in memory know no INSERT: an append by it is refused with a sentence, and nothing is written', async () => {
  const tables = createTables();
  const clock = { nowMs: () => atMs, behindMs: () => 0, heldMs: () => 0, sleep: async () => {}, alarm: async () => {} };
  const { journal, claims } = createStore(clientOf(tables), { clock, appendOnly: 'insert' });
  const refused = journal.putOnce(entry('a', 0, 'mine'));
  await expect(refused).rejects.toMatchObject({ code: 'store.misconfigured' });
  await expect(refused).rejects.toThrow(sentence);
  const claim = { claimId: 'a', revision: 1, status: 'asserted', statement: null, evidence: null } as const;
  await expect(claims.putOnce({ ...claim, by, atMs, token: 'mine' })).rejects.toThrow(sentence);
  expect([tables.rows('journal'), tables.rows('claims')]).toEqual([[], []]);
});

test('SQLite knows none either', async () => {
  const { client, clock, options } = await freshStore('sqlite');
  const { journal } = createStore(client, { ...options, clock, appendOnly: 'insert' });
  const refused = journal.putOnce(entry('a', 0, 'mine'));
  await expect(refused).rejects.toMatchObject({ code: 'store.misconfigured' });
  await expect(refused).rejects.toThrow(sentence);
  expect(await journal.head('a')).toBeUndefined();
});

describe.skipIf(!(await storeKinds()).includes('insert'))('on DynamoDB', () => {
  let world: FreshStore;
  beforeAll(async () => {
    world = await freshStore('insert');
  });
  const storeBy = (appendOnly: AppendBy, client: StoreClient = world.client, random?: Random) =>
    createStore(client, { clock: world.clock, appendOnly, ...(random && { random }) });

  test('of forty INSERTs one wins, and every loser gets the winner', async () => {
    const puts = await Promise.all(
      Array.from({ length: 40 }, (_, i) => world.store.journal.putOnce(entry('forty', 0, `token-${i}`))),
    );
    expect(puts.filter((put) => put.kind === 'written')).toHaveLength(1);
    const stands = await world.store.journal.head('forty');
    for (const put of puts) {
      assert(put.kind !== 'unknown');
      expect(put.kind === 'written' ? put.standing : put.winner).toEqual(stands);
    }
  });

  test('a won append is one request either way; a lost one is one more by INSERT, which does not say what it met', async () => {
    const said: Record<string, string[]> = {};
    for (const way of ['put', 'insert'] as const) {
      const { client, sent } = noting(world);
      const { journal } = storeBy(way, client);
      expect(await journal.putOnce(entry(`cost-${way}`, 0, 'mine'))).toMatchObject({ kind: 'written', adopted: false });
      expect(await journal.putOnce(entry(`cost-${way}`, 0, 'theirs'))).toMatchObject({ kind: 'conflict' });
      expect(await journal.putOnce(entry(`cost-${way}`, 0, 'mine'))).toMatchObject({ kind: 'written', adopted: true });
      said[way] = namesOf(sent);
      for (const command of sent)
        if (command.constructor.name === 'GetCommand') expect(command.input).toMatchObject({ ConsistentRead: true });
    }
    const insert = 'ExecuteStatementCommand';
    expect(said).toEqual({
      put: ['PutCommand', 'PutCommand', 'PutCommand'],
      insert: [insert, insert, 'GetCommand', insert, 'GetCommand'],
    });
  });

  test('an INSERT names the table and each attribute; everything that somebody gave is a parameter', async () => {
    const { client, sent } = noting(world);
    const lock = { lock: `'} -- "`, revision: 1, instanceId: 'run-1', token: 'lock', atMs };
    await storeBy('insert', client).locks.putOnce(lock);
    expect(sent[0]?.input.Statement).toBe(
      `INSERT INTO "${world.prefix}-claims" VALUE {'claimId': ?, 'revision': ?, 'v': ?, 'instanceId': ?, 'token': ?, 'atMs': ?}`,
    );
    expect(sent[0]?.input.Parameters).toEqual([`lock:'} -- "`, 1, 1, 'run-1', 'lock', 1_795_492_800_000]);
    expect(await world.store.locks.newest(`'} -- "`)).toEqual(lock);
  });

  test('what an INSERT leaves is to the byte what a put leaves, for every kind of item', async () => {
    const [one, other] = [await freshStore('dynamodb'), await freshStore('insert')];
    const [putting, inserting] = [noting(world, one.prefix), noting(world, other.prefix)];
    // The same tokens and slots on both.
    const dice = (): Random => {
      let drawn = 0;
      const token = (): string => {
        drawn += 1;
        return String(drawn).padStart(32, '0');
      };
      return { token, fraction: () => 0.5 };
    };
    await appendAll(storeBy('put', putting.client, dice()));
    const puts = namesOf(putting.sent);
    await appendAll(storeBy('insert', inserting.client, dice()));
    const inserts = namesOf(inserting.sent);
    expect(puts.filter((name) => name === 'PutCommand')).toHaveLength(9);
    expect(inserts).toEqual(puts.map((name) => (name === 'PutCommand' ? 'ExecuteStatementCommand' : name)));
    for (const table of ['journal', 'runbooks', 'claims']) {
      const [left, right] = await Promise.all(
        [one, other].map(async ({ prefix }) => {
          const { Items = [] } = await world.document.send(new ScanCommand({ TableName: `${prefix}-${table}` }));
          // When it was published is the one thing that no two of them share; attributes have no order.
          const plain = Items.map((item) => ({ ...item, ...(table === 'runbooks' && { atMs: 0 }) }));
          return plain.map((item) => JSON.stringify(Object.entries(item).sort())).sort();
        }),
      );
      expect(right).toEqual(left);
      expect(left?.length).toBeGreaterThan(1);
    }
  });

  test('the right to insert is no right to overwrite: PartiQL’s other ways are none of DynamoDB’s', async () => {
    const { journal } = world.store;
    await journal.putOnce(entry('stays', 0, 'mine'));
    const table = `"${world.prefix}-journal"`;
    const value = `{'instanceId': 'stays', 'seq': 0, 'token': 'theirs'}`;
    for (const Statement of [
      `INSERT INTO ${table} VALUE ${value}`,
      `INSERT INTO ${table} VALUE ${value} ON CONFLICT DO REPLACE EXCLUDED`,
      `INSERT INTO ${table} VALUE ${value} ON CONFLICT DO UPDATE EXCLUDED`,
      `INSERT INTO ${table} VALUE ${value} ON CONFLICT DO NOTHING`,
      `REPLACE INTO ${table} VALUE ${value}`,
      `UPSERT INTO ${table} VALUE ${value}`,
    ])
      await expect(world.document.send(new ExecuteStatementCommand({ Statement })), Statement).rejects.toThrow();
    expect(await journal.head('stays')).toMatchObject({ entry: entry('stays', 0, 'mine') });
  });

  test('I1: while a deployment changes from one to the other, both race for one slot, and one of them wins', async () => {
    const stores = [storeBy('put'), storeBy('insert')];
    for (let round = 0; round < 10; round += 1) {
      const puts = await Promise.all(
        Array.from({ length: 40 }, (_, i) => stores[i % 2]?.journal.putOnce(entry(`mixed-${round}`, 0, `token-${i}`))),
      );
      expect(puts.filter((put) => put?.kind === 'written')).toHaveLength(1);
      expect(puts.filter((put) => put?.kind === 'conflict')).toHaveLength(39);
    }
  });
});
