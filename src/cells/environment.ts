/** What the process of a code cell finds: its environment, and its inputs as a text. Nothing of this process's own but what it declared. */
import { join } from 'node:path';
import { type CellInput, isNeverHanded } from '../engine/index.ts';
import { elementByName, runByName } from './byName.ts';

/** `{"params":…,"outputs":{…},"step":…}` with the outputs' texts as they are, so that large integers survive. */
export const inputsText = (input: CellInput): string => {
  const outputs = Object.entries(input.outputs).map(([name, text]) => `${JSON.stringify(name)}:${text}`);
  const each = input.each === undefined ? '' : `,"each":${JSON.stringify(input.each)}`;
  const run = input.run === undefined ? '' : `,"run":${JSON.stringify(input.run)}`;
  return `{"params":${JSON.stringify(input.params)},"outputs":{${outputs.join(',')}},"step":${JSON.stringify(input.step)}${each}${run}}`;
};

/** What a cell declared that it needs of this process's environment; what is Pawl's own it never gets. */
const declared = ({ env = [] }: CellInput): Record<string, string> =>
  Object.fromEntries(
    env.flatMap((name) => {
      const value = isNeverHanded(name) ? undefined : process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );

/** The step as `PAWL_…`, as a function has it in its argument. */
const stepByName = ({ step }: CellInput): Record<string, string> => ({
  PAWL_INSTANCE_ID: step.instanceId,
  PAWL_RUNBOOK_ID: step.runbookId,
  PAWL_VERSION: String(step.version),
  PAWL_CELL: step.cell,
  PAWL_SEQ: String(step.seq),
  PAWL_VISIT: String(step.visit),
  PAWL_ATTEMPT: String(step.attempt),
  PAWL_IDEMPOTENCY_KEY: step.idempotencyKey,
  PAWL_DEADLINE_AT_MS: String(step.deadlineAtMs),
  ...(step.originalKey === undefined ? {} : { PAWL_ORIGINAL_KEY: step.originalKey }),
});

/** What every cell has alike, so that a process can be begun with it before there is one. */
export const commonEnvironment = (execution: string): Record<string, string> => ({
  PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
  LANG: 'C.UTF-8',
  PAWL_EXECUTION: execution,
});

export const environment = (input: CellInput, dir: string, execution: string): Record<string, string> => ({
  ...declared(input),
  HOME: join(dir, 'home'),
  TMPDIR: join(dir, 'tmp'),
  PAWL_INPUTS: join(dir, 'inputs.json'),
  PAWL_OUTPUT: join(dir, 'output.json'),
  PAWL_SECRETS: join(dir, 'secrets'),
  PAWL_EVIDENCE: join(dir, 'evidence'),
  ...stepByName(input),
  ...elementByName(input.each),
  ...runByName(input.run),
  ...commonEnvironment(execution),
  ...(input.trace === undefined ? {} : { TRACEPARENT: input.trace }),
  ...Object.fromEntries(
    Object.entries(input.params).map(([name, value]) => [
      `PAWL_PARAM_${name.toUpperCase()}`,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  ),
});
