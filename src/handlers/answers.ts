/** What comes out: the zod schemas of answers, from which the OpenAPI document and the types of the operations are made. */
import * as z from 'zod';
import { type ErrorCode, entrySchema, errorCodes } from '../engine/index.ts';

const count = z.int().min(0);
const [started, , outcome] = entrySchema.options;
const { drive } = started.shape;
const { status: stepStatus, then, error: failure, expectations } = outcome.shape;
const statuses = z.enum(['ready', 'running', 'waiting', 'in_doubt', 'halted', 'completed', 'cancelled']);

export const entry = entrySchema;

export const view = z.strictObject({
  instanceId: z.string(),
  seq: count.describe('Seq of the newest entry; commands send it back as `expectedSeq`.'),
  status: statuses,
  runbookId: z.string(),
  version: z.int(),
  cell: z.string().nullable().describe('The next unsatisfied cell, or the open one.'),
  cellsDone: count,
  cells: count,
  drive,
  dueAtMs: z.number().nullable(),
  startedAtMs: z.number(),
  updatedAtMs: z.number(),
});

const holder = z.strictObject({
  cell: z.string(),
  seq: count,
  by: started.shape.by,
  ageMs: z.number(),
  deadlineAtMs: z.number(),
});

const stopKinds = {
  plain: z.strictObject({ kind: z.literal('stop'), result: z.enum(['advanced', 'completed', 'cancelled']) }),
  inFlight: z.strictObject({ kind: z.literal('stop'), result: z.literal('in_flight'), holder }),
  inDoubt: z.strictObject({
    kind: z.literal('stop'),
    result: z.literal('in_doubt'),
    cell: z.string(),
    seq: count,
    holder: holder.nullable(),
    nextAtMs: z.number().nullable(),
  }),
  halted: z.strictObject({
    kind: z.literal('stop'),
    result: z.literal('halted'),
    cell: z.string(),
    seq: count,
    why: z.enum(['step', 'epoch', 'attempts']),
  }),
  parked: z.strictObject({
    kind: z.literal('stop'),
    result: z.literal('parked'),
    cell: z.string(),
    seq: count.nullable(),
    dueAtMs: z.number().nullable(),
  }),
  deferred: z.strictObject({
    kind: z.literal('stop'),
    result: z.literal('deferred'),
    cell: z.string(),
    untilMs: z.number(),
    why: z.enum(['backoff', 'budget', 'store']),
  }),
};
const { plain, inFlight, inDoubt, halted, parked, deferred } = stopKinds;
const stop = z
  .discriminatedUnion('result', [plain, inFlight, inDoubt, halted, parked, deferred])
  .describe('Why the call stopped.');

export const stepReport = z.strictObject({
  cell: z.string(),
  seq: count,
  status: stepStatus,
  then,
  attempt: count,
  durationMs: z.number(),
  error: failure.unwrap(),
  recorded: z.boolean().describe('False: somebody else closed the step first; what was seen is a note.'),
});

const moved = {
  result: z.enum(['advanced', 'completed', 'cancelled', 'in_flight', 'in_doubt', 'halted', 'parked', 'deferred']),
  stop,
  steps: z.array(stepReport).describe('What this call has gone through.'),
  reserved: count,
  view,
  state: started.shape.state,
};
export const advanced = z.strictObject(moved);
export const ran = z.strictObject({
  ...moved,
  verdict: z.enum(['passed', 'completed procedurally', 'halted', 'cancelled', 'unfinished']),
  coverage: z.strictObject({ declared: count, cells: count, forgiven: count, skipped: count }),
});

export const published = z.strictObject({
  runbookId: z.string(),
  version: z.int(),
  hash: z.string(),
  cells: count,
  created: z.boolean(),
});
export const runbook = z.strictObject({
  runbookId: z.string(),
  version: z.int(),
  hash: z.string(),
  title: z.string(),
  source: z.string(),
  runbook: z.record(z.string(), z.unknown()).describe('The compiled form.'),
});
export const runbookPage = z.strictObject({
  runbooks: z.array(
    z.strictObject({
      runbookId: z.string(),
      version: z.int(),
      hash: z.string(),
      title: z.string(),
      cells: count,
      by: z.string(),
      atMs: z.number(),
    }),
  ),
  next: z.string().nullable(),
});

export const startedAnswer = z.strictObject({ view, created: z.boolean() });
export const viewPage = z.strictObject({ views: z.array(view), next: z.string().nullable() });
export const viewAnswer = z.strictObject({ view });
export const cancelled = z.strictObject({
  view,
  mayStillRun: z.strictObject({ cell: z.string(), seq: count, deadlineAtMs: z.number() }).nullable(),
});

const cellReport = z.strictObject({
  name: z.string(),
  kind: z.string(),
  state: z.enum([
    'pending',
    'next',
    'running',
    'waiting',
    'in_doubt',
    'halted',
    'cited',
    'completed',
    'failed',
    'skipped',
    'unknown',
    'not reached',
  ]),
  attempts: z.int(),
  seq: count.nullable(),
  output: z.string().nullable().describe('JSON text; null too when it was left out for its size.'),
  outputSeq: count.nullable().describe('Ask /instances/{instanceId}/outputs/{seq} for the whole of it.'),
  outputBytes: count.nullable(),
  error: failure.unwrap(),
  expectations: expectations.unwrap(),
  startedAtMs: z.number().nullable(),
  endedAtMs: z.number().nullable(),
  durationMs: z.number().nullable(),
  by: z.string().nullable(),
  closedBy: z.string().nullable(),
  note: z.string().nullable(),
});
export const instance = z.strictObject({
  view,
  title: z.string(),
  params: z.record(z.string(), z.unknown()),
  cells: z.array(cellReport),
  instructions: z.string().nullable(),
  head: entry.describe('The entry that `view` was made from.'),
  held: z.boolean().describe('Begun before the last restore from backup: held until a person releases it.'),
  nowMs: z.number(),
});
export const journalPage = z.strictObject({
  entries: z.array(entry),
  next: count.nullable().describe('Give it as `after`; null at the end.'),
  nowMs: z.number(),
  deployment: z.strictObject({ name: z.string(), epoch: count, takeoverGraceMs: count }),
});
export const notePage = z.strictObject({
  notes: z.array(
    z.strictObject({
      kind: z.enum(['log', 'fenced', 'evidence', 'probe']),
      about: count,
      cell: z.string(),
      atMs: z.number(),
      by: started.shape.by,
      text: z.string(),
    }),
  ),
  next: count.nullable(),
});
export const outputPart = z.strictObject({
  seq: count,
  bytes: count.describe('Of the whole output.'),
  truncated: z.boolean().describe('Only its beginning was kept.'),
  part: z.int().min(1),
  parts: z.int().min(1),
  text: z.string(),
});

export const health = z.strictObject({ status: z.literal('ok') });
export const openApiDocument = z.looseObject({ openapi: z.literal('3.1.1') });

const codes = Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]];
/** RFC 9457, with what there is to know beside it: `view`, `holder`, `problems`, `instanceId` … */
export const problem = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum(codes),
  request: z.string().describe('Names this request in the log.'),
});
