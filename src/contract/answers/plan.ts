/** What a plan answers: what a start would do. */
import * as z from 'zod';
import { limits, type PlannedCell } from '../../engine/model/index.ts';
import { count } from './parts.ts';

/** What a cell at the end of a run takes back, or at which ends it is gone through. */
export const cleanup = z.union([
  z.strictObject({ undo: z.string(), of: z.literal('begun').exactOptional() }),
  z.strictObject({ on: z.enum(['failure', 'cancel', 'always']) }),
]);
const failing = {
  onFailure: z.enum(['ask', 'undo', 'end']).describe('What a known failure leads to: a person is asked, or not.'),
  path: z
    .array(z.string())
    .describe('Cells that are gone through for a failure, as far as what they take back was done.'),
  stays: z.array(z.string()).describe('Cells with effects that nothing takes back.'),
};
/** The same in itself, so its form is told by its type alone. */
const cellsWithin = z.array(z.record(z.string(), z.unknown())) as unknown as z.ZodType<PlannedCell[]>;
const plannedRun = z.strictObject({
  ...failing,
  runbookId: z.string(),
  version: z.int().nullable().describe('null: it is not known.'),
  title: z.string().nullable().describe('null: it was not looked at.'),
  newest: z.int().nullable().describe('The newest version of it, where that is a newer one than runs.'),
  as: z.string().nullable().describe('What the element is called; null: it runs once.'),
  max: z.string().describe('So many at a time.'),
  stopAfter: count,
  within: z.string().nullable().describe('How long it is tried behind a lock.'),
  params: z.record(z.string(), z.string()).describe('As JSON; `{{ }}` where the element or an output is needed.'),
  output: z.string().nullable(),
  cells: cellsWithin
    .nullable()
    .describe(
      `The cells of that version, as those of the plan; null: not shown (plannedCellsMax: ${limits.plannedCellsMax}).`,
    ),
});
const plannedCell = z.strictObject({
  name: z.string(),
  kind: z.string(),
  line: count,
  timeoutMs: z.number(),
  retries: count.describe('Further attempts after a known failure.'),
  retryOn: z.literal('unexpected').nullable().describe('It repeats also what is not as expected.'),
  interrupted: z.string().describe('What follows once it was cut off.'),
  byMethod: z.string().nullable().describe('`interrupted` follows from this method alone.'),
  failedOn: z.array(z.union([z.number(), z.string()])),
  unknownOn: z.array(z.union([z.number(), z.string()])),
  ways: z.array(z.string()).describe('What else it says of how it is carried out.'),
  optional: z.boolean(),
  cleanup: cleanup.exactOptional().describe('Of a cell that is gone through at the end of a run alone.'),
  undoneBy: z
    .strictObject({ cell: z.string(), of: z.enum(['completed', 'begun']) })
    .nullable()
    .describe('The cell that takes it back; null: none does.'),
  hasEffects: z.boolean(),
  within: z.array(z.string()).describe('The sections in which it stands, the outermost first.'),
  part: z.string().nullable().describe('Of a section with `parallel`: the part in which it stands.'),
  sectionCells: count.nullable().describe('Of a branch: how many cells its section has.'),
  each: z
    .strictObject({
      ...failing,
      as: z.string(),
      max: z.string().describe('So many at a time.'),
      stopAfter: count,
      cells: count,
      parts: z.array(z.string()).nullable(),
    })
    .nullable()
    .describe('Of a section that is gone through for each element: how.'),
  run: plannedRun.nullable().describe('Of a `run` cell: what it runs.'),
  when: z.string().nullable(),
  expect: z.array(z.string()),
  waits: z.string().nullable().describe('For whom or what it waits, how long, and what then.'),
  input: z
    .string()
    .describe(
      'What it acts with, or over which elements it goes; an expression or `{{ }}` stays where an earlier output is needed.',
    ),
});
export const planned = z.strictObject({
  ...failing,
  runbookId: z.string(),
  version: z.int().nullable().describe('null: of a document that is not published.'),
  title: z.string(),
  params: z.record(z.string(), z.unknown()).describe('With defaults filled in.'),
  instanceId: z.string().nullable().describe('The id of the run, where `unique` says it.'),
  concurrency: z.string().nullable().describe('One unfinished run at a time has this.'),
  notify: z.string().nullable().describe('How people are told that one of them is needed.'),
  cells: z.array(plannedCell),
});
