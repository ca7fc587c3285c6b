/** What else is a chain, or belongs to one: versions of runbooks, locks, claims and who waits for them, one-time links. */

import type { ClaimStatus } from '../model/cellKinds.ts';
import type { By } from '../model/fields.ts';
import type { Version } from '../model/runbook.ts';
import type { Put } from './journal.ts';

export type Versions = {
  /**
   * Publishes a content as the newest version. `created: false`: the newest has this source already and runs the same
   * versions, and `runHash` is its, by any compiler.
   */
  publish(
    runbookId: string,
    content: Omit<Version, 'version'>,
    by: By,
  ): Promise<{ version: number; runHash: string; created: boolean }>;
  /** Immutable, hence cached, and checked by its `runHash` when it is loaded. `undefined` version: the newest. */
  get(runbookId: string, version?: number): Promise<Version | undefined>;
};

/**
 * A chain `lock:<text>` in `claims`: its newest entry names the holder; nothing is ever released. `after`: the run that the
 * holder goes on from, which holds it too until it has ended.
 */
export type LockEntry = {
  lock: string;
  revision: number;
  instanceId: string;
  after?: string;
  token: string;
  atMs: number;
};
export type Locks = {
  newest(lock: string): Promise<LockEntry | undefined>;
  putOnce(entry: LockEntry): Promise<Put<LockEntry>>;
};

/** One revision of a claim: a named, shared fact. Its history is append-only; the newest revision is what holds. */
export type ClaimEntry = {
  claimId: string;
  /** 1, 2, 3 … */
  revision: number;
  status: ClaimStatus;
  statement: string | null;
  /** JSON text. */
  evidence: string | null;
  /** Why it is so, where its author said that: always where it was final before. */
  reason?: string;
  by: By;
  atMs: number;
  /** 128 random bits of the call that wrote it. */
  token: string;
};
export type Claims = {
  /** Consistent. */
  newest(claimId: string): Promise<ClaimEntry | undefined>;
  putOnce(entry: ClaimEntry): Promise<Put<ClaimEntry>>;
  /** Newest first, those before revision `before`; fewer than `limit` only at the end. */
  history(claimId: string, limit: number, before?: number): Promise<ClaimEntry[]>;
  /** The newest revision of each claim, by id, from an index that may lag: for lists only. */
  list(filter: { limit: number; next?: string }): Promise<{ claims: ClaimEntry[]; next: string | null }>;
};

/**
 * Who waits for a claim. `about` is the seq of its `waiting` entry: what an earlier wait of the same cell still writes or
 * removes changes nothing of a later one. `runbookId` makes its view again where that is missing.
 */
export type Waiter = { instanceId: string; cell: string; about: number; runbookId: string };
/** Mutable and rebuildable: each look at a wait subscribes again. Read consistently, from the base table. */
export type Subscriptions = {
  add(claimId: string, waiter: Waiter): Promise<void>;
  remove(claimId: string, waiter: Omit<Waiter, 'runbookId'>): Promise<void>;
  /** In an order of its own; `next` is where to go on, `null` at the end. */
  page(claimId: string, limit: number, from?: string): Promise<{ waiters: Waiter[]; next: string | null }>;
};

/**
 * A one-time link to an approval: a chain of at most two entries. Revision 1 says for whom it was made, revision 2 that
 * it was used: the caller that puts that may vote. Only the hash of the link's secret is stored.
 */
export type LinkEntry = {
  /** sha256 (hex) of the 256 random bits in the link. */
  linkHash: string;
  revision: 1 | 2;
  instanceId: string;
  cell: string;
  /** Seq of the `waiting` entry it is for. */
  about: number;
  /** Whose vote it is. */
  actor: string;
  expiresAtMs: number;
  by: By;
  atMs: number;
  token: string;
};
export type Links = {
  newest(linkHash: string): Promise<LinkEntry | undefined>;
  putOnce(entry: LinkEntry): Promise<Put<LinkEntry>>;
};
