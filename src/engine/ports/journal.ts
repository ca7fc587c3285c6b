/** The journal: a chain of entries for each instance, and what is kept beside it. */
import type { CommitWrite } from '../model/commit.ts';
import type { Entry, Note, Standing, Unchecked } from '../model/entries.ts';
import type { Attached, Output } from '../model/fields.ts';

/**
 * `written`: `standing` is in the slot by this call's token. `adopted`: found there, not answered: the SDK collided with
 * itself, or an earlier put of the same call landed late; look at what stands. `conflict`: another caller's entry holds the slot. `unknown`: no answer, and a consistent
 * read found the slot free or gave no answer either; the put may still land.
 */
export type Put<T> =
  | { kind: 'written'; standing: T; adopted: boolean }
  | { kind: 'conflict'; winner: T }
  | { kind: 'unknown'; cause: unknown };

/** The slot was read as free, and one of the writes was not taken: `at` says which, from 0. Nothing stands of this put. */
export type Refused = { kind: 'refused'; at: number; why: string };

export type Journal = {
  /**
   * The newest entry, strongly consistent: one request, whatever the length of the journal. What is read of a journal
   * follows what is read beside it, by number and by hash; else `journal.broken` says where it does not.
   */
  head(instanceId: string): Promise<Standing | undefined>;
  /**
   * The first entry, checked by the second, and the newest, checked by the one before it, if that is the one at `seq` (from 1
   * on), at once.
   * `undefined`: something stands beyond `seq`, next to it or not, or the read was incomplete: call `head`.
   */
  opening(instanceId: string, seq: number): Promise<{ first: Standing; head: Standing } | undefined>;
  /** Checked by its successor, which comes along in the same request, where there is one. */
  entry(instanceId: string, seq: number): Promise<Standing | undefined>;
  /** Puts `entry` at (instanceId, seq) if nothing is there. The only way an entry is ever written. */
  putOnce(entry: Entry): Promise<Put<Standing>>;
  /**
   * The same with writes to tables of others in the same store: the entry and all of them stand, or none does. Repeated with the
   * same entry into the same slot it changes nothing once it stands, and it never lands once anything else stands there.
   */
  putWith(entry: Entry, writes: readonly CommitWrite[]): Promise<Put<Standing> | Refused>;
  /** Entries after `afterSeq` in order, consistent and checked; fewer than `limit` only at the end of the journal. */
  page(instanceId: string, afterSeq: number, limit: number): Promise<Standing[]>;
  /** The same items as they stand, readable or not: for `verify`, and for the operator who ends what is broken. */
  unchecked(instanceId: string, afterSeq: number, limit: number): Promise<Unchecked[]>;
  /**
   * A page of the ids of all instances that ever started, in one of `journalShards` parts, from an index that may lag; found
   * without any view.
   */
  started(shard: number, after?: string): Promise<{ instanceIds: string[]; next: string | null }>;
  /** The newest item as it stands. */
  newest(instanceId: string): Promise<Unchecked | undefined>;
  addNote(instanceId: string, note: Note): Promise<void>;
  /** Every note of the instance, oldest first; `about` narrows to one step. */
  notes(instanceId: string, about?: number): Promise<Note[]>;
  /** A page of them, oldest first. `id` grows and names the place to go on after; `next` is `null` at the end. */
  notesPage(
    instanceId: string,
    limit: number,
    after?: number,
  ): Promise<{ notes: { id: number; note: Note }[]; next: number | null }>;
  /** Writes a large output before the entry that names it. `owner` (a token) keeps two writers apart. */
  putOutput(instanceId: string, seq: number, owner: string, text: string): Promise<Output>;
  /** Keeps a file in the same way. @throws PawlError `limit.exceeded` beyond `attachmentBytesMax` */
  putFile(instanceId: string, seq: number, owner: string, content: Uint8Array): Promise<Omit<Attached, 'name'>>;
  /** @throws PawlError `journal.broken` where it is missing, incomplete or altered */
  file(attached: Omit<Attached, 'name'>): Promise<Uint8Array>;
  /** The text of an output that is not `truncated`. */
  outputText(output: Output): Promise<string>;
};
