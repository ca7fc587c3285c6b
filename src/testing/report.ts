/** What a test of a runbook finds: the types that `pawl test --json` prints and `testRunbook` returns. */
import type { Interrupted, RunEnd } from '../engine/index.ts';

/**
 * What a fresh engine makes of a cell whose engine is gone, its deadline and grace passed.
 * - `goes_on`: what was done is recorded, and nothing of it runs again.
 * - `waits`: it waits as before.
 * - `held`: in doubt; a person decides.
 * - `retried`: its `interrupted=retry` permits another attempt.
 * - `probe_done`, `probe_not_done`: its probe was asked, and that closes it or permits another attempt.
 * - `probe_not_asked`: its probe would decide; it was not asked, since the cell was answered for.
 * - `continued`: recorded as unknown, and on, by its `interrupted=continue`.
 * - `runs_again`: it would run again without a permission. Never: a defect of Pawl.
 */
export type Consequence =
  | 'goes_on'
  | 'waits'
  | 'held'
  | 'retried'
  | 'probe_done'
  | 'probe_not_done'
  | 'probe_not_asked'
  | 'continued'
  | 'runs_again';

/** Where the engine was when it went away. `effect`: the body is through, its outcome is not stored. */
export type CrashPoint = 'reserved' | 'effect' | 'outcome' | 'waiting' | 'vote';

export type Crash = {
  after: CrashPoint;
  /** The run, or the element of a section, whose journal it is. */
  instanceId: string;
  /** Seq of the entry that was stored last, or of the one that was about to be. */
  seq: number;
  attempt: number;
  then: Consequence;
  /** What the entry that a fresh engine wrote says, or why none could be written. */
  detail: string | null;
  /** That entry closes the cell, and the run halts at it: what it expects does not hold. */
  halts: boolean;
  /** Later cells that read an output which the cell would then not have; its own attempt left one. */
  withoutOutputFor: string[];
};

/** How one attempt ended. `output` is JSON text. */
export type Ended = {
  status: string;
  output: string | null;
  exitCode: number | null;
  error: string | null;
  /** Whether the run goes on after it: expectations held, or it is forgiven. */
  satisfied: boolean;
};

export type Difference = { path: string; before: unknown; after: unknown };

export type Repeat = {
  /** By which declaration it was run again: `interrupted=retry`, or `retry=N` after a failure that was made up. */
  by: 'interrupted' | 'retry';
  after: Ended | null;
  same: boolean;
  differences: Difference[];
};

export type CellTest = {
  name: string;
  /** The section through whose elements it is gone through; `null`: it is one of the run's own. */
  section: string | null;
  /** How many elements, or runs, came to it. */
  cameTo: number;
  kind: string;
  line: number;
  /**
   * `really`: its body ran. `answered`: it waits for a person, and the test answered as that person. `elements`: its elements were gone
   * through. `none`: no effects.
   */
  ran: 'really' | 'stubbed' | 'answered' | 'elements' | 'none' | 'skipped' | 'not reached';
  declared: { interrupted: Interrupted; retry: number | null; probe: boolean; optional: boolean };
  /** How often its body was begun, in the run and under crashes. */
  times: number;
  attempts: number;
  /** Of several elements that of one that was not as expected, if there is one. */
  ended: Ended | null;
  crashes: Crash[];
  /** `null` where nothing permits another attempt, or where a fixed answer stood in for the cell. */
  repeat: Repeat | null;
  /** What the test said in the name of others. */
  answer: string | null;
  /** Cells that would be gone through after a failure of this one, in their order: what takes back, then sections with `on`. */
  putsBack: string[];
};

export type FindingCode =
  | 'repeat.differs'
  | 'repeat.held'
  | 'probe.missesEffect'
  | 'probe.seesNothing'
  | 'probe.unsure'
  | 'probe.halts'
  | 'answer.unused'
  | 'promise.broken'
  | 'run.unfinished';

/** Something that is not as declared, and what to do about it. */
export type Finding = { code: FindingCode; cell: string | null; message: string; next: string };

export type RunbookTest = {
  runbookId: string;
  title: string;
  params: Record<string, unknown>;
  instanceId: string;
  /** No findings. */
  ok: boolean;
  /** How the run ended; `stopped`: at the end of the one cell that was asked for. */
  result: RunEnd | 'stopped' | 'halted' | 'in_doubt' | 'waiting';
  /** How many times an engine went away. */
  crashes: number;
  /** What a fresh engine makes of a run that is started and of which nothing else stands. */
  started: { then: Consequence; detail: string | null };
  cells: CellTest[];
  findings: Finding[];
  stubbed: string[];
  /** Claims that were given an answer and that no cell waited for. */
  unusedClaims: string[];
};
