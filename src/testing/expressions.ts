/** DynamoDB's condition and update expressions, as far as `src/store` sends any; each text is read once and kept. */

export type Row = Record<string, unknown>;
export type Names = Record<string, string>;
export type Values = Record<string, unknown>;
export type Predicate = (row: Row | undefined, names: Names, values: Values) => boolean;
export type Update = (row: Row, names: Names, values: Values) => Row;

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

const attribute = (row: Row | undefined, names: Names, name: string): unknown => row?.[names[name] as string];

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
    return (row, names, values) => parts.some((part) => part(row, names, values));
  }
  const ands = split(text, 'AND');
  if (ands.length > 1) {
    const parts = ands.map(readPredicate);
    return (row, names, values) => parts.every((part) => part(row, names, values));
  }
  if (text.startsWith('(')) return readPredicate(text.slice(1, -1));
  const absent = /^attribute_not_exists\((#\w+)\)$/.exec(text);
  if (absent !== null) return (row, names) => attribute(row, names, absent[1] as string) === undefined;
  const compared = /^(#\w+) (=|<=|>=|<|>) (:\w+)$/.exec(text);
  const compare = comparisons[compared?.[2] ?? ''];
  if (compared === null || compare === undefined) {
    throw new Error(`the simulated table service does not know the condition ${text}`);
  }
  const [, name, , value] = compared as unknown as [string, string, string, string];
  return (row, names, values) => {
    const left = attribute(row, names, name);
    return left !== undefined && compare(left, values[value]);
  };
};

type Term = (row: Row, names: Names, values: Values) => unknown;
const readTerm = (text: string): Term => {
  const sum = text.split(' + ');
  if (sum.length === 2) {
    const [a, b] = sum.map(readTerm) as [Term, Term];
    return (row, names, values) => (a(row, names, values) as number) + (b(row, names, values) as number);
  }
  const fallback = /^if_not_exists\((#\w+), (:\w+)\)$/.exec(text);
  if (fallback === null) return (_row, _names, values) => values[text];
  const [, name, value] = fallback as unknown as [string, string, string];
  return (row, names, values) => attribute(row, names, name) ?? values[value];
};

const readUpdate = (text: string): Update => {
  const parts = /^(?:SET (.+?))?(?:(?:^| )REMOVE (.+))?$/.exec(text);
  if (parts === null) throw new Error(`the simulated table service does not know the update ${text}`);
  const [, sets = '', removes = ''] = parts;
  const terms = (sets === '' ? [] : sets.split(/, (?=#)/)).map((set) => {
    const [name, term] = set.split(' = ') as [string, string];
    return { name, term: readTerm(term) };
  });
  const removed = removes.split(', ').filter((name) => name !== '');
  return (row, names, values) => {
    const after: Row = { ...row };
    for (const { name, term } of terms) after[names[name] as string] = term(row, names, values);
    for (const name of removed) delete after[names[name] as string];
    return after;
  };
};

const predicates = new Map<string, Predicate>();
const updates = new Map<string, Update>();

const kept = <T>(cache: Map<string, T>, text: string, read: (text: string) => T): T => {
  let found = cache.get(text);
  if (found === undefined) {
    found = read(text);
    cache.set(text, found);
  }
  return found;
};

export const predicateOf = (text: string): Predicate => kept(predicates, text, readPredicate);
export const updateOf = (text: string): Update => kept(updates, text, readUpdate);
