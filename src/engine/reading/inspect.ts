/** Reading an instance: its view, every cell, its journal. Whole and consistent, page by page; decides nothing. */
import { type Call, type Engine, graceOf, openCall, stateOf, viewNow } from '../call/call.ts';
import { createChain } from '../call/chain.ts';
import { holderStateAt } from '../call/holder.ts';
import { readJournal } from '../call/journal.ts';
import { outputOf, textOf } from '../call/texts.ts';
import type { Entry, EntryOf, Standing } from '../model/entries.ts';
import type { By } from '../model/fields.ts';
import { isTooLong } from '../model/lease.ts';
import type { Runbook } from '../model/runbook.ts';
import { bytesOf, sizeOf } from '../model/text.ts';
import type { View, ViewStatus } from '../model/view.ts';
import type { HolderState } from '../ports.ts';
import { doubtOf } from '../rules/policy.ts';
import type { WaitReport } from '../waiting/kinds.ts';
import { type CellReport, emptyReport, finishReports, foldEntry, passedWith } from './cellReport.ts';
import { type EndReport, endReport } from './endReport.ts';
import { isClosingOf, type UndecidedReport, undecidedIn, undecidedReport } from './undecided.ts';
import { waitReport } from './waitReport.ts';

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
  finishReports(reports, runbook, head.entry.state, engine.clock.nowMs(), graceOf(engine, head.entry.state));
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
