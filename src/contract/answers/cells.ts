/** How one cell of an instance stands. */
import * as z from 'zod';
import { count, expectations, failure, outcome } from './parts.ts';
import { cleanup } from './plan.ts';

export const cellReport = z.strictObject({
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
    'completed, not as expected',
    'failed',
    'skipped',
    'unknown',
    'taken back',
    'not reached',
  ]),
  cleanup: cleanup
    .exactOptional()
    .describe('Of a cell that is gone through at the end of a run alone: what it takes back, or at which ends.'),
  attempts: z.int(),
  seq: count.nullable(),
  output: z.string().nullable().describe('JSON text; null too when it was left out for its size.'),
  outputSeq: count.nullable().describe('Ask /instances/{instanceId}/outputs/{seq} for the whole of it.'),
  outputBytes: count.nullable(),
  attached: z
    .strictObject({
      seq: count.describe('Ask /instances/{instanceId}/attachments/{seq} for them.'),
      files: z.array(z.strictObject({ name: z.string(), bytes: count, sha256: z.string() })),
    })
    .exactOptional()
    .describe('Files that a person gave with it, or that its newest attempt left as evidence.'),
  unkept: outcome.shape.unkept.describe('Files that its newest attempt left as evidence and that are not kept.'),
  error: failure.unwrap(),
  expectations: expectations.unwrap(),
  startedAtMs: z.number().nullable(),
  endedAtMs: z.number().nullable(),
  askedMs: z.number().exactOptional().describe('For how long the target of its newest attempt asked to be left alone.'),
  durationMs: z.number().nullable(),
  by: z.string().nullable(),
  closedBy: z.string().nullable(),
  verdict: z
    .strictObject({ verdict: z.enum(['succeeded', 'failed', 'retry', 'skip']), actor: z.string() })
    .nullable()
    .describe('A person’s word about a step that its holder did not settle; null for what ended by itself.'),
  note: z.string().nullable(),
});
