/**
 * A table service in memory: the answers DynamoDB gives to the commands that `src/store` sends, with its condition and
 * update expressions interpreted, so that the shipped store runs above it unchanged. Items are flat, so a copy is one
 * level deep.
 */
import type { StoreClient } from '../../src/store/access.ts';
import { type Names, predicateOf, type Row, updateOf, type Values } from './expressions.ts';

export type { Row } from './expressions.ts';
export type Command = { constructor: { name: string }; input: Record<string, unknown> };

const keysOf: Record<string, [string, string?]> = {
  journal: ['instanceId', 'seq'],
  runbooks: ['runbookId', 'version'],
  claims: ['claimId', 'revision'],
  views: ['instanceId'],
};

export class ConditionalCheckFailedException extends Error {
  readonly Item: Row | undefined;
  constructor(item: Row | undefined) {
    super('The conditional request failed');
    this.name = 'ConditionalCheckFailedException';
    this.Item = item;
  }
}

/** Rows by sort key; tables without one keep their only row under `null`. */
type Partition = Map<unknown, Row>;
type Content = Map<string, Map<unknown, Partition>>;

const copyOf = (content: Content): Content =>
  new Map([...content].map(([name, table]) => [name, new Map([...table].map(([pk, rows]) => [pk, new Map(rows)]))]));

export type Tables = {
  /** Carries a command out at once. */
  execute(command: Command): Row;
  rows(table: string): Row[];
  row(table: string, partition: string, sort?: number): Row | undefined;
  partition(table: string, partition: string): Row[];
  remove(table: string, partition: string): void;
  /** What a restore from backup brings back: everything, as it stood. */
  backup(): () => void;
  /** Requests so far, by kind and table. */
  requests: Map<string, number>;
};

/** `pawl-journal` is the table `journal` under the prefix `pawl`. */
const plainNames = new Map<string, string>();
const plainName = (tableName: string): string => {
  let name = plainNames.get(tableName);
  if (name === undefined) {
    name = tableName.slice(tableName.lastIndexOf('-') + 1);
    plainNames.set(tableName, name);
  }
  return name;
};

export const createTables = (): Tables => {
  let content: Content = new Map();
  const requests = new Map<string, number>();
  const partitionOf = (name: string, pk: unknown): Partition => {
    let table = content.get(name);
    if (table === undefined) {
      table = new Map();
      content.set(name, table);
    }
    let partition = table.get(pk);
    if (partition === undefined) {
      partition = new Map();
      table.set(pk, partition);
    }
    return partition;
  };

  const put = (name: string, input: Row, names: Names, values: Values): Row => {
    const [pk, sk] = keysOf[name] as [string, string?];
    const item = input.Item as Row;
    const rows = partitionOf(name, item[pk]);
    const sort = sk === undefined ? null : item[sk];
    const standing = rows.get(sort);
    const condition = input.ConditionExpression as string | undefined;
    if (condition !== undefined && !predicateOf(condition)(standing, names, values)) {
      throw new ConditionalCheckFailedException(standing === undefined ? undefined : { ...standing });
    }
    rows.set(sort, { ...item });
    return {};
  };

  const update = (name: string, input: Row, names: Names, values: Values): Row => {
    const [pk, sk] = keysOf[name] as [string, string?];
    const key = input.Key as Row;
    const rows = partitionOf(name, key[pk]);
    const sort = sk === undefined ? null : key[sk];
    const before = rows.get(sort);
    if (!predicateOf(input.ConditionExpression as string)(before, names, values)) {
      throw new ConditionalCheckFailedException(undefined);
    }
    rows.set(sort, updateOf(input.UpdateExpression as string)({ ...before, ...key }, names, values));
    return before === undefined ? {} : { Attributes: { ...before } };
  };

  const query = (name: string, input: Row, names: Names, values: Values): Row => {
    const [, sk = ''] = keysOf[name] as [string, string?];
    const holds = predicateOf(input.KeyConditionExpression as string);
    const found: Row[] = [];
    for (const row of partitionOf(name, values[':pk']).values()) if (holds(row, names, values)) found.push(row);
    const sign = input.ScanIndexForward === false ? -1 : 1;
    found.sort((a, b) => sign * ((a[sk] as number) - (b[sk] as number)));
    const from = (input.ExclusiveStartKey as Row | undefined)?.[sk] as number | undefined;
    const rest = from === undefined ? found : found.filter((row) => sign * ((row[sk] as number) - from) > 0);
    const limit = (input.Limit as number | undefined) ?? rest.length;
    return { Items: rest.slice(0, limit).map((row) => ({ ...row })) };
  };

  const execute = (command: Command): Row => {
    const { input } = command;
    const name = plainName(input.TableName as string);
    const what = `${command.constructor.name} ${name}`;
    requests.set(what, (requests.get(what) ?? 0) + 1);
    const names = (input.ExpressionAttributeNames ?? {}) as Names;
    const values = (input.ExpressionAttributeValues ?? {}) as Values;
    switch (command.constructor.name) {
      case 'PutCommand':
        return put(name, input, names, values);
      case 'GetCommand': {
        const [pk, sk] = keysOf[name] as [string, string?];
        const key = input.Key as Row;
        const row = partitionOf(name, key[pk]).get(sk === undefined ? null : key[sk]);
        return row === undefined ? {} : { Item: { ...row } };
      }
      case 'UpdateCommand':
        return update(name, input, names, values);
      case 'QueryCommand':
        return input.IndexName === undefined ? query(name, input, names, values) : { Items: [] };
      default:
        throw new Error(`the simulated table service does not know ${command.constructor.name}`);
    }
  };
  return {
    execute,
    rows: (name) => [...(content.get(name)?.values() ?? [])].flatMap((rows) => [...rows.values()]),
    row: (name, partition, sort) =>
      content
        .get(name)
        ?.get(partition)
        ?.get(sort ?? null),
    partition: (name, partition) => [...(content.get(name)?.get(partition)?.values() ?? [])],
    remove: (name, partition) => void content.get(name)?.delete(partition),
    backup: () => {
      const kept = copyOf(content);
      return () => {
        content = copyOf(kept);
      };
    },
    requests,
  };
};

/** A client that answers at once and never fails. */
export const clientOf = (tables: Tables): StoreClient =>
  ({ send: async (command: Command) => tables.execute(command) }) as unknown as StoreClient;
