/**
 * The journal's format. One chain of entries per instance, numbered 0, 1, 2 …; every entry takes the next seq by a
 * conditional put and is never altered. `state` is what is true after the entry: `apply` of the state before it.
 * How an entry is stored, and what `prev` covers, says `stored.ts`; what a kind says of its own, `bodies.ts`; the state, `state.ts`.
 *
 * Times are milliseconds since 1970 on the store's clock. The schema refuses what can only be seconds or a duration.
 */
import * as z from 'zod';
import { bodies } from './bodies.ts';
import { atMs, type By, by, count, hash } from './fields.ts';
import { limits } from './limits.ts';
import { once } from './once.ts';
import { state } from './state.ts';
import { headOf } from './text.ts';

export const journalVersion = 1;

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
