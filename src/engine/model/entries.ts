/**
 * The journal's format. One chain of entries per instance, numbered 0, 1, 2 …; every entry takes the next seq by a
 * conditional put and is never altered. `state` is what is true after the entry: `apply` of the state before it.
 * How an entry is stored, and what `prev` covers, says `stored.ts`.
 *
 * Times are milliseconds since 1970 on the store's clock. The schema refuses what can only be seconds or a duration.
 */
import * as z from 'zod';
import { cellEnds } from './cellEnd.ts';
import { unkeptSchema } from './evidence.ts';
import { familySchema, parentSchema } from './family.ts';
import { limits } from './limits.ts';
import { once } from './once.ts';
import { placeName } from './place.ts';
import { runEnds, wayEnds } from './runEnd.ts';
import { headOf } from './text.ts';

export const journalVersion = 1;

/** A moment: milliseconds since 1970, so that seconds and microseconds are refused. */
export const atMs = z.int().min(1_500_000_000_000).max(9_000_000_000_000);
const count = z.int().min(0);
const name = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/);
const hash = z.string().regex(/^[0-9a-f]{64}$/);

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
const output = once(() =>
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('inline'), text: z.string() }),
    z.strictObject({ kind: z.literal('stored'), partition: z.string(), bytes: count, sha256: hash }),
    /** `limitBytes` is the limit that it exceeded; 0 where the store did not take the whole for another reason. */
    z.strictObject({ kind: z.literal('truncated'), bytes: count, limitBytes: count, head: z.string() }),
  ]),
);
export type Output = z.infer<ReturnType<typeof output>>;

/** A file beside the chain, in pieces. */
const attached = once(() => z.strictObject({ name: z.string(), partition: z.string(), bytes: count, sha256: hash }));
export type Attached = z.infer<ReturnType<typeof attached>>;

const cellEnd = z.enum(cellEnds);

const failure = z.strictObject({ code: z.string(), message: z.string() });
export type Failure = z.infer<typeof failure>;

const checked = z.strictObject({
  source: z.string(),
  result: z.enum(['pass', 'fail', 'error', 'skipped']),
  message: z.string().optional(),
  overridden: z.literal(true).optional(),
});
/** One expectation and how it came out; only `pass` is pass. */
export type Checked = z.infer<typeof checked>;

const status = z.enum(['completed', 'failed', 'unknown', 'skipped', 'never', 'abandoned']);
export type Status = z.infer<typeof status>;

/**
 * What an outcome leads to. `next`: the cell is satisfied or forgiven. `retry`: the same cell may be reserved again, by
 * the permission beside it. `halt`: a person is needed. `end`: the run stops green.
 */
const then = z.enum(['next', 'retry', 'halt', 'end']);
export type Then = z.infer<typeof then>;

/** Why a cell may be started again. It stands in the entry that closed the attempt; one permission, one attempt. */
const permissionKind = z.enum(['retry', 'never', 'interrupted', 'probe', 'person']);
const permission = z.strictObject({
  kind: permissionKind,
  detail: z.string(),
});
export type Permission = z.infer<typeof permission>;

/** What is decided about a step that its holder did not settle. */
const verdict = z.enum(['succeeded', 'failed', 'retry', 'skip']);
export type VerdictWord = z.infer<typeof verdict>;

/** Names and versions of secrets, never a value. */
const secretVersions = z.record(z.string(), z.string());

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
/** Of a verdict before the step's time was over: what its giver knew, and accepted. */
const beforeItsTime = {
  /** The holder's process was gone, as its own machine found. */
  holderGone: z.literal(true).optional(),
  /** With `retry`: what the attempt has begun elsewhere may act beside the next one. */
  overlapOk: z.literal(true).optional(),
};
const reserve = once(() => z.strictObject(reservation()));

/** How long a poll has to hold, or how many looks in a row have to find it so. */
const holds = once(() =>
  z.union([z.strictObject({ forMs: z.int().min(1) }), z.strictObject({ times: z.int().min(2) })]),
);
export type Reservation = z.infer<ReturnType<typeof reserve>>;

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

/** Of a verdict that takes effect since another person had said the same: the entry of that, and the hash of the output. */
const agrees = once(() => z.strictObject({ seq: count, output: hash.nullable() }));

const state = once(() =>
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

const bodies = once(() => ({
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

const common = once(() => ({
  v: z.literal(journalVersion),
  instanceId: z.string(),
  seq: count,
  /** 128 random bits of the call that wrote it. */
  token: z.string().min(16),
  by,
  atMs,
  prev: hash.nullable().default(null),
  state: state(),
}));

/** The body of an outcome, as it waits in the failure queue. */
export const outcomeSchema = once(() => z.strictObject({ kind: z.literal('outcome'), ...bodies().outcome }));

/** By kind. */
export const entrySchemas = once(() => {
  const fields = common();
  const own = bodies();
  return {
    started: z.strictObject({ ...fields, kind: z.literal('started'), ...own.started }),
    reserved: z.strictObject({ ...fields, kind: z.literal('reserved'), ...own.reserved }),
    renewed: z.strictObject({ ...fields, kind: z.literal('renewed'), ...own.renewed }),
    outcome: z.strictObject({ ...fields, kind: z.literal('outcome'), ...own.outcome }),
    waiting: z.strictObject({ ...fields, kind: z.literal('waiting'), ...own.waiting }),
    progress: z.strictObject({ ...fields, kind: z.literal('progress'), ...own.progress }),
    holding: z.strictObject({ ...fields, kind: z.literal('holding'), ...own.holding }),
    vote: z.strictObject({ ...fields, kind: z.literal('vote'), ...own.vote }),
    resolved: z.strictObject({ ...fields, kind: z.literal('resolved'), ...own.resolved }),
    control: z.strictObject({ ...fields, kind: z.literal('control'), ...own.control }),
    ending: z.strictObject({ ...fields, kind: z.literal('ending'), ...own.ending }),
    cancelled: z.strictObject({ ...fields, kind: z.literal('cancelled'), ...own.cancelled }),
    proposed: z.strictObject({ ...fields, kind: z.literal('proposed'), ...own.proposed }),
  } as const;
});

export const entrySchema = once(() => {
  const of = entrySchemas();
  return z.discriminatedUnion('kind', [
    of.started,
    of.reserved,
    of.outcome,
    of.waiting,
    of.progress,
    of.holding,
    of.vote,
    of.resolved,
    of.control,
    of.ending,
    of.cancelled,
    of.renewed,
    of.proposed,
  ]);
});

export type Entry = z.infer<ReturnType<typeof entrySchema>>;
export type EntryKind = Entry['kind'];
export type EntryOf<K extends EntryKind> = Extract<Entry, { kind: K }>;
/** What its writer decides about an entry; seq, prev and state follow from the head. */
type BodyOf<E> = E extends Entry
  ? Omit<E, 'v' | 'instanceId' | 'seq' | 'token' | 'by' | 'atMs' | 'prev' | 'state'>
  : never;
export type EntryBody = BodyOf<Entry>;

/** An entry as it stands in the store, with its hash, which the next entry carries as `prev`. */
export type Standing = { entry: Entry; hash: string };

/** An item of a chain as it stands, unchecked. `entry` is `null` where it cannot be read: `why` says what is wrong. */
export type Unchecked = { seq: number; hash: string; entry: Entry | null; why: string | null };

/** Evidence beside the chain: write-once, without order, never read by a decision. */
export type Note = {
  /** `asked`: a probe is about to be asked; `probe`: what it answered; `told`: people were told that one of them is needed. */
  kind: 'log' | 'fenced' | 'evidence' | 'asked' | 'probe' | 'told';
  /** Seq of the reservation it is about, or of what stands for one. */
  about: number;
  cell: string;
  atMs: number;
  by: By;
  text: string;
  /** Of a log: told while its step runs, from what is beyond the log's beginning. The end is told once more. */
  glimpse?: true | undefined;
};

/** The starter of the run, or of one that it continues. */
export const startersOf = ({ by, continues }: EntryOf<'started'>): string[] => [
  by.actor,
  ...(continues?.startedBy ?? []),
];

/** What a list says of a wait: those who are asked, or the claims. */
export const whomOf = ({ asked, claims = [] }: Partial<EntryOf<'waiting'>>): { whom?: string } => {
  const names = asked === undefined ? claims : [...asked.approvers, ...asked.groups.map((group) => `group ${group}`)];
  return names.length === 0 ? {} : { whom: headOf(names.join(', '), limits.viewTextBytesMax) };
};
