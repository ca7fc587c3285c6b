/** Rows in SQLite: a table for each of Pawl's, an index for each of theirs; what is no key stands in `item`, as JSON. */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { CommitWrite } from '../engine/index.ts';
import type { Rows } from './carryOut.ts';
import { CompanionRefused, findOf, isOwn, isThere, noRow, sqlOf } from './companions.ts';
import { type Index, indexes, keyOf, keysOf, type Query, type RawItem, type Table, tables } from './tableOperations.ts';

const isAppendOnly = (table: Table): boolean => table !== 'views' && table !== 'subscriptions';
const numeric = new Set(['seq', 'version', 'revision', 'dueAtMs']);
const indexesOf = (table: Table) => Object.entries(indexes[table]) as [Index, readonly [string, string]][];

/** Attributes that have a column of their own: keys of the table and of its indexes. */
const columnsOf = (table: Table): string[] => [
  ...new Set([
    ...keysOf(table).filter((name) => name !== undefined),
    ...indexesOf(table).flatMap(([, names]) => names),
  ]),
];

/**
 * Bytes of an item stand beside its JSON, in a column of their name. What is append-only is so in the file itself: nobody
 * who merely opens it alters it by mistake.
 */
export const schema = (): string =>
  tables
    .flatMap((table) => {
      const key = keysOf(table).filter((name) => name !== undefined);
      const columns = columnsOf(table).map(
        (name) => `${name} ${numeric.has(name) ? 'NUMERIC' : 'TEXT'}${key.includes(name) ? ' NOT NULL' : ''}`,
      );
      return [
        `CREATE TABLE ${table} (${columns.join(', ')}, item TEXT NOT NULL, data BLOB, PRIMARY KEY (${key.join(', ')}));`,
        ...indexesOf(table).map(([name, [pk, sk]]) => {
          const on = [...new Set([pk, sk, ...key])];
          return `CREATE INDEX ${table}_${name} ON ${table} (${on.join(', ')}) WHERE ${pk} IS NOT NULL AND ${sk} IS NOT NULL;`;
        }),
        ...(isAppendOnly(table) ? ['UPDATE', 'DELETE'] : []).map(
          (verb) =>
            `CREATE TRIGGER ${table}_no_${verb.toLowerCase()} BEFORE ${verb} ON ${table} BEGIN SELECT RAISE(ABORT, 'append-only'); END;`,
        ),
      ];
    })
    .join('\n');

/** Nobody is kept waiting for a longer page: an event loop that waits cannot stop a body. */
const pageRowsMax = 500;
const pageBytesMax = 1024 * 1024;

const boundTo = (value: unknown): SQLInputValue => (value === undefined ? null : (value as SQLInputValue));

type Stored = { item: string; data: Uint8Array | null };
const readStored = ({ item, data }: Stored): RawItem => {
  const read = JSON.parse(item) as RawItem;
  return data === null ? read : { ...read, data };
};

/** Names are the same here however they are written. */
const isOwnTable = (name: string): boolean =>
  [...tables, 'time'].some((own) => own === name.toLowerCase()) || /^sqlite_/i.test(name);

/** A constraint, a value of the wrong type, or no such table or column: what the write says, and not what became of the file. */
const ofTheWrite = [1, 19, 20];
const uniqueCodes = [1555, 2067, 2579];

export const createRows = (db: DatabaseSync): Rows => {
  const prepared = new Map<string, StatementSync>();
  const statement = (sql: string): StatementSync => {
    let found = prepared.get(sql);
    if (found === undefined) {
      found = db.prepare(sql);
      prepared.set(sql, found);
    }
    return found;
  };
  const atKeys = (table: Table): string =>
    keysOf(table)
      .filter((name) => name !== undefined)
      .map((name) => `${name} = ?`)
      .join(' AND ');
  const given = (table: Table, partition: unknown, sort: unknown): SQLInputValue[] =>
    keysOf(table)[1] === undefined ? [boundTo(partition)] : [boundTo(partition), boundTo(sort)];

  const insert = (verb: string, table: Table, row: RawItem): void => {
    const columns = columnsOf(table);
    const { data, ...item } = row;
    const [beside, text] = data instanceof Uint8Array ? [data, item] : [null, row];
    const sql = `${verb} INTO ${table} (${columns.join(', ')}, item, data) VALUES (${columns.map(() => '?').join(', ')}, ?, ?)`;
    statement(sql).run(...columns.map((name) => boundTo(row[name])), JSON.stringify(text), beside);
  };

  const query = (table: Table, asked: Query, from: RawItem | undefined): ReturnType<Rows['query']> => {
    const { partition, after, before, descending, limit, index } = asked;
    const [pk, sk] = keysOf(table, index);
    const sorts = [
      ...new Set([sk, ...(index === undefined ? [] : keysOf(table))].filter((name) => name !== undefined)),
    ];
    const [way, beyond] = descending === true ? ['DESC', '<'] : ['ASC', '>'];
    const wanted = [`${pk} = ?`, ...(index === undefined ? [] : [`${sk} IS NOT NULL`])];
    const values = [boundTo(partition)];
    if (after !== undefined) {
      wanted.push(`${sk} > ?`);
      values.push(boundTo(after));
    }
    if (before !== undefined) {
      wanted.push(`${sk} < ?`);
      values.push(boundTo(before));
    }
    if (from !== undefined) {
      wanted.push(`(${sorts.join(', ')}) ${beyond} (${sorts.map(() => '?').join(', ')})`);
      values.push(...sorts.map((name) => boundTo(from[name])));
    }
    const seen = index === undefined ? 'item, data' : [...new Set([pk, ...sorts])].join(', ');
    const ordered = sorts.map((name) => `${name} ${way}`).join(', ');
    const sql = `SELECT ${seen} FROM ${table} WHERE ${wanted.join(' AND ')}${sorts.length === 0 ? '' : ` ORDER BY ${ordered}`} LIMIT ?`;
    const rowsMax = Math.min(limit ?? pageRowsMax, pageRowsMax);
    const items: RawItem[] = [];
    let bytes = 0;
    let isMore = false;
    for (const row of statement(sql).iterate(...values, rowsMax + 1)) {
      if (items.length === rowsMax || bytes >= pageBytesMax) {
        isMore = true;
        break;
      }
      if (index !== undefined) {
        items.push({ ...row });
        continue;
      }
      const stored = row as Stored;
      bytes += stored.item.length + (stored.data?.byteLength ?? 0);
      items.push(readStored(stored));
    }
    const last = items.at(-1);
    const place = (row: RawItem): RawItem => (index === undefined ? keyOf(table, row) : row);
    return { items, from: isMore && last !== undefined ? place(last) : undefined };
  };

  const accompany = (write: CommitWrite, at: number): void => {
    if (isOwnTable(write.table)) throw new CompanionRefused(at, isOwn);
    const { sql, values, finds } = sqlOf(write);
    let count: number | bigint;
    try {
      // A table of others may be another one next time: the statement is not kept.
      const prepared = db.prepare(sql);
      count = finds ? prepared.all(...values).length : prepared.run(...values).changes;
      // What is gone needs no deletion.
      if (write.kind === 'delete' && count === 0) {
        const found = findOf(write);
        if (db.prepare(found.sql).get(...found.values) === undefined) return;
      }
    } catch (error) {
      const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) : 0;
      if (!ofTheWrite.includes(code & 0xff)) throw error;
      throw new CompanionRefused(at, uniqueCodes.includes(code) ? isThere : (error as Error).message);
    }
    if (Number(count) !== 1) throw new CompanionRefused(at, count === 0 ? noRow : `its key names ${count} rows`);
  };

  return {
    accompany,
    get: (table, partition, sort) => {
      const sql = `SELECT item, data FROM ${table} WHERE ${atKeys(table)}`;
      const row = statement(sql).get(...given(table, partition, sort));
      return row === undefined ? undefined : readStored(row as Stored);
    },
    add: (table, item) => insert('INSERT', table, item),
    replace: (table, item) => insert('INSERT OR REPLACE', table, item),
    remove: (table, partition, sort) =>
      void statement(`DELETE FROM ${table} WHERE ${atKeys(table)}`).run(...given(table, partition, sort)),
    query,
  };
};
