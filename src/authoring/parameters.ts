/** Parameters: their schema, read at publishing, and the values checked against it when an instance starts. */
import type { ValidateFunction } from 'ajv/dist/2020.js';
import type { Runbook } from '../engine/index.ts';
import { closed, headOf, isKept, limits, PawlError, pathOf } from '../engine/index.ts';
import { nameProblem } from './attributes.ts';
import { checkSchema, compileSchema, problemOf, toldMax } from './jsonSchema.ts';
import { foldCase, quote, type Report } from './text.ts';
import type { Field } from './yaml.ts';

/** The schema of all parameters, from the front matter's `params`. */
export const readParams = (field: Field, report: Report): Record<string, unknown> => {
  const properties: Record<string, unknown> = {};
  const required: string[] = [];
  const fields = field.fields();
  if (fields === null)
    report(field.valueAt, '`params` is a mapping from names to JSON Schemas, as in `pr: { type: integer }`');
  if ((fields?.length ?? 0) > limits.paramsPerRunbookMax) {
    report(
      field.at,
      `there are more than ${limits.paramsPerRunbookMax} parameters (paramsPerRunbookMax); put some together into one object`,
    );
  }
  const seen = new Map<string, string>();
  for (const param of fields ?? []) {
    const problem = nameProblem(param.key);
    const earlier = seen.get(foldCase(param.key));
    if (earlier !== undefined)
      report(
        param.at,
        `the parameters ${quote(earlier)} and ${quote(param.key)} differ only in case, and would both be PAWL_PARAM_${param.key.toUpperCase()} to a script; rename one`,
      );
    seen.set(foldCase(param.key), param.key);
    if (problem !== undefined) report(param.at, problem);
    const { value } = param;
    if (param.fields() === null)
      report(param.valueAt, `the schema of ${quote(param.key)} must be a mapping, as in \`{ type: string }\``);
    else if (problem === undefined) checkSchema(param, value as Record<string, unknown>, report);
    const hasDefault = typeof value === 'object' && value !== null && Object.hasOwn(value, 'default');
    if (!hasDefault) required.push(param.key);
    Object.defineProperty(properties, param.key, { value, enumerable: true, configurable: true, writable: true });
  }
  return { type: 'object', properties, required, additionalProperties: false };
};

/** The schema of a runbook without parameters. */
export const noParams = (): Record<string, unknown> => ({
  type: 'object',
  properties: {},
  required: [],
  additionalProperties: false,
});

const validators = new WeakMap<object, ValidateFunction>();

const validatorOf = (schema: Record<string, unknown>): ValidateFunction => {
  const known = validators.get(schema);
  if (known !== undefined) return known;
  const validate = compileSchema(schema);
  validators.set(schema, validate);
  return validate;
};

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value) ?? '');

const checkSize = (params: unknown): void => {
  const bytes = bytesOf(params);
  if (bytes <= limits.paramsBytesMax) return;
  const message = `The parameters have ${bytes} bytes; paramsBytesMax is ${limits.paramsBytesMax}. Put large data where the cells can fetch it.`;
  throw new PawlError('limit.exceeded', message, { limit: 'paramsBytesMax', bytes });
};

const notKept = `cannot be kept as a number (whole ones go up to ${Number.MAX_SAFE_INTEGER}); declare it as a string, and give a text`;

/** Why a text would not arrive at a program as it was given; `undefined`: it does. */
const oddText = (text: string): string | undefined => {
  if (!text.isWellFormed()) return 'holds half of a character (a surrogate without its pair), which no bytes can carry';
  return text.includes('\0') ? 'holds the character NUL, which no variable of a program can carry' : undefined;
};

/** What could not be given on as it came: such numbers and texts, and a key that would become a prototype. */
const oddParts = (given: unknown): { path: string; message: string }[] => {
  const found: { path: string; message: string }[] = [];
  const seen = new WeakSet<object>();
  const open: { value: unknown; path: (string | number)[] }[] = [{ value: given, path: [] }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, path } = next;
    if (typeof value === 'bigint' || (typeof value === 'number' && !isKept(value)))
      found.push({ path: pathOf(path), message: notKept });
    const odd = typeof value === 'string' ? oddText(value) : undefined;
    if (odd !== undefined) found.push({ path: pathOf(path), message: odd });
    if (typeof value !== 'object' || value === null || seen.has(value)) continue;
    seen.add(value);
    if (Object.hasOwn(value, '__proto__'))
      found.push({ path: pathOf([...path, '__proto__']), message: 'cannot be a key; choose another name' });
    const inside = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
    for (const [key, part] of inside.reverse()) open.push({ value: part, path: [...path, key] });
  }
  return found;
};

/** However much is wrong, an answer holds it. */
const refused = (all: { path: string; message: string }[]): PawlError => {
  const short = (text: string): string => headOf(text, limits.errorMessageCharsMax);
  const problems = all
    .slice(0, limits.problemsMax)
    .map(({ path, message }) => ({ path: short(path), message: short(message) }));
  const shown = problems.slice(0, toldMax).map(({ path, message }) => `${quote(path)} ${message}`);
  const more = all.length > toldMax ? `, and ${all.length - toldMax} more` : '';
  const text = `The parameters are refused: ${shown.join(', ')}${more}`;
  return new PawlError('params.invalid', closed(text), { problems });
};

/** Checks parameters against the runbook's schema and fills in defaults. Nothing is converted. */
export const resolveParams = (runbook: Runbook, given: Record<string, unknown>): Record<string, unknown> => {
  const odd = oddParts(given);
  if (odd.length > 0) throw refused(odd);
  checkSize(given);
  const properties = runbook.params.properties as Record<string, { default?: unknown }>;
  // Only what JSON can say gets in: no getters, no prototypes. `given` stays as it is.
  const params = JSON.parse(JSON.stringify(given)) as Record<string, unknown>;
  for (const [name, schema] of Object.entries(properties)) {
    // By hand: a parameter called `toString` would seem to be there already.
    if (Object.hasOwn(params, name) || !Object.hasOwn(schema, 'default')) continue;
    Object.defineProperty(params, name, {
      value: structuredClone(schema.default),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  const oddDefaults = oddParts(params);
  if (oddDefaults.length > 0) throw refused(oddDefaults);
  const validate = validatorOf(runbook.params);
  if (!validate(params)) {
    const found = (validate.errors ?? []).map((error) => problemOf(error, Object.keys(properties)));
    const problems = [...new Map(found.map((problem) => [`${problem.path} ${problem.message}`, problem])).values()];
    throw refused(problems);
  }
  checkSize(params);
  return params;
};
