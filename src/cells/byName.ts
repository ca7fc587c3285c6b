/**
 * What a script reads without a parser of JSON: scalars as variables, everything as files. Only what is plain is a
 * variable: a name that two values would have is given to neither, and a long text stands in its file.
 */
import { type CellInput, headOf, limits, parseAsWritten, writtenAs } from '../engine/index.ts';

/** Content by name of a file. */
type Files = Record<string, string>;

const namePattern = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

/** A scalar as it is printed: a text as it is, a number as it was written. */
const scalarOf = (value: unknown): string | undefined => {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return JSON.stringify(value);
  return writtenAs(value);
};

/** A scalar, or a list with one element in each line; `undefined` where lines would say something else. */
const textOf = (value: unknown): string | undefined => {
  if (!Array.isArray(value)) return scalarOf(value);
  const lines = value.map((element) => scalarOf(element) ?? JSON.stringify(element));
  return lines.some((line) => /[\n\r\0]/.test(line)) ? undefined : lines.map((line) => `${line}\n`).join('');
};

/** The fields that have a name which a script can write, if they are few. */
const fieldsOf = (value: unknown): [string, unknown][] => {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || writtenAs(value) !== undefined) return [];
  const all = Object.entries(value);
  return all.length > limits.scriptFieldsMax ? [] : all.filter(([field]) => namePattern.test(field));
};

/** `NAME.json`, `NAME.txt` of a scalar or a list, `NAME.FIELD.txt` of those in an object. */
const filesOf = (name: string, text: string, value: unknown): Files => {
  const files: Files = { [`${name}.json`]: text };
  const own = textOf(value);
  if (own !== undefined) files[`${name}.txt`] = own;
  for (const [field, inner] of fieldsOf(value)) {
    const written = textOf(inner);
    if (written !== undefined) files[`${name}.${field}.txt`] = written;
  }
  return files;
};

const variablesOf = (name: string, value: unknown): [string, string | undefined][] =>
  [[name, value] as const, ...fieldsOf(value).map(([field, inner]) => [`${name}_${field}`, inner] as const)]
    .map(([full, inner]) => [`PAWL_OUT_${full}`, scalarOf(inner)] as [string, string | undefined])
    .filter(([, text]) => text !== undefined);

/** Earlier outputs (JSON texts by cell) as `PAWL_OUT_…`, and as files. */
export const outputsByName = (outputs: Record<string, string>): { variables: Record<string, string>; files: Files } => {
  const files: Files = {};
  const named = new Map<string, string[]>();
  for (const [cell, text] of Object.entries(outputs)) {
    const value = parseAsWritten(text);
    Object.assign(files, filesOf(cell, text, value));
    for (const [name, scalar = ''] of variablesOf(cell, value)) named.set(name, [...(named.get(name) ?? []), scalar]);
  }
  const variables: Record<string, string> = {};
  let bytes = 0;
  for (const [name, [text = '', ...others]] of named) {
    const size = Buffer.byteLength(text);
    if (others.length > 0 || text.includes('\0') || size > limits.scriptValueBytesMax) continue;
    // An environment has one limit for all of it: beyond that no process begins.
    bytes += name.length + size;
    if (bytes > limits.scriptValuesBytesMax) break;
    variables[name] = text;
  }
  return { variables, files };
};

/** Parameters as files; as variables they are there anyway. */
export const paramsByName = (params: Record<string, unknown>): Files => {
  const files: Files = {};
  for (const [name, value] of Object.entries(params)) {
    const text = JSON.stringify(value);
    Object.assign(files, filesOf(name, text, parseAsWritten(text)));
  }
  return files;
};

/** The innermost element as text: a text as it is, everything else as JSON. */
const itemText = (each: Record<string, unknown>): string => {
  const item = Object.entries(each).findLast(([name]) => name !== 'index')?.[1];
  return typeof item === 'string' ? item : JSON.stringify(item);
};

/** Why it can be no variable; `undefined`: it can. */
const itemProblem = (text: string): string | undefined => {
  const bytes = Buffer.byteLength(text);
  if (bytes > limits.scriptValueBytesMax)
    return `has ${bytes} bytes; scriptValueBytesMax is ${limits.scriptValueBytesMax}`;
  return text.includes('\0') ? 'has a NUL character' : undefined;
};

/** The innermost element of a section with `each`, and its index. */
export const elementByName = (each: Record<string, unknown> | undefined): Record<string, string> => {
  if (each === undefined) return {};
  const text = itemText(each);
  return { ...(itemProblem(text) === undefined ? { PAWL_ITEM: text } : {}), PAWL_INDEX: String(each.index) };
};

/** Why a script that names its element is not begun; `undefined`: nothing speaks against it. */
export const itemMissing = (code: string, each: Record<string, unknown> | undefined): string | undefined => {
  const problem = each !== undefined && /PAWL_ITEM\b/.test(code) ? itemProblem(itemText(each)) : undefined;
  return problem && `Its element ${problem}, so there is no PAWL_ITEM: read \`each\` in the file PAWL_INPUTS.`;
};

/** How the run came to its end, as variables of a script: what is not so is empty. */
export const runByName = (run: CellInput['run']): Record<string, string> => {
  if (run === undefined) return {};
  const { failed, began, url } = run;
  const item = failed?.item ?? null;
  const named = {
    PAWL_RUN_FAILED_CELL: failed?.cell ?? '',
    PAWL_RUN_FAILED_ITEM: item === null ? '' : typeof item === 'string' ? item : JSON.stringify(item),
    PAWL_RUN_FAILED_CODE: failed?.code ?? '',
    PAWL_RUN_FAILED_MESSAGE: failed?.message ?? '',
    PAWL_RUN_BEGAN_BY: began.by,
    PAWL_RUN_BEGAN_REASON: began.reason ?? '',
    PAWL_RUN_URL: url ?? '',
  };
  const plain = (text: string): string => headOf(text.replaceAll('\0', ''), limits.scriptValueBytesMax);
  return Object.fromEntries(Object.entries(named).map(([name, text]) => [name, plain(text)]));
};
