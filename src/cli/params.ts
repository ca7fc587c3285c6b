/** `-p name=value` on the command line, read by the type that the runbook's parameter schema gives it. */
import { isKept, lossyNumberIn, PawlError, type Runbook } from '../engine/index.ts';
import { textGiven } from './given.ts';

/** What is given so: parameters of a run, fields of an answer. */
type What = 'Parameter' | 'Answer';

const invalid = (message: string, details: Record<string, unknown>): PawlError =>
  new PawlError('params.invalid', message, details);

/** JSON types that the schema of a parameter allows; `undefined` where it does not say. */
const typesOf = (schema: unknown): string[] | undefined => {
  if (typeof schema !== 'object' || schema === null || !('type' in schema)) return undefined;
  const { type } = schema;
  return Array.isArray(type) ? type.map(String) : [String(type)];
};

const examples: Record<string, string> = {
  integer: 'an integer such as 7',
  number: 'a number such as 0.5',
  boolean: 'true or false',
  array: 'a JSON array such as ["a","b"]',
  object: 'a JSON object such as {"a":1}',
  null: 'null',
};

const isOf = (type: string, value: unknown): boolean => {
  if (type === 'integer') return Number.isSafeInteger(value);
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  if (type === 'null') return value === null;
  return typeof value === type && (typeof value !== 'number' || isKept(value));
};

const numeric = ['integer', 'number'];

const parse = (text: string): { value: unknown } | undefined => {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
};

/** A number that would be kept as another one, or not at all. */
const assertKept = (name: string, text: string, parsed: { value: unknown } | undefined): void => {
  const lossy = lossyNumberIn(text);
  const isWhole = typeof parsed?.value === 'number' && Number.isInteger(parsed.value);
  if (lossy === undefined && !(isWhole && !Number.isSafeInteger(parsed?.value))) return;
  const where = lossy === undefined || lossy.path === '' ? '' : ` at ${lossy.path}`;
  const number = (lossy?.text ?? text).slice(0, 80);
  throw invalid(
    `Parameter ${name}: ${number}${where} cannot be kept as a number (whole ones go up to ${Number.MAX_SAFE_INTEGER}); declare it as a string in the runbook, and give a text.`,
    { param: name },
  );
};

/** What stands in a command line is decoded before we see it: bytes that are no UTF-8 have become this character. */
const assertDecoded = (name: string, given: string, what: What): void => {
  if (!given.includes('\ufffd')) return;
  const message = `${what} ${name} holds bytes that are no UTF-8; give a text, or, if U+FFFD itself is meant, a file: ${what === 'Parameter' ? '-p' : '--answer'} ${name}=@FILE.`;
  throw invalid(message, { param: name });
};

const parseValue = (name: string, text: string, types: string[] | undefined, what: What): unknown => {
  // Where the schema does not say, whatever is JSON is taken as JSON, and everything else as text.
  const others = (types ?? ['any']).filter((type) => type !== 'string');
  const parsed = others.length === 0 ? undefined : parse(text);
  // A number that may be a text is one.
  const isNumber = typeof parsed?.value === 'number';
  const isWanted = others.some((type) => (isNumber ? numeric.includes(type) : isOf(type, parsed?.value)));
  if (types === undefined || (isWanted && !(isNumber && types.includes('string')))) assertKept(name, text, parsed);
  if (types === undefined) return (parsed ?? { value: text }).value;
  if (parsed !== undefined && others.some((type) => isOf(type, parsed.value))) return parsed.value;
  if (types.includes('string')) return text;
  const wanted = others.map((type) => examples[type] ?? type).join(' or ');
  throw invalid(`${what} ${name} must be ${wanted}; ${JSON.stringify(text.slice(0, 80))} is not.`, {
    param: name,
    types,
  });
};

/**
 * Parameters as the runbook's schema wants them. Names it does not know go through as text: the engine refuses them,
 * and suggests the right one.
 * @throws PawlError `request.invalid`, `params.invalid`
 */
export const readParams = async (
  runbook: Pick<Runbook, 'params'>,
  given: string[] = [],
  what: What = 'Parameter',
): Promise<Record<string, unknown>> => {
  const { properties } = runbook.params;
  const schemas = typeof properties === 'object' && properties !== null ? (properties as Record<string, unknown>) : {};
  // Without a prototype, or `__proto__=x` would be taken and vanish instead of being refused.
  const params: Record<string, unknown> = Object.create(null);
  for (const pair of given) {
    const at = pair.indexOf('=');
    if (at < 1)
      throw new PawlError(
        'request.invalid',
        `${what === 'Parameter' ? '-p' : '--answer'} wants name=value; ${JSON.stringify(pair.slice(0, 80))} is not that.`,
      );
    const name = pair.slice(0, at);
    if (Object.hasOwn(params, name)) throw invalid(`${what} ${name} is given twice.`, { param: name });
    assertDecoded(name, pair.slice(at + 1), what);
    const text = await textGiven(`${what} ${name}`, pair.slice(at + 1), 'params.invalid');
    const types = Object.hasOwn(schemas, name) ? typesOf(schemas[name]) : ['string'];
    params[name] = parseValue(name, text, types, what);
  }
  return params;
};
