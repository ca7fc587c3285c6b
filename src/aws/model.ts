/** What a service can be asked for, as its own client has it: actions, their members, which of these have to be there. */
import type { NormalizedSchema } from '@smithy/core/schema';
import { schemas } from './bundled.ts';
import { clientOf } from './clients.ts';

/** Loaded member by member: models are large, and some of their shapes hold themselves. */
export type Shape =
  | { kind: 'structure' | 'union'; members(): ReadonlyMap<string, Shape>; required: readonly string[] }
  | { kind: 'list' | 'map'; item(): Shape }
  | { kind: 'text' | 'number' | 'boolean' | 'blob' | 'time' | 'any' };

type Action = {
  name: string;
  input: Shape & { kind: 'structure' | 'union' };
  /** Members that an idempotency token stands in. */
  tokens: readonly string[];
};
export type Model = {
  actions: readonly string[];
  /** `undefined`: there is none of that name. A text: why it cannot be a cell. */
  action(name: string): Action | string | undefined;
};

/** A static schema is a tuple: of an operation its name, input and output; of a structure how many of its members have to be there. */
const operationTag = 9;
const [inputAt, outputAt, requiredAt] = [4, 5, 6];

const shapeOf = (schema: NormalizedSchema): Shape => {
  if (schema.isDocumentSchema()) return { kind: 'any' };
  if (schema.isUnionSchema() || schema.isStructSchema()) {
    const own = schema.getSchema();
    const count = Array.isArray(own) && typeof own[requiredAt] === 'number' ? own[requiredAt] : 0;
    const names = Object.keys(schema.getMemberSchemas());
    return {
      kind: schema.isUnionSchema() ? 'union' : 'structure',
      members: () => new Map([...schema.structIterator()].map(([name, member]) => [name, shapeOf(member)])),
      required: schema.isUnionSchema() ? [] : names.slice(0, count),
    };
  }
  if (schema.isListSchema()) return { kind: 'list', item: () => shapeOf(schema.getValueSchema()) };
  if (schema.isMapSchema()) return { kind: 'map', item: () => shapeOf(schema.getValueSchema()) };
  if (schema.isBlobSchema()) return { kind: 'blob' };
  if (schema.isTimestampSchema()) return { kind: 'time' };
  if (schema.isBooleanSchema()) return { kind: 'boolean' };
  if (schema.isNumericSchema() || schema.isBigIntegerSchema() || schema.isBigDecimalSchema()) return { kind: 'number' };
  return schema.isStringSchema() ? { kind: 'text' } : { kind: 'any' };
};

const structureOf = (ref: unknown): NormalizedSchema | undefined => {
  const schema = schemas().NormalizedSchema.of((typeof ref === 'function' ? ref() : ref) as never);
  return schema.isStructSchema() ? schema : undefined;
};

const actionOf = (name: string, schema: unknown): Action | string => {
  const [input, output] = [inputAt, outputAt].map((at) => structureOf((schema as unknown[])[at]));
  if (input?.getEventStreamMember() || output?.getEventStreamMember())
    return `\`${name}\` is a stream of events, which is more than one answer; it cannot be a cell`;
  const none: Action['input'] = { kind: 'structure', members: () => new Map(), required: [] };
  if (input === undefined) return { name, input: none, tokens: [] };
  const tokens = [...input.structIterator()].filter(([, member]) => member.isIdempotencyToken());
  return { name, input: shapeOf(input) as Action['input'], tokens: tokens.map(([member]) => member) };
};

/** The model of a service, or why there is none here. */
export const modelOf = (service: string): Model | { missing: string } => {
  const found = clientOf(service);
  if ('missing' in found) return found;
  const { exports } = found;
  const schemaOf = (name: string): unknown => (Object.hasOwn(exports, `${name}$`) ? exports[`${name}$`] : undefined);
  const isAction = (name: string): boolean => {
    const schema = schemaOf(name);
    return Array.isArray(schema) && schema[0] === operationTag && typeof exports[`${name}Command`] === 'function';
  };
  const actions = Object.keys(exports)
    .filter((name) => name.endsWith('$'))
    .map((name) => name.slice(0, -1))
    .filter(isAction);
  if (actions.length === 0)
    return { missing: `the installed @aws-sdk/client-${service} has no model in it; install one of 2026 or later` };
  return { actions, action: (name) => (isAction(name) ? actionOf(name, schemaOf(name)) : undefined) };
};
