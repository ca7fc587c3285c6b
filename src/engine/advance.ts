/**
 * Advance: the only way anything ever runs.
 *
 *   load head ► decide ► reserve ► execute ► record ─┐
 *                 ▲                                  │
 *                 └── budget left and cells remain ──┤
 *                                         save view ► answer
 *
 * Batching: while one call runs several cells, the outcome of one also carries the reservation of the next.
 *
 * I3 reserve only what `decide` found next, at head + 1. I4 begin only a reservation of ours that stands, once.
 * I10 the answer says what stands in the journal. If this call dies at any line, the next load sees what stands.
 */
import assert from 'node:assert/strict';
import { apply } from './apply.ts';
import { append, arm, type Call, type Engine, openCall, saveView, viewNow } from './call.ts';
import { branchOf, type Decision, decide, reservedForMs, type Stop, type Wish } from './decide.ts';
import type { By, Drive, Entry, Failure, Reservation, State, Status, Then } from './entries.ts';
import { isPawlError, PawlError } from './errors.ts';
import { execute, type Reserved } from './execute.ts';
import { inHand, type OutputCache } from './inputs.ts';
import { failure, type OutcomeBody } from './outcomes.ts';
import type { CellResult, Execute } from './ports.ts';
import { keyOf, prepare, type Ready, withoutReservation } from './prepare.ts';
import { record } from './record.ts';
import { type Cell, natureOf } from './runbook.ts';
import { takeOver } from './takeover.ts';
import type { View } from './view.ts';

export type AdvanceRequest = {
  /** Reservations at most; a wait, an assertion, an end, a skip cost none. Default 1. */
  maxCells?: number;
  /** Milliseconds until the end of this invocation. */
  budgetMs: number;
  /** Only this cell. */
  cell?: string;
  /** Seq of the head the caller has seen; a different one is refused with `seq.stale`. */
  expectedSeq?: number;
  /** Changes the drive first, by an entry of its own. */
  drive?: Drive;
  /** False for the schedule: in drive `manual` nothing new is reserved. Default true. */
  explicit?: boolean;
  /** Aborted when the caller gives up: the running cell is stopped, its end is still recorded, nothing further begins. */
  signal?: AbortSignal;
  by: By;
};

/** One step this call has closed. */
export type StepReport = {
  cell: string;
  /** Seq of its reservation; of the outcome where there was none. */
  seq: number;
  status: Status;
  then: Then;
  attempt: number;
  durationMs: number;
  error: Failure | null;
  /** `false`: somebody else closed it first; what this call saw is a note. */
  recorded: boolean;
};

/** `state` is what the head's entry says after the last step. */
export type AdvanceAnswer = { stop: Stop; result: Stop['result']; steps: StepReport[]; view: View; state: State };

const report = (outcome: OutcomeBody, seq: number, recorded: boolean): StepReport => ({
  cell: outcome.cell,
  seq,
  status: outcome.status,
  then: outcome.then,
  attempt: outcome.attempt,
  durationMs: outcome.durationMs,
  error: outcome.error,
  recorded,
});

type Progress = { steps: StepReport[]; reservations: number };

/** Goes through the next cell as far as this call may. A lost slot is no error: the loop decides anew. */
const enter = async (
  call: Call,
  decision: Extract<Decision, { kind: 'enter' }>,
  request: AdvanceRequest,
  progress: Progress,
): Promise<Stop | undefined> => {
  const { cell, mayReserve } = decision;
  const { engine } = call;
  const found = await prepare(call, cell);
  const nature = natureOf(cell.body.kind);
  const { state } = call.head.entry;

  if (found.kind !== 'go' || nature === 'pure') {
    const outcome = withoutReservation(call, cell, found);
    if (await append(call, () => outcome)) {
      rememberOutput(call.outputs, call.head.entry);
      progress.steps.push(report(outcome, call.head.entry.seq, true));
    }
    return undefined;
  }
  if (nature === 'waiting') {
    const shownHash = found.body.kind === 'manual' ? engine.sha256(found.body.instructions) : null;
    const { visit } = state;
    const waiting = {
      kind: 'waiting',
      index: cell.index,
      cell: cell.name,
      visit,
      inputsHash: found.inputsHash,
      dueAtMs: null,
      shownHash,
    } as const;
    await append(call, () => waiting);
    return undefined;
  }
  if (!mayReserve) return { kind: 'stop', result: 'advanced' };

  const ours = await append(call, () => ({ kind: 'reserved', ...reservationOf(call, cell, state, found) }));
  if (!ours) return undefined;
  progress.reservations += 1;
  // What stands counts, not what was meant: an earlier put of this call may have landed late, with an earlier deadline.
  const stands = call.head.entry;
  assert(stands.kind === 'reserved' && stands.token === call.token && stands.cell === cell.name);
  let held: Held | undefined = { cell, reserved: stands, ready: found };
  while (held !== undefined) held = await carryOut(call, held, request, progress);
  return undefined;
};

const reservationOf = (call: Call, cell: Cell, state: State, ready: Ready): Reservation => ({
  index: cell.index,
  cell: cell.name,
  visit: state.visit,
  attempt: state.attempt + 1,
  key: keyOf(call, cell, state.visit),
  inputsHash: ready.inputsHash,
  deadlineAtMs: Math.ceil(call.engine.clock.nowMs() + reservedForMs(cell)),
});

/** A step of ours: its reservation stands in the journal, and its body has not begun. */
type Held = { cell: Cell; reserved: Reserved; ready: Ready };

/** Carries a step out and records how it ended. Answers with the next step where the outcome reserved it as well. */
const carryOut = async (
  call: Call,
  { cell, reserved, ready }: Held,
  request: AdvanceRequest,
  progress: Progress,
): Promise<Held | undefined> => {
  const outcome = await execute(call, cell, reserved, ready.body, ready.inputs);
  let following: { cell: Cell; ready: Ready } | undefined;
  const recorded = await record(call, outcome, reserved.deadlineAtMs, async () => {
    const found = await follow(call, outcome, request, progress);
    if (found === undefined) return undefined;
    following = found;
    return found.reservation;
  });
  const stands = call.head.entry;
  if (recorded && outcome.then === 'next') rememberOutput(call.outputs, stands);
  progress.steps.push(report(outcome, reserved.seq, recorded));
  if (!recorded || stands.kind !== 'outcome' || stands.reserve === undefined) return undefined;
  // What stands counts here too: perhaps an earlier put of this outcome landed, with a reservation that a later one lacked.
  progress.reservations += 1;
  assert(stands.token === call.token && following !== undefined, 'a reservation of this call stands');
  assert(following.ready.inputsHash === stands.reserve.inputsHash, 'one visit has one set of inputs');
  const { seq, atMs } = stands;
  return { ...following, reserved: { ...stands.reserve, seq, atMs } };
};

/**
 * Batching: what this call would reserve right after `outcome`, so that one entry can say both. Only if everything the
 * next cell reads is in hand: between an effect and its record nothing is asked of the store. Whoever takes the slot
 * first makes us come here again, and decide anew on the state that stands then.
 */
const follow = async (
  call: Call,
  outcome: OutcomeBody,
  request: AdvanceRequest,
  progress: Progress,
): Promise<{ cell: Cell; ready: Ready; reservation: Reservation } | undefined> => {
  if (outcome.then !== 'next' || request.signal?.aborted) return undefined;
  const { head, engine, by } = call;
  const step = { ...outcome, seq: head.entry.seq + 1, atMs: engine.clock.nowMs(), by };
  const state = apply(head.entry.state, step);
  const decision = decide(state, call.runbook, wishOf(call, request, progress), momentOf(engine));
  if (decision.kind !== 'enter' || !decision.mayReserve) return undefined;
  const { cell } = decision;
  const outputs = new Map(call.outputs);
  rememberOutput(outputs, outcome);
  if (!inHand({ runbook: call.runbook, outputs }, cell)) return undefined;
  const ready = await prepare(call, cell, { state, outputs });
  return ready.kind === 'go' ? { cell, ready, reservation: reservationOf(call, cell, state, ready) } : undefined;
};

/** The next cells may read what was just recorded, without asking the store. */
const rememberOutput = (outputs: OutputCache, entry: Entry | OutcomeBody): void => {
  if (entry.kind !== 'outcome') return;
  if (entry.output === null) outputs.set(entry.cell, null);
  if (entry.output?.kind === 'inline') outputs.set(entry.cell, entry.output.text);
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
  const call = await openCall(stoppable(engine, request.signal), instanceId, request.by, request.budgetMs);
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
  if (request.explicit === false) await arm(call);
  return { stop, result: stop.result, steps: progress.steps, view: await saveView(call), state: call.head.entry.state };
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
    case 'enter':
      return await enter(call, decision, request, progress);
    case 'lapse': {
      const error = failure('key.lapsed', 'Its keyWindow passed before it was tried again.');
      const outcome = withoutReservation(call, decision.cell, { kind: 'cannot', error });
      if (await append(call, () => outcome)) progress.steps.push(report(outcome, call.head.entry.seq, true));
      return undefined;
    }
  }
};

const wishOf = (call: Call, request: AdvanceRequest, progress: Progress): Wish => ({
  cell: request.cell,
  reservationsLeft: (request.maxCells ?? 1) - progress.reservations,
  wroteSome: call.wrote,
  endAtMs: call.endAtMs,
  explicit: request.explicit ?? true,
});

const momentOf = ({ clock, deployment }: Engine) => ({
  nowMs: clock.nowMs(),
  graceMs: deployment.takeoverGraceMs,
  epoch: deployment.epoch,
});

const decideNow = (call: Call, request: AdvanceRequest, progress: Progress): Decision => {
  const { engine } = call;
  const wish = wishOf(call, request, progress);
  const decision = decide(call.head.entry.state, call.runbook, wish, momentOf(engine));
  engine.observe({
    kind: 'decided',
    instanceId: call.instanceId,
    seq: call.head.entry.seq,
    branch: branchOf(decision),
  });
  // Whoever names the seq it has seen meant the cell that was next then, not the one after it.
  if (call.lost && progress.steps.length === 0 && decision.kind !== 'stop' && request.expectedSeq !== undefined) {
    if (call.wrote) return { kind: 'stop', result: 'advanced' };
    assertFresh(call, request.expectedSeq);
  }
  return decision;
};
