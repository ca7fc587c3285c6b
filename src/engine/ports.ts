/**
 * What the engine needs from outside. Everything that waits, draws or remembers is here; the rest of `src/engine` is
 * pure. Store ports throw `PawlError('store.unavailable')` when the store gives no answer, and nothing else.
 * Each port stands in `ports/`, with what it promises; others import them from here.
 */

import type { EngineEvent } from './model/events.ts';
import type { Lease } from './model/lease.ts';
import type { Needs } from './model/place.ts';
import type { Unrecorded } from './model/unrecorded.ts';
import type { Authoring } from './ports/authoring.ts';
import type { Execute, Standby } from './ports/cells.ts';
import type { Claims, Links, Locks, Subscriptions, Versions } from './ports/chains.ts';
import type { Journal } from './ports/journal.ts';
import type { Secrets } from './ports/secrets.ts';
import type { Looks, Marks, Views } from './ports/views.ts';

export type { Authoring, Evaluated, Lasts, Moment, RenderedBody, RunInfo, Scope } from './ports/authoring.ts';
export type { CellInput, CellResult, CodeToCome, Execute, Standby, StepInfo } from './ports/cells.ts';
export type {
  ClaimEntry,
  Claims,
  LinkEntry,
  Links,
  LockEntry,
  Locks,
  Subscriptions,
  Versions,
  Waiter,
} from './ports/chains.ts';
export type { Journal, Put, Refused } from './ports/journal.ts';
export type { Secrets, SecretsRead } from './ports/secrets.ts';
export type { Armed, Due, Looks, Marks, Views, Witness } from './ports/views.ts';

/** Time is the store's: learnt from its answers and carried on by the monotonic clock. */
export type Clock = {
  /** Milliseconds since 1970. Never goes back. Asked only after the store has answered once. */
  nowMs(): number;
  /**
   * By how much `nowMs` may be behind because the machine slept since the store last told the time. It rests on the
   * machine's own wall clock, so it is only ever a reason not to begin.
   */
  behindMs(): number;
  /**
   * By how much longer than its deadline says a step that was begun at `sinceMs` is left to its holder, because the time has
   * jumped since: a clock that was set, a machine that slept. Nothing is taken over in the first grace after a jump.
   */
  heldMs(sinceMs: number, graceMs: number): number;
  /** Resolves after `ms`, or at once when the signal aborts. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** The same for a caller with other work meanwhile: a limit on what must not take longer. Aborted, it is called off. */
  alarm(ms: number, signal: AbortSignal): Promise<void>;
};

export type Random = {
  /** 128 fresh random bits, hex. */
  token(): string;
  /** In [0, 1). */
  fraction(): number;
};

/**
 * What one process can tell of another. `gone`: it has ended, and so has everything it began on this machine under this user.
 * `alive`: one of them has not; frozen is alive. `not here`: of another machine, boot, namespace or user, or hidden.
 */
export type HolderState = 'gone' | 'alive' | 'not here';

export type Observe = (event: EngineEvent) => void;

/** The place that this process works at. */
export type Here = {
  place: string;
  /** The place whose service looks after everything that belongs to none in particular: the same for all who share a store. */
  home: string;
  /** What of it is not there, each in a few words: `program kubectl (looked in PATH)`. Asked before every reservation, probe and poll. */
  missing(needs: Needs): Promise<string[]>;
};

export type Ports = {
  clock: Clock;
  random: Random;
  journal: Journal;
  versions: Versions;
  locks: Locks;
  claims: Claims;
  subscriptions: Subscriptions;
  links: Links;
  looks: Looks;
  marks: Marks;
  views: Views;
  authoring: Authoring;
  execute: Execute;
  /** Without it no cell that uses secrets begins here. */
  secrets?: Secrets;
  /** sha256 of a text, or of bytes, hex. */
  sha256(content: string | Uint8Array): string;
  /** RFC 8785 canonical JSON. */
  canonical(value: unknown): string;
  observe: Observe;
  /** The failure queue: takes an outcome that could not be recorded, and keeps it until it is redriven. */
  setAside(item: Unrecorded): Promise<void>;
  /**
   * Asks for an advance at that time, to the second. Best effort: the due mark stands behind it. `seq`: the entry
   * that is probably the newest.
   */
  wakeAt(instanceId: string, atMs: number, seq?: number): Promise<void>;
  /** How long what a cell says is kept back, before it is written. Default `logFlushMs`: on DynamoDB each write costs. */
  logFlushMs?: number;
  /** Drawn once for each store and kept in it: two stores send different idempotency keys. @throws PawlError `store.unavailable` */
  storeId(): Promise<string>;
  /** `url`: where people see it, without a slash at its end. `decidePeople`: by so many a step in doubt is decided. */
  deployment: { name: string; epoch: number; takeoverGraceMs: number; url?: string; decidePeople?: 1 | 2 };
  here: Here;
  /**
   * Aborted when this process is to end: from then on nothing is reserved, probed or polled here. What runs goes on to its
   * end, and is recorded. Without it the process ends when its calls do.
   */
  leaving?: AbortSignal;
  /** What can be begun of code cells before their reservations stand. Without it nothing is. */
  standby?: Standby;
  /** How it holds cells that take longer than an invocation of a function. Without it none begins here. */
  lease?: Lease;
  /** Names this process in its reservations (`process` of an entry); `null` where it has no name that another could look for. */
  process?: () => string | null;
  /** Whether a process that a reservation names is alive, and whatever carries its `execution`. Without it nothing is known. */
  holderState?: (process: string, execution: string) => Promise<HolderState>;
};
