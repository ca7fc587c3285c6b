/**
 * A table service in memory: the answers DynamoDB gives to the commands that `src/store` sends, with its condition and
 * update expressions interpreted, so that the shipped store runs above it unchanged. Items are flat, so a copy is one
 * level deep.
 */
import { free, leaving, type StoreClient, subscribing } from '../store/index.ts';
import { type Names, order, predicateOf, type Row, updateOf, type Values } from './expressions.ts';

export type { Row } from './expressions.ts';
export type Command = { constructor: { name: string }; input: Record<string, unknown> };

const keysOf: Record<string, [string, string?]> = {
  journal: ['instanceId', 'seq'],
  runbooks: ['runbookId', 'version'],
  claims: ['claimId', 'revision'],
  views: ['instanceId'],
  subscriptions: ['claimId', 'waiter'],
};
/** Their keys; all project keys only. */
const indexesOf: Record<string, Record<string, [string, string]>> = {
  journal: { names: ['listed', 'instanceId'] },
  runbooks: { names: ['listed', 'runbookId'] },
  claims: { names: ['listed', 'claimId'] },
  views: {
    due: ['dueShard', 'dueAtMs'],
    byStatus: ['statusShard', 'newest'],
    byRunbook: ['runbookShard', 'newest'],
  },
};
/** The writes that `src/store` may send to each table; every put to an append-only one is under the condition `free`. */
const writesOf: Record<string, readonly string[]> = {
  journal: ['PutCommand'],
  runbooks: ['PutCommand'],
  claims: ['PutCommand'],
  views: ['UpdateCommand'],
  subscriptions: ['PutCommand', 'DeleteCommand'],
};

/** A write that could alter what stands in an append-only table, or that no table takes. */
export class ForbiddenWrite extends Error {}

const pick = (row: Row, names: readonly (string | undefined)[]): Row =>
  Object.fromEntries(names.filter((name) => name !== undefined).map((name) => [name, row[name]]));

/** The key of a row, as a query says where to go on after it. */
export const keyOf = (tableName: string, row: Row, indexName?: string): Row => {
  const name = plainName(tableName);
  return pick(row, [...(keysOf[name] ?? []), ...(indexesOf[name]?.[indexName ?? ''] ?? [])]);
};

const checkWrite = (name: string, kind: string, input: Row): void => {
  const under = input.ConditionExpression;
  const fits =
    name === 'views' || under === (name !== 'subscriptions' ? free : kind === 'PutCommand' ? subscribing : leaving);
  if (writesOf[name]?.includes(kind) && fits) return;
  throw new ForbiddenWrite(`${kind} to ${name} under the condition ${input.ConditionExpression}`);
};

/** As dynalite answers: the store says what to do about it. */
const knowsNoInsert = (): Error =>
  Object.assign(new Error('The simulated table service knows no INSERT.'), { name: 'UnknownOperationException' });

class ConditionalCheckFailedException extends Error {
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
  /** Takes rows away, as an accident does, past every condition. */
  lose(name: string, isLost?: (row: Row) => boolean): void;
  /** What another writer put there, past every condition. */
  tamper: (name: string, row: Row) => void;
  /** What a restore from backup brings back: everything, as it stood. */
  backup(): () => void;
  /** Tables of their own with the same content: what a process finds after the one that wrote here is gone. */
  fork(): Tables;
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

export const createTables = (begin: Content = new Map()): Tables => {
  let content = begin;
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

  const rowsOf = (name: string): Row[] =>
    [...(content.get(name)?.values() ?? [])].flatMap((rows) => [...rows.values()]);

  const put = (name: string, input: Row, names: Names, values: Values): Row => {
    const [pk, sk] = keysOf[name] as [string, string?];
    const item = input.Item as Row;
    const rows = partitionOf(name, item[pk]);
    const sort = sk === undefined ? null : item[sk];
    const standing = rows.get(sort);
    if (!predicateOf(input.ConditionExpression as string)(standing, names, values)) {
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

  const remove = (name: string, input: Row, names: Names, values: Values): Row => {
    const [pk, sk] = keysOf[name] as [string, string?];
    const key = input.Key as Row;
    const rows = partitionOf(name, key[pk]);
    const sort = sk === undefined ? null : key[sk];
    if (!predicateOf(input.ConditionExpression as string)(rows.get(sort), names, values)) {
      throw new ConditionalCheckFailedException(undefined);
    }
    rows.delete(sort);
    return {};
  };

  /** Rows of a partition of the table, or of an index: sparse, in order of its sort key and then of the table's own. */
  const query = (name: string, input: Row, names: Names, values: Values): Row => {
    const indexName = input.IndexName as string | undefined;
    const index = indexName === undefined ? undefined : indexesOf[name]?.[indexName];
    if (indexName !== undefined && index === undefined) throw new Error(`there is no index ${indexName} of ${name}`);
    const base = keysOf[name] as [string, string?];
    const sorts = (index === undefined ? [base[1]] : [index[1], ...base]).filter((sort) => sort !== undefined);
    const sign = input.ScanIndexForward === false ? -1 : 1;
    const inOrder = (a: Row, b: Row): number => {
      for (const sort of sorts) {
        const way = order(a[sort], b[sort]);
        if (way !== 0) return sign * way;
      }
      return 0;
    };
    const holds = predicateOf(input.KeyConditionExpression as string);
    const from = input.ExclusiveStartKey as Row | undefined;
    const found: Row[] = [];
    for (const row of index === undefined ? partitionOf(name, values[':pk']).values() : rowsOf(name)) {
      if (index !== undefined && row[index[1]] === undefined) continue;
      if (holds(row, names, values) && (from === undefined || inOrder(row, from) > 0)) found.push(row);
    }
    found.sort(inOrder);
    const limit = (input.Limit as number | undefined) ?? found.length;
    const page = found.slice(0, limit);
    const last = page.at(-1);
    const seen = (row: Row): Row => (index !== undefined ? keyOf(name, row, indexName) : { ...row });
    const more = found.length > limit && last !== undefined;
    return { Items: page.map(seen), ...(more ? { LastEvaluatedKey: keyOf(name, last, indexName) } : {}) };
  };

  const batchGet = ({ RequestItems }: Row): Row => {
    const asked = Object.entries(RequestItems as Record<string, { Keys: Row[] }>);
    const Responses = asked.map(([table, { Keys }]) => {
      const name = plainName(table);
      requests.set(`BatchGetCommand ${name}`, (requests.get(`BatchGetCommand ${name}`) ?? 0) + 1);
      const [pk, sk] = keysOf[name] as [string, string?];
      const found = Keys.map((key) => partitionOf(name, key[pk]).get(sk === undefined ? null : key[sk]));
      return [table, found.flatMap((row) => (row === undefined ? [] : [{ ...row }]))];
    });
    return { Responses: Object.fromEntries(Responses) };
  };

  const execute = (command: Command): Row => {
    const { input } = command;
    if (command.constructor.name === 'BatchGetCommand') return batchGet(input);
    if (command.constructor.name === 'ExecuteStatementCommand') throw knowsNoInsert();
    const name = plainName(input.TableName as string);
    const what = `${command.constructor.name} ${name}`;
    requests.set(what, (requests.get(what) ?? 0) + 1);
    const names = (input.ExpressionAttributeNames ?? {}) as Names;
    const values = (input.ExpressionAttributeValues ?? {}) as Values;
    switch (command.constructor.name) {
      case 'PutCommand':
        checkWrite(name, 'PutCommand', input);
        return put(name, input, names, values);
      case 'DeleteCommand':
        checkWrite(name, 'DeleteCommand', input);
        return remove(name, input, names, values);
      case 'GetCommand': {
        const [pk, sk] = keysOf[name] as [string, string?];
        const key = input.Key as Row;
        const row = partitionOf(name, key[pk]).get(sk === undefined ? null : key[sk]);
        return row === undefined ? {} : { Item: { ...row } };
      }
      case 'UpdateCommand':
        checkWrite(name, 'UpdateCommand', input);
        return update(name, input, names, values);
      case 'QueryCommand':
        return query(name, input, names, values);
      default:
        throw new Error(`the simulated table service does not know ${command.constructor.name}`);
    }
  };
  return {
    execute,
    rows: rowsOf,
    row: (name, partition, sort) =>
      content
        .get(name)
        ?.get(partition)
        ?.get(sort ?? null),
    partition: (name, partition) => [...(content.get(name)?.get(partition)?.values() ?? [])],
    lose: (name, isLost = () => true) => {
      for (const rows of content.get(name)?.values() ?? [])
        for (const [sort, row] of rows) if (isLost(row)) rows.delete(sort);
    },
    tamper: (name, row) => {
      const [pk, sk] = keysOf[name] as [string, string?];
      partitionOf(name, row[pk]).set(sk === undefined ? null : row[sk], { ...row });
    },
    backup: () => {
      const kept = copyOf(content);
      return () => {
        content = copyOf(kept);
      };
    },
    fork: () => createTables(copyOf(content)),
    requests,
  };
};

/** A client that answers at once and never fails. */
export const clientOf = (tables: Tables): StoreClient =>
  ({ send: async (command: Command) => tables.execute(command) }) as unknown as StoreClient;
