/** What starts a function: the zod schemas of their events, as far as Pawl reads them. */
import * as z from 'zod';
import { cellName, instanceId, seq } from '../contract/index.ts';
import { by, limits } from '../engine/index.ts';

/** An HTTP API event, payload format 2.0. */
export const httpEvent = z.object({
  rawPath: z.string(),
  rawQueryString: z.string().default(''),
  headers: z.record(z.string(), z.string().optional()).default({}),
  body: z.string().nullish(),
  isBase64Encoded: z.boolean().default(false),
  requestContext: z.object({
    http: z.object({ method: z.string() }),
    domainName: z.string().nullish(),
    authorizer: z
      .object({
        iam: z.object({ userArn: z.string().nullish() }).nullish(),
        jwt: z.object({ claims: z.record(z.string(), z.unknown()).nullish() }).nullish(),
      })
      .nullish(),
  }),
});
export type HttpEvent = z.infer<typeof httpEvent>;

/**
 * What is handed over to `work`. `maxCells` counts from `expectedSeq`, so a second or a late delivery runs nothing more;
 * without it, what is due is looked after, which may be done at any time.
 */
const handOver = z.strictObject({
  instanceId,
  by,
  /** False from the schedule: in drive `manual` nothing new is reserved. */
  explicit: z.boolean(),
  expectedSeq: seq.exactOptional(),
  cell: cellName.exactOptional(),
  maxCells: z.union([z.int().min(1).max(limits.attemptsPerInstanceMax), z.literal('all')]),
});
export type HandOver = z.infer<typeof handOver>;

/**
 * Looks after an instance, as long as `seq` is its newest entry, or if it is due: a wake whose time has come. Otherwise it
 * was looked after already.
 */
export const look = z.strictObject({ look: instanceId, seq: seq.exactOptional() });
export type Look = z.infer<typeof look>;

/** Wakes all waiters of a claim, because its writer may have died before it did. */
const wakeAll = z.strictObject({ wake: z.string().min(1) });

/** Makes lost views again, in one part of the list of journals. */
const sweep = z.strictObject({
  sweep: z
    .int()
    .min(0)
    .max(limits.journalShards - 1),
});

/** Outcomes from the failure queue, and wakes from theirs, as SQS brings them. */
const queueEvent = z.object({
  Records: z.array(z.object({ eventSource: z.literal('aws:sqs'), messageId: z.string(), body: z.string() })),
});
export type QueueEvent = z.infer<typeof queueEvent>;

export const workEvent = z.union([queueEvent, handOver, look, wakeAll, sweep]);
export type WorkEvent = z.infer<typeof workEvent>;
/** What one function asks `work` for. */
export type WorkRequest = Exclude<WorkEvent, QueueEvent>;

/** What was altered in an append-only table, as its stream tells. */
export const streamEvent = z.object({
  Records: z.array(
    z.object({
      eventID: z.string().optional(),
      eventName: z.enum(['INSERT', 'MODIFY', 'REMOVE']),
      eventSourceARN: z.string().default(''),
      userIdentity: z.object({ principalId: z.string().optional(), type: z.string().optional() }).nullish(),
      dynamodb: z.object({
        ApproximateCreationDateTime: z.number().optional(),
        Keys: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
      }),
    }),
  ),
});

/** Whatever starts the tick: its content says nothing that it needs. */
export const tickEvent = z.unknown();
