/**
 * What expressions can call. Nothing here knows the time, draws numbers or works longer than its fuel. A method's
 * receiver is the first argument.
 */
import { compilePattern } from './patterns.ts';
import { arithmetic, ExpressionError, type Fuel, isMap, isNumber, keysOf, TypeName, typeOf } from './values.ts';

export type Call = (args: unknown[], fuel: Fuel) => unknown;
/** Functions by name; `counts` says how many arguments they take (a receiver not counted). */
export type Table = ReadonlyMap<string, { counts: readonly number[]; call: Call }>;

const text = (value: unknown, fuel: Fuel): string => {
  if (typeof value !== 'string') throw new ExpressionError(`a string is needed here, not ${typeOf(value)}`);
  fuel.burn(value.length / 64);
  return value;
};
const listOf = (value: unknown, fuel: Fuel): unknown[] => {
  if (!Array.isArray(value)) throw new ExpressionError(`a list is needed here, not ${typeOf(value)}`);
  fuel.burn(value.length);
  return value;
};
const position = (value: unknown, max: number): number => {
  const number = isNumber(value) ? Number(value) : Number.NaN;
  if (Number.isSafeInteger(number) && number >= 0 && number <= max) return number;
  throw new ExpressionError(`the position must be a whole number from 0 to ${max}`);
};
/** Searching costs at worst the product of both lengths. */
const burnSearch = (where: string, what: string, fuel: Fuel): void => fuel.burn((where.length / 64) * Math.max(1, what.length));

const size: Call = ([value], fuel) => {
  if (Array.isArray(value)) return BigInt(value.length);
  if (isMap(value)) return BigInt(keysOf(value, fuel).length);
  const string = text(value, fuel);
  fuel.burn(string.length / 8);
  let count = 0n;
  for (const _ of string) count += 1n;
  return count;
};

const toInt: Call = ([value]) => {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return arithmetic('+', BigInt(Math.trunc(value)), 0n);
  if (typeof value === 'string' && /^[+-]?\d{1,19}$/.test(value)) return arithmetic('+', BigInt(value.replace('+', '')), 0n);
  throw new ExpressionError(`int() cannot convert this ${typeOf(value)}`);
};
const toDouble: Call = ([value]) => {
  if (isNumber(value)) return Number(value);
  const written = typeof value === 'string' && /^[+-]?(\d{1,40}\.?\d{0,40}|\.\d{1,40})(e[+-]?\d{1,3})?$/i.test(value);
  if (written && Number.isFinite(Number(value))) return Number(value);
  throw new ExpressionError(`double() cannot convert this ${typeOf(value)}`);
};
const toText: Call = ([value]) => {
  if (typeof value === 'string') return value;
  if (isNumber(value) || typeof value === 'boolean') return String(value);
  throw new ExpressionError(`string() cannot convert ${typeOf(value)}`);
};
const toBool: Call = ([value]) => {
  if (typeof value === 'boolean') return value;
  if (value === 'true' || value === 'false') return value === 'true';
  throw new ExpressionError(`bool() cannot convert this ${typeOf(value)}`);
};

const matches: Call = ([value, pattern], fuel) => {
  const where = text(value, fuel);
  const source = text(pattern, fuel);
  // Compiling and the slower of the linear engines grow with the pattern, the fast one only with the text.
  fuel.burn(source.length * 50 + where.length * (1 + source.length / 8));
  try {
    return compilePattern(source).test(where);
  } catch (error) {
    throw new ExpressionError(`matches() cannot use this pattern: ${error instanceof Error ? error.message : 'unreadable'}`);
  }
};

const split: Call = ([value, by, max], fuel) => {
  const where = text(value, fuel);
  const separator = text(by, fuel);
  burnSearch(where, separator, fuel);
  fuel.burn(where.length / 4);
  const parts = where.split(separator);
  fuel.burn(parts.length);
  const count = max === undefined || (isNumber(max) && max < 0) ? parts.length : position(max, Number.MAX_SAFE_INTEGER);
  if (count === 0) return [];
  return parts.length <= count ? parts : [...parts.slice(0, count - 1), parts.slice(count - 1).join(separator)];
};
const join: Call = ([value, by], fuel) => {
  const separator = by === undefined ? '' : text(by, fuel);
  const parts = listOf(value, fuel).map((part) => text(part, fuel));
  fuel.burn(parts.reduce((sum, part) => sum + part.length + separator.length, 0) / 16);
  return parts.join(separator);
};
const substring: Call = ([value, from, to], fuel) => {
  const string = text(value, fuel);
  const start = position(from, string.length);
  const end = to === undefined ? string.length : position(to, string.length);
  if (end < start) throw new ExpressionError('substring() ends before it starts');
  return string.slice(start, end);
};
const search =
  (find: (where: string, what: string, from: number | undefined) => unknown): Call =>
  ([value, sought, from], fuel) => {
    const where = text(value, fuel);
    const what = text(sought, fuel);
    burnSearch(where, what, fuel);
    return find(where, what, from === undefined ? undefined : position(from, where.length));
  };
const changed =
  (change: (string: string) => string): Call =>
  ([value], fuel) => {
    const string = text(value, fuel);
    fuel.burn(string.length / 8);
    return change(string);
  };

export const functions: Table = new Map([
  ['size', { counts: [1], call: size }],
  ['int', { counts: [1], call: toInt }],
  ['double', { counts: [1], call: toDouble }],
  ['string', { counts: [1], call: toText }],
  ['bool', { counts: [1], call: toBool }],
  ['dyn', { counts: [1], call: ([value]) => value }],
  ['type', { counts: [1], call: ([value]) => new TypeName(typeOf(value)) }],
]);

export const methods: Table = new Map([
  ['size', { counts: [0], call: size }],
  ['startsWith', { counts: [1], call: search((where, what) => where.startsWith(what)) }],
  ['endsWith', { counts: [1], call: search((where, what) => where.endsWith(what)) }],
  ['contains', { counts: [1], call: search((where, what) => where.includes(what)) }],
  ['indexOf', { counts: [1, 2], call: search((where, what, from) => BigInt(where.indexOf(what, from))) }],
  ['lastIndexOf', { counts: [1, 2], call: search((where, what, from) => BigInt(where.lastIndexOf(what, from))) }],
  ['matches', { counts: [1], call: matches }],
  ['lowerAscii', { counts: [0], call: changed((string) => string.replace(/[A-Z]+/g, (part) => part.toLowerCase())) }],
  ['upperAscii', { counts: [0], call: changed((string) => string.replace(/[a-z]+/g, (part) => part.toUpperCase())) }],
  ['trim', { counts: [0], call: changed((string) => string.trim()) }],
  ['substring', { counts: [1, 2], call: substring }],
  ['split', { counts: [1, 2], call: split }],
  ['join', { counts: [0, 1], call: join }],
]);
