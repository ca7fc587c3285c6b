/** What a call that goes on with an instance answers: why it stopped, and the steps that it has gone through. */
import * as z from 'zod';
import { runEnds } from '../../engine/model/index.ts';
import { count, failure, started, stepStatus, then } from './parts.ts';
import { view } from './views.ts';
import { manned } from './workers.ts';

const holder = z.strictObject({
  cell: z.string(),
  seq: count,
  by: started.shape.by,
  reservedAtMs: z.number(),
  ageMs: z.number(),
  deadlineAtMs: z.number(),
  untilAtMs: z.number().exactOptional().describe('Held by a lease: it may be renewed until then.'),
});

const waitsFor = z
  .strictObject({
    place: z.string(),
    missing: z.array(z.string()).describe('What the caller, who is at that place, has not.'),
  })
  .exactOptional()
  .describe('Somebody at that place has to go on with it.');

const stopKinds = {
  plain: z.strictObject({ kind: z.literal('stop'), result: z.enum(['advanced', ...runEnds]) }),
  inFlight: z.strictObject({ kind: z.literal('stop'), result: z.literal('in_flight'), holder }),
  inDoubt: z.strictObject({
    kind: z.literal('stop'),
    result: z.literal('in_doubt'),
    cell: z.string(),
    seq: count,
    holder: holder.nullable(),
    nextAtMs: z.number().nullable(),
    waitsFor,
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
    waitsFor,
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

const stepReport = z.strictObject({
  cell: z.string(),
  seq: count,
  status: stepStatus,
  then,
  attempt: count,
  durationMs: z.number(),
  error: failure.unwrap(),
  recorded: z.boolean().describe('False: another caller closed the step first; what was seen is a note.'),
});

const moved = {
  result: z.enum(['advanced', ...runEnds, 'in_flight', 'in_doubt', 'halted', 'parked', 'deferred']),
  stop,
  steps: z.array(stepReport).describe('What this call has gone through.'),
  reserved: count,
  wrote: z.boolean().describe('Whether anything of this call stands in the journal: a step, a wait, its drive.'),
  view,
  state: started.shape.state,
  manned: manned.exactOptional().describe('Where it is parked for a worker of another place: whether that has any.'),
};
export const advanced = z.strictObject(moved);
export const ran = z.strictObject({
  ...moved,
  verdict: z.enum(['passed', 'completed procedurally', 'failed', 'rolled back', 'halted', 'cancelled', 'unfinished']),
  coverage: z.strictObject({ declared: count, cells: count, forgiven: count, skipped: count, overridden: count }),
});

export const startedAndRan = ran.extend({ created: z.boolean() });

export const cancelled = z.strictObject({
  view,
  mayStillRun: z.strictObject({ cell: z.string(), seq: count, deadlineAtMs: z.number() }).nullable(),
  elements: z
    .array(z.strictObject({ instanceId: z.string(), cell: z.string(), seq: count, deadlineAtMs: z.number() }))
    .describe('Elements of its section, and theirs, in which a step may still run.'),
  unreached: z
    .array(z.strictObject({ instanceId: z.string(), why: z.enum(['late', 'broken']) }))
    .describe(
      'Elements that were not told: there was no time, and whoever looks next does; or their journals are broken.',
    ),
  stays: z
    .array(z.string())
    .describe('Where what is at its end was stopped: cells with effects that began, and that nothing takes back.'),
});
