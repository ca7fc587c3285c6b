/** Claims, their revisions, and who waits for them. */
import * as z from 'zod';
import { claimStatuses } from '../../engine/model/index.ts';
import { count, started } from './parts.ts';

const claim = z.strictObject({
  claimId: z.string(),
  revision: count,
  status: z.enum(claimStatuses),
  statement: z.string().nullable(),
  evidence: z.unknown(),
  reason: z.string().nullable(),
  by: started.shape.by,
  at: z.iso.datetime(),
});
const claimAnswer = z.strictObject({ claim });
export const claimSet = z.strictObject({
  claim,
  woken: count.nullable().describe('Waiters told; null: the schedule tells the rest of them.'),
});
const claimPage = z.strictObject({ claims: z.array(claim), next: z.string().nullable() });
export const claimFound = z
  .union([claimAnswer, claimPage])
  .describe('With `id` that claim, without it a page of them.');
export const claimHistory = z.strictObject({
  claims: z.array(claim).describe('Newest first.'),
  next: count.nullable().describe('Give it as `before`; null at the end.'),
});
export const claimWaiters = z.strictObject({
  waiters: z.array(z.strictObject({ instanceId: z.string(), cell: z.string(), runbookId: z.string() })),
  next: z.string().nullable(),
});
