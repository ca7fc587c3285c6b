/** Operations as commands of the AWS SDK, and its answers as ours. */
import {
  BatchGetCommand,
  DeleteCommand,
  type DynamoDBDocumentClient,
  ExecuteStatementCommand,
  ExecuteTransactionCommand,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { isOwn, isThere, noRow, statementOf, transactItemOf } from './companions.ts';
import { free, inserting, queries } from './conditions.ts';
import {
  type AnswerOf,
  type BatchGet,
  type Commit,
  type Committed,
  type Delete,
  type Get,
  type Insert,
  type Item,
  keyOf,
  keysOf,
  type Operation,
  type PutIf,
  type QueryPage,
  type RawItem,
  type StoreClient,
  type Table,
  tables,
  type Update,
} from './tableOperations.ts';

/** The attributes and values that a text mentions. */
const mentionedIn = (table: Table, text: string, values: Item) => {
  const names = [...new Set(text.match(/#\w+/g) ?? [])].map((name) => [
    name,
    name === '#pk' ? keysOf(table)[0] : name.slice(1),
  ]);
  const used = [...new Set(text.match(/:\w+/g) ?? [])].map((name) => [name, values[name.slice(1)]]);
  return {
    ExpressionAttributeNames: Object.fromEntries(names),
    ...(used.length === 0 ? {} : { ExpressionAttributeValues: Object.fromEntries(used) }),
  };
};

/** The item that stood in the way, if the error brought it along: plain, or still marshalled, by SDK version. */
const standingIn = (error: Error): RawItem | undefined => {
  const item = 'Item' in error ? error.Item : undefined;
  if (typeof item !== 'object' || item === null) return undefined;
  return Object.fromEntries(
    Object.entries(item).map(([name, value]) => {
      if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return [name, value];
      if ('N' in value) return [name, Number(value.N)];
      if ('NULL' in value) return [name, null];
      return [name, 'S' in value ? value.S : 'B' in value ? value.B : value];
    }),
  );
};

/** What comes of a write, or what its refusal says. An INSERT is refused by an error of its own name. */
const orRefused = async <T>(written: Promise<T>): Promise<T | { kind: 'refused'; standing: RawItem | undefined }> => {
  try {
    return await written;
  } catch (error) {
    const { name } = error as Error;
    if (name === 'ConditionalCheckFailedException' || name === 'DuplicateItemException')
      return { kind: 'refused', standing: standingIn(error as Error) };
    throw error;
  }
};

type Reason = { Code?: string; Message?: string; Item?: unknown };
const taken = ['ConditionalCheckFailed', 'DuplicateItem'];
/** Of a write that cannot be, whoever else is at work. */
const hopelessReasons = [...taken, 'ValidationError', 'ItemCollectionSizeLimitExceeded'];

/**
 * What a cancelled transaction says. A slot that is taken comes first: then nothing is known of the others that matters. What is left
 * is a conflict with others, or too much at once: nothing was written, and it may be sent again.
 */
const cancelledBy = (error: Error, kinds: readonly string[]): Committed => {
  const reasons: Reason[] = 'CancellationReasons' in error ? ((error.CancellationReasons ?? []) as Reason[]) : [];
  const [own, ...others] = reasons;
  if (taken.includes(own?.Code ?? '')) {
    const standing = standingIn(Object.assign(new Error(), { Item: own?.Item }));
    return { kind: 'refused', standing };
  }
  const at = others.findIndex(({ Code = '' }) => hopelessReasons.includes(Code));
  if (at === -1) throw error;
  const { Code = '', Message = '' } = others[at] ?? {};
  // An emulator says so of an INSERT.
  const isTaken = taken.includes(Code) || /duplicate primary key/i.test(Message);
  const plain = kinds[at] === 'insert' ? isThere : noRow;
  return { kind: 'companion', at, why: isTaken ? plain : `${Code}: ${Message}` };
};

/** What `client` knows as tables `<tablesPrefix>-journal` and so on. */
export const createCommands = (client: DynamoDBDocumentClient, tablesPrefix: string): StoreClient => {
  const nameOf = (table: Table): string => `${tablesPrefix}-${table}`;

  const get = async ({ table, key }: Get) =>
    (await client.send(new GetCommand({ TableName: nameOf(table), Key: key, ConsistentRead: true }))).Item;

  const batchGet = async ({ table, keys: Keys, consistent }: BatchGet) => {
    const name = nameOf(table);
    const asked = { Keys, ...(consistent ? { ConsistentRead: true } : {}) };
    const answer = await client.send(new BatchGetCommand({ RequestItems: { [name]: asked } }));
    return { items: answer.Responses?.[name] ?? [], left: answer.UnprocessedKeys?.[name]?.Keys ?? [] };
  };

  const query = async ({ table, query: { index, partition, after, before, descending, limit }, from }: QueryPage) => {
    const [pk, sk] = keysOf(table, index);
    const bound = after ?? before;
    const condition = after !== undefined ? queries.after : before !== undefined ? queries.before : queries.all;
    const page = await client.send(
      new QueryCommand({
        TableName: nameOf(table),
        ...(index === undefined ? { ConsistentRead: true } : { IndexName: index }),
        KeyConditionExpression: condition,
        ExpressionAttributeNames: { '#pk': pk, ...(bound === undefined ? {} : { '#sk': sk ?? '' }) },
        ExpressionAttributeValues: { ':pk': partition, ...(bound === undefined ? {} : { ':sk': bound }) },
        ScanIndexForward: descending !== true,
        ...(limit === undefined ? {} : { Limit: limit }),
        ...(from === undefined ? {} : { ExclusiveStartKey: from }),
      }),
    );
    return { items: page.Items ?? [], from: page.LastEvaluatedKey };
  };

  const putIf = async ({ table, item, condition }: PutIf) => {
    await client.send(
      new PutCommand({
        TableName: nameOf(table),
        Item: item,
        ConditionExpression: condition,
        ...mentionedIn(table, condition, item),
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      }),
    );
    return { kind: 'done' } as const;
  };

  const insert = async ({ table, item }: Insert) => {
    const Statement = inserting(nameOf(table), Object.keys(item));
    await client.send(new ExecuteStatementCommand({ Statement, Parameters: Object.values(item) }));
    return { kind: 'done' } as const;
  };

  const ownNames = tables.map(nameOf);

  const commit = async ({ table, item, by, writes, token: ClientRequestToken }: Commit): Promise<Committed> => {
    const at = writes.findIndex((write) => ownNames.includes(write.table));
    if (at !== -1) return { kind: 'companion', at, why: isOwn };
    const TableName = nameOf(table);
    const kinds = writes.map(({ kind }) => kind);
    try {
      if (by === 'insert') {
        const own = { Statement: inserting(TableName, Object.keys(item)), Parameters: Object.values(item) };
        const TransactStatements = [own, ...writes.map(statementOf)];
        await client.send(new ExecuteTransactionCommand({ TransactStatements, ClientRequestToken }));
      } else {
        const ConditionExpression = free;
        const named = mentionedIn(table, free, item);
        const returned = { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } as const;
        const own = { Put: { TableName, Item: item, ConditionExpression, ...named, ...returned } };
        const TransactItems = [own, ...writes.map(transactItemOf)];
        await client.send(new TransactWriteCommand({ TransactItems, ClientRequestToken }));
      }
      return { kind: 'done' };
    } catch (error) {
      if (error instanceof Error && error.name === 'TransactionCanceledException') return cancelledBy(error, kinds);
      throw error;
    }
  };

  const update = async ({ table, key, condition, update: UpdateExpression, values }: Update) => {
    const { Attributes } = await client.send(
      new UpdateCommand({
        TableName: nameOf(table),
        Key: key,
        ConditionExpression: condition,
        UpdateExpression,
        ...mentionedIn(table, `${condition} ${UpdateExpression}`, values),
        ReturnValues: 'ALL_OLD',
      }),
    );
    return { kind: 'done', before: Attributes ?? {} } as const;
  };

  const remove = async ({ table, item, condition }: Delete) => {
    await client.send(
      new DeleteCommand({
        TableName: nameOf(table),
        Key: keyOf(table, item),
        ConditionExpression: condition,
        ...mentionedIn(table, condition, item),
      }),
    );
    return { kind: 'done' } as const;
  };

  const carryOut = (operation: Operation): Promise<AnswerOf<Operation>> => {
    switch (operation.kind) {
      case 'get':
        return get(operation);
      case 'batchGet':
        return batchGet(operation);
      case 'query':
        return query(operation);
      case 'putIf':
        return orRefused(putIf(operation));
      case 'insert':
        return orRefused(insert(operation));
      case 'commit':
        return commit(operation);
      case 'update':
        return orRefused(update(operation));
      case 'delete':
        return orRefused(remove(operation));
    }
  };
  return { send: <O extends Operation>(operation: O) => carryOut(operation) as Promise<AnswerOf<O>> };
};
