/** Parameters: JSON Schema, checked at publishing, and the values checked against it when an instance starts. */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Runbook } from '../engine/index.ts';
import { headOf, isKept, limits, PawlError, pathOf } from '../engine/index.ts';
import { nameProblem } from './attributes.ts';
import { compilePattern } from './patterns.ts';
import { foldCase, list, type Position, quote, type Report, suggest } from './text.ts';
import { ExpressionError } from './values.ts';
import type { Field } from './yaml.ts';

const regExp = Object.assign((pattern: string) => compilePattern(pattern), { code: 'compilePattern' });

/** `ownProperties`: a parameter called `constructor` is missing when it is not given, whatever objects inherit. */
const options = {
  allErrors: true,
  strict: true,
  strictTypes: false,
  strictTuples: false,
  useDefaults: true,
  ownProperties: true,
  logger: false,
  code: { regExp },
} as const;
const ajv = new Ajv2020(options);
/** Of answers: nothing is added to what it looks at. It stops at the first thing that does not fit: there may be very many. */
const looking = new Ajv2020({ ...options, useDefaults: false, allErrors: false });
/** Of inputs at publishing: everything is told. */
const telling = new Ajv2020({ ...options, useDefaults: false, verbose: true });

const compileSchema = (schema: Record<string, unknown>, by = ajv): ValidateFunction => {
  try {
    return by.compile(schema);
  } finally {
    // Else it would be remembered for ever.
    by.removeSchema(schema);
  }
};

const lookers = new WeakMap<object, ValidateFunction>();

/** Whether a value fits a schema that was checked; else where it does not, and why. */
export const unfit = (schema: Record<string, unknown>, value: unknown): string | undefined => {
  const validate = lookers.get(schema) ?? compileSchema(schema, looking);
  lookers.set(schema, validate);
  if (validate(value)) return undefined;
  const found = (validate.errors ?? []).map((error) => problemOf(error, []));
  const told = found
    .slice(0, toldMax)
    .map(({ path, message }) => (path === '' ? message : `${quote(path)} ${message}`));
  return told.join(', ') || 'it does not fit';
};

/** All that does not fit, with its place. Of a schema that is no JSON Schema after all, that. */
export const unfitParts = (schema: Record<string, unknown>, value: unknown) => {
  let validate: ValidateFunction;
  try {
    validate = compileSchema(schema, telling);
  } catch (error) {
    const message = `its schema cannot be used: ${error instanceof Error ? error.message.replace('strict mode: ', '') : error}`;
    return [{ keyword: 'schema', instancePath: '', names: [], path: '', message }];
  }
  if (validate(value)) return [];
  return (validate.errors ?? []).map((error) => {
    const { keyword, instancePath } = error;
    const name = error.params.additionalProperty ?? error.params.unevaluatedProperty;
    const names = [...pointer(instancePath), ...(name === undefined ? [] : [String(name)])];
    const known = Object.keys((error.parentSchema?.properties as object | undefined) ?? {});
    return { keyword, instancePath, names, ...problemOf(error, known) };
  });
};

/** What would reach outside of one parameter's schema. */
const referring = [
  '$ref',
  '$dynamicRef',
  // Of an older draft: known to nobody here, and so it would say nothing.
  '$recursiveRef',
  '$recursiveAnchor',
  '$vocabulary',
  '$id',
  '$anchor',
  '$dynamicAnchor',
  '$schema',
  '$defs',
  'definitions',
  '$async',
];

/** Keywords whose values are data, and those under which names stand that authors choose. */
const holdingData = ['default', 'const', 'enum', 'examples'];
const holdingNames = ['properties', 'patternProperties', 'dependentSchemas', 'dependentRequired'];

/** The keywords of a schema, and those of the schemas in it, also of those in lists. */
const keywordsOf = (schema: Field): Field[] =>
  schema.inside().flatMap((field) => {
    if (holdingData.includes(field.key)) return [field];
    if (holdingNames.includes(field.key)) return [field, ...field.inside().flatMap(keywordsOf)];
    const isList = Array.isArray(field.value);
    return [field, ...(isList ? field.inside().flatMap(keywordsOf) : keywordsOf(field))];
  });

const placeOf = (field: Field, path: readonly string[]): Position => {
  const [key, ...rest] = path;
  const inner = key === undefined ? undefined : field.inside().find((candidate) => candidate.key === key);
  return inner === undefined ? field.valueAt : placeOf(inner, rest);
};

const pointer = (path: string): string[] =>
  path
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));

/** Reports what is wrong with a schema. */
export const checkSchema = (
  field: Field,
  schema: Record<string, unknown>,
  report: Report,
  where = 'the schema of a parameter',
): void => {
  const inside = keywordsOf(field);
  const referred = inside.find(({ key }) => referring.includes(key));
  if (referred !== undefined) {
    return report(referred.at, `\`${referred.key}\` is not read in ${where}; write the schema out`);
  }
  try {
    if (ajv.validateSchema(schema) !== true) {
      const [error] = [...(ajv.errors ?? [])].sort((a, b) => b.instancePath.length - a.instancePath.length);
      const allowed: unknown = error?.keyword === 'enum' ? error.params.allowedValues : undefined;
      const choice = Array.isArray(allowed) ? `: ${list(allowed.map(String))}` : '';
      const message = `the schema of \`${field.key}\` is not JSON Schema: this ${error?.message ?? 'is invalid'}${choice}`;
      return report(placeOf(field, pointer(error?.instancePath ?? '')), message);
    }
    const validate = compileSchema({ type: 'object', properties: { value: schema } });
    if (!Object.hasOwn(schema, 'default') || validate({ value: structuredClone(schema.default) })) return;
    const why = validate.errors
      ?.map((error) => problemOf(error, []))
      .map(({ path, message }) => `\`${path.replace(/^value/, field.key)}\` ${message}`);
    report(placeOf(field, ['default']), `this default does not fit its own schema: ${list(why ?? [])}`);
  } catch (error) {
    const message = error instanceof Error ? error.message : 'it cannot be read';
    const keyword = /unknown keyword: "(.+)"/.exec(message)?.[1];
    const culprit =
      error instanceof ExpressionError ? 'pattern' : (keyword ?? /(?:unknown|ignored).*"(.+?)"/.exec(message)?.[1]);
    const at = inside.find(({ key, value }) => key === culprit || value === culprit)?.at ?? field.valueAt;
    const known = Object.keys(ajv.RULES.all);
    if (keyword !== undefined) report(at, `JSON Schema has no keyword ${quote(keyword)}${suggest(keyword, known)}`);
    else report(at, `the schema of \`${field.key}\` cannot be used: ${message.replace('strict mode: ', '')}`);
  }
};

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

const pathText = (path: readonly string[]): string =>
  path.reduce((text, part) => (/^\d+$/.test(part) ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`), '');

const problemOf = (error: ErrorObject, known: readonly string[]): { path: string; message: string } => {
  const path = pointer(error.instancePath);
  const { params } = error;
  if (error.keyword === 'required')
    return { path: pathText([...path, String(params.missingProperty)]), message: 'is missing' };
  if (error.keyword === 'additionalProperties') {
    const name = String(params.additionalProperty);
    const hint = path.length === 0 ? suggest(name, known) : '';
    return { path: pathText([...path, name]), message: `is not known${hint}` };
  }
  if (error.keyword === 'enum')
    return {
      path: pathText(path),
      message: `must be one of ${list(params.allowedValues.map((value: unknown) => JSON.stringify(value)))}`,
    };
  return { path: pathText(path), message: error.message ?? 'is not allowed' };
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

const toldMax = 5;

/** However much is wrong, an answer holds it. */
const refused = (all: { path: string; message: string }[]): PawlError => {
  const short = (text: string): string => headOf(text, limits.errorMessageCharsMax);
  const problems = all
    .slice(0, limits.problemsMax)
    .map(({ path, message }) => ({ path: short(path), message: short(message) }));
  const shown = problems.slice(0, toldMax).map(({ path, message }) => `${quote(path)} ${message}`);
  const more = all.length > toldMax ? `, and ${all.length - toldMax} more` : '';
  const text = `The parameters are refused: ${shown.join(', ')}${more}`;
  return new PawlError('params.invalid', text.endsWith('?') ? text : `${text}.`, { problems });
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
