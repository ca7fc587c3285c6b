/**
 * What the engine needs from outside. Everything that waits, draws or remembers is here; the rest of `src/engine` is
 * pure. Store ports throw `PawlError('store.unavailable')` when the store gives no answer, and nothing else.
 */

import type { CellEnd } from './model/cellEnd.ts';
import type { CommitWrite } from './model/commit.ts';
import type { Attached, By, Entry, Note, Output, Standing, Unchecked } from './model/entries.ts';
import type { Problem } from './model/errors.ts';
import type { EngineEvent } from './model/events.ts';
import type { Evidence } from './model/evidence.ts';
import type { Lease } from './model/lease.ts';
import type { LastLook } from './model/look.ts';
import type { Named, Pins } from './model/pins.ts';
import type { Needs } from './model/place.ts';
import type {
  BranchBody,
  CellBody,
  ClaimStatus,
  Expression,
  Lasting,
  Runbook,
  ScriptBody,
  Template,
  Version,
} from './model/runbook.ts';
import type { Unrecorded } from './model/unrecorded.ts';
import type { View } from './model/view.ts';

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

/**
 * What `arm` tells `save` and `settle`: how often it was armed, and the mark of others whose writes may still land: until
 * `landsLateMsMax` after it.
 */
export type Armed = {
  arms: number;
  othersUntilMs: number | null;
  /** Of which entry the view was saved last: a witness of what the chain was. `null`: of none. */
  seen: Witness | null;
};
export type Witness = { seq: number; hash: string };
/** An entry of the index of what is due: it may lag behind, and an instance that moved shows twice or not this time. */
export type Due = { instanceId: string; dueAtMs: number };
type Seed = Pick<View, 'instanceId' | 'runbookId'>;

/**
 * Due marks: when the schedule looks at an instance, or at a thing that is not an instance. Each place has a part of its own in
 * what is due. A mark that is made is due at home; which place a view is due at, its save says.
 */
export type Marks = {
  /**
   * Makes it due no later than `untilAtMs`, creating its view when missing. Before every command's first put. `isDue`: it
   * probably is due already; a wrong guess costs two requests.
   */
  arm(seed: Seed, untilAtMs: number, nowMs: number, isDue?: boolean): Promise<Armed>;
  /**
   * Makes it due now, creating its view when missing, and counts as an arm: a caller that armed before cannot take the mark down.
   * Unlike `arm` it announces no writer.
   */
  wake(seed: Seed, nowMs: number): Promise<void>;
  /**
   * Takes over the mark of what is due and is no view: due at `untilAtMs` instead, unless the time of another holder is not
   * over. `undefined`: it is not due, or another holder is at it.
   */
  hold(instanceId: string, untilAtMs: number, nowMs: number): Promise<Armed | undefined>;
  /** The view is a witness of the entry at `seq` no more: what stands in the journal counts. */
  forget(instanceId: string, seq: number): Promise<void>;
  /** Takes down the mark of what was armed and is no view, unless others armed since or may still be writing. */
  settle(instanceId: string, armed: Armed): Promise<void>;
  /**
   * One page of what is due at `nowMs` at a place, in one of `dueShards` parts of its index, longest due first; `next` is
   * where to go on, `null` at the end. What is not due is never read.
   */
  due(nowMs: number, place: string, shard: number, from?: Due): Promise<{ due: Due[]; next: Due | null }>;
  /**
   * Of these, the ones that a writer armed whose time is over, and that no save has put right since: their part of what is due
   * may be that of an entry before the last one.
   */
  orphans(instanceIds: readonly string[], nowMs: number): Promise<string[]>;
  /**
   * Takes a view that was armed and never saved out of what is due, unless it was armed after `beforeMs`. For an instance
   * that the journal does not know. `false`: it is not such a view (any more).
   */
  drop(instanceId: string, beforeMs: number): Promise<boolean>;
};

/** Views: mutable summaries for lists and the schedule, which can be made again from the journals. */
export type Views = {
  /**
   * Writes the view if its revision is not older than the stored one. The due mark goes down to the view's own only when
   * nothing armed since `armed` and nothing of an earlier writer may still land; otherwise it stays early.
   */
  save(view: View, armed: Armed): Promise<void>;
  get(instanceId: string): Promise<View | undefined>;
  /** Those of them that there are, in no order; a read may lag behind. */
  getEach(instanceIds: string[]): Promise<View[]>;
  /**
   * Newest first, from an index that may lag: for lists only. `sinceMs`, `untilMs`: when they started, from the one to
   * before the other. `where` is asked about each view that the index gives; of these `listReadMax` are read at most, and
   * `atLeast` says that not all were: then `next` goes on.
   */
  list(filter: {
    runbookId?: string;
    /** Any of them; absent: whatever it is. */
    statuses?: readonly View['status'][];
    sinceMs?: number;
    untilMs?: number;
    where?(view: View): Promise<boolean>;
    limit: number;
    next?: string;
  }): Promise<{ views: View[]; atLeast: boolean; next: string | null }>;
  /** As `list`, several of the same views by one walk, each with its own `where`, limit and mark: what is read for one is not read again. */
  lists(
    filter: Omit<Parameters<Views['list']>[0], 'where' | 'limit'>,
    kinds: { limit: number; where(view: View): Promise<boolean> }[],
  ): Promise<Awaited<ReturnType<Views['list']>>[]>;
  /**
   * How many of each status a list would have, counted in its index: no view is read, and of each status `listReadMax` keys at
   * most. `atLeast`: there may be more.
   */
  count(filter: {
    runbookId?: string;
    sinceMs?: number;
    untilMs?: number;
  }): Promise<{ status: View['status']; count: number; atLeast: boolean }[]>;
};

/** What the last look of a poll found. Mutable, for people; what is lost is there again after the next look. */
export type Looks = {
  /** @param about seq of the `waiting` entry */
  keep(instanceId: string, about: number, look: LastLook): Promise<void>;
  last(instanceId: string, about: number): Promise<LastLook | undefined>;
};

/** How the way of a run was over, for cells that are gone through at its end. */
export type RunInfo = {
  /** The step for which it failed; `item`: the element that it was about. `null`: it did not fail. */
  failed: { cell: string; item: unknown; code: string; message: string } | null;
  began: { by: string; reason: string | null };
  /** Where people see the run; `null`: the deployment does not say. */
  url: string | null;
};

/** Values that expressions see. Outputs are parsed JSON; integers beyond 2^53 are bigint. */
export type Scope = {
  params: Record<string, unknown>;
  outputs: Record<string, unknown>;
  step: Record<string, unknown>;
  /** In a section with `each`: the element and its index, under the names that they have there. */
  each?: Record<string, unknown>;
  /** Of a cell that is gone through at the end of a run: how that came. */
  /** Without `began` in what tells people that one is needed: that is before the end. */
  run?: Omit<RunInfo, 'began'> & Partial<Pick<RunInfo, 'began'>>;
  /** How earlier cells ended, of those that are asked about. */
  cells?: Record<string, { state: CellEnd }>;
  /** What placeholders of a request stand for; expressions never see it. */
  secrets?: Record<string, string>;
  output?: unknown;
  status?: string;
  exitCode?: number | null;
  error?: unknown;
  /** In the condition of an `await`: the claim it is asked about. */
  claim?: unknown;
};
/** `why`: of a schema, what does not fit. */
export type Evaluated = { kind: 'value'; value: unknown; why?: string } | { kind: 'error'; message: string };

export type Authoring = {
  /** What a document runs by its `run` cells, each once, as far as it can be read. */
  runsIn(source: string): Named[];
  /**
   * `notes`: what is possible and may not be meant; no reason to refuse the document.
   * @param pins the versions that it runs; those that nobody looked at are a note, and nothing is published of that
   */
  compile(
    source: string,
    pins?: Pins,
  ): { kind: 'runbook'; runbook: Runbook; notes: Problem[] } | { kind: 'problems'; problems: Problem[] };
  /** Checks parameters against the runbook's schema and fills in defaults; throws `params.invalid` naming each path. */
  resolveParams(runbook: Runbook, given: Record<string, unknown>): Record<string, unknown>;
  /** Deterministic, bounded, never throws. Of a schema: whether `scope.output` fits. */
  evaluate(expression: Expression, scope: Scope): Evaluated;
  /** Renders every template of a body or a single template. */
  render(template: Template, scope: Scope): { kind: 'text'; text: string } | { kind: 'error'; message: string };
  renderBody(body: CellBody, scope: Scope): { kind: 'body'; body: RenderedBody } | { kind: 'error'; message: string };
  /** How long something lasts that begins now. */
  lasts(lasting: Lasting, scope: Scope): Lasts;
  /** The moment that a `wait` waits for, from `nowMs` on; fixed in the journal when the wait begins. */
  momentOf(body: RenderedBody & { kind: 'wait' }, nowMs: number): Moment;
  /** JSON text to values, keeping large integers (bigint). */
  parseJson(text: string): unknown;
};

export type Lasts = { kind: 'ms'; ms: number } | { kind: 'error'; message: string };
export type Moment = { kind: 'moment'; atMs: number } | { kind: 'error'; message: string };

/** A cell's body with nothing left to fill in. */
export type RenderedBody =
  | { kind: 'ts' | 'js'; code: string }
  | ({ kind: 'sh' } & ScriptBody)
  | {
      kind: 'http';
      method: string;
      url: string;
      headers: [string, string][];
      body: string | null;
      failedOn?: number[];
      unknownOn?: number[];
      cookies?: 'keep';
      redirects?: number;
      sigv4?: { service: string; region: string; role: string | null };
    }
  | {
      kind: 'aws';
      service: string;
      action: string;
      region: string | null;
      role: string | null;
      /** JSON text. */
      input: string;
      tokens: string[];
      failedOn?: string[];
      unknownOn?: string[];
    }
  /** `input`: JSON text. */
  | { kind: 'task'; task: string; input: string; effects?: 'commit' }
  | { kind: 'assert' | 'end' }
  | BranchBody
  /** JSON text of the list. */
  | { kind: 'each'; items: string }
  | { kind: 'manual'; instructions: string }
  | { kind: 'await'; claims: string[] }
  | { kind: 'approve'; text: string; approvers: string[]; groups: string[]; quorum: number }
  | { kind: 'wait'; forMs: number | null; until: string | null; cron: string | null; tz: string };

export type StepInfo = {
  instanceId: string;
  runbookId: string;
  version: number;
  cell: string;
  /** Seq of the reservation: names the attempt, and grows, so it can fence a target. */
  seq: number;
  visit: number;
  attempt: number;
  idempotencyKey: string;
  deadlineAtMs: number;
  /** As the reservation has it, where it has one. */
  name?: string;
  /** Of a cell that takes another back: the idempotency key of that one's visit. */
  originalKey?: string;
};

export type CellInput = {
  /** Of a cell that is gone through at the end of a run. */
  run?: RunInfo;
  /** In a section with `each`: the element and its index, and those around it, by their names there. */
  each?: Record<string, unknown>;
  body: RenderedBody;
  params: Record<string, unknown>;
  /** JSON texts by cell. */
  outputs: Record<string, string>;
  step: StepInfo;
  /** Values of the secrets that it uses, and to which hosts `http` may send each. Never logged, kept or told. */
  secrets?: Record<string, { value: string; hosts: string[] }>;
  /** Names of variables of this process's own environment that it gets: those that it declared, which this place allows. */
  env?: string[];
  /** A probe or a poll: it has no effect that the key could stand for. */
  free?: true;
  /** 32 hex digits that every process of the body carries in its environment; without it the executor draws some, or uses what waits. */
  execution?: string;
  /** The body is stopped after this, and nothing of it is alive when `execute` answers. */
  timeoutMs: number;
  /**
   * Held by a lease: the body is stopped as well when `leftMs` is used up, by whom that does not rest on this process being alive.
   * The listener is called when there is more.
   */
  lease?: { leftMs(): number; onRenewed(listener: () => void): void };
  /** W3C `traceparent` of the caller: a cell hands it on. */
  trace?: string;
  /** Aborted when the caller gives up; the cell is stopped and answers `unknown`. */
  signal: AbortSignal;
  /**
   * What it says, in order. `glimpse`: some of a log that has become too long to be told as it comes, while the body runs; its
   * end, with what was missing, is told once more when it is over.
   */
  log(stream: 'stdout' | 'stderr', text: string, glimpse?: boolean): void;
};

/**
 * `failed` is known not to have happened; of a code cell it is its author's own word (exit ≠ 0, a throw). `unknown` may
 * have happened (timed out, killed, connection lost after sending, an answer that leaves it open). `never` provably did
 * not begin. `completed` with the error `output.invalid` ended by itself with an output that cannot be read.
 */
export type CellResult = {
  status: 'completed' | 'failed' | 'unknown' | 'never';
  /** JSON text; may come with `failed` too, and of an `http` or `aws` cell with `unknown`: an answer that arrived. */
  output?: string;
  /** Set when the output was larger than outputBytesMax: its whole size; `output` then holds only its first 64 KB, raw. */
  outputBytes?: number;
  exitCode?: number;
  error?: { code: string; message: string };
  /** Values of secrets that it made or changed, by name. Nothing else has them. */
  made?: Record<string, string>;
  /** Files that a code cell left, whatever became of it; names and contents masked. */
  evidence?: Evidence;
  /** With `completed`: what is committed with its outcome. Of a task whose effects are nothing else. */
  commit?: CommitWrite[];
  /** For how long the target asked to be left alone, in ms from now; not limited. */
  askedMs?: number;
  /** With `failed`: refused before anything was begun, for what does not change by itself. So it is not tried again by itself. */
  unbegun?: true;
};

/**
 * `missing`: what the cell waits for, in words: a secret that is not there, that this place may not have, or whose store does not
 * answer. `gone`: the pinned version is not there any more.
 */
export type SecretsRead =
  | { kind: 'read'; values: Record<string, { value: string; version: string }> }
  | { kind: 'missing'; what: string[] }
  | { kind: 'gone'; what: string };

/** Where secrets come from at this place. Nothing of it is journalled but names and versions. Neither throws. */
export type Secrets = {
  /** @param wanted `from` by name @param pinned the version to read, by name; of the others the newest */
  read(wanted: Record<string, string>, pinned: Record<string, string>): Promise<SecretsRead>;
  /** Puts a new value there. `lost`: it may not stand there. */
  keep(from: string, value: string): Promise<{ kind: 'kept'; version: string } | { kind: 'lost'; why: string }>;
};

/** Carries a cell with effects out. Never throws. */
export type Execute = (input: CellInput) => Promise<CellResult>;

/** Of a code cell that is to come: its kind, and the variables that it declared. */
export type CodeToCome = { kind: 'ts' | 'js' | 'sh'; env?: string[] };

/** Processes begun before there is a job for them, each used once. They are told nothing of a cell before `execute` is called (I4). */
export type Standby = {
  /** Such a cell is about to be reserved. @returns the `execution` of its step, for whoever executes it or drops it */
  claim(wanted: CodeToCome): string;
  /** Such a cell will probably be next. */
  expect(wanted: CodeToCome): void;
  /** Nothing will be executed under it, or that is over. */
  drop(execution: string): void;
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
