/** What an entry of each kind says of its own, before what all have in common. What is at its default is not stored. */
import * as z from 'zod';
import { unkeptSchema } from './evidence.ts';
import { parentSchema } from './family.ts';
import {
  atMs,
  attached,
  cellEnd,
  checked,
  count,
  failure,
  hash,
  name,
  output,
  permission,
  secretVersions,
  status,
  storeIdSchema,
  then,
  verdict,
} from './fields.ts';
import { once } from './once.ts';
import { placeName } from './place.ts';
import { wayEnds } from './runEnd.ts';
import { waitBodies } from './waitBodies.ts';

const reservation = once(() => ({
  index: count,
  cell: name,
  visit: z.int().min(1).default(1),
  attempt: z.int().min(1).default(1),
  key: z.string(),
  inputsHash: hash,
  deadlineAtMs: atMs,
  /** Held by a lease: its holder moves the deadline by `renewed` entries, to this at most. */
  untilAtMs: atMs.exactOptional(),
  /** Of the secrets that it uses, which version it was given. */
  secrets: secretVersions.exactOptional(),
  /**
   * Of a holder on a machine of its own: machine, PID namespace, pid, start in clock ticks, user. At most 60 bytes; absent where
   * that cannot be known.
   */
  process: z
    .string()
    .regex(/^[0-9a-f]{12}\.\d{1,10}\.\d{1,7}\.\d{1,16}\.\d{1,10}$/)
    .exactOptional(),
  /** What everything of the step carries in its environment, where that was begun before it; otherwise it follows from the entry. */
  execution: z
    .string()
    .regex(/^[0-9a-f]{32}$/)
    .exactOptional(),
  /** Where the visit runs, unless that is where the instance was started. */
  place: placeName.exactOptional(),
  /** By which the target's own records know the visit: session of its role, and token (`shortName`). */
  name: z.string().min(1).max(64).exactOptional(),
}));
const reserve = once(() => z.strictObject(reservation()));
export type Reservation = z.infer<ReturnType<typeof reserve>>;

/** Of a verdict before the step's time was over: what its giver knew, and accepted. */
const beforeItsTime = {
  /** The holder's process was gone, as its own machine found. */
  holderGone: z.literal(true).optional(),
  /** With `retry`: what the attempt has begun elsewhere may act beside the next one. */
  overlapOk: z.literal(true).optional(),
};

/** Of a verdict that takes effect since another person had said the same: the entry of that, and the hash of the output. */
const agrees = once(() => z.strictObject({ seq: count, output: hash.nullable() }));

/**
 * The run that a new one goes on from. It has ended when this is written, so nothing can run in both. `outputs` says
 * where the outputs of its cells stand: entries of that run, or of one that it continued itself.
 */
const continues = once(() =>
  z.strictObject({
    instanceId: z.string(),
    /** Seq of its last entry. */
    seq: count,
    /** The cell to begin with, and its index in this version. */
    at: name,
    index: count,
    reason: z.string().nullable().default(null),
    outputs: z.record(z.string(), z.strictObject({ instanceId: z.string(), seq: count })),
    /** How they ended, where they did not complete. */
    states: z.record(z.string(), cellEnd).exactOptional(),
    /** Who started that run, and those before it: none of them approves what they began. */
    startedBy: z.array(z.string()).default([]),
  }),
);
export type Continues = z.infer<ReturnType<typeof continues>>;

export const bodies = once(() => ({
  started: {
    runbookId: z.string(),
    version: z.int().min(1),
    /** Of the version: what runs is what was started. */
    runHash: hash,
    cells: count,
    params: z.record(z.string(), z.unknown()),
    drive: z.enum(['auto', 'manual']),
    epoch: count,
    deployment: z.string(),
    /** Of the store it was started in. */
    storeId: storeIdSchema,
    /** Where it was started; the first journals did not say so. */
    place: placeName.exactOptional(),
    lock: z.string().nullable().default(null),
    continues: continues().nullable().default(null),
    /** Of the child for an element of a section: it copies nothing of what its parent knows. */
    parent: parentSchema.exactOptional(),
    /** At which ends cells of sections with `on` are gone through; absent: at none. */
    cleanup: z.array(z.enum(wayEnds)).exactOptional(),
    /** It takes back what the run did that it continues, and does nothing else. */
    undoes: z.literal(true).exactOptional(),
    /** A step in doubt of it is decided by two people. */
    people: z.literal(2).exactOptional(),
  },
  reserved: reservation(),
  /** The holder of a step that is held by a lease has more time: from then on this is its deadline. */
  renewed: {
    /** Seq of the reservation. */
    about: count,
    index: count,
    cell: name,
    deadlineAtMs: atMs,
  },
  outcome: {
    /** Seq of the reservation or `waiting` entry it closes; `null` for cells without effects. */
    closes: count.nullable().default(null),
    index: count,
    cell: name,
    visit: z.int().min(1).default(1),
    attempt: count.default(1),
    status,
    closedBy: z.enum(['holder', 'policy', 'probe', 'person']).default('holder'),
    then: then.default('next'),
    output: output().nullable().default(null),
    error: failure.nullable().default(null),
    exitCode: z.int().nullable().default(null),
    expectations: z.array(checked).default([]),
    permission: permission.nullable().default(null),
    /** With `then: retry`: when the next attempt may begin. In doubt: when one by policy may, where the target asked for that. */
    dueAtMs: atMs.nullable().default(null),
    /** For how long the target asked to be left alone (Retry-After), where that counts: what `dueAtMs` is for. */
    askedMs: count.optional(),
    durationMs: count,
    logBytes: count.default(0),
    /** The sha256 of its log, as its holder told it: where an approval shows that. */
    logHash: hash.exactOptional(),
    /** What a person, a policy, a probe, or what satisfied a wait, had to say. */
    note: z.string().nullable().default(null),
    /** A person's word about a step that its holder did not close, and what they saw; a cell that a person does has none. */
    verdict: verdict.optional(),
    evidence: z.string().nullable().default(null),
    /** Files that a person gave with it, or that its cell left as evidence; and those that it left and that are not kept. */
    attached: z.array(attached()).exactOptional(),
    unkept: unkeptSchema().exactOptional(),
    /** Of a branch that is not gone through: so many cells after it are passed over with it. */
    passes: count.optional(),
    /** Of an `end`: the run has failed. */
    as: z.literal('failed').exactOptional(),
    /** It goes on although what it waited for did not come in time. */
    timedOut: z.literal(true).optional(),
    /** Refused before anything was begun, for what does not change by itself: it cost no attempt. */
    unbegun: z.literal(true).optional(),
    /** The versions of secrets that it made. */
    secrets: secretVersions.exactOptional(),
    /** A person's permission with a fresh key: the next attempt is a new visit. */
    freshKey: z.literal(true).optional(),
    agrees: agrees().exactOptional(),
    ...beforeItsTime,
    /** Reservation of the next cell, in the same slot. */
    reserve: reserve().optional(),
  },
  ...waitBodies(),
  resolved: {
    /** Seq of the reservation the verdict is about. */
    about: count,
    index: count,
    cell: name,
    verdict,
    closedBy: z.enum(['policy', 'probe', 'person']),
    then,
    permission: permission.nullable().default(null),
    freshKey: z.boolean(),
    dueAtMs: atMs.nullable().default(null),
    reason: z.string(),
    output: output().nullable().default(null),
    evidence: z.string().nullable().default(null),
    expectations: z.array(checked).default([]),
    /** Of a branch: so many cells after it are passed over with it. */
    passes: count.optional(),
    /** With `retry`, of a section: those of its elements that did not complete are gone through again, in a new visit. */
    again: z.literal(true).exactOptional(),
    agrees: agrees().exactOptional(),
    ...beforeItsTime,
  },
  /** The first verdict about a step in doubt where it takes two: nothing follows from it until another person says the same. */
  proposed: {
    /** Seq of the reservation, as in a verdict. */
    about: count,
    index: count,
    cell: name,
    verdict,
    freshKey: z.boolean(),
    reason: z.string(),
    output: output().nullable().default(null),
    /** The sha256 of the text that was given as output. */
    outputHash: hash.nullable().default(null),
    evidence: z.string().nullable().default(null),
    ...beforeItsTime,
  },
  control: {
    drive: z.enum(['auto', 'manual']).optional(),
    epoch: count.optional(),
    reason: z.string().nullable().default(null),
  },
  /** The way is over, and this is gone through before the run has ended. */
  ending: {
    as: z.enum(wayEnds),
    /** Indexes of cells after those of the way, in the order in which they are gone through. */
    cells: z.array(count),
    /** Of them, what takes back: so many, the first ones. */
    undos: count,
    /** Of the visits that are taken back, their idempotency keys by cell. */
    keys: z.record(z.string(), z.string()),
    /** Cells with effects that began, and that nothing takes back. */
    stays: z.array(name),
    /** The step for which the run failed, how its cell ended, and why. */
    failed: z
      .strictObject({ cell: name, seq: count, how: cellEnd, code: z.string(), message: z.string() })
      .nullable()
      .default(null),
    /** The cell that the way stood at, where its body completed and did not satisfy it, and the outcome that says so. */
    stood: z.strictObject({ cell: name, seq: count }).nullable().default(null),
    /** Who said so, and why; or by what of the runbook it is so. */
    began: z.strictObject({ by: z.string(), reason: z.string().nullable() }),
    /** By a person's steps alone. */
    manual: z.literal(true).exactOptional(),
  },
  cancelled: {
    reason: z.string(),
    /** What was done is taken back before it ends. */
    undo: z.literal(true).exactOptional(),
    /** Of an element: what is in doubt in it, or may still act, is settled before it ends, since what it did may be taken back. */
    settles: z.literal(true).exactOptional(),
    /** The run that goes on from it, which takes over what it owes: nothing is gone through at this end. */
    continuedAs: z.string().exactOptional(),
    /** Nothing more is gone through of what is at its end. */
    stopsCleanup: z.literal(true).exactOptional(),
    /** Of a `run` that never begins: it has failed, for this. */
    refused: failure.exactOptional(),
    /** Of an id that `unique` gives: the child that runs in its place, so that no other run ever has it. */
    runsAs: z.string().exactOptional(),
    /** The journal was broken there, so nothing before this entry is trusted: it ends at once, whatever was open. */
    broken: z.strictObject({ seq: count, why: z.string() }).optional(),
  },
}));
