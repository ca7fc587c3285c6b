/** The types of what expressions see, as far as publishing knows them. */
import type { FieldTypes, VariableTypes } from './cel.ts';

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const plainTypes: ReadonlyMap<unknown, string> = new Map([
  ['string', 'string'],
  ['integer', 'int'],
  ['number', 'number'],
  ['boolean', 'bool'],
  ['null', 'null'],
  ['object', 'map<string, dyn>'],
]);

const celTypeOf = (schema: unknown): string => {
  if (!isRecord(schema)) return 'dyn';
  if (schema.type !== 'array') return plainTypes.get(schema.type) ?? 'dyn';
  const item = celTypeOf(schema.items);
  return item.includes('number') ? 'list<dyn>' : `list<${item}>`;
};

/** By the schema of all parameters. `null`: they could not be read, so that nothing is known of them. */
export const typesOf = (params: Record<string, unknown> | null): VariableTypes => {
  const properties = isRecord(params?.properties) ? params.properties : {};
  return {
    fields: {
      params: Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, celTypeOf(schema)])),
      step: stepTypes,
      claim: claimTypes,
      run: runTypes,
    },
    roots: { output: 'dyn', status: 'string', exitCode: 'int', error: 'dyn' },
  };
};

const stepTypes: FieldTypes = {
  instanceId: 'string',
  runbookId: 'string',
  version: 'int',
  cell: 'string',
  seq: 'int',
  visit: 'int',
  attempt: 'int',
  idempotencyKey: 'string',
  originalKey: 'string',
  deadlineAtMs: 'int',
};

/** A failure, and a place where people see the run, need not be there. */
const runTypes: FieldTypes = { failed: 'dyn', began: 'map<string, dyn>', url: 'dyn' };

/** A claim may have no statement. */
const claimTypes: FieldTypes = { id: 'string', status: 'string', statement: 'dyn', evidence: 'dyn', revision: 'int' };
