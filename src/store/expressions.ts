/**
 * The one interpreter of the conditions and updates in `conditions.ts`, for tables that are not DynamoDB's. Each text is
 * read once and kept. `#name` stands for the attribute `name`, `:name` for `values.name`.
 */
import type { RawItem } from './tableOperations.ts';

type Values = RawItem;
/** `undefined`: nothing stands there. */
export type Predicate = (row: RawItem | undefined, values: Values) => boolean;
export type Change = (row: RawItem, values: Values) => RawItem;

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

/** Numbers by value, texts by their UTF-8. */
export const order = (left: unknown, right: unknown): number =>
  typeof left === 'number'
    ? left - (right as number)
    : Buffer.compare(Buffer.from(left as string), Buffer.from(right as string));

const comparisons: Record<string, (left: unknown, right: unknown) => boolean> = {
  '=': (left, right) => left === right,
  '<': (left, right) => order(left, right) < 0,
  '>': (left, right) => order(left, right) > 0,
  '<=': (left, right) => order(left, right) <= 0,
  '>=': (left, right) => order(left, right) >= 0,
};

const readPredicate = (text: string): Predicate => {
  const ors = split(text, 'OR');
  if (ors.length > 1) {
    const parts = ors.map(readPredicate);
    return (row, values) => parts.some((part) => part(row, values));
  }
  const ands = split(text, 'AND');
  if (ands.length > 1) {
    const parts = ands.map(readPredicate);
    return (row, values) => parts.every((part) => part(row, values));
  }
  if (text.startsWith('(')) return readPredicate(text.slice(1, -1));
  // A row has its partition key, so that is absent only where nothing stands.
  if (text === 'attribute_not_exists(#pk)') return (row) => row === undefined;
  const absent = /^attribute_not_exists\(#(\w+)\)$/.exec(text)?.[1];
  if (absent !== undefined) return (row) => row?.[absent] === undefined;
  const compared = /^#(\w+) (=|<=|>=|<|>) :(\w+)$/.exec(text);
  const compare = comparisons[compared?.[2] ?? ''];
  if (compared === null || compare === undefined) {
    throw new Error(`the interpreter does not know the condition ${text}`);
  }
  const [, name, , value] = compared as unknown as [string, string, string, string];
  return (row, values) => {
    const left = row?.[name];
    return left !== undefined && compare(left, values[value]);
  };
};

type Term = (row: RawItem, values: Values) => unknown;
const readTerm = (text: string): Term => {
  const sum = text.split(' + ');
  if (sum.length === 2) {
    const [a, b] = sum.map(readTerm) as [Term, Term];
    return (row, values) => (a(row, values) as number) + (b(row, values) as number);
  }
  const fallback = /^if_not_exists\(#(\w+), :(\w+)\)$/.exec(text);
  const plain = /^:(\w+)$/.exec(text)?.[1];
  if (plain !== undefined) return (_row, values) => values[plain];
  if (fallback === null) throw new Error(`the interpreter does not know the term ${text}`);
  const [, name, value] = fallback as unknown as [string, string, string];
  return (row, values) => row[name] ?? values[value];
};

const readUpdate = (text: string): Change => {
  const parts = /^(?:SET (.+?))?(?:(?:^| )REMOVE (.+))?$/.exec(text);
  if (parts === null) throw new Error(`the interpreter does not know the update ${text}`);
  const [, sets = '', removes = ''] = parts;
  const terms = (sets === '' ? [] : sets.split(/, (?=#)/)).map((set) => {
    const [name, term] = set.split(' = ') as [string, string];
    return { name: name.slice(1), term: readTerm(term) };
  });
  const removed = removes
    .split(', ')
    .filter((name) => name !== '')
    .map((name) => name.slice(1));
  return (row, values) => {
    const after: RawItem = { ...row };
    for (const { name, term } of terms) after[name] = term(row, values);
    for (const name of removed) delete after[name];
    return after;
  };
};

const predicates = new Map<string, Predicate>();
const updates = new Map<string, Change>();

const kept = <T>(cache: Map<string, T>, text: string, read: (text: string) => T): T => {
  let found = cache.get(text);
  if (found === undefined) {
    found = read(text);
    cache.set(text, found);
  }
  return found;
};

export const predicateOf = (text: string): Predicate => kept(predicates, text, readPredicate);
export const updateOf = (text: string): Change => kept(updates, text, readUpdate);
