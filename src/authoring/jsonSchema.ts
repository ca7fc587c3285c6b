/** JSON Schema, of parameters, answers and outputs: whether a schema is one, and whether a value fits it. */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { compilePattern } from './patterns.ts';
import { list, type Position, quote, type Report, suggest } from './text.ts';
import { ExpressionError } from './values.ts';
import type { Field } from './yaml.ts';

/** So many of the things that do not fit are told in a sentence. */
export const toldMax = 5;

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

export const compileSchema = (schema: Record<string, unknown>, by = ajv): ValidateFunction => {
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

const pathText = (path: readonly string[]): string =>
  path.reduce((text, part) => (/^\d+$/.test(part) ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`), '');

/** Where a value does not fit, and why, in words. */
export const problemOf = (error: ErrorObject, known: readonly string[]): { path: string; message: string } => {
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
