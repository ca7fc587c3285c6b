/** What is true of an instance after an entry: every entry carries it, so the newest is all that an advance reads. */
import * as z from 'zod';
import { familySchema } from './family.ts';
import { atMs, by, count, hash, holds, name, permissionKind, secretVersions, verdict } from './fields.ts';
import { once } from './once.ts';
import { placeName } from './place.ts';
import { runEnds, wayEnds } from './runEnd.ts';

const open = once(() =>
  z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('reserved'),
      seq: count,
      cell: name,
      attempt: count,
      deadlineAtMs: atMs,
      by,
      atMs,
      /** Held by a lease: whose renewals count (the token of the reservation), and up to when. */
      lease: z.strictObject({ token: z.string(), untilAtMs: atMs }).exactOptional(),
    }),
    z.strictObject({
      kind: z.literal('waiting'),
      seq: count,
      cell: name,
      /** The moment it waits for, its time-out or its expiry; `null`: as long as it takes. */
      dueAtMs: atMs.nullable(),
      atMs,
      /** Looked at every so often. */
      pollMs: z.int().min(1).optional(),
      /** Of a poll that has to hold: for how long, or how often; and since when it does, by how many looks in a row, the last at. */
      holds: holds().exactOptional(),
      held: z.strictObject({ sinceMs: atMs, looks: z.int().min(1), atMs }).exactOptional(),
      /** Of an approval: how many are needed, who approves so far, and whether a voter rejected it. */
      quorum: z.int().min(1).optional(),
      approvals: z.array(z.string()).optional(),
      rejected: z.literal(true).optional(),
      /** Of a section with `each`: what is known of its elements. */
      family: familySchema.exactOptional(),
      /** Whom or what it waits for, in a few words: people and groups, claims. For lists. */
      whom: z.string().optional(),
    }),
  ]),
);
export type Open = z.infer<ReturnType<typeof open>>;
export type Waiting = Extract<Open, { kind: 'waiting' }>;

/** The way is over: what is gone through from then on. */
const ending = once(() =>
  z.strictObject({
    /** Of the entry that says so. */
    seq: count,
    as: z.enum(wayEnds),
    /** The index that the way stood at. */
    at: count,
    /** A bit for each cell after those of the way, in base64, set for those that are gone through. */
    todo: z.string(),
    /** How many of them are still to take something back; they come first. */
    undos: count,
    /** How many have. */
    undone: count,
    /** Whatever had begun is taken back, as far as it is known. */
    whole: z.boolean(),
    /** By a person's steps alone. */
    manual: z.literal(true).exactOptional(),
    /** By a person: nothing more of it begins. */
    stopped: z.literal(true).exactOptional(),
  }),
);
export type Ending = z.infer<ReturnType<typeof ending>>;

/** The first verdict of two: who said what about which step, in the entry at `seq`. `output`: the sha256 of what it gives. */
export const proposalSchema = once(() =>
  z.strictObject({
    seq: count,
    about: count,
    actor: z.string(),
    verdict,
    freshKey: z.boolean(),
    output: hash.nullable(),
  }),
);
export type Proposal = z.infer<ReturnType<typeof proposalSchema>>;

export const state = once(() =>
  z.strictObject({
    /** How many cells the version has, and the index of the next unsatisfied one (`cells` when none is left). */
    cells: count,
    next: count,
    /** Cells before this index were gone through by the run that this one continues; 0 where it continues none. */
    from: count.default(0),
    /** Visit of the next cell, attempts begun in it, interrupted ones among them. */
    visit: z.int().min(1).default(1),
    attempt: count.default(0),
    interruptions: count.default(0),
    /** Reservations in a row whose body never began; they cost no attempt. */
    falseStarts: count.default(0),
    /** Whether an earlier attempt of the visit happened, or may have; and whether one is known to have completed. */
    mayHaveHappened: z.boolean().default(false),
    hasCompleted: z.boolean().default(false),
    /** Deadline of the last attempt that did not settle the visit: until then it may act. */
    actsUntilMs: atMs.nullable().default(null),
    /** When the visit's first attempt was reserved, for `keyWindow`. */
    firstAtMs: atMs.nullable().default(null),
    /** By what the next attempt is permitted; `null` before a first attempt and while one is open. */
    permission: permissionKind.nullable().default(null),
    /** No new attempt before this. */
    dueAtMs: atMs.nullable().default(null),
    inputsHash: hash.nullable().default(null),
    /** The versions of secrets that the attempts of the visit keep. */
    secrets: secretVersions.nullable().default(null),
    /** Where the visit runs, unless that is where the instance was started. */
    place: placeName.exactOptional(),
    drive: z.enum(['auto', 'manual']).default('auto'),
    open: open().nullable().default(null),
    /** A step that needs a person: seq of its reservation (or of the outcome without one). */
    halted: z
      .strictObject({
        seq: count,
        cell: name,
        doubt: z.boolean(),
        atMs,
        deadlineAtMs: atMs.nullable(),
        /** In doubt about an earlier attempt: the further one that was permitted could not begin. */
        unbegun: z.literal(true).optional(),
        /** Said to have failed before its deadline, its holder gone: until then what it began elsewhere may act all the same. */
        early: z.literal(true).optional(),
        /** Before this its policy begins no further attempt: the target asked for a pause. */
        againAtMs: atMs.optional(),
      })
      .nullable()
      .default(null),
    cancelled: count.nullable().default(null),
    /** At which ends cells of sections with `on` are gone through; absent: at none. */
    cleanup: z.array(z.enum(wayEnds)).exactOptional(),
    /** The way is over, and an `ending` entry is to say what is gone through before the run has ended. `undo`: it takes back as well. */
    owes: z.strictObject({ as: z.enum(wayEnds), undo: z.literal(true).exactOptional() }).exactOptional(),
    ending: ending().exactOptional(),
    ended: z.enum(runEnds).nullable().default(null),
    /** A step in doubt is decided by two people. */
    people: z.literal(2).exactOptional(),
    /** What people have said of a step in doubt that another one has to say as well, in their order. */
    proposed: z.array(proposalSchema()).exactOptional(),
    epoch: count.default(0),
    counters: z.strictObject({
      attempts: count,
      /** Cells that declared expectations; cells forgiven as `optional`; cells skipped. */
      covered: count.default(0),
      forgiven: count.default(0),
      /** Cells of whose expectations a person overrode some. */
      overridden: count.default(0),
      skipped: count.default(0),
    }),
    /**
     * Seq of the entry that satisfied each cell, in document order: the newest up to 32 in `recent`; `chunks` are seqs of
     * entries whose own `recent` holds the 32 before. So any output is at most two reads away and the state stays small.
     */
    satisfied: z.strictObject({ recent: z.array(count).default([]), chunks: z.array(count).default([]) }),
  }),
);
export type State = z.infer<ReturnType<typeof state>>;
export type Drive = State['drive'];
