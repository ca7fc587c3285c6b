/**
 * Writes that go along with an entry, as each way of writing says them. Both ways of DynamoDB and SQLite mean the same: of a
 * row that is there and of which the conditions hold, or of none.
 */
import type { SQLInputValue } from 'node:sqlite';
import type { CommitWrite } from '../engine/index.ts';

type Value = string | number | boolean | null;

/** Column, operator and value of each condition, after those of the key. */
const conditionsOf = (write: CommitWrite): [string, string, Value][] => {
  const where = 'where' in write ? (write.where ?? {}) : {};
  return Object.entries(where).map(([column, condition]) => {
    if ('is' in condition) return [column, '=', condition.is];
    return 'atLeast' in condition ? [column, '>=', condition.atLeast] : [column, '<=', condition.atMost];
  });
};
const settingsOf = (write: CommitWrite): [string, Value][] => ('set' in write ? Object.entries(write.set ?? {}) : []);
const additionsOf = (write: CommitWrite): [string, number][] =>
  write.kind === 'update' ? Object.entries(write.add ?? {}) : [];

/** Names and values of an expression, numbered as they come. */
const collecting = () => {
  const names: Record<string, string> = {};
  const values: Record<string, Value> = {};
  const name = (column: string): string => {
    const short = `#c${Object.keys(names).length}`;
    names[short] = column;
    return short;
  };
  const value = (given: Value): string => {
    const short = `:v${Object.keys(values).length}`;
    values[short] = given;
    return short;
  };
  const told = () => ({
    ...(Object.keys(names).length === 0 ? {} : { ExpressionAttributeNames: names }),
    ...(Object.keys(values).length === 0 ? {} : { ExpressionAttributeValues: values }),
  });
  return { name, value, told };
};

/** As an element of a TransactWriteItems. */
export const transactItemOf = (write: CommitWrite) => {
  const { table: TableName, key: Key } = write;
  const { name, value, told } = collecting();
  const [partition = ''] = Object.keys(Key);
  if (write.kind === 'insert') {
    const ConditionExpression = `attribute_not_exists(${name(partition)})`;
    return { Put: { TableName, Item: { ...Key, ...write.set }, ConditionExpression, ...told() } };
  }
  const there = name(partition);
  const conditions = conditionsOf(write).map(
    ([column, operator, wanted]) => `${name(column)} ${operator} ${value(wanted)}`,
  );
  if (write.kind === 'delete') {
    const orGone = { ConditionExpression: `attribute_not_exists(${there}) OR (${conditions.join(' AND ')})` };
    // Without a condition there is nothing that it names.
    return { Delete: { TableName, Key, ...(conditions.length === 0 ? {} : { ...orGone, ...told() }) } };
  }
  // Else an update would make the row.
  const ConditionExpression = [`attribute_exists(${there})`, ...conditions].join(' AND ');
  if (write.kind === 'check') return { ConditionCheck: { TableName, Key, ConditionExpression, ...told() } };
  const set = settingsOf(write).map(([column, given]) => `${name(column)} = ${value(given)}`);
  for (const [column, given] of additionsOf(write)) {
    const short = name(column);
    set.push(`${short} = ${short} + ${value(given)}`);
  }
  return { Update: { TableName, Key, ConditionExpression, UpdateExpression: `SET ${set.join(', ')}`, ...told() } };
};

/** As a statement of an ExecuteTransaction: PartiQL, as INSERT is. */
export const statementOf = (write: CommitWrite): { Statement: string; Parameters: Value[] } => {
  const { table, key } = write;
  const quoted = `"${table}"`;
  if (write.kind === 'insert') {
    const item = { ...key, ...write.set };
    const fields = Object.keys(item).map((column) => `'${column}': ?`);
    return { Statement: `INSERT INTO ${quoted} VALUE {${fields.join(', ')}}`, Parameters: Object.values(item) };
  }
  const conditions = conditionsOf(write);
  const at = Object.keys(key).map((column) => `"${column}" = ?`);
  const [partition = ''] = Object.keys(key);
  const others = conditions.map(([column, operator]) => `"${column}" ${operator} ?`);
  const Parameters = [...Object.values(key), ...conditions.map(([, , wanted]) => wanted)];
  // Of what is gone PartiQL asks no condition: hence nobody's deletion does.
  if (write.kind === 'delete')
    return { Statement: `DELETE FROM ${quoted} WHERE ${[...at, ...others].join(' AND ')}`, Parameters };
  const where = [...at, `"${partition}" IS NOT MISSING`, ...others].join(' AND ');
  if (write.kind === 'check') return { Statement: `EXISTS(SELECT * FROM ${quoted} WHERE ${where})`, Parameters };
  const set = settingsOf(write).map(([column, given]) => ({ text: `"${column}" = ?`, given }));
  const add = additionsOf(write).map(([column, given]) => ({ text: `"${column}" = "${column}" + ?`, given }));
  const changes = [...set, ...add];
  return {
    Statement: `UPDATE ${quoted} ${changes.map(({ text }) => `SET ${text}`).join(' ')} WHERE ${where}`,
    Parameters: [...changes.map(({ given }) => given), ...Parameters],
  };
};

const bound = (value: Value): SQLInputValue => (typeof value === 'boolean' ? Number(value) : value);

/** How SQLite finds the row of a write by its key alone. */
export const findOf = ({ table, key }: CommitWrite): { sql: string; values: SQLInputValue[] } => ({
  sql: `SELECT 1 FROM "${table}" WHERE ${Object.keys(key)
    .map((column) => `"${column}" = ?`)
    .join(' AND ')}`,
  values: Object.values(key),
});

/** As a statement of SQLite, which changes one row, or, of `check`, finds one. */
export const sqlOf = (write: CommitWrite): { sql: string; values: SQLInputValue[]; finds: boolean } => {
  const { table, key } = write;
  const quoted = `"${table}"`;
  if (write.kind === 'insert') {
    const row = { ...key, ...write.set };
    const columns = Object.keys(row).map((column) => `"${column}"`);
    const sql = `INSERT INTO ${quoted} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`;
    return { sql, values: Object.values(row).map(bound), finds: false };
  }
  const conditions = conditionsOf(write);
  const where = [
    ...Object.keys(key).map((column) => `"${column}" = ?`),
    ...conditions.map(([column, operator]) => `"${column}" ${operator} ?`),
  ].join(' AND ');
  const values = [...Object.values(key), ...conditions.map(([, , wanted]) => wanted)].map(bound);
  if (write.kind === 'delete') return { sql: `DELETE FROM ${quoted} WHERE ${where}`, values, finds: false };
  if (write.kind === 'check') return { sql: `SELECT 1 FROM ${quoted} WHERE ${where}`, values, finds: true };
  const changes = [
    ...settingsOf(write).map(([column, given]) => ({ text: `"${column}" = ?`, given: bound(given) })),
    ...additionsOf(write).map(([column, given]) => ({ text: `"${column}" = "${column}" + ?`, given })),
  ];
  const sql = `UPDATE ${quoted} SET ${changes.map(({ text }) => text).join(', ')} WHERE ${where}`;
  return { sql, values: [...changes.map(({ given }) => given), ...values], finds: false };
};

/** A write that its store did not take, while the transaction around it is undone. */
export class CompanionRefused extends Error {
  readonly at: number;
  constructor(at: number, why: string) {
    super(why);
    this.name = 'CompanionRefused';
    this.at = at;
  }
}

export const noRow = 'no such row is there, or what it asks for does not hold';
export const isThere = 'there is such a row already';
export const isOwn = 'it is a table of Pawl, which nothing but Pawl writes';
