/** How the store reaches DynamoDB: seven commands, consistent reads, every query paged to its end. */
import { setTimeout } from 'node:timers/promises';
import {
  BatchGetCommand,
  type BatchGetCommandOutput,
  DeleteCommand,
  type DeleteCommandOutput,
  type ExecuteStatementCommand,
  type ExecuteStatementCommandOutput,
  GetCommand,
  type GetCommandOutput,
  PutCommand,
  type PutCommandOutput,
  QueryCommand,
  type QueryCommandOutput,
  UpdateCommand,
  type UpdateCommandOutput,
} from '@aws-sdk/lib-dynamodb';
import { PawlError } from '../engine/index.ts';
import { queries } from './conditions.ts';
import { isConditionFailed, storeError } from './failures.ts';

/** All that the store asks of a client. A DynamoDBDocumentClient is one; so is a simulated table service. */
export type StoreClient = {
  send(command: PutCommand): Promise<PutCommandOutput>;
  send(command: ExecuteStatementCommand): Promise<ExecuteStatementCommandOutput>;
  send(command: GetCommand): Promise<GetCommandOutput>;
  send(command: BatchGetCommand): Promise<BatchGetCommandOutput>;
  send(command: QueryCommand): Promise<QueryCommandOutput>;
  send(command: UpdateCommand): Promise<UpdateCommandOutput>;
  send(command: DeleteCommand): Promise<DeleteCommandOutput>;
};

/**
 * How an append is sent: a PutItem under a condition, or PartiQL's INSERT, which is a right of its own. A role that has only
 * the second cannot overwrite, whatever its code does.
 */
export type AppendBy = 'put' | 'insert';

export type Access = { client: StoreClient; tablesPrefix: string; appendBy: AppendBy };

/** Items are flat and hold nothing else, so marshalling one cannot fail. */
export type Item = Record<string, string | number | Uint8Array | null>;
/** What comes back is anything until a schema has read it. */
export type RawItem = Record<string, unknown>;

/** Key attributes of the tables in infra/tables.yml. */
const keys = {
  journal: ['instanceId', 'seq'],
  runbooks: ['runbookId', 'version'],
  claims: ['claimId', 'revision'],
  views: ['instanceId'],
  subscriptions: ['claimId', 'waiter'],
} as const;
const indexKeys = {
  due: ['dueShard', 'dueAtMs'],
  byStatus: ['statusShard', 'newest'],
  byRunbook: ['runbookShard', 'newest'],
} as const;
/** Lists by name: of the runbooks and of the claims, each once. */
type Index = keyof typeof indexKeys | 'names';

export type Table = keyof typeof keys;
/** Tables that can be made again: only their items are overwritten or deleted. Views have `updateView`. */
export type Rebuildable = 'subscriptions';
export type AppendOnly = Exclude<Table, Rebuildable | 'views'>;

export const tableName = (access: Access, table: Table): string => `${access.tablesPrefix}-${table}`;
export const partitionKey = (table: Table): string => keys[table][0];

const indexKeysOf = (table: Table, index: Index) =>
  index === 'names' ? ['listed', partitionKey(table)] : indexKeys[index];

/** DynamoDB's partition keys hold 2048 bytes, its sort keys and those of its indexes 1024. */
const keyBytesMax = 1024;

/** `text`, which is to be (a part of) a key. @throws PawlError `limit.exceeded` naming `limit` */
export const keyText = (text: string, what: string, limit: string): string => {
  const bytes = Buffer.byteLength(text);
  if (bytes <= keyBytesMax) return text;
  const details = { limit, bytes, max: keyBytesMax };
  throw new PawlError('limit.exceeded', `${what} has ${bytes} bytes: make it shorter.`, details);
};

export const keyOf = (table: Table, item: RawItem): RawItem =>
  Object.fromEntries(keys[table].map((name) => [name, item[name]]));

/** Strongly consistent. `keyed` is the key or any item that holds it. */
export const getItem = async (access: Access, table: Table, keyed: RawItem): Promise<RawItem | undefined> => {
  const key = keyOf(table, keyed);
  const command = new GetCommand({ TableName: tableName(access, table), Key: key, ConsistentRead: true });
  try {
    return (await access.client.send(command)).Item;
  } catch (error) {
    throw storeError(error, `Reading ${table} ${JSON.stringify(key)}`);
  }
};

/** Several of one table in one request, each strongly consistent. @returns `undefined`: the service gave only some of them */
export const getItems = async (access: Access, table: Table, keyed: RawItem[]): Promise<RawItem[] | undefined> => {
  const name = tableName(access, table);
  const Keys = keyed.map((one) => keyOf(table, one));
  try {
    const answer = await access.client.send(
      new BatchGetCommand({ RequestItems: { [name]: { Keys, ConsistentRead: true } } }),
    );
    const left = Object.keys(answer.UnprocessedKeys ?? {}).length > 0;
    return left ? undefined : (answer.Responses?.[name] ?? []);
  } catch (error) {
    throw storeError(error, `Reading ${table} ${JSON.stringify(Keys)}`);
  }
};

const batchMax = 100;
/** Tries at what the service left out of an answer, the first of them at once. */
const batchTriesMax = 8;
const batchPauseMs = 50;

/** Any number of items, in no order, as an index would show them: a read may lag behind. Missing ones are left out. */
export const getEach = async (access: Access, table: Table, keyed: RawItem[]): Promise<RawItem[]> => {
  const name = tableName(access, table);
  const items: RawItem[] = [];
  for (let at = 0; at < keyed.length; at += batchMax) {
    let left: RawItem[] | undefined = keyed.slice(at, at + batchMax).map((one) => keyOf(table, one));
    for (let tries = 0; left !== undefined && left.length > 0; tries += 1) {
      if (tries >= batchTriesMax) throw new PawlError('store.unavailable', `Reading ${table}: ask again later.`);
      if (tries > 1) await setTimeout(batchPauseMs * 2 ** (tries - 2));
      try {
        const command = new BatchGetCommand({ RequestItems: { [name]: { Keys: left } } });
        const answer: BatchGetCommandOutput = await access.client.send(command);
        items.push(...(answer.Responses?.[name] ?? []));
        left = answer.UnprocessedKeys?.[name]?.Keys;
      } catch (error) {
        throw storeError(error, `Reading ${table}`);
      }
    }
  }
  return items;
};

export type Query = {
  partition: string | number;
  /** Exclusive bounds of the sort key; at most one of them. */
  after?: string | number;
  before?: string | number;
  /** Newest first. */
  descending?: boolean;
  /** Without it: everything. */
  limit?: number;
  /** Index reads may lag behind; table reads are strongly consistent. */
  index?: Index;
};

export type Page = { items: RawItem[]; from: RawItem | undefined };

/** What the service gives in one answer, at most `limit`, and where to go on; `from` undefined means the end. */
export const queryPage = async (access: Access, table: Table, query: Query, from?: RawItem): Promise<Page> => {
  const [pk, sk] = query.index === undefined ? keys[table] : indexKeysOf(table, query.index);
  const bound = query.after ?? query.before;
  const expression = query.after !== undefined ? queries.after : bound !== undefined ? queries.before : queries.all;
  const command = new QueryCommand({
    TableName: tableName(access, table),
    ...(query.index === undefined ? { ConsistentRead: true } : { IndexName: query.index }),
    KeyConditionExpression: expression,
    ExpressionAttributeNames: { '#pk': pk, ...(bound === undefined ? {} : { '#sk': sk ?? '' }) },
    ExpressionAttributeValues: { ':pk': query.partition, ...(bound === undefined ? {} : { ':sk': bound }) },
    ScanIndexForward: query.descending !== true,
    ...(query.limit === undefined ? {} : { Limit: query.limit }),
    ...(from === undefined ? {} : { ExclusiveStartKey: from }),
  });
  try {
    const page = await access.client.send(command);
    return { items: page.Items ?? [], from: page.LastEvaluatedKey };
  } catch (error) {
    throw storeError(error, `Reading ${table} of ${query.partition}`);
  }
};

/** Items in key order, read to the end or to `limit`, however many pages the service cuts them into. */
export const queryItems = async (access: Access, table: Table, query: Query): Promise<RawItem[]> => {
  const items: RawItem[] = [];
  let from: RawItem | undefined;
  do {
    const left = query.limit === undefined ? {} : { limit: query.limit - items.length };
    const page = await queryPage(access, table, { ...query, ...left }, from);
    items.push(...page.items);
    from = page.from;
  } while (from !== undefined && (query.limit === undefined || items.length < query.limit));
  return items;
};

/** `:name` in the condition stands for attribute `name` of the item, `#name` for the attribute that stands there. */
const conditionOf = (condition: string, item: RawItem) => {
  const fields = [...new Set(condition.match(/#\w+/g) ?? [])].map((name) => name.slice(1));
  return {
    ConditionExpression: condition,
    ExpressionAttributeNames: Object.fromEntries(fields.map((name) => [`#${name}`, name])),
    ExpressionAttributeValues: Object.fromEntries(fields.map((name) => [`:${name}`, item[name]])),
  };
};

/** Puts the item where the condition lets it; nothing is changed otherwise. */
export const overwrite = async (access: Access, table: Rebuildable, item: Item, condition: string): Promise<void> => {
  try {
    const TableName = tableName(access, table);
    await access.client.send(new PutCommand({ TableName, Item: item, ...conditionOf(condition, item) }));
  } catch (error) {
    if (isConditionFailed(error)) return;
    throw storeError(error, `Writing ${table} ${JSON.stringify(keyOf(table, item))}`);
  }
};

/** Deletes the item where the condition lets it; nothing is changed otherwise. */
export const deleteItem = async (access: Access, table: Rebuildable, item: Item, condition: string): Promise<void> => {
  try {
    const target = { TableName: tableName(access, table), Key: keyOf(table, item) };
    await access.client.send(new DeleteCommand({ ...target, ...conditionOf(condition, item) }));
  } catch (error) {
    if (isConditionFailed(error)) return;
    throw storeError(error, `Deleting ${table} ${JSON.stringify(keyOf(table, item))}`);
  }
};

/**
 * One conditional update of a view. `undefined`: the condition failed. Otherwise the item as it was before, empty if
 * there was none. `#name` stands for attribute `name`; of `values`, those that the form mentions are sent.
 */
export const updateView = async (
  access: Access,
  instanceId: string,
  form: { condition: string; update: string },
  values: Item,
): Promise<RawItem | undefined> => {
  const text = `${form.condition} ${form.update}`;
  const names = [...new Set(text.match(/#\w+/g))].map((name) => [name, name.slice(1)]);
  const used = [...new Set(text.match(/:\w+/g))].map((name) => [name, values[name.slice(1)]]);
  const command = new UpdateCommand({
    TableName: tableName(access, 'views'),
    Key: { instanceId },
    ConditionExpression: form.condition,
    UpdateExpression: form.update,
    ExpressionAttributeNames: Object.fromEntries(names),
    ExpressionAttributeValues: Object.fromEntries(used),
    ReturnValues: 'ALL_OLD',
  });
  try {
    return (await access.client.send(command)).Attributes ?? {};
  } catch (error) {
    if (error instanceof Error && error.name === 'ConditionalCheckFailedException') return undefined;
    throw storeError(error, `Updating the view of ${instanceId}`);
  }
};
