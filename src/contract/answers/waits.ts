/** What an instance waits for, by the kind of its cell; and what an approval is about. */
import * as z from 'zod';
import { cellEnds, claimStatuses, lastLookSchema } from '../../engine/model/index.ts';
import { count, waiting } from './parts.ts';

export const shown = z
  .strictObject({
    document: z.string().describe('The runbook up to the end of the cell.'),
    params: z.record(z.string(), z.unknown()),
    outputs: z.record(z.string(), z.string()).describe('JSON texts of the outputs that the cell refers to.'),
    states: z
      .record(z.string(), z.enum(cellEnds))
      .exactOptional()
      .describe('How the cells ended that the cell asks about.'),
    each: z
      .record(z.string(), z.unknown())
      .exactOptional()
      .describe('In a section with `each`: the element and its index, and those around them, by name.'),
    logs: z
      .record(
        z.string(),
        z.strictObject({
          covers: z
            .enum(['whole', 'ends', 'nothing'])
            .describe('What of the log is in `text`: all of it, its beginning and its end, or nothing.'),
          text: z.string(),
          bytes: count.describe('Of the whole log.'),
          sha256: z.string().nullable().describe('Of the whole log, as the outcome of its step has it.'),
          why: z.string().nullable().describe('Why nothing of it is shown.'),
        }),
      )
      .exactOptional()
      .describe('Logs of earlier cells that the cell shows (`shows=`), by cell.'),
    text: z.string().describe('What is asked.'),
    hash: z.string(),
  })
  .describe('What a vote is about; `hash` binds it.');
export const freed = z
  .strictObject({
    document: z
      .string()
      .describe('The runbook after the question, to the next one that is asked in any case, or its end.'),
    cells: z.array(z.string()).describe('Names of the cells in it.'),
    until: z.string().nullable().describe('The cell that asks next; null: the runbook ends.'),
    isCut: z.boolean().describe('Too large to be shown: `document` is its beginning.'),
  })
  .describe('What runs once it is approved. Not part of the approval: no hash covers it.');
const wait = {
  cell: z.string(),
  seq: count,
  sinceMs: z.number(),
  dueAtMs: z.number().nullable().describe('When it ends by itself; null: as long as it takes.'),
  nextAtMs: z.number().nullable().describe('When it is looked at again.'),
};
export const waits = z.discriminatedUnion('kind', [
  z.strictObject({
    ...wait,
    kind: z.literal('manual'),
    instructions: z.string().nullable(),
    answer: z
      .record(z.string(), z.unknown())
      .exactOptional()
      .describe('JSON Schema of the answer that it asks for; absent where it asks for none.'),
  }),
  z.strictObject({ ...wait, kind: z.literal('wait') }),
  z.strictObject({
    ...wait,
    kind: z.literal('poll'),
    everyMs: z.number(),
    last: lastLookSchema.nullable().describe('What the last look found; null: no look yet.'),
    holds: waiting.shape.holds.describe('How long it has to hold, or how many times in a row.'),
    held: z
      .strictObject({ sinceMs: z.number(), looks: count })
      .nullable()
      .exactOptional()
      .describe('Of one that has to hold: since when it does, and how many times in a row that was counted.'),
  }),
  z.strictObject({
    ...wait,
    kind: z.literal('each'),
    count: count.describe('Elements of the section.'),
    max: count.describe('So many may be under way.'),
    stopAfter: count.describe('No more begin after so many that were given up, halted or in doubt.'),
    spawned: count.describe('The elements before this index may begin.'),
    completed: count,
    cancelled: count,
    underWay: count.describe('Have begun, and were not seen ended.'),
    failed: count.describe('Ended failed, rolled back or not.'),
    stuck: count.describe('Seen halted or in doubt.'),
    elements: z
      .array(
        z.strictObject({
          depth: count.describe(
            '0: of this section; 1: of one that the last element of depth 0 before it stands in, and so on.',
          ),
          index: count,
          item: z.unknown(),
          instanceId: z.string(),
          status: z.string(),
          cell: z.string().nullable(),
          waitsFor: z.string().nullable(),
        }),
      )
      .describe('Those under way, each before those of a section that it stands in: at most 50.'),
  }),
  z.strictObject({
    ...wait,
    kind: z.literal('await'),
    match: z.enum(['all', 'any']),
    until: z.array(z.enum(claimStatuses)),
    condition: z.string().nullable(),
    claims: z.array(
      z.strictObject({
        claimId: z.string(),
        revision: count.describe('0: it does not exist yet.'),
        status: z.enum(claimStatuses).nullable(),
        unmet: z.string().nullable().describe('Why it is not what is waited for; null: it is.'),
      }),
    ),
  }),
  z.strictObject({
    ...wait,
    kind: z.literal('approve'),
    shown: shown.nullable().describe('null: it cannot be shown any more.'),
    freed: freed.nullable().describe('What runs once it is approved, covered by no hash; null with `shown`.'),
    shownHash: z.string(),
    approvers: z.array(z.string()),
    groups: z.array(z.string()),
    quorum: count,
    self: z.boolean(),
    starters: z
      .array(z.string())
      .describe('Who started the run, or one that it continues: unless `self`, they may not vote.'),
    onExpiry: z.enum(['approve', 'reject']),
    approvals: z.array(z.string()),
    votes: z.array(
      z.strictObject({
        actor: z.string(),
        decision: z.enum(['approve', 'reject', 'withdraw']),
        comment: z.string().nullable(),
        seq: count,
        atMs: z.number(),
      }),
    ),
  }),
]);
