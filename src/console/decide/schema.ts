/** Fields of a form from the JSON Schema of an object. What the service asks is checked there; here it is only asked well. */

export type Field = {
  name: string;
  label: string;
  hint: string;
  required: boolean;
  /** It is never put into a link, and never taken from one. */
  isSecret: boolean;
  kind: 'text' | 'lines' | 'number' | 'choice' | 'yesNo' | 'json';
  choices: string[];
  initial: string;
};

type Schema = Record<string, unknown>;
const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

const kindOf = ({ type, enum: choices, maxLength, format }: Schema): Field['kind'] => {
  if (Array.isArray(choices)) return 'choice';
  if (type === 'boolean') return 'yesNo';
  if (type === 'integer' || type === 'number') return 'number';
  if (type !== 'string') return 'json';
  return typeof maxLength === 'number' && maxLength > 200 && format === undefined ? 'lines' : 'text';
};

const hintOf = (schema: Schema): string => {
  const { minimum, maximum, minLength, maxLength, pattern, type, description } = schema;
  const range = (from: unknown, to: unknown, of: string): string[] => {
    if (from === undefined && to === undefined) return [];
    if (to === undefined) return [`from ${from}${of}`];
    return from === undefined ? [`up to ${to}${of}`] : [`${from} to ${to}${of}`];
  };
  return [
    textOf(description),
    ...(type === 'integer' ? ['a whole number'] : []),
    ...range(minimum, maximum, ''),
    ...range(minLength, maxLength, ' characters'),
    ...(typeof pattern === 'string' ? [`like ${pattern}`] : []),
    ...(kindOf(schema) === 'json' ? ['as JSON'] : []),
  ]
    .filter((one) => one !== '')
    .join('; ');
};

/** A value as it stands in its field. */
export const initialOf = (value: unknown): string => {
  if (value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
};

export const fieldsOf = (schema: Schema): Field[] => {
  const properties = isSchema(schema.properties) ? schema.properties : {};
  const required = Array.isArray(schema.required) ? schema.required : [];
  return Object.entries(properties).map(([name, property]) => {
    const own = isSchema(property) ? property : {};
    return {
      name,
      label: textOf(own.title) || name,
      hint: hintOf(own),
      required: required.includes(name),
      isSecret: own.writeOnly === true,
      kind: kindOf(own),
      choices: Array.isArray(own.enum) ? own.enum.map(initialOf) : [],
      initial: initialOf(own.default),
    };
  });
};

type Read = (this: unknown, key: string, value: unknown, context?: { source?: string }) => unknown;

/** A number of a browser keeps every decimal of so many digits (ECMA-262, IEEE 754 binary64). */
const digitsKept = 15;

/** JSON as it is written: a number that JavaScript would make another one is none. @throws Error */
export const jsonOf = (text: string): unknown => {
  const read: Read = (_, value, context) => {
    if (typeof value !== 'number') return value;
    const source = context?.source ?? String(value);
    const isOther = source.replaceAll(/\D/g, '').length > digitsKept && String(value) !== source;
    if (isOther || !Number.isFinite(value)) throw new RangeError(source);
    return value;
  };
  return JSON.parse(text, read);
};

const unread = (label: string, kind: Field['kind'], text: string, error: unknown): string =>
  error instanceof RangeError
    ? `${label} holds a number that cannot be kept as it is: ${error.message}`
    : `${label} is no ${kind === 'number' ? 'number' : 'JSON'}: ${text}`;

/** What was typed as the value that it says; what was left empty is left out. @throws Error where it is no such value */
export const valuesOf = (fields: readonly Field[], typed: Readonly<Record<string, string>>, schema: Schema): Schema => {
  const properties = isSchema(schema.properties) ? schema.properties : {};
  const values: [string, unknown][] = [];
  for (const { name, kind, initial, label } of fields) {
    const text = typed[name] ?? initial;
    if (text === '') continue;
    const own = isSchema(properties[name]) ? properties[name] : {};
    const isText = kind === 'text' || kind === 'lines';
    const chosen = Array.isArray(own.enum) ? own.enum.find((one) => initialOf(one) === text) : undefined;
    try {
      values.push([name, kind === 'choice' ? chosen : isText ? text : jsonOf(text)]);
    } catch (error) {
      throw new Error(unread(label, kind, text, error));
    }
  }
  return Object.fromEntries(values);
};
