/** A fresh world for one test: a store on tables of its own, in DynamoDB Local or in dynalite. */
import { randomBytes } from 'node:crypto';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { inject } from 'vitest';
import { createClient, createStore, type Store } from '../../src/store/index.ts';
import { createTables } from '../../src/store/local.ts';

export type Which = 'dynamodb' | 'dynalite' | 'aws';
/** What the store's suites run against. `PAWL_TEST_AWS=1` adds the real service, with the usual AWS credentials. */
export const stores: Which[] = ['dynamodb', 'dynalite', ...(process.env.PAWL_TEST_AWS === '1' ? (['aws'] as const) : [])];
export type FreshStore = { store: Store; client: DynamoDBDocumentClient; prefix: string; endpoint: string | undefined };

export const freshStore = async (which: Which = 'dynamodb'): Promise<FreshStore> => {
  const endpoint = which === 'aws' ? undefined : inject(`${which}Endpoint`);
  const prefix = `test-${randomBytes(6).toString('hex')}`;
  const { client, clock } = createClient(endpoint === undefined ? {} : { endpoint });
  await createTables(client, prefix);
  return { store: createStore(client, { tablesPrefix: prefix, clock }), client, prefix, endpoint };
};
