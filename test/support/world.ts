/** A fresh store for a test: tables of its own, in a table service that all tests of the run share. */
import { randomBytes } from 'node:crypto';
import { DeleteTableCommand, UpdateTableCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { inject } from 'vitest';
import {
  type AppendBy,
  type ClientOptions,
  createClient,
  createStore,
  type Store,
  type StoreClock,
} from '../../src/store/index.ts';
import { createTables, readTables } from '../../src/store/local.ts';
import type { Service, ServiceKind } from './dynamo.ts';

export type { ServiceKind } from './dynamo.ts';
export const serviceKinds: readonly ServiceKind[] = ['dynamodb', 'dynalite'];
/** `insert` is `dynamodb`, and entries are appended by INSERT. */
export type StoreKind = ServiceKind | 'insert';

export type FreshStore = {
  store: Store;
  client: DynamoDBDocumentClient;
  clock: StoreClock;
  /** Tables are `<prefix>-journal` and so on. */
  prefix: string;
  /** What `createStore` was told, besides clock and client. */
  options: { tablesPrefix: string; appendOnly: AppendBy };
  /** The command of the SDK that appends, for clients that meddle with it. */
  append: 'PutCommand' | 'ExecuteStatementCommand';
  /** For further clients on an emulator; of no use on AWS, where it is just this word. */
  endpoint: string;
  /** Another process, as it were: a client, clock and caches of its own on the same tables. */
  again(): { store: Store; client: DynamoDBDocumentClient; clock: StoreClock };
  /** Deletes the tables. Only AWS needs it: the other services forget with the run. */
  drop(): Promise<void>;
};

/** Starts the service if nobody has yet. Its name says which one it is. */
export const serviceOf = async (kind: ServiceKind): Promise<Service> => {
  const services = inject('services');
  if (services === '')
    throw new Error('A unit test has no table service: its place is in another suite of test/suites.ts.');
  const answer = await fetch(`${services}/${kind}`);
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  const service: Service = JSON.parse(text);
  return service;
};

/** For tests of what depends on how an append is sent. A machine without DynamoDB Local says what it leaves out. */
export const storeKinds = async (): Promise<readonly StoreKind[]> => {
  const { name } = await serviceOf('dynamodb');
  if (!name.startsWith('dynalite')) return [...serviceKinds, 'insert'];
  console.log('Not tested here: appending by INSERT. There is no DynamoDB Local, and dynalite knows none.');
  return serviceKinds;
};

export const freshStore = async (kind: StoreKind): Promise<FreshStore> => {
  const { endpoint } = await serviceOf(kind === 'insert' ? 'dynamodb' : kind);
  const clientOptions: ClientOptions = endpoint === undefined ? {} : { endpoint };
  const prefix = `t-${randomBytes(6).toString('hex')}`;
  const options = { tablesPrefix: prefix, appendOnly: kind === 'insert' ? ('insert' as const) : ('put' as const) };
  const append = kind === 'insert' ? ('ExecuteStatementCommand' as const) : ('PutCommand' as const);
  const again = () => {
    const { client, clock } = createClient(clientOptions);
    return { store: createStore(client, { ...options, clock }), client, clock };
  };
  const mine = again();
  await createTables(mine.client, prefix);
  const drop = async (): Promise<void> => {
    if (endpoint !== undefined) return;
    for (const { TableName } of await readTables(prefix)) {
      await mine.client.send(new UpdateTableCommand({ TableName, DeletionProtectionEnabled: false })).catch(() => {});
      await mine.client.send(new DeleteTableCommand({ TableName }));
    }
  };
  return { ...mine, prefix, options, append, endpoint: endpoint ?? 'AWS', again, drop };
};
