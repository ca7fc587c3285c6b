/** What several kinds of entries have, and what the state has of them. */
import * as z from 'zod';
import { cellEnds } from './cellEnd.ts';
import { once } from './once.ts';

/** A moment: milliseconds since 1970, so that seconds and microseconds are refused. */
export const atMs = z.int().min(1_500_000_000_000).max(9_000_000_000_000);
export const count = z.int().min(0);
export const name = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/);
export const hash = z.string().regex(/^[0-9a-f]{64}$/);

/** 48 random bits, hex. */
export const storeIdSchema = z.string().regex(/^[0-9a-f]{12}$/);

/** W3C trace context of the caller: version 00, trace id, parent id, flags. */
export const traceSchema = z.string().regex(/^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/);

/** Who wrote an entry, by what door, from which process (host:pid, or the Lambda request id), and in which trace. */
export const by = z.strictObject({
  actor: z.string(),
  via: z.string(),
  where: z.string(),
  trace: traceSchema.exactOptional(),
});
export type By = z.infer<typeof by>;

/** A cell's output is JSON text, as the cell wrote it: parsing and printing would change large numbers. */
export const output = once(() =>
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('inline'), text: z.string() }),
    z.strictObject({ kind: z.literal('stored'), partition: z.string(), bytes: count, sha256: hash }),
    /** `limitBytes` is the limit that it exceeded; 0 where the store did not take the whole for another reason. */
    z.strictObject({ kind: z.literal('truncated'), bytes: count, limitBytes: count, head: z.string() }),
  ]),
);
export type Output = z.infer<ReturnType<typeof output>>;

/** A file beside the chain, in pieces. */
export const attached = once(() =>
  z.strictObject({ name: z.string(), partition: z.string(), bytes: count, sha256: hash }),
);
export type Attached = z.infer<ReturnType<typeof attached>>;

export const cellEnd = z.enum(cellEnds);

export const failure = z.strictObject({ code: z.string(), message: z.string() });
export type Failure = z.infer<typeof failure>;

export const checked = z.strictObject({
  source: z.string(),
  result: z.enum(['pass', 'fail', 'error', 'skipped']),
  message: z.string().optional(),
  overridden: z.literal(true).optional(),
});
/** One expectation and how it came out; only `pass` is pass. */
export type Checked = z.infer<typeof checked>;

export const status = z.enum(['completed', 'failed', 'unknown', 'skipped', 'never', 'abandoned']);
export type Status = z.infer<typeof status>;

/**
 * What an outcome leads to. `next`: the cell is satisfied or forgiven. `retry`: the same cell may be reserved again, by
 * the permission beside it. `halt`: a person is needed. `end`: the run stops green.
 */
export const then = z.enum(['next', 'retry', 'halt', 'end']);
export type Then = z.infer<typeof then>;

/** Why a cell may be started again. It stands in the entry that closed the attempt; one permission, one attempt. */
export const permissionKind = z.enum(['retry', 'never', 'interrupted', 'probe', 'person']);
export const permission = z.strictObject({
  kind: permissionKind,
  detail: z.string(),
});
export type Permission = z.infer<typeof permission>;

/** What is decided about a step that its holder did not settle. */
export const verdict = z.enum(['succeeded', 'failed', 'retry', 'skip']);
export type VerdictWord = z.infer<typeof verdict>;

/** Names and versions of secrets, never a value. */
export const secretVersions = z.record(z.string(), z.string());

/** How long a poll has to hold, or how many looks in a row have to find it so. */
export const holds = once(() =>
  z.union([z.strictObject({ forMs: z.int().min(1) }), z.strictObject({ times: z.int().min(2) })]),
);
