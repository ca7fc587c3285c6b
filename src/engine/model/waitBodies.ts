/** What entries about a wait say of their own: the one that opens it, what is seen of it while it is open, votes. */
import * as z from 'zod';
import { atMs, count, hash, holds, name, output } from './fields.ts';
import { once } from './once.ts';
import { placeName } from './place.ts';
import { runEnds } from './runEnd.ts';

export const waitBodies = once(() => ({
  waiting: {
    index: count,
    cell: name,
    visit: z.int().min(1),
    inputsHash: hash,
    dueAtMs: atMs.nullable().default(null),
    shownHash: hash.nullable().default(null),
    /** Of an approval: the logs that it shows and that were whole then, by cell: of which step, and the sha256. */
    logs: z.record(name, z.strictObject({ instanceId: z.string(), seq: count, sha256: hash })).exactOptional(),
    pollMs: z.int().min(1).optional(),
    /** Of a poll: how long, or how often, it has to hold; and how long until it first holds, also where that begins anew. */
    holds: holds().exactOptional(),
    withinMs: z.int().min(1).exactOptional(),
    /** Of a poll: where it is tried, unless that is where the instance was started. */
    place: placeName.exactOptional(),
    /** Of an `await`: the claims it waits for. */
    claims: z.array(z.string()).optional(),
    /** Of a section with `each`: its elements, as the JSON text of a list, and how many may be under way. */
    each: z
      .strictObject({
        items: output(),
        /** Of a `run`: the parameters of each element, as the JSON text of a list. */
        params: output().exactOptional(),
        count,
        max: z.int().min(1),
        stopAfter: z.int().min(1),
        /** Bits of the elements that are not begun: they completed in an earlier visit, or run; or there is nothing of them to take back. */
        cited: z.string().exactOptional(),
        /**
         * The entry by which an earlier run of the line opened it, whose elements are gone on with: the same values are the same
         * elements. `left`: so many that went through something are in this list no more.
         */
        after: z.strictObject({ instanceId: z.string(), seq: count, left: count }).exactOptional(),
        /** The entry that opened the section whose elements are taken back: of this run, or of one that it goes on from. */
        undoes: z.strictObject({ instanceId: z.string(), seq: count }).exactOptional(),
      })
      .exactOptional(),
    /** Of an `approve`: who is asked. */
    asked: z
      .strictObject({
        approvers: z.array(z.string()),
        groups: z.array(z.string()),
        quorum: z.int().min(1),
        self: z.boolean(),
      })
      .optional(),
  },
  /** Of a section with `each`: what was seen of its elements, and up to which one they may begin. */
  progress: {
    /** Seq of the `waiting` entry it is about. */
    about: count,
    index: count,
    cell: name,
    /** Elements that were seen ended. */
    ended: z.array(z.strictObject({ index: count, as: z.enum(runEnds) })).default([]),
    /** Elements that stand halted or in doubt, all of them, with the seq they were seen at. */
    stuck: z.array(z.strictObject({ index: count, seq: count })).default([]),
    /** Runs that cannot begin, all of them, since these instances hold their locks; absent: it is as it was. */
    locked: z.array(z.strictObject({ index: count, holder: z.string() })).exactOptional(),
    spawned: count,
  },
  /** Of a poll that has to hold: what a look has found. */
  holding: {
    /** Seq of the `waiting` entry it is about. */
    about: count,
    index: count,
    cell: name,
    /** So many looks in a row have found it holding, this one among them; 0: it does not, and begins anew. */
    looks: count,
    /** Why what held before does not count any more: no answer, or no look for too long. */
    anew: z.string().nullable().default(null),
    /** Of one that begins anew: until when it has to hold again. */
    dueAtMs: atMs.nullable().default(null),
  },
  vote: {
    /** Seq of the `waiting` entry it is about. */
    about: count,
    index: count,
    cell: name,
    decision: z.enum(['approve', 'reject', 'withdraw']),
    /** What the voter was shown: as the `waiting` entry says it. */
    shownHash: hash,
    comment: z.string().nullable().default(null),
    /** The tally: who approves after it. */
    approvals: z.array(z.string()),
    /** The one-time link it came by, and who had made that. */
    link: z.strictObject({ hash, madeBy: z.string() }).nullable().default(null),
  },
}));
