/** JSON values to the values that expressions compute with, and back; and what those weigh. */
import { limits } from '../engine/index.ts';

/** Thrown while an expression is computed; the message is for people. */
export class ExpressionError extends Error {}

/**
 * A JSON value as expressions see it: whole numbers are `int` (bigint), others `double`, and objects are maps without a
 * prototype, so that a key named `constructor` is a key like any other.
 */
export const toCel = (value: unknown): unknown => {
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new ExpressionError('it reads a number that is too large for any computer');
    return Number.isSafeInteger(value) ? BigInt(value) : value;
  }
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(toCel);
  return new Map(Object.entries(value).map(([key, entry]) => [key, toCel(entry)]));
};

/** The opposite of `toCel`. Throws for what JSON cannot say: a time, a type, an infinite number. */
export const fromCel = (value: unknown): unknown => {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (Array.isArray(value)) return value.map(fromCel);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, entry]) => [String(key), fromCel(entry)]));
  if (typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, fromCel(entry)]));
  }
  throw new ExpressionError('the result is not a JSON value; turn it into a text or a number');
};

/** How much of the cost of an evaluation a value takes: little for small ones, so that only size is felt. */
export const weightOf = (value: unknown): number => {
  if (typeof value === 'string') return value.length >> 4;
  if (Array.isArray(value)) return value.length >> 3;
  return value instanceof Map ? value.size >> 3 : 0;
};

/** The same for a value that is compared or searched, everything in it included. Stops counting at the limit. */
export const deepWeightOf = (value: unknown): number => {
  let weight = 0;
  const open = [value];
  while (open.length > 0 && weight < limits.expressionFuelMax) {
    const next = open.pop();
    weight += 1;
    if (typeof next === 'string') weight += next.length >> 4;
    else if (Array.isArray(next)) for (const entry of next) open.push(entry);
    else if (next instanceof Map) for (const entry of next.values()) open.push(entry);
  }
  return weight;
};
