/** A fresh store for a test: tables of its own in a DynamoDB that all tests of the run share, or a file of SQLite. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DeleteTableCommand, UpdateTableCommand } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, type DynamoDBDocumentClient, GetCommand, PutCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { inject } from 'vitest';
import type { Clock } from '../../src/engine/index.ts';
import { createClient, readTables } from '../../src/store/dynamodb.ts';
import { type AppendBy, createStore, type Store, storeLater } from '../../src/store/index.ts';
import { openFile, type Sqlite } from '../../src/store/local.ts';
import { createRows } from '../../src/store/sqliteRows.ts';
import type { Operation, StoreClient, Table } from '../../src/store/tableOperations.ts';
import { keyOf } from '../../src/store/tableOperations.ts';
import { createdTables } from './createdTables.ts';
import type { Service } from './dynamo.ts';
import { storesFolder } from './inMemory.ts';

type ServiceKind = 'sqlite' | 'dynamodb';
/** `insert` is `dynamodb`, and entries are appended by INSERT. */
export type StoreKind = ServiceKind | 'insert';

type RawItem = Record<string, unknown>;
/** Past every condition, as whoever has rights on the tables can. */
export type Raw = {
  get(table: Table, key: RawItem): Promise<RawItem | undefined>;
  put(table: Table, item: RawItem): Promise<void>;
  delete(table: Table, key: RawItem): Promise<void>;
  scan(table: Table): Promise<RawItem[]>;
};

type Opened = { store: Store; client: StoreClient; clock: Clock };
export type FreshStore = Opened & {
  kind: StoreKind;
  raw: Raw;
  /** Tables of DynamoDB are `<prefix>-journal` and so on. */
  prefix: string;
  /** What `createStore` was told, besides clock and client. */
  options: { appendOnly: AppendBy };
  /** The operation that appends, for clients that meddle with it. */
  append: Operation['kind'];
  /** Of DynamoDB: for further clients on an emulator; of no use on AWS, where it is just this word. */
  endpoint: string;
  /** The SDK's own client of DynamoDB. */
  document: DynamoDBDocumentClient;
  /** The file of SQLite. */
  file: string;
  /** Another process, as it were: a client, clock and caches of its own on the same tables. */
  again(): Opened & { document: DynamoDBDocumentClient };
  /** Deletes the tables. */
  drop(): Promise<void>;
};

/** Starts DynamoDB if nobody has yet. */
export const dynamodb = async (): Promise<Service> => {
  const services = inject('services');
  if (services === '')
    throw new Error('A unit test has no table service: its place is in another suite of test/suites.ts.');
  const answer = await fetch(services);
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  const service: Service = JSON.parse(text);
  return service;
};

/** Whether there is a DynamoDB, for suites about what only it can show. The run has said so where there is none. */
export const hasDynamodb = async (): Promise<boolean> => (await dynamodb()).none !== true;

/** All that answer the store's operations here. */
export const serviceKinds = async (): Promise<readonly ServiceKind[]> =>
  (await hasDynamodb()) ? ['sqlite', 'dynamodb'] : ['sqlite'];

/** For tests of what depends on how an append is sent: DynamoDB alone knows INSERT. */
export const storeKinds = async (): Promise<readonly StoreKind[]> =>
  (await hasDynamodb()) ? ['sqlite', 'dynamodb', 'insert'] : ['sqlite'];

export const rawOfFile = (file: string): Raw => {
  const within = async <T>(work: (db: DatabaseSync) => T): Promise<T> => {
    const db = new DatabaseSync(file);
    try {
      db.exec('PRAGMA busy_timeout = 5000');
      return work(db);
    } finally {
      db.close();
    }
  };
  const keysIn = (table: Table, key: RawItem): [unknown, unknown] => {
    const [pk, sk] = Object.values(keyOf(table, key));
    return [pk, sk ?? null];
  };
  return {
    get: (table, key) => within((db) => createRows(db).get(table, ...keysIn(table, key))),
    put: (table, item) => within((db) => createRows(db).replace(table, item)),
    delete: (table, key) =>
      within((db) => {
        db.exec(`DROP TRIGGER IF EXISTS ${table}_no_delete`);
        createRows(db).remove(table, ...keysIn(table, key));
      }),
    scan: (table) =>
      within((db) => {
        const rows = createRows(db);
        const names = Object.keys(keyOf(table, {}));
        return db
          .prepare(`SELECT ${names.join(', ')} FROM ${table}`)
          .all()
          .map((key) => rows.get(table, ...keysIn(table, key)) ?? {});
      }),
  };
};

const rawOfTables = (document: DynamoDBDocumentClient, prefix: string): Raw => {
  const named = (table: Table) => ({ TableName: `${prefix}-${table}` });
  return {
    get: async (table, Key) =>
      (await document.send(new GetCommand({ ...named(table), Key, ConsistentRead: true }))).Item,
    put: async (table, Item) => void (await document.send(new PutCommand({ ...named(table), Item }))),
    delete: async (table, Key) => void (await document.send(new DeleteCommand({ ...named(table), Key }))),
    scan: async (table) => (await document.send(new ScanCommand(named(table)))).Items ?? [],
  };
};

/** What a store does not have says so where it is asked for; a copy of the store has none of it either. */
const without = <T extends object, K extends string>(store: T, kind: string, ...names: K[]): T & Record<K, never> => {
  for (const name of names) {
    const get = (): never => {
      throw new Error(`A store on ${kind} has no ${name}.`);
    };
    Object.defineProperty(store, name, { get, enumerable: false });
  }
  return store as T & Record<K, never>;
};

const freshFile = async (): Promise<FreshStore> => {
  const folder = await mkdtemp(join(storesFolder(), 'pawl-test-'));
  const file = join(folder, 'pawl.db');
  const options = { appendOnly: 'put' as const };
  const opened: Promise<Sqlite>[] = [];
  const open = (): Opened => {
    const opening = openFile(file);
    opened.push(opening);
    const one = storeLater(opening);
    return { store: createStore(one.client, { ...options, clock: one.clock }), client: one.client, clock: one.clock };
  };
  const first = open();
  await first.store.journal.head('nobody');
  const store = {
    ...first,
    kind: 'sqlite' as const,
    raw: rawOfFile(file),
    prefix: '',
    options,
    append: 'putIf' as const,
    file,
    again: () => without(open(), 'SQLite', 'document'),
    drop: async () => {
      for (const one of await Promise.all(opened)) one.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return without(store, 'SQLite', 'endpoint', 'document');
};

/** Where there is no DynamoDB it is a file of SQLite all the same: whoever needs the wire finds none there. */
export const freshStore = async (kind: StoreKind): Promise<FreshStore> => {
  if (kind === 'sqlite') return await freshFile();
  const { endpoint, none } = await dynamodb();
  if (none) return await freshFile();
  const prefix = `t-${randomBytes(6).toString('hex')}`;
  const options = { appendOnly: kind === 'insert' ? ('insert' as const) : ('put' as const) };
  const open = () => {
    const { client, clock, document } = createClient({
      tablesPrefix: prefix,
      ...(endpoint === undefined ? {} : { endpoint }),
    });
    return { store: createStore(client, { ...options, clock }), client, clock, document };
  };
  const mine = open();
  const { document } = mine;
  await createdTables(document, prefix);
  const store = {
    ...mine,
    kind,
    raw: rawOfTables(document, prefix),
    prefix,
    options,
    append: kind === 'insert' ? ('insert' as const) : ('putIf' as const),
    endpoint: endpoint ?? 'AWS',
    again: open,
    drop: async () => {
      if (endpoint !== undefined) return;
      for (const { TableName } of await readTables(prefix)) {
        await document.send(new UpdateTableCommand({ TableName, DeletionProtectionEnabled: false })).catch(() => {});
        await document.send(new DeleteTableCommand({ TableName }));
      }
    },
  };
  return without(store, 'DynamoDB', 'file');
};
