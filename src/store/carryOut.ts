/**
 * Carries an operation out on tables that are not DynamoDB's: rows in SQLite, or in memory. Conditions and updates are
 * interpreted here and nowhere else. What must not be is refused here too: whatever could alter an append-only table, and
 * every write that the store does not send.
 */
import type { CommitWrite } from '../engine/index.ts';
import { CompanionRefused } from './companions.ts';
import { free, leaving, subscribing } from './conditions.ts';
import { predicateOf, updateOf } from './expressions.ts';
import {
  type AnswerOf,
  type Commit,
  type Committed,
  type Delete,
  keysOf,
  type Operation,
  type Page,
  type PutIf,
  type Query,
  type RawItem,
  type Table,
  type Update,
  type Updated,
  type Written,
} from './tableOperations.ts';

/** Where rows stand. Items are given away and taken as they are: neither side alters one afterwards. */
export type Rows = {
  get(table: Table, partition: unknown, sort: unknown): RawItem | undefined;
  /** Where nothing stands at its keys. */
  add(table: Table, item: RawItem): void;
  /** In the place of what stands at its keys. */
  replace(table: Table, item: RawItem): void;
  remove(table: Table, partition: unknown, sort: unknown): void;
  /** In order of the sort key, then of the table's own keys; of an index its keys and the table's, and nothing else. */
  query(table: Table, query: Query, from: RawItem | undefined): Page;
  /** A write to a table of others. @throws CompanionRefused, on which the whole is undone */
  accompany?(write: CommitWrite, at: number): void;
};

/** A write that could alter what stands in an append-only table, or that no table takes. */
export class ForbiddenWrite extends Error {}

/** The writes that are sent to each table; every put to an append-only one is under the condition `free`. */
const conditionsOf: Record<Table, Partial<Record<Operation['kind'], string>>> = {
  journal: { putIf: free },
  runbooks: { putIf: free },
  claims: { putIf: free },
  views: {},
  subscriptions: { putIf: subscribing, delete: leaving },
};

const assertAllowed = ({ kind, table, condition }: PutIf | Update | Delete): void => {
  const fits = table === 'views' ? kind === 'update' && condition !== '' : conditionsOf[table][kind] === condition;
  if (!fits) throw new ForbiddenWrite(`${kind} to ${table} under the condition ${condition}`);
};

/** As a table service answers that is not DynamoDB itself: the store says what to do about it. */
const knowsNoInsert = (): Error =>
  Object.assign(new Error('These tables know no INSERT.'), { name: 'UnknownOperationException' });

export const createCarryOut = (rows: Rows) => {
  /** What stands at the keys of an item. */
  const standingAt = (table: Table, item: RawItem): RawItem | undefined => {
    const [pk, sk] = keysOf(table);
    return rows.get(table, item[pk], sk === undefined ? null : item[sk]);
  };

  const putIf = ({ table, item, condition }: PutIf): Written => {
    const standing = standingAt(table, item);
    if (!predicateOf(condition)(standing, item)) return { kind: 'refused', standing };
    if (standing === undefined) rows.add(table, item);
    else rows.replace(table, item);
    return { kind: 'done' };
  };

  /** Whoever calls this undoes all of it where it throws. */
  const commit = ({ table, item, writes }: Commit): Committed => {
    const put = putIf({ kind: 'putIf', table, item, condition: free });
    if (put.kind !== 'done') return put;
    for (const [at, write] of writes.entries()) {
      if (rows.accompany === undefined) throw new CompanionRefused(at, 'there are no other tables here');
      rows.accompany(write, at);
    }
    return put;
  };

  const update = ({ table, key, condition, update: text, values }: Update): Updated => {
    const before = standingAt(table, key);
    if (!predicateOf(condition)(before, values)) return { kind: 'refused' };
    const after = updateOf(text)({ ...before, ...key }, values);
    if (before === undefined) rows.add(table, after);
    else rows.replace(table, after);
    return { kind: 'done', before: before ?? {} };
  };

  const remove = ({ table, item, condition }: Delete): Written => {
    const standing = standingAt(table, item);
    if (!predicateOf(condition)(standing, item)) return { kind: 'refused', standing };
    const [pk, sk] = keysOf(table);
    rows.remove(table, item[pk], sk === undefined ? null : item[sk]);
    return { kind: 'done' };
  };

  const carryOut = (operation: Operation): AnswerOf<Operation> => {
    switch (operation.kind) {
      case 'get':
        return standingAt(operation.table, operation.key);
      case 'batchGet':
        return { items: operation.keys.flatMap((key) => standingAt(operation.table, key) ?? []), left: [] };
      case 'query':
        return rows.query(operation.table, operation.query, operation.from);
      case 'insert':
        throw knowsNoInsert();
      case 'commit':
        if (operation.by === 'insert') throw knowsNoInsert();
        return commit(operation);
      case 'putIf':
        assertAllowed(operation);
        return putIf(operation);
      case 'update':
        assertAllowed(operation);
        return update(operation);
      case 'delete':
        assertAllowed(operation);
        return remove(operation);
    }
  };
  return <O extends Operation>(operation: O): AnswerOf<O> => carryOut(operation) as AnswerOf<O>;
};
