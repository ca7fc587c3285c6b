/** Carrying cells out: what a body is given, how it ended, and the processes that are begun before there is one. */
import type { CommitWrite } from '../model/commit.ts';
import type { Evidence } from '../model/evidence.ts';
import type { RenderedBody, RunInfo } from './authoring.ts';

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
