/** Tables of others in the store of a test: a stock of things, and payments. */
import { randomBytes } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { CreateTableCommand, DeleteTableCommand } from '@aws-sdk/client-dynamodb';
import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { FreshStore } from './world.ts';

export type UserTables = {
  stock: string;
  payments: string;
  /** What is left of a thing; `undefined`: there is no such row. */
  left(sku: string): Promise<number | undefined>;
  paid(id: string): Promise<string | undefined>;
  put(sku: string, left: number): Promise<void>;
  drop(): Promise<void>;
};

/** Each statement on a connection of its own, as another program has it. */
const sqliteTables = (file: string): UserTables => {
  const within = <T>(work: (db: DatabaseSync) => T): T => {
    const db = new DatabaseSync(file);
    try {
      db.exec('PRAGMA busy_timeout = 10000');
      return work(db);
    } finally {
      db.close();
    }
  };
  within((db) => {
    db.exec(
      'CREATE TABLE IF NOT EXISTS stock (sku TEXT PRIMARY KEY, "left" INTEGER NOT NULL CHECK ("left" < 1000), seen TEXT)',
    );
    db.exec('CREATE TABLE IF NOT EXISTS payments (id TEXT PRIMARY KEY, sku TEXT)');
  });
  const one = (sql: string, key: string) => within((db) => db.prepare(sql).get(key));
  return {
    stock: 'stock',
    payments: 'payments',
    left: async (sku) => one('SELECT "left" FROM stock WHERE sku = ?', sku)?.left as number | undefined,
    paid: async (id) => one('SELECT sku FROM payments WHERE id = ?', id)?.sku as string | undefined,
    put: async (sku, left) =>
      within((db) => void db.prepare('INSERT OR REPLACE INTO stock (sku, "left") VALUES (?, ?)').run(sku, left)),
    drop: async () => {},
  };
};

const dynamoTables = async ({ document }: FreshStore): Promise<UserTables> => {
  const prefix = `u_${randomBytes(6).toString('hex')}`;
  const [stock, payments] = [`${prefix}_stock`, `${prefix}_payments`];
  for (const [TableName, key] of [
    [stock, 'sku'],
    [payments, 'id'],
  ] as const)
    await document.send(
      new CreateTableCommand({
        TableName,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [{ AttributeName: key, AttributeType: 'S' }],
        KeySchema: [{ AttributeName: key, KeyType: 'HASH' }],
      }),
    );
  const get = async (TableName: string, Key: Record<string, string>) =>
    (await document.send(new GetCommand({ TableName, Key, ConsistentRead: true }))).Item;
  return {
    stock,
    payments,
    left: async (sku) => (await get(stock, { sku }))?.left as number | undefined,
    paid: async (id) => (await get(payments, { id }))?.sku as string | undefined,
    put: async (sku, left) => void (await document.send(new PutCommand({ TableName: stock, Item: { sku, left } }))),
    drop: async () => {
      for (const TableName of [stock, payments]) await document.send(new DeleteTableCommand({ TableName }));
    },
  };
};

export const userTables = async (fresh: FreshStore): Promise<UserTables> =>
  fresh.kind === 'sqlite' ? sqliteTables(fresh.file) : await dynamoTables(fresh);
