/** The journal of an instance, and what stands beside it: outputs, attachments, notes. */
import * as z from 'zod';
import { entrySchema, runEnds } from '../../engine/model/index.ts';
import { count, started } from './parts.ts';

export const entry = entrySchema();

export const journalPage = z.strictObject({
  entries: z.array(entry),
  lastHash: z
    .string()
    .nullable()
    .describe('Hash of the last of them, as `verify` compares it; null where there is none.'),
  next: count.nullable().describe('Give it as `after`; null at the end.'),
  nowMs: z.number(),
  deployment: z.strictObject({
    name: z.string(),
    epoch: count,
    takeoverGraceMs: count,
    place: z.string().describe('Where the service carries cells out.'),
    home: z.string().describe('The place of the schedule, where everything is due that belongs to no place.'),
  }),
});
export const journalIds = z.strictObject({
  instanceIds: z.array(z.string()),
  next: z.string().nullable(),
});
export const verified = z.strictObject({
  instanceId: z.string(),
  intact: z.boolean(),
  entries: count,
  head: z
    .strictObject({ seq: count, hash: z.string() })
    .describe('The newest entry. Kept elsewhere it is a witness: give it as `seq` and `hash` another time.'),
  breaks: z.array(z.strictObject({ seq: count, why: z.string() })),
  over: z.enum(runEnds).nullable().describe('How the run ended, as its newest entry says.'),
  sections: z
    .array(
      z.strictObject({
        cell: z.string(),
        visit: z.int().min(1),
        begun: z.array(count).describe('Indexes of the elements that might begin, in that order.'),
        ended: z.array(z.strictObject({ index: count, as: z.enum(runEnds) })).describe('Those that were seen ended.'),
      }),
    )
    .describe('What it says of its elements. Each has a journal of its own, which is verified by itself.'),
  ended: z
    .strictObject({ seq: count, by: z.string(), reason: z.string() })
    .nullable()
    .describe('Ended by a person because it was broken.'),
});
export const notePage = z.strictObject({
  notes: z.array(
    z.strictObject({
      kind: z.enum(['log', 'fenced', 'evidence', 'asked', 'probe', 'told']),
      about: count,
      cell: z.string(),
      atMs: z.number(),
      by: started.shape.by,
      text: z.string(),
      glimpse: z
        .literal(true)
        .optional()
        .describe('Of a log past its beginning, told while the step runs: its end is told once more when it is over.'),
    }),
  ),
  next: count.nullable(),
});
export const attachmentPart = z.strictObject({
  seq: count,
  file: count,
  files: count.describe('How many files the entry carries.'),
  name: z.string(),
  bytes: count.describe('Of the whole file.'),
  sha256: z.string().describe('Of the whole file, as the entry has it.'),
  part: count,
  parts: count,
  base64: z.string().describe('This part of it.'),
});
export const outputPart = z.strictObject({
  seq: count,
  bytes: count.describe('Of the whole output.'),
  truncated: z.boolean().describe('Only its beginning was kept.'),
  part: z.int().min(1),
  parts: z.int().min(1),
  text: z.string(),
});
