/**
 * What the store asks of its tables: eight operations, as data. DynamoDB carries them out as commands of its SDK
 * (`commands.ts`), SQLite and the tables in memory by one interpreter (`carryOut.ts`). Conditions and updates are the
 * strings of `conditions.ts`, whoever carries them out.
 */

import type { CommitWrite } from '../engine/index.ts';

/** Items are flat and hold nothing else, so marshalling one cannot fail. */
export type Item = Record<string, string | number | Uint8Array | null>;
/** What comes back is anything until a schema has read it. */
export type RawItem = Record<string, unknown>;

type Key = readonly [partition: string, sort?: string];
/** Key attributes of the tables in infra/tables.yml. */
const keys = {
  journal: ['instanceId', 'seq'],
  runbooks: ['runbookId', 'version'],
  claims: ['claimId', 'revision'],
  views: ['instanceId'],
  subscriptions: ['claimId', 'waiter'],
} as const satisfies Record<string, Key>;
export type Table = keyof typeof keys;
export const tables = Object.keys(keys) as Table[];

/** Those of their indexes, which are sparse and hold keys only. `names` lists each chain of a table once. */
export const indexes: Record<Table, Partial<Record<Index, readonly [string, string]>>> = {
  journal: { names: ['listed', 'instanceId'] },
  runbooks: { names: ['listed', 'runbookId'] },
  claims: { names: ['listed', 'claimId'] },
  views: {
    due: ['dueShard', 'dueAtMs'],
    byStatus: ['statusShard', 'newest'],
    byRunbook: ['runbookShard', 'newest'],
  },
  subscriptions: {},
};
export type Index = 'due' | 'byStatus' | 'byRunbook' | 'names';

/** Tables that can be made again: only their items are overwritten or deleted. Views are updated. */
export type Rebuildable = 'subscriptions';
export type AppendOnly = Exclude<Table, Rebuildable | 'views'>;

/** Partition and sort key of a table, or of an index of it. */
export const keysOf = (table: Table, index?: Index): Key => {
  const found: Key | undefined = index === undefined ? keys[table] : indexes[table][index];
  if (found === undefined) throw new Error(`there is no index ${index} of ${table}`);
  return found;
};

export const keyOf = (table: Table, item: RawItem): RawItem =>
  Object.fromEntries(keys[table].map((name) => [name, item[name]]));

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

export type Get = { kind: 'get'; table: Table; key: RawItem };
/** `consistent: false`: a read may lag behind. */
export type BatchGet = { kind: 'batchGet'; table: Table; keys: RawItem[]; consistent: boolean };
/** `from`: where an earlier page ended. */
export type QueryPage = { kind: 'query'; table: Table; query: Query; from?: RawItem };
/** `#name` in a condition stands for attribute `name`, `#pk` for the partition key, `:name` for attribute `name` of the item. */
export type PutIf = { kind: 'putIf'; table: AppendOnly | Rebuildable; item: Item; condition: string };
/** By a right of its own, which no condition guards: something that stands there refuses it. DynamoDB alone knows it. */
export type Insert = { kind: 'insert'; table: AppendOnly; item: Item };
/**
 * An append with writes to tables of others: all or nothing. `by`: how it appends. `token`: two with the same one are one, for as long as
 * the service remembers.
 */
export type Commit = {
  kind: 'commit';
  table: AppendOnly;
  item: Item;
  by: 'put' | 'insert';
  writes: readonly CommitWrite[];
  token: string;
};
/** `:name` stands for `values.name`. */
export type Update = {
  kind: 'update';
  table: 'views';
  key: RawItem;
  condition: string;
  update: string;
  values: Item;
};
export type Delete = { kind: 'delete'; table: Rebuildable; item: Item; condition: string };
export type Operation = Get | BatchGet | QueryPage | PutIf | Insert | Commit | Update | Delete;

/** What the service gives in one answer, and where to go on; `from` undefined means the end. */
export type Page = { items: RawItem[]; from: RawItem | undefined };
/** `left`: keys that the service did not look at this time. */
export type Batch = { items: RawItem[]; left: RawItem[] };
/** `refused`: by its condition, and nothing was changed; `standing`: what stood in the way, where the service says so. */
export type Written = { kind: 'done' } | { kind: 'refused'; standing: RawItem | undefined };
/** `companion`: one of the writes was not taken, and nothing was changed. */
export type Committed = Written | { kind: 'companion'; at: number; why: string };
/** `before`: the item as it was, empty if there was none. */
export type Updated = { kind: 'done'; before: RawItem } | { kind: 'refused' };

type Answers = {
  get: RawItem | undefined;
  batchGet: Batch;
  query: Page;
  putIf: Written;
  insert: Written;
  commit: Committed;
  update: Updated;
  delete: Written;
};
export type AnswerOf<O extends Operation> = Answers[O['kind']];

/**
 * All that the store asks of whoever holds its tables. It rejects when there is no usable answer; `failures.ts` says what
 * its errors mean.
 */
export type StoreClient = { send<O extends Operation>(operation: O): Promise<AnswerOf<O>> };
