/** Creates the tables of infra/tables.yml in DynamoDB Local. In AWS CloudFormation does it. */
import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DescribeTableCommand,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import { PawlError, settleAll } from '../engine/index.ts';
import { storeError } from './failures.ts';

const activeWithinMs = 20_000;
const pollMs = 50;

// Only what emulators know: no recovery, streams or deletion protection.
const attribute = z.object({ AttributeName: z.string(), AttributeType: z.enum(['S', 'N', 'B']) });
const keySchema = z.array(z.object({ AttributeName: z.string(), KeyType: z.enum(['HASH', 'RANGE']) }));
const tableSchema = z.object({
  TableName: z.string().startsWith('${self:custom.tables}-'),
  BillingMode: z.literal('PAY_PER_REQUEST'),
  AttributeDefinitions: z.array(attribute),
  KeySchema: keySchema,
  GlobalSecondaryIndexes: z
    .array(
      z.object({
        IndexName: z.string(),
        KeySchema: keySchema,
        Projection: z.object({ ProjectionType: z.enum(['ALL', 'KEYS_ONLY']) }),
      }),
    )
    .optional(),
});
const fileSchema = z.object({ Resources: z.record(z.string(), z.object({ Properties: tableSchema })) });

/** What CreateTable wants to know of each table of infra/tables.yml, under this prefix. */
export const readTables = async (prefix: string): Promise<CreateTableCommandInput[]> => {
  // Only tables that are made here need its parser: on AWS they stand.
  const { parse } = await import('yaml');
  const file = await readFile(new URL('../../infra/tables.yml', import.meta.url), 'utf8');
  return Object.values(fileSchema.parse(parse(file)).Resources).map(({ Properties }) => {
    const { GlobalSecondaryIndexes, ...table } = Properties;
    return {
      ...table,
      TableName: table.TableName.replace('${self:custom.tables}', prefix),
      ...(GlobalSecondaryIndexes === undefined ? {} : { GlobalSecondaryIndexes }),
    };
  });
};

/** Creates the tables that do not exist yet and waits until all are active. May be called by several at once. */
export const createTables = async (client: Pick<DynamoDBClient, 'send'>, prefix: string): Promise<void> => {
  const tables = await readTables(prefix);
  await settleAll(
    tables.map(async (table) => {
      try {
        await client.send(new CreateTableCommand(table));
      } catch (error) {
        if (!(error instanceof Error && error.name === 'ResourceInUseException')) {
          throw storeError(error, `Creating table ${table.TableName}`);
        }
      }
      const endMs = performance.now() + activeWithinMs;
      for (;;) {
        const { Table } = await client.send(new DescribeTableCommand({ TableName: table.TableName }));
        if (Table?.TableStatus === 'ACTIVE') return;
        if (performance.now() > endMs) {
          throw new PawlError('store.unavailable', `Table ${table.TableName} is not active: look at the store's log.`);
        }
        await wait(pollMs);
      }
    }),
  );
};
