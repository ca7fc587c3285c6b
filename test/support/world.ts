/** A fresh store for a test: tables of its own, in a table service that all tests of the run share. */
import { randomBytes } from 'node:crypto';
import { DeleteTableCommand, UpdateTableCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { inject } from 'vitest';
import { type ClientOptions, createClient, createStore, type Store, type StoreClock } from '../../src/store/index.ts';
import { createTables, readTables } from '../../src/store/local.ts';
import type { Service, ServiceKind } from './dynamo.ts';

export type { ServiceKind } from './dynamo.ts';
export const serviceKinds: readonly ServiceKind[] = ['dynamodb', 'dynalite'];

export type FreshStore = {
  store: Store;
  client: DynamoDBDocumentClient;
  clock: StoreClock;
  /** Tables are `<prefix>-journal` and so on. */
  prefix: string;
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

export const freshStore = async (kind: ServiceKind): Promise<FreshStore> => {
  const { endpoint } = await serviceOf(kind);
  const options: ClientOptions = endpoint === undefined ? {} : { endpoint };
  const prefix = `t-${randomBytes(6).toString('hex')}`;
  const again = () => {
    const { client, clock } = createClient(options);
    return { store: createStore(client, { tablesPrefix: prefix, clock }), client, clock };
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
  return { ...mine, prefix, endpoint: endpoint ?? 'AWS', again, drop };
};
