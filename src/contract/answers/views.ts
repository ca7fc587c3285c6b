/** Views of instances, by themselves and in lists. */
import * as z from 'zod';
import { limits, viewStatuses } from '../../engine/model/index.ts';
import { count, started } from './parts.ts';

export const view = z.strictObject({
  instanceId: z.string(),
  seq: count.describe('Seq of the newest entry; commands send it back as `expectedSeq`.'),
  status: z.enum(viewStatuses),
  runbookId: z.string(),
  version: z.int(),
  cell: z.string().nullable().describe('The next unsatisfied cell, or the open one.'),
  cellsDone: count,
  cells: count,
  drive: started.shape.drive,
  place: z.string().describe('The place that the next step belongs to; the home of the store where that is any.'),
  dueAtMs: z.number().nullable(),
  startedAtMs: z.number(),
  updatedAtMs: z.number(),
  startedBy: z.string().describe('Who started it.'),
  params: z.string().describe('The beginning of its parameters, as JSON text.'),
  waitsFor: z.string().nullable().describe('Whom or what it waits for: people and groups, claims, a time.'),
  headHash: z.string().describe('Hash of the newest entry, as `verify` compares it.'),
});

export const startedAnswer = z.strictObject({ view, created: z.boolean() });
export const viewPage = z.strictObject({
  views: z.array(view),
  atLeast: z
    .boolean()
    .describe('True: not all that are asked about were read, so there may be more than these; `next` goes on.'),
  next: z.string().nullable(),
});
export const counts = z.strictObject({
  counts: z.array(
    z.strictObject({
      status: z.enum(viewStatuses),
      count,
      atLeast: z
        .boolean()
        .describe(`There may be more: of each status ${limits.listReadMax} are counted at most (listReadMax).`),
    }),
  ),
});
export const viewAnswer = z.strictObject({ view });
