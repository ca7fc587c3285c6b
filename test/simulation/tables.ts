/**
 * A table service in memory: the answers DynamoDB gives to the commands that `src/store` sends, with its condition and
 * update expressions interpreted, so that the shipped store runs above it unchanged.
 */
import type { StoreClient } from '../../src/store/access.ts';

export type Row = Record<string, unknown>;
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

/** Splits at `word` outside parentheses. */
const split = (text: string, word: string): string[] => {
  const parts: string[] = [];
  let depth = 0;
  let part = '';
  for (const token of text.split(/(\s+|\(|\))/)) {
    if (token === '(') depth += 1;
    if (token === ')') depth -= 1;
    if (depth === 0 && token === word) {
      parts.push(part.trim());
      part = '';
    } else part += token;
  }
  return [...parts, part.trim()];
};

type Names = Record<string, string>;
type Values = Record<string, unknown>;

const holds = (condition: string, row: Row | undefined, names: Names, values: Values): boolean => {
  const ors = split(condition, 'OR');
  if (ors.length > 1) return ors.some((part) => holds(part, row, names, values));
  const ands = split(condition, 'AND');
  if (ands.length > 1) return ands.every((part) => holds(part, row, names, values));
  if (condition.startsWith('(')) return holds(condition.slice(1, -1), row, names, values);
  const absent = /^attribute_not_exists\((#\w+)\)$/.exec(condition);
  if (absent !== null) return row?.[names[absent[1] as string] as string] === undefined;
  const compared = /^(#\w+) (=|<=|>=|<|>) (:\w+)$/.exec(condition);
  if (compared === null) throw new Error(`the simulated table service does not know the condition ${condition}`);
  const left = row?.[names[compared[1] as string] as string];
  const right = values[compared[3] as string];
  if (left === undefined) return false;
  switch (compared[2]) {
    case '=':
      return left === right;
    case '<':
      return (left as number) < (right as number);
    case '>':
      return (left as number) > (right as number);
    case '<=':
      return (left as number) <= (right as number);
    default:
      return (left as number) >= (right as number);
  }
};

const updated = (row: Row, expression: string, names: Names, values: Values): Row => {
  const after: Row = { ...row };
  const value = (term: string): unknown => {
    const sum = term.split(' + ');
    if (sum.length === 2) return (value(sum[0] as string) as number) + (value(sum[1] as string) as number);
    const fallback = /^if_not_exists\((#\w+), (:\w+)\)$/.exec(term);
    if (fallback !== null) return row[names[fallback[1] as string] as string] ?? values[fallback[2] as string];
    return values[term];
  };
  const [sets = '', removes = ''] = expression.replace(/^SET /, '').split(' REMOVE ');
  for (const set of sets.split(/, (?=#)/)) {
    const [name, term] = set.split(' = ') as [string, string];
    after[names[name] as string] = value(term);
  }
  for (const name of removes.split(', ').filter((n) => n !== '')) delete after[names[name] as string];
  return after;
};

export type Tables = {
  /** Carries a command out at once. */
  execute(command: Command): Row;
  rows(table: string): Row[];
  /** Requests so far, by kind and table. */
  requests: Map<string, number>;
};

export const createTables = (): Tables => {
  const tables = new Map<string, Map<string, Row>>();
  const requests = new Map<string, number>();
  const tableOf = (input: Row): [string, Map<string, Row>, [string, string?]] => {
    const name = String(input.TableName).split('-').at(-1) as string;
    const table = tables.get(name) ?? new Map<string, Row>();
    tables.set(name, table);
    return [name, table, keysOf[name] as [string, string?]];
  };
  const idOf = (keys: [string, string?], row: Row): string =>
    JSON.stringify(keys.map((key) => (key === undefined ? null : row[key])));

  const execute = (command: Command): Row => {
    const { input } = command;
    const [name, table, keys] = tableOf(input);
    const what = command.constructor.name;
    requests.set(`${what} ${name}`, (requests.get(`${what} ${name}`) ?? 0) + 1);
    const names = (input.ExpressionAttributeNames ?? {}) as Names;
    const values = (input.ExpressionAttributeValues ?? {}) as Values;
    switch (what) {
      case 'PutCommand': {
        const item = structuredClone(input.Item) as Row;
        const id = idOf(keys, item);
        const standing = table.get(id);
        const condition = input.ConditionExpression as string | undefined;
        if (condition !== undefined && !holds(condition, standing, names, values)) {
          throw new ConditionalCheckFailedException(structuredClone(standing));
        }
        table.set(id, item);
        return {};
      }
      case 'GetCommand': {
        const row = table.get(idOf(keys, input.Key as Row));
        return row === undefined ? {} : { Item: structuredClone(row) };
      }
      case 'UpdateCommand': {
        const key = input.Key as Row;
        const before = table.get(idOf(keys, key));
        if (!holds(input.ConditionExpression as string, before, names, values))
          throw new ConditionalCheckFailedException(undefined);
        table.set(idOf(keys, key), updated({ ...before, ...key }, input.UpdateExpression as string, names, values));
        return before === undefined ? {} : { Attributes: structuredClone(before) };
      }
      case 'QueryCommand': {
        if (input.IndexName !== undefined) return { Items: [] };
        const sk = keys[1] as string;
        const found = [...table.values()].filter((row) =>
          holds(input.KeyConditionExpression as string, row, names, values),
        );
        const sign = input.ScanIndexForward === false ? -1 : 1;
        found.sort((a, b) => sign * ((a[sk] as number) - (b[sk] as number)));
        const from = (input.ExclusiveStartKey as Row | undefined)?.[sk] as number | undefined;
        const rest = from === undefined ? found : found.filter((row) => sign * ((row[sk] as number) - from) > 0);
        return { Items: structuredClone(rest.slice(0, (input.Limit as number | undefined) ?? rest.length)) };
      }
      default:
        throw new Error(`the simulated table service does not know ${what}`);
    }
  };
  return { execute, rows: (name) => [...(tables.get(name)?.values() ?? [])], requests };
};

/** A client that answers at once and never fails. */
export const clientOf = (tables: Tables): StoreClient =>
  ({ send: async (command: Command) => tables.execute(command) }) as unknown as StoreClient;
