/** How one cell stands, made of the entries of its instance, one after the other. */

import { kindWord } from '../model/cellNature.ts';
import type { Entry, EntryOf } from '../model/entries.ts';
import type { Unkept } from '../model/evidence.ts';
import type { Attached, Checked, Failure, VerdictWord } from '../model/fields.ts';
import { wayOf } from '../model/levels.ts';
import type { Cell, Cleanup, Runbook } from '../model/runbook.ts';
import type { State } from '../model/state.ts';
import { isAtEndOf } from '../rules/going.ts';
import { statusOf } from '../rules/view.ts';

type CellState =
  | 'pending'
  | 'next'
  | 'running'
  | 'waiting'
  | 'in_doubt'
  | 'halted'
  /** Done in the run that this one continues. */
  | 'cited'
  | 'completed'
  /** What it expects does not hold, and no person overrode that. */
  | 'completed, not as expected'
  | 'failed'
  | 'skipped'
  | 'unknown'
  /** Its undo completed. */
  | 'taken back'
  | 'not reached';

export type CellReport = {
  name: string;
  kind: string;
  state: CellState;
  /** Of a cell that is gone through at the end of a run alone: what it takes back, or at which ends. */
  cleanup?: Cleanup;
  /** Reservations whose body may have begun. */
  attempts: number;
  /** Seq of its last reservation or wait. */
  seq: number | null;
  /** JSON text; of a truncated output its beginning as a JSON string. `null` too when it was left out for its size. */
  output: string | null;
  /** Seq of the entry that carries the output, and the whole size of it. */
  outputSeq: number | null;
  outputBytes: number | null;
  error: Failure | null;
  expectations: Checked[];
  startedAtMs: number | null;
  endedAtMs: number | null;
  /** Of the newest attempt: for how long its target asked to be left alone, before the next one. */
  askedMs?: number;
  durationMs: number | null;
  by: string | null;
  closedBy: string | null;
  /** A person's word about it, where its holder did not settle it; `null` for what ended by itself or was done by a person. */
  verdict: { verdict: VerdictWord; actor: string } | null;
  note: string | null;
  /** Files that a person gave with it or that it left as evidence, and the seq of the entry that carries them. */
  attached?: { seq: number; files: Pick<Attached, 'name' | 'bytes' | 'sha256'>[] };
  /** Files that it left and that are not kept. */
  unkept?: Unkept;
};

export const emptyReport = (cell: Cell): CellReport => ({
  name: cell.name,
  kind: kindWord(cell),
  state: 'pending',
  ...(cell.cleanup === undefined ? {} : { cleanup: cell.cleanup }),
  attempts: 0,
  seq: null,
  output: null,
  outputSeq: null,
  outputBytes: null,
  error: null,
  expectations: [],
  startedAtMs: null,
  endedAtMs: null,
  durationMs: null,
  by: null,
  closedBy: null,
  verdict: null,
  note: null,
});

const asExpected = (checks: Checked[]): boolean =>
  checks.every(({ result, overridden }) => result === 'pass' || overridden === true);

const completedOr = (checks: Checked[]): CellState => (asExpected(checks) ? 'completed' : 'completed, not as expected');

const verdictOf = (entry: EntryOf<'outcome' | 'resolved'>): CellReport['verdict'] =>
  entry.closedBy !== 'person' || entry.verdict === undefined ? null : { verdict: entry.verdict, actor: entry.by.actor };

export const foldEntry = (report: CellReport, entry: Entry): void => {
  if (entry.kind === 'reserved') {
    const { attempt: attempts, seq, atMs: startedAtMs } = entry;
    Object.assign(report, { attempts, seq, startedAtMs, by: entry.by.actor, verdict: null });
  } else if (entry.kind === 'waiting') {
    Object.assign(report, { seq: entry.seq, startedAtMs: entry.atMs, by: entry.by.actor, verdict: null });
  } else if (entry.kind === 'outcome') {
    report.startedAtMs ??= entry.atMs;
    report.by ??= entry.by.actor;
    if (entry.closedBy === 'person') report.by = entry.by.actor;
    report.seq ??= entry.seq;
    if (entry.status === 'never') report.attempts -= 1;
    if (entry.askedMs === undefined) delete report.askedMs;
    else report.askedMs = entry.askedMs;
    const { error, expectations, durationMs, closedBy, note } = entry;
    if (entry.attached === undefined) delete report.attached;
    else report.attached = { seq: entry.seq, files: entry.attached.map(({ partition: _, ...file }) => file) };
    if (entry.unkept === undefined) delete report.unkept;
    else report.unkept = entry.unkept;
    const ending = { error, expectations, durationMs, closedBy, note, verdict: verdictOf(entry) };
    Object.assign(report, { ...ending, endedAtMs: entry.atMs });
    const { status } = entry;
    if (entry.then !== 'retry') {
      const settled = status === 'completed' ? completedOr(expectations) : status;
      report.state = settled === 'abandoned' || settled === 'never' ? 'pending' : settled;
    }
  } else if (entry.kind === 'resolved') {
    const { expectations, closedBy, reason: note } = entry;
    Object.assign(report, { expectations, closedBy, note, verdict: verdictOf(entry), endedAtMs: entry.atMs });
    if (entry.verdict === 'skip') report.state = 'skipped';
    else if (entry.verdict === 'succeeded') report.state = 'completed';
    // A probe that found it done, and what it expects does not hold.
    else if (entry.verdict === 'failed')
      report.state = entry.closedBy === 'person' ? 'failed' : completedOr(expectations);
  }
};

/** The cells that an entry passes over, with the branch it is about. */
export const passedWith = (reports: CellReport[], entry: Entry): CellReport[] => {
  if (entry.kind !== 'outcome' && entry.kind !== 'resolved') return [];
  return reports.slice(entry.index + 1, entry.index + 1 + (entry.passes ?? 0));
};

/** The state of the cell an instance stands at. */
const standing = (state: State, nowMs: number, graceMs: number): CellState => {
  const status = statusOf(state, nowMs, graceMs);
  if (status === 'running' || status === 'waiting' || status === 'in_doubt' || status === 'halted') return status;
  return status === 'ready' ? 'next' : 'not reached';
};

/** What takes a section back went through its elements, and one of them could not be; nobody says that it is taken back all the same. */
const isUnfinished = ({ error, verdict }: CellReport): boolean =>
  error?.code === 'each.unfinished' && verdict?.verdict !== 'succeeded';

/** As the rules count what was taken back (`isAsMeant`). */
const hasUndone = (report: CellReport): boolean => {
  const { state, expectations } = report;
  if (isUnfinished(report)) return false;
  const isExpected = expectations.length > 0 && asExpected(expectations);
  return state === 'completed' || ((state === 'failed' || state === 'unknown') && isExpected);
};

/** The cell it stands at; `undefined` once the way is over and what is at its end has not begun. */
const standsAt = ({ owes, open, halted, next }: State, reports: CellReport[]): CellReport | undefined =>
  owes !== undefined && open === null && halted?.doubt !== true ? undefined : reports[next];

export const finishReports = (
  reports: CellReport[],
  runbook: Runbook,
  state: State,
  nowMs: number,
  graceMs: number,
): void => {
  const at = standsAt(state, reports);
  if (at !== undefined) {
    const now = standing(state, nowMs, graceMs);
    // A halted cell shows how it ended; that the run is halted shows in the view.
    if (now !== 'halted' || at.state === 'pending')
      at.state = now === 'not reached' && at.state !== 'pending' ? at.state : now;
  }
  const isWayOver = state.ended !== null || state.ending !== undefined || state.owes !== undefined;
  const way = wayOf(runbook.cells);
  reports.forEach((report, index) => {
    const isOver = index < way ? isWayOver : state.ended !== null || (state.ending && !isAtEndOf(state, index));
    if (isOver && report.state === 'pending') report.state = 'not reached';
    const { cleanup } = report;
    // One that ended otherwise than it was meant to is gone past by a person alone.
    if (cleanup === undefined || !('undo' in cleanup) || index >= state.next || !hasUndone(report)) return;
    const taken = reports.find(({ name }) => name === cleanup.undo);
    if (taken !== undefined) taken.state = 'taken back';
  });
};
