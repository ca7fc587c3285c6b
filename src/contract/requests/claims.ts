/** Claims: one, a page of them, its revisions, its next revision. */
import * as z from 'zod';
import { claimStatuses, once } from '../../engine/model/index.ts';
import { digits, limit, next } from './parts.ts';

/** A claim id may hold slashes, so it stands in the query. What is none is refused by the engine, in words. */
const claimId = z
  .string()
  .min(1)
  .max(2_000)
  .describe('Letters, digits, dots, dashes, underscores, and single slashes between them.');
export const claimQuery = once(() => z.strictObject({ id: claimId }));
export const claimsQuery = once(() => z.strictObject({ id: claimId.exactOptional(), limit, next }));
export const claimWaitersQuery = once(() => z.strictObject({ id: claimId, limit, next }));
export const claimHistoryQuery = once(() =>
  z.strictObject({
    id: claimId,
    before: digits(1).describe('`next` of the page before: only revisions before this one.').exactOptional(),
    limit,
  }),
);
const status = z.enum(claimStatuses);
export const claimBody = once(() =>
  z.strictObject({
    status,
    statement: z
      .string()
      .describe('What it says, for people. Without it that of the last revision stays.')
      .exactOptional(),
    evidence: z
      .unknown()
      .describe('Any JSON value; its numbers stay as they are written. Without it that of the last revision stays.')
      .exactOptional(),
    revision: z
      .int()
      .min(0)
      .describe('The revision the caller has seen, 0 for none: another one is refused (claim.stale).')
      .exactOptional(),
    reason: z
      .string()
      .describe('Why it is so. `invalidated` and `superseded` are final: another status needs this and `revision`.')
      .exactOptional(),
  }),
);
