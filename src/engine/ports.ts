/**
 * What the engine needs from outside. Everything that waits, draws or remembers is here; the rest of `src/engine` is
 * pure. Store ports throw `PawlError('store.unavailable')` when the store gives no answer, and nothing else.
 */
import type { By, Entry, Note, Output, Standing } from './entries.ts';
import type { PawlError, Problem } from './errors.ts';
import type { Cell, CellBody, Expression, Runbook, Template, Version } from './runbook.ts';
import type { Unrecorded } from './unrecorded.ts';
import type { View } from './view.ts';

/** Time is the store's: learnt from its answers and carried on by the monotonic clock. */
export type Clock = {
  /** Milliseconds since 1970. Never goes back. Asked only after the store has answered once. */
  nowMs(): number;
  /** Resolves after `ms`, or at once when the signal aborts. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
};

export type Random = {
  /** 128 fresh random bits, hex. */
  token(): string;
  /** In [0, 1). */
  fraction(): number;
};

/**
 * `written`: `standing` is in the slot by this call's token. `adopted`: found there, not answered: the SDK collided with
 * itself, or an earlier put of the same call landed late; look at what stands. `conflict`: somebody else's entry holds the slot. `unknown`: no answer, and a consistent
 * read found the slot free or gave no answer either; the put may still land.
 */
export type Put<T> =
  | { kind: 'written'; standing: T; adopted: boolean }
  | { kind: 'conflict'; winner: T }
  | { kind: 'unknown'; cause: unknown };

export type Journal = {
  /** The newest entry, strongly consistent: one request, whatever the length of the journal. */
  head(instanceId: string): Promise<Standing | undefined>;
  entry(instanceId: string, seq: number): Promise<Standing | undefined>;
  /** Puts `entry` at (instanceId, seq) if nothing is there. The only way an entry is ever written. */
  putOnce(entry: Entry): Promise<Put<Standing>>;
  /** Entries after `afterSeq` in order, consistent; fewer than `limit` only at the end of the journal. */
  page(instanceId: string, afterSeq: number, limit: number): Promise<Standing[]>;
  addNote(instanceId: string, note: Note): Promise<void>;
  /** Every note of the instance, oldest first; `about` narrows to one step. */
  notes(instanceId: string, about?: number): Promise<Note[]>;
  /** Writes a large output before the entry that names it. `owner` (a token) keeps two writers apart. */
  putOutput(instanceId: string, seq: number, owner: string, text: string): Promise<Output>;
  /** The text of an output that is not `truncated`. */
  outputText(output: Output): Promise<string>;
};

export type Versions = {
  /** Publishes a content: `created: false` when this content has a version already. */
  publish(runbookId: string, content: Omit<Version, 'version'>, by: By): Promise<{ version: number; created: boolean }>;
  /** Immutable, hence cached. `undefined` version: the newest. */
  get(runbookId: string, version?: number): Promise<Version | undefined>;
};

/** A chain `lock:<text>` in `claims`: its newest entry names the holder; nothing is ever released. */
export type LockEntry = { lock: string; revision: number; instanceId: string; token: string; atMs: number };
export type Locks = {
  newest(lock: string): Promise<LockEntry | undefined>;
  putOnce(entry: LockEntry): Promise<Put<LockEntry>>;
};

/**
 * What `arm` tells `save`: how often the view was armed, and the mark of others whose writes may still land: until
 * `landsLateMsMax` after it.
 */
export type Armed = { wakes: number; othersUntilMs: number | null };
export type Views = {
  /** Makes the view due no later than `untilAtMs`, creating it when missing. Before every command's first put. */
  arm(seed: Pick<View, 'instanceId' | 'runbookId'>, untilAtMs: number, nowMs: number): Promise<Armed>;
  /**
   * Writes the view if its revision is not older than the stored one. The due mark goes down to the view's own only
   * when nobody armed since `armed` and nothing of an earlier writer may still land; otherwise it stays early.
   */
  save(view: View, armed: Armed): Promise<void>;
  get(instanceId: string): Promise<View | undefined>;
  /** Newest first, from an index that may lag: for lists only. */
  list(filter: {
    runbookId?: string;
    status?: View['status'];
    limit: number;
    next?: string;
  }): Promise<{ views: View[]; next: string | null }>;
};

/** Values that expressions see. Outputs are parsed JSON; integers beyond 2^53 are bigint. */
export type Scope = {
  params: Record<string, unknown>;
  outputs: Record<string, unknown>;
  step: Record<string, unknown>;
  output?: unknown;
  status?: string;
  exitCode?: number | null;
  error?: unknown;
};
export type Evaluated = { kind: 'value'; value: unknown } | { kind: 'error'; message: string };

export type Authoring = {
  compile(source: string): { kind: 'runbook'; runbook: Runbook } | { kind: 'problems'; problems: Problem[] };
  /** Checks parameters against the runbook's schema and fills in defaults; throws `params.invalid` naming each path. */
  resolveParams(runbook: Runbook, given: Record<string, unknown>): Record<string, unknown>;
  /** Deterministic, bounded, never throws. */
  evaluate(expression: Expression, scope: Scope): Evaluated;
  /** Renders every template of a body or a single template. */
  render(template: Template, scope: Scope): { kind: 'text'; text: string } | { kind: 'error'; message: string };
  renderBody(body: CellBody, scope: Scope): { kind: 'body'; body: RenderedBody } | { kind: 'error'; message: string };
  /** JSON text to values, keeping large integers (bigint). */
  parseJson(text: string): unknown;
};

/** A cell's body with nothing left to fill in. */
export type RenderedBody =
  | { kind: 'ts' | 'js' | 'sh'; code: string }
  | { kind: 'http'; method: string; url: string; headers: [string, string][]; body: string | null }
  | { kind: 'assert' | 'end' }
  | { kind: 'manual'; instructions: string };

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
};

export type CellInput = {
  body: RenderedBody;
  params: Record<string, unknown>;
  /** JSON texts by cell. */
  outputs: Record<string, string>;
  step: StepInfo;
  /** The body is stopped after this, and nothing of it is alive when `execute` answers. */
  timeoutMs: number;
  /** Aborted when the caller gives up; the cell is stopped and answers `unknown`. */
  signal: AbortSignal;
  log(stream: 'stdout' | 'stderr', text: string): void;
};

/**
 * `failed` is known to have failed; `unknown` may have happened (timed out, killed, connection lost after sending);
 * `never` provably did not begin.
 */
export type CellResult = {
  status: 'completed' | 'failed' | 'unknown' | 'never';
  /** JSON text; may come with `failed` too. */
  output?: string;
  /** Set when the output was larger than outputBytesMax: its whole size; `output` then holds only its first 64 KB, raw. */
  outputBytes?: number;
  exitCode?: number;
  error?: { code: string; message: string };
};

/** Carries a cell with effects out. Never throws. */
export type Execute = (input: CellInput) => Promise<CellResult>;

/** What somebody watching a call may want to know; never a way to change it. */
export type Observe = (event: { kind: string; instanceId: string; [key: string]: unknown }) => void;

export type Ports = {
  clock: Clock;
  random: Random;
  journal: Journal;
  versions: Versions;
  locks: Locks;
  views: Views;
  authoring: Authoring;
  execute: Execute;
  /** sha256 of a text, hex. */
  sha256(text: string): string;
  /** RFC 8785 canonical JSON. */
  canonical(value: unknown): string;
  observe: Observe;
  /** The failure queue: takes an outcome that could not be recorded, and keeps it until it is redriven. */
  setAside(item: Unrecorded): Promise<void>;
  deployment: { name: string; epoch: number; takeoverGraceMs: number };
};

export type { Cell, PawlError };
