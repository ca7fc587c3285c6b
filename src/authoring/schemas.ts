/** `json { schema=cell }`: what the output of a cell, or the body of an answer, has to look like. One of its expectations. */
import type { CellKind, Evaluated, Expression, Scope } from '../engine/index.ts';
import { describeError, timed } from './evaluate.ts';
import { writeJson } from './json.ts';
import { checkSchema, unfit } from './jsonSchema.ts';
import { type Report, type Text, trim } from './text.ts';
import { type Field, readYaml } from './yaml.ts';

const ofBody = 'output.body fits its schema';
const ofOutput = 'output fits its schema';

/** Reads a schema; JSON is YAML too, which knows its places. `undefined`: it is none (reported). */
export const readSchema = (kind: CellKind, body: Text, report: Report): Expression | undefined => {
  let isBroken = false;
  const noted: Report = (at, message) => {
    isBroken = true;
    report(at, message);
  };
  try {
    JSON.parse(body.text);
  } catch (error) {
    report(body.at(0), `a schema is JSON: ${(error as Error).message.replace(/ in JSON at position.*/s, '')}`);
    return undefined;
  }
  const fields = readYaml(body, noted, 'the schema');
  if (fields === undefined || isBroken) return undefined;
  const schema = Object.fromEntries(fields.map(({ key, value }) => [key, value]));
  const at = trim(body).at(0);
  const root: Field = {
    ...{ key: 'output', at, valueAt: at, value: schema, text: body, quoted: false },
    ...{ fields: () => fields, inside: () => fields, items: () => null },
  };
  checkSchema(root, schema, noted, 'a schema');
  if (isBroken) return undefined;
  return { source: kind === 'http' ? ofBody : ofOutput, line: at.line, schema };
};

/** Deterministic, bounded, never throws. Whole numbers beyond 2^53 are looked at as the nearest number that JSON Schema knows. */
export const fits = (schema: Record<string, unknown>, source: string, { output }: Scope): Evaluated => {
  const isAnswer = source === ofBody && typeof output === 'object' && output !== null && 'body' in output;
  const value = isAnswer ? output.body : source === ofBody ? undefined : output;
  if (value === undefined) return { kind: 'value', value: false, why: 'there is no output' };
  try {
    const plain: unknown = JSON.parse(writeJson(value));
    const why = timed(() => ({ why: unfit(schema, plain) })).why;
    return why === undefined ? { kind: 'value', value: true } : { kind: 'value', value: false, why };
  } catch (error) {
    return { kind: 'error', message: `the schema: ${describeError(error)}` };
  }
};
