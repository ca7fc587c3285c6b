/** An instance and every cell of it: how it stands, what it waits for, what a person would decide. */
import * as z from 'zod';
import { runEnds } from '../../engine/model/index.ts';
import { cellReport } from './cells.ts';
import { entry } from './journal.ts';
import { count, ending, outcome } from './parts.ts';
import { view } from './views.ts';
import { waits } from './waits.ts';
import { manned } from './workers.ts';

const { as, began, failed: failedFor } = ending.shape;
const endReport = z.strictObject({
  stands: z
    .enum(['ahead', 'under way', 'over'])
    .describe(
      '`ahead`: the way is over, and nothing of it has begun; or so it would be for the failure that the run stands at, or may.',
    ),
  as,
  began,
  failed: failedFor.unwrap(),
  takesBack: z.array(z.string()).describe('Cells that are taken back, the last first.'),
  takenBack: z.array(z.string()).describe('Of these, what has been.'),
  then: z.array(z.string()).describe('Cells of sections with `on` that are gone through after that.'),
  stays: z
    .array(z.string())
    .describe('Cells with effects that began and stay as they are: nothing takes them back, or what does has not.'),
  skipped: z
    .array(z.strictObject({ cell: z.string(), by: z.string(), reason: z.string() }))
    .describe('Of these, what stays since a person passed over what takes it back.'),
  left: z.array(z.string()).describe('Of what is gone through: what has not been yet.'),
  manual: z.boolean().describe('By a person’s steps alone.'),
  stopped: z.boolean().describe('By a person: nothing more of it begins.'),
});

const undecidedReport = z.strictObject({
  seq: count.describe('What a verdict names: seq of the reservation, or of the outcome where there was none.'),
  repeatable: z
    .enum(['yes', 'freshKey', 'elements', 'no'])
    .describe(
      'Whether a further attempt may begin and could come out otherwise: `freshKey`, only with a fresh key; `elements`: those that did not complete.',
    ),
  ifFailed: outcome.shape.then.describe('What the verdict `failed` would lead to: `retry` is the cell’s own.'),
  onFailure: z
    .enum(['undo', 'end'])
    .nullable()
    .describe('What a known failure leads to by itself; null: it halts, and a person is asked.'),
  undoable: z
    .boolean()
    .describe('A person can give the run up for its failure, and its runbook has something for that end.'),
});

export const elements = z.strictObject({
  elements: z
    .array(
      z.strictObject({
        index: count,
        item: z.unknown(),
        instanceId: z.string(),
        as: z.enum(runEnds).nullable().describe('How it ended, as its run saw; null: it did not.'),
        begun: z
          .boolean()
          .describe(
            'False: it has not ended, and no view of it stands yet. It waits for a lock or for its turn, or has only just begun: no entry of its run says when that changes.',
          ),
      }),
    )
    .describe(
      'Those that may have begun, each as it began last, in the order of the list; none of a cell that opened no section.',
    ),
  next: count.nullable().describe('Give it as `after`; null at the end.'),
});

export const instance = z.strictObject({
  view,
  title: z.string(),
  params: z.record(z.string(), z.unknown()),
  cells: z.array(cellReport),
  waits: waits.nullable().describe('What it waits for.'),
  ending: endReport
    .nullable()
    .describe('What is gone through at its end; null: the way goes on, or its runbook has nothing for its end.'),
  undecided: undecidedReport.nullable().describe('The step that a verdict would be about; null: it stands at none.'),
  manned: manned.describe('Where it waits for a worker of another place: whether that has any.'),
  head: entry.describe('The entry that `view` was made from.'),
  held: z.boolean().describe('Begun before the last restore from backup: held until a person releases it.'),
  decidableAtMs: z
    .number()
    .describe(
      'Of a step that was begun and not settled: no verdict before this, since what it has begun may still act.',
    ),
  decidePeople: z
    .union([z.literal(1), z.literal(2)])
    .describe(
      'By so many people a step in doubt of it is decided; what the first says stands in `head.state.proposed`.',
    ),
  holderProcess: z
    .enum(['gone', 'alive', 'not here'])
    .nullable()
    .describe(
      'Of a step that was begun and not settled: what the service can tell of the process that holds it. `not here`: it is of another machine, boot, container or user; null where its reservation names none.',
    ),
  nowMs: z.number(),
});
