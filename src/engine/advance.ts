/**
 * Advance: the only way anything ever runs.
 *
 *   load head ► decide ► reserve ► execute ► record ─┐
 *                 ▲                                  │
 *                 └── budget left and cells remain ──┤
 *                                         save view ► answer
 *
 * I3 reserve only what `decide` found next, at head + 1. I4 begin only a reservation of ours that stands, once.
 * I10 the answer says what stands in the journal. If this call dies at any line, the next load sees what stands.
 */

import assert from 'node:assert/strict';
import { append, arm, type Call, type Engine, openCall, saveView, viewNow } from './call/call.ts';
import { failure } from './call/outcomes.ts';
import { prepare, withoutReservation } from './call/prepare.ts';
import { type AdvanceAnswer, type AdvanceRequest, momentOf, type Progress, reportOf, wishOf } from './call/progress.ts';
import { takeOver } from './doubt/takeover.ts';
import { isPawlError, PawlError } from './model/errors.ts';
import { limits } from './model/limits.ts';
import { natureOf } from './model/runbook.ts';
import type { CellResult, Execute } from './ports.ts';
import { branchOf, type Decision, decide } from './rules/decide.ts';
import type { Stop } from './rules/stop.ts';
import { carryAllOut, rememberOutput, reservationOf } from './steps/carryOut.ts';
import { beginWait } from './waiting/begin.ts';
import { look } from './waiting/look.ts';

/** Goes through the next cell as far as this call may. A lost slot is no error: the loop decides anew. */
const enter = async (
  call: Call,
  decision: Extract<Decision, { kind: 'enter' }>,
  request: AdvanceRequest,
  progress: Progress,
): Promise<Stop | undefined> => {
  const { cell, mayReserve } = decision;
  const found = await prepare(call, cell);
  const nature = natureOf(cell);
  const { state } = call.head.entry;

  if (found.kind !== 'go' || nature === 'pure') {
    const outcome = withoutReservation(call, cell, found);
    if (await append(call, () => outcome)) {
      rememberOutput(call.outputs, call.head.entry);
      progress.steps.push(reportOf(outcome, call.head.entry.seq, true));
    }
    return undefined;
  }
  if (nature === 'waiting') {
    const begun = await beginWait(call, cell, found);
    if ((await append(call, () => begun)) && begun.kind === 'outcome')
      progress.steps.push(reportOf(begun, call.head.entry.seq, true));
    return undefined;
  }
  if (!mayReserve) return { kind: 'stop', result: 'advanced' };

  const ours = await append(call, () => ({ kind: 'reserved', ...reservationOf(call, cell, state, found) }));
  if (!ours) return undefined;
  progress.reservations += 1;
  // What stands counts, not what was meant: an earlier put of this call may have landed late, with an earlier deadline.
  const stands = call.head.entry;
  assert(stands.kind === 'reserved' && stands.token === call.token && stands.cell === cell.name);
  await carryAllOut(call, { cell, reserved: stands, ready: found }, request, progress);
  return undefined;
};

const assertFresh = (call: Call, expectedSeq: number | undefined): void => {
  const { seq } = call.head.entry;
  if (expectedSeq === undefined || expectedSeq === seq) return;
  const message = `The journal of ${call.instanceId} is at ${seq}, not at ${expectedSeq}; look at the present state and ask again.`;
  throw new PawlError('seq.stale', message, { instanceId: call.instanceId, expectedSeq, seq, view: viewNow(call) });
};

/**
 * The drive is part of the journal: changing it is an entry, decided anew whenever the slot is lost.
 * @throws PawlError `seq.stale` when the one who took the slot moved the head past what this caller has seen
 */
const setDrive = async (call: Call, { drive, expectedSeq }: AdvanceRequest): Promise<void> => {
  const differs = () =>
    drive !== undefined && call.head.entry.state.drive !== drive && call.head.entry.state.ended === null;
  while (drive !== undefined && differs()) {
    if (!(await append(call, () => ({ kind: 'control', drive, reason: null })))) assertFresh(call, expectedSeq);
  }
};

/** The engine with cells that also stop when the caller gives up. */
const stoppable = (engine: Engine, signal: AbortSignal | undefined): Engine => {
  if (signal === undefined) return engine;
  const unbegun: CellResult = {
    status: 'never',
    error: { code: 'cell.givenUp', message: 'The caller gave up before it began.' },
  };
  const execute: Execute = async (input) =>
    signal.aborted ? unbegun : await engine.execute({ ...input, signal: AbortSignal.any([input.signal, signal]) });
  return { ...engine, execute };
};

/**
 * Moves an instance forward until something stops it, its budget is used up, or `maxCells` reservations are made.
 * @throws PawlError `instance.unknown`, `seq.stale`, `cell.unknown`, `cell.outOfOrder`, `instance.finished`,
 *   `store.unavailable` (nothing was begun that the journal does not tell), `outcome.unrecorded`
 */
export const advance = async (engine: Engine, instanceId: string, request: AdvanceRequest): Promise<AdvanceAnswer> => {
  const { by, budgetMs, expectedSeq, signal } = request;
  const call = await openCall(stoppable(engine, signal), instanceId, by, budgetMs, expectedSeq);
  call.isDue = request.explicit === false;
  assertFresh(call, request.expectedSeq);
  const progress: Progress = { steps: [], reservations: 0 };
  let stop: Stop;
  try {
    // A wish that cannot be is refused before anything is written, the drive included.
    decideNow(call, request, progress);
    await setDrive(call, request);
    stop = await loop(call, request, progress);
  } catch (error) {
    // Once something ran, the caller is told what: a store that went away afterwards only stops the call.
    if (progress.steps.length === 0 || !isPawlError(error, 'store.unavailable')) throw error;
    const { started, head, runbook } = call;
    const cell = runbook.cells[head.entry.state.next]?.name ?? started.runbookId;
    stop = { kind: 'stop', result: 'deferred', cell, untilMs: engine.clock.nowMs(), why: 'store' };
  }
  // The schedule came since the view is due: whatever this call found, the view must say it now.
  if (request.explicit === false)
    await arm(call).catch((error: unknown) =>
      engine.observe({ kind: 'view.unarmed', instanceId, error: String(error) }),
    );
  await wakeInTime(call, stop);
  const { steps, reservations: reserved } = progress;
  return { stop, result: stop.result, steps, reserved, view: await saveView(call), state: call.head.entry.state };
};

/** What is due soon is woken to the second where that can be had; the due mark stands behind it. */
const wakeInTime = async ({ engine, instanceId, armed }: Call, stop: Stop): Promise<void> => {
  if (stop.result !== 'parked' || stop.dueAtMs === null || armed === null) return;
  if (stop.dueAtMs - engine.clock.nowMs() > limits.wakeAheadMsMax) return;
  await engine.wakeAt(instanceId, stop.dueAtMs).catch((error: unknown) => {
    engine.observe({ kind: 'wake.unsent', instanceId, cell: stop.cell, error: String(error) });
  });
};

const loop = async (call: Call, request: AdvanceRequest, progress: Progress): Promise<Stop> => {
  for (;;) {
    const decision = decideNow(call, request, progress);
    if (decision.kind === 'stop') return decision;
    if (request.signal?.aborted) return { kind: 'stop', result: 'advanced' };
    if (decision.kind === 'wait') {
      await arm(call);
      await call.engine.clock.sleep(decision.ms, request.signal);
      continue;
    }
    const stopped = await carryOn(call, decision, request, progress);
    if (stopped !== undefined) return stopped;
  }
};

const carryOn = async (
  call: Call,
  decision: Exclude<Decision, Stop | { kind: 'wait' }>,
  request: AdvanceRequest,
  progress: Progress,
): Promise<Stop | undefined> => {
  switch (decision.kind) {
    case 'takeOver':
      return await takeOver(call, decision);
    case 'look':
      return await look(call, decision, request, progress);
    case 'enter':
      return await enter(call, decision, request, progress);
    case 'lapse': {
      const error = failure('key.lapsed', 'Its keyWindow passed before it was tried again.');
      const outcome = withoutReservation(call, decision.cell, { kind: 'cannot', error });
      if (await append(call, () => outcome)) progress.steps.push(reportOf(outcome, call.head.entry.seq, true));
      return undefined;
    }
  }
};

const decideNow = (call: Call, request: AdvanceRequest, progress: Progress): Decision => {
  const { engine } = call;
  const wish = wishOf(call, request, progress);
  const decision = decide(call.head.entry.state, call.runbook, wish, momentOf(engine));
  engine.observe({
    kind: 'decided',
    instanceId: call.instanceId,
    seq: call.head.entry.seq,
    cell: call.runbook.cells[call.head.entry.state.next]?.name,
    branch: branchOf(decision),
  });
  // Whoever names the seq it has seen meant the cell that was next then, not the one after it.
  if (call.lost && progress.steps.length === 0 && decision.kind !== 'stop' && request.expectedSeq !== undefined) {
    if (call.wrote) return { kind: 'stop', result: 'advanced' };
    assertFresh(call, request.expectedSeq);
  }
  return decision;
};
