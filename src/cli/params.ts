/** `-p name=value` on the command line becomes parameters, read by what the runbook's schema says of each. */
import { readFile } from 'node:fs/promises';
import type { Runbook } from '../engine/index.ts';
import { PawlError } from '../engine/index.ts';
import { fileTrouble } from './session.ts';

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

const typesOf = (runbook: Runbook, name: string): string[] => {
  const { properties } = runbook.params;
  const schema = isRecord(properties) ? properties[name] : undefined;
  const type = isRecord(schema) ? schema.type : undefined;
  if (type === undefined) return [];
  return (Array.isArray(type) ? type : [type]).map(String);
};

const jsonOf = (text: string): { value: unknown } | undefined => {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
};

const typeOf = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
};

/**
 * Text is text where the schema allows a string and nothing else; otherwise JSON of a type the schema allows. What fits
 * nothing is handed on as text, so that the schema itself says what it wanted.
 */
const read = (text: string, types: string[]): unknown => {
  if (types.length === 1 && types[0] === 'string') return text;
  const json = jsonOf(text);
  if (json === undefined) return text;
  const { value } = json;
  const type = typeOf(value);
  const fits = types.length === 0 || types.includes(type) || (type === 'integer' && types.includes('number'));
  if (!fits) return text;
  if (type === 'integer' && !Number.isSafeInteger(value)) return text;
  return value;
};

const readParamFile = async (name: string, path: string, types: string[]): Promise<unknown> => {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw fileTrouble(path, error);
  });
  const json = jsonOf(text);
  if (json !== undefined) return json.value;
  if (types.length === 1 && types[0] === 'string') return text;
  throw new PawlError('params.invalid', `Parameter ${name}: ${path} is not JSON; give a file that holds one JSON value.`, { name });
};

/**
 * @param given `name=value`, or `name=@file.json` for the JSON in a file
 * @throws PawlError `params.invalid`, `request.invalid`
 */
export const readParams = async (runbook: Runbook, given: string[]): Promise<Record<string, unknown>> => {
  const params = new Map<string, unknown>();
  for (const pair of given) {
    const [, name, text] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
    if (name === undefined || text === undefined) {
      throw new PawlError('request.invalid', `-p ${pair} is no parameter; write -p name=value, or -p name=@file.json.`);
    }
    if (params.has(name)) throw new PawlError('params.invalid', `Parameter ${name} is given twice; give it once.`, { name });
    const types = typesOf(runbook, name);
    params.set(name, text.startsWith('@') ? await readParamFile(name, text.slice(1), types) : read(text, types));
  }
  return Object.fromEntries(params);
};
