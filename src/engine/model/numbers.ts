/** Numbers that JSON can say and JavaScript cannot keep: 9007199254740993 would become …992, and 1e400 nothing at all. */

/** Digits without zeros at the ends, and where the decimal point stands: the same for every way to write a number. */
const decimalOf = (text: string): string | undefined => {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  const point = BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - significant.length);
  return `${sign === '-' ? '-' : ''}${significant}e${point}`;
};

/** Whether a decimal number, read and written again, is another one. */
export const isLossy = (text: string): boolean => {
  const value = Number(text);
  return !Number.isFinite(value) || decimalOf(String(value)) !== decimalOf(text);
};

/** How a path is written: `params.items[0].n`, with names that are no plain words in brackets. */
export const pathOf = (parts: readonly (string | number)[]): string =>
  parts.reduce<string>((path, part) => {
    if (typeof part === 'number') return `${path}[${part}]`;
    if (!/^[A-Za-z_$][\w$]*$/.test(part)) return `${path}[${JSON.stringify(part)}]`;
    return path === '' ? part : `${path}.${part}`;
  }, '');

const suspicious = /[\d.]{16}|\d[eE]/;
const token = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|[{}[\]:,]/g;

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

/** Beyond every number that JavaScript has: `1e400`. */
export const isInfinite = (text: string): boolean => !Number.isFinite(Number(text));

/**
 * The first number of a JSON text that would not survive being read (or of another kind), with its path from the root
 * (`''`: it is the root). `undefined` as well for what is no JSON: that the parser says. One pass without recursion.
 */
export const lossyNumberIn = (
  jsonText: string,
  isMeant: (text: string) => boolean = isLossy,
): { path: string; text: string } | undefined => {
  if (!suspicious.test(jsonText) || !isJson(jsonText)) return undefined;
  /** Where we are in each open list (a number) or object (its last key, as it is written). */
  const open: (string | number)[] = [];
  let isKey = false;
  for (const [text] of jsonText.matchAll(token)) {
    const last = open.length - 1;
    const at = open[last];
    if (text === '{' || text === '[') open.push(text === '{' ? '""' : 0);
    else if (text === '}' || text === ']') open.pop();
    else if (text === ',' && typeof at === 'number') open[last] = at + 1;
    else if (text.startsWith('"') && isKey) open[last] = text;
    else if (/^[-\d]/.test(text) && isMeant(text)) {
      const parts = open.map((part) => (typeof part === 'number' ? part : (JSON.parse(part) as string)));
      return { path: pathOf(parts), text };
    }
    isKey = text === '{' || (text === ',' && typeof at === 'string');
  }
  return undefined;
};

/** A number that is kept exactly: not an infinite one, and no whole one where whole numbers begin to be left out. */
export const isKept = (value: number): boolean =>
  Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));

const digitsMax = 1_000;

/** The whole number that a text means, however it is written; `undefined` when it is none, or absurdly large. */
export const wholeOf = (text: string): bigint | undefined => {
  const [, digits, zeros] = /^(-?\d+)e(\d+)$/.exec(decimalOf(text) ?? '') ?? [];
  if (digits === undefined || zeros === undefined || zeros.length > 6) return undefined;
  return digits.length + Number(zeros) > digitsMax ? undefined : BigInt(digits) * 10n ** BigInt(zeros);
};

type Reviver = (key: string, value: unknown, context: { source?: string }) => unknown;
// Node 24 has all of it; TypeScript's library of ES2024 does not.
const exactJson = JSON as unknown as {
  parse(text: string, reviver: Reviver): unknown;
  rawJSON(text: string): { rawJSON: string };
  isRawJSON(value: unknown): value is { rawJSON: string };
};

/**
 * JSON text to values, in which each number that JavaScript would write otherwise is one of the sort that `JSON.stringify`
 * writes as it came. Recursive: for texts whose depth is known.
 */
export const parseAsWritten = (jsonText: string): unknown =>
  exactJson.parse(jsonText, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && String(value) !== source ? exactJson.rawJSON(source) : value,
  );

/** How such a number is written; `undefined` of everything else. */
export const writtenAs = (value: unknown): string | undefined =>
  exactJson.isRawJSON(value) ? value.rawJSON : undefined;

/** Whether a whole number beyond 2^53 - 1 stands in a value that keeps them (bigint). */
export const hasLargeNumber = (value: unknown): boolean =>
  typeof value === 'bigint' ||
  (typeof value === 'object' && value !== null && Object.values(value).some(hasLargeNumber));
