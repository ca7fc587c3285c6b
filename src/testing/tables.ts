/**
 * A table service in memory: what `src/store` asks of SQLite, carried out by the same code on rows that are kept in maps.
 * (Rows in `:memory:` are slower, and cannot be copied at once: `fork`.) Items are flat and never altered, so a copy is one
 * level deep.
 */
import {
  type AnswerOf,
  createCarryOut,
  indexes,
  keyOf,
  keysOf,
  type Operation,
  order,
  type RawItem,
  type Rows,
  type StoreClient,
  type Table,
} from '../store/index.ts';

export type Row = RawItem;

/** The key of a row, as a query says where to go on after it. */
export const placeOf = (table: Table, row: Row, index?: keyof (typeof indexes)[Table]): Row => {
  const names = index === undefined ? [] : (indexes[table][index] ?? []);
  return { ...keyOf(table, row), ...Object.fromEntries(names.map((name) => [name, row[name]])) };
};

/** Rows by sort key; tables without one keep their only row under `null`. */
type Partition = Map<unknown, Row>;
type Content = Map<string, Map<unknown, Partition>>;

const copyOf = (content: Content): Content =>
  new Map([...content].map(([name, table]) => [name, new Map([...table].map(([pk, rows]) => [pk, new Map(rows)]))]));

export type Tables = {
  /** Carries an operation out at once. */
  execute<O extends Operation>(operation: O): AnswerOf<O>;
  rows(table: string): Row[];
  row(table: string, partition: string, sort?: number): Row | undefined;
  partition(table: string, partition: string): Row[];
  /** Takes rows away, as an accident does, past every condition. */
  lose(name: string, isLost?: (row: Row) => boolean): void;
  /** What another writer put there, past every condition. */
  tamper: (table: Table, row: Row) => void;
  /** What a restore from backup brings back: everything, as it stood. */
  backup(): () => void;
  /** Tables of their own with the same content: what a process finds after the one that wrote here is gone. */
  fork(): Tables;
  /** Requests so far, by kind and table. */
  requests: Map<string, number>;
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

  const put = (table: Table, item: Row): void => {
    const [pk, sk] = keysOf(table);
    partitionOf(table, item[pk]).set(sk === undefined ? null : item[sk], { ...item });
  };

  /** Rows of a partition of the table, or of an index: sparse, in order of its sort key and then of the table's own. */
  const query: Rows['query'] = (table, { partition, after, before, descending, limit, index }, from) => {
    const [pk, sk] = keysOf(table, index);
    const base = keysOf(table);
    const sorts = (index === undefined ? [sk] : [sk, ...base]).filter((sort) => sort !== undefined);
    const sign = descending === true ? -1 : 1;
    const inOrder = (a: Row, b: Row): number => {
      for (const sort of sorts) {
        const way = order(a[sort], b[sort]);
        if (way !== 0) return sign * way;
      }
      return 0;
    };
    const isAsked = (row: Row): boolean => {
      const sort = sk === undefined ? undefined : row[sk];
      if (index !== undefined && (row[pk] !== partition || sort === undefined)) return false;
      if (after !== undefined && order(sort, after) <= 0) return false;
      if (before !== undefined && order(sort, before) >= 0) return false;
      return from === undefined || inOrder(row, from) > 0;
    };
    const found: Row[] = [];
    for (const row of index === undefined ? partitionOf(table, partition).values() : rowsOf(table))
      if (isAsked(row)) found.push(row);
    found.sort(inOrder);
    const page = found.slice(0, limit ?? found.length);
    const last = page.at(-1);
    const seen = (row: Row): Row => (index === undefined ? { ...row } : placeOf(table, row, index));
    const more = found.length > page.length && last !== undefined;
    return { items: page.map(seen), from: more ? placeOf(table, last, index) : undefined };
  };

  const carryOut = createCarryOut({
    get: (table, partition, sort) => {
      const row = partitionOf(table, partition).get(sort);
      return row && { ...row };
    },
    add: put,
    replace: put,
    remove: (table, partition, sort) => void partitionOf(table, partition).delete(sort),
    query,
  });

  return {
    execute: (operation) => {
      const what = `${operation.kind} ${operation.table}`;
      requests.set(what, (requests.get(what) ?? 0) + 1);
      return carryOut(operation);
    },
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
    tamper: put,
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
export const clientOf = (tables: Tables): StoreClient => ({ send: async (operation) => tables.execute(operation) });
