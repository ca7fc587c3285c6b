/** Reading an instance: its view, every cell, its journal. Whole and consistent, page by page; decides nothing. */

import { type Call, type Engine, graceOf, openCall, stateOf, viewNow } from '../call/call.ts';
import { createChain } from '../call/chain.ts';
import { holderStateAt } from '../call/holder.ts';
import { readJournal } from '../call/journal.ts';
import { outputOf, textOf } from '../call/texts.ts';
import type {
  Attached,
  By,
  Checked,
  Entry,
  EntryOf,
  Failure,
  Note,
  Standing,
  State,
  VerdictWord,
} from '../model/entries.ts';
import type { Unkept } from '../model/evidence.ts';
import { isTooLong } from '../model/lease.ts';
import { type Cell, type Cleanup, kindWord, type Runbook, wayOf } from '../model/runbook.ts';
import { bytesOf, sizeOf } from '../model/text.ts';
import type { View, ViewStatus } from '../model/view.ts';
import type { HolderState } from '../ports.ts';
import { isAtEndOf } from '../rules/going.ts';
import { doubtOf } from '../rules/policy.ts';
import { statusOf } from '../rules/view.ts';
import type { WaitReport } from '../waiting/kinds.ts';
import { type EndReport, endReport } from './endReport.ts';
import { isClosingOf, type UndecidedReport, undecidedIn, undecidedReport } from './undecided.ts';
import { waitReport } from './waitReport.ts';

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

export type Inspection = {
  view: View;
  params: Record<string, unknown>;
  title: string;
  cells: CellReport[];
  /** What it waits for. */
  waits: WaitReport | null;
  /** What is gone through at its end; `null`: the way goes on, or its runbook has nothing for its end. */
  ending: EndReport | null;
  /** The step that a verdict would be about; `null`: it stands at none. */
  undecided: UndecidedReport | null;
  /** Of a step that was begun and not settled: what is known here of the process that holds it; `null` without one. */
  holderProcess: HolderState | null;
};

const emptyReport = (cell: Cell): CellReport => ({
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

const foldEntry = (report: CellReport, entry: Entry): void => {
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
const passedWith = (reports: CellReport[], entry: Entry): CellReport[] => {
  if (entry.kind !== 'outcome' && entry.kind !== 'resolved') return [];
  return reports.slice(entry.index + 1, entry.index + 1 + (entry.passes ?? 0));
};

/** The state of the cell an instance stands at. */
const standing = (state: State, nowMs: number, graceMs: number): CellState => {
  const status = statusOf(state, nowMs, graceMs);
  if (status === 'running' || status === 'waiting' || status === 'in_doubt' || status === 'halted') return status;
  return status === 'ready' ? 'next' : 'not reached';
};

/** The whole text of the output that the entry at `seq` carries. `undefined`: there is none. */
export const outputAt = async (
  engine: Engine,
  instanceId: string,
  seq: number,
): Promise<{ text: string; bytes: number; truncated: boolean } | undefined> => {
  const standing = await engine.journal.entry(instanceId, seq);
  const output = standing === undefined ? null : outputOf(standing.entry);
  const text = await textOf(engine, output);
  if (output === null || text === null) return undefined;
  return { text, bytes: sizeOf(output), truncated: output.kind === 'truncated' };
};

/** The files that the entry at `seq` carries, and how to read one of them. */
export const attachedAt = async (engine: Engine, instanceId: string, seq: number): Promise<AttachedFile[]> => {
  const entry = (await engine.journal.entry(instanceId, seq))?.entry;
  const files = entry?.kind === 'outcome' ? (entry.attached ?? []) : [];
  return files.map(({ name, ...file }) => ({
    ...{ name, bytes: file.bytes, sha256: file.sha256 },
    read: () => engine.journal.file(file),
  }));
};
export type AttachedFile = Pick<Attached, 'name' | 'bytes' | 'sha256'> & { read(): Promise<Uint8Array> };

/**
 * View, parameters and every cell of an instance; outputs in document order as long as they fit into `outputsBytesMax`.
 * @throws PawlError `instance.unknown`, `store.unavailable`
 */
export const inspect = async (
  engine: Engine,
  instanceId: string,
  by: By,
  outputsBytesMax = Number.POSITIVE_INFINITY,
): Promise<Inspection> => {
  const call = await openCall(engine, instanceId, by, 0);
  const { runbook, started } = call;
  const reports = runbook.cells.map(emptyReport);
  const outputs = new Map<CellReport, Entry>();
  for (const report of reports.slice(0, started.continues?.index ?? 0)) {
    const cited = started.continues?.outputs[report.name];
    const entry = cited && (await engine.journal.entry(cited.instanceId, cited.seq))?.entry;
    Object.assign(report, { state: 'cited', note: `done in ${cited?.instanceId ?? started.continues?.instanceId}` });
    if (entry !== undefined) outputs.set(report, entry);
  }
  let { head } = call.chain;
  let closing: EntryOf<'outcome'> | undefined;
  for await (const { entry, hash } of readJournal(engine, instanceId)) {
    head = { entry, hash };
    if (!('index' in entry)) continue;
    if (entry.kind === 'outcome') closing = entry;
    const report = reports[entry.index];
    if (report === undefined) continue;
    foldEntry(report, entry);
    for (const passed of passedWith(reports, entry))
      Object.assign(passed, { state: 'skipped', endedAtMs: entry.atMs, note: `with the section ${report.name}` });
    if (outputOf(entry) !== null) outputs.set(report, entry);
    const fused = entry.kind === 'outcome' ? entry.reserve : undefined;
    const next = fused === undefined ? undefined : reports[fused.index];
    if (fused !== undefined && next !== undefined) {
      Object.assign(next, { attempts: fused.attempt, seq: entry.seq, startedAtMs: entry.atMs, by: entry.by.actor });
    }
  }
  let left = outputsBytesMax;
  for (const report of reports) {
    const entry = outputs.get(report);
    const output = entry === undefined ? null : outputOf(entry);
    if (entry === undefined || output === null) continue;
    Object.assign(report, { outputSeq: entry.seq, outputBytes: sizeOf(output) });
    const bytes = output.kind === 'truncated' ? bytesOf(output.head) : sizeOf(output);
    if (bytes > left) continue;
    left -= bytes;
    report.output = await textOf(engine, output);
  }
  finish(reports, runbook, head.entry.state, engine.clock.nowMs(), graceOf(engine, head.entry.state));
  // The cells were read to here: view and wait are to say the same.
  const now = { ...call, chain: createChain(engine, call.mark, { ...call, head }) };
  const waits = await waitReport(now);
  const takenBack = reports.filter(({ state }) => state === 'taken back').map(({ name }) => name);
  const ending = await endReport(now, new Set(takenBack), passedUndos(runbook, reports));
  const holderProcess = await holderProcessOf(now);
  const view = { ...viewNow(now), ...(await lackingIn(engine, runbook, head)) };
  const undecided = decisionIn(now, view.status, closing);
  return {
    view,
    params: started.params,
    title: runbook.title,
    cells: reports,
    waits,
    ending,
    undecided,
    holderProcess,
  };
};

/** @param last the newest outcome of the whole journal: where a step has been closed without being settled, that is the one. */
const decisionIn = (call: Call, status: ViewStatus, last: EntryOf<'outcome'> | undefined): UndecidedReport | null => {
  const at = undecidedIn(stateOf(call), status);
  const closing = last !== undefined && at !== undefined && isClosingOf(last, at.seq) ? last : undefined;
  return undecidedReport(call.runbook, stateOf(call), status, closing, call.engine.clock.nowMs());
};

/** Cells whose undo a person passed over, and why. */
const passedUndos = ({ cells }: Runbook, reports: CellReport[]): EndReport['skipped'] =>
  cells.flatMap(({ index, cleanup }) => {
    const { verdict, note } = reports[index] ?? { verdict: null, note: null };
    if (cleanup === undefined || !('undo' in cleanup) || verdict?.verdict !== 'skip') return [];
    return [{ cell: cleanup.undo, by: verdict.actor, reason: note ?? '' }];
  });

/** What the call that came last to this head could not have: only the saved view knows. */
const lackingIn = async (
  engine: Engine,
  { cells }: Runbook,
  { entry }: Standing,
): Promise<Pick<View, 'waitsFor'> | undefined> => {
  const { state, instanceId, seq } = entry;
  const next = cells[state.next];
  const isOver = state.ended !== null || state.halted?.doubt === false;
  if (isOver || next === undefined) return undefined;
  if (next.needs === undefined && next.uses === undefined && !isTooLong(next, engine.lease)) return undefined;
  const saved = await engine.views.get(instanceId);
  return saved === undefined || saved.seq !== seq || saved.waitsFor === null ? undefined : { waitsFor: saved.waitsFor };
};

const holderProcessOf = async (call: Call): Promise<HolderState | null> => {
  const { open, halted, ended } = stateOf(call);
  const unsettled = ended === null && (open?.kind === 'reserved' || halted?.doubt === true);
  return unsettled ? await holderStateAt(call.engine, call.instanceId, doubtOf(stateOf(call)).seq) : null;
};

/** As the rules count what was taken back. */
const hasUndone = ({ state, expectations }: CellReport): boolean =>
  state === 'completed' ||
  ((state === 'failed' || state === 'unknown') && expectations.length > 0 && asExpected(expectations));

/** The cell it stands at; `undefined` once the way is over and what is at its end has not begun. */
const standsAt = ({ owes, open, halted, next }: State, reports: CellReport[]): CellReport | undefined =>
  owes !== undefined && open === null && halted?.doubt !== true ? undefined : reports[next];

const finish = (reports: CellReport[], runbook: Runbook, state: State, nowMs: number, graceMs: number): void => {
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

/** Notes of an instance or of one of its steps, oldest first. */
export const notes = (engine: Engine, instanceId: string, about?: number): Promise<Note[]> =>
  engine.journal.notes(instanceId, about);
