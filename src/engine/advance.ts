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
import { type Call, type Engine, momentOf, nextCell, openCall, saveView, stateOf } from './call/call.ts';
import { changeIn } from './call/change.ts';
import { endingOf } from './call/ending.ts';
import { failure, type OutcomeBody } from './call/outcomes.ts';
import { prepare, withoutReservation, withSecrets } from './call/prepare.ts';
import {
  type AdvanceAnswer,
  type AdvanceRequest,
  type Advancing,
  createProgress,
  giveUp,
  wishOf,
} from './call/progress.ts';
import { assertFresh } from './call/refusals.ts';
import { dropClaim } from './call/standby.ts';
import { awayFrom, lackingNeeds, stopWithout } from './call/whereabouts.ts';
import { takeOver } from './doubt/takeover.ts';
import { natureOf } from './model/cellNature.ts';
import type { EntryBody } from './model/entries.ts';
import { isPawlError } from './model/errors.ts';
import { causeOf } from './model/events.ts';
import { limits } from './model/limits.ts';
import type { Cell } from './model/runbook.ts';
import type { CellResult, Execute } from './ports.ts';
import { isJudgedFirst } from './rules/carriedOut.ts';
import { isDoubtful } from './rules/closing.ts';
import { branchOf, type Decision, decide, neededMs } from './rules/decide.ts';
import type { Stop } from './rules/stop.ts';
import { noLacks } from './rules/view.ts';
import { rememberOutput, reservationOf, runSteps } from './steps/runStep.ts';
import { tell } from './steps/tell.ts';
import { beginWait } from './waiting/begin.ts';
import { look } from './waiting/look.ts';
import { parkOf } from './waiting/park.ts';

/** Closes the next cell by one outcome: nothing outside has happened. */
const closeAtOnce = async ({ call, progress }: Advancing, outcome: OutcomeBody): Promise<void> => {
  const stands = await call.chain.append(() => outcome);
  if (stands === undefined) return;
  rememberOutput(call.outputs, stands);
  progress.closed(outcome, stands.seq, true);
};

/** Goes past the cell where its `when` says so, or cannot be told: what that rests on is the same at every place. */
const pass = async (advancing: Advancing, cell: Cell): Promise<boolean> => {
  const { call } = advancing;
  const found = await prepare(call, cell);
  if (found.kind === 'go') return false;
  await closeAtOnce(advancing, withoutReservation(call, cell, found));
  return true;
};

/** Goes through the next cell as far as this call may. A lost slot is no error: the loop decides anew. */
const enter = async (
  advancing: Advancing,
  { cell, mayReserve }: Extract<Decision, { kind: 'enter' }>,
): Promise<Stop | undefined> => {
  const { call, progress } = advancing;
  const found = await prepare(call, cell);
  const nature = natureOf(cell);
  const state = stateOf(call);

  if (found.kind !== 'go' || nature === 'pure') {
    await closeAtOnce(advancing, withoutReservation(call, cell, found));
    return undefined;
  }
  if (nature === 'waiting') {
    const begun = await beginWait(call, cell, found);
    if (begun.kind === 'outcome') await closeAtOnce(advancing, begun);
    else await call.chain.append(() => begun);
    return undefined;
  }
  if (!mayReserve) return { kind: 'stop', result: 'advanced' };

  const ready = await withSecrets(call, cell, found, 'attempt');
  if (ready.kind === 'waits') return stopWithout(call, cell, { needs: [], secrets: ready.missing });
  if (ready.kind === 'cannot') {
    await closeAtOnce(advancing, withoutReservation(call, cell, ready));
    return undefined;
  }
  const reserve = (): EntryBody => ({ kind: 'reserved', ...reservationOf(call, cell, state, ready) });
  const stands = await call.chain.append(reserve, call.endAtMs - neededMs(cell, call.engine.lease));
  if (stands === undefined) return undefined;
  progress.reserved();
  // What stands counts, not what was meant: an earlier put of this call may have landed late, with an earlier deadline.
  assert(stands.kind === 'reserved' && stands.token === call.token && stands.cell === cell.name);
  await runSteps(advancing, { cell, reserved: stands, ready });
  return undefined;
};

/**
 * The drive is part of the journal: changing it is an entry. A call that is refused changes nothing, so what would refuse it
 * is looked at first, for every slot anew: a wish that cannot be, and a step of another caller under way.
 * @throws PawlError what a wish that cannot be is refused with; `seq.stale` when the caller that took the slot moved the head past
 *   what this caller has seen
 */
const setDrive = async (advancing: Advancing): Promise<void> => {
  const { call, request } = advancing;
  const { drive, expectedSeq } = request;
  await changeIn(call, {
    prepare: () => decideNow(advancing),
    decide: (state, now) => {
      const isInFlight = now.kind === 'stop' && now.result === 'in_flight';
      if (drive === undefined || state.drive === drive || state.ended !== null || isInFlight) return null;
      return { kind: 'control', drive, reason: null };
    },
    lost: () => assertFresh(call, expectedSeq),
  });
};

/** The engine with cells that also stop when the caller gives up. */
export const stoppable = (engine: Engine, signal: AbortSignal | undefined): Engine => {
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
 * @param begun the call, if it is open already
 * @throws PawlError `instance.unknown`, `seq.stale`, `cell.unknown`, `cell.outOfOrder`, `instance.finished`,
 *   `store.unavailable` (nothing was begun that the journal does not tell), `outcome.unrecorded`
 */
export const advance = async (
  engine: Engine,
  instanceId: string,
  request: AdvanceRequest,
  begun?: Call,
): Promise<AdvanceAnswer> => {
  const { by, budgetMs, expectedSeq, signal } = request;
  const call = begun ?? (await openCall(stoppable(engine, signal), instanceId, by, budgetMs, expectedSeq));
  const isScheduled = request.explicit === false;
  if (isScheduled) call.mark.expectDue();
  assertFresh(call, expectedSeq);
  const progress = createProgress();
  const advancing: Advancing = { call, request, progress, drive: advance };
  let stop: Stop;
  try {
    await setDrive(advancing);
    stop = await loop(advancing);
  } catch (error) {
    // Once something ran, the caller is told what: a store that went away afterwards only stops the call.
    if (progress.steps.length === 0 || !isPawlError(error, 'store.unavailable')) throw error;
    const cell = nextCell(call)?.name ?? call.started.runbookId;
    stop = { kind: 'stop', result: 'deferred', cell, untilMs: engine.clock.nowMs(), why: 'store' };
  } finally {
    dropClaim(call);
  }
  await tell(call, stop);
  // The schedule came since the view is due: whatever this call found, the view must say it now. So it must of what cannot be
  // had here, of which nothing else is written.
  if (isScheduled || call.lacks !== noLacks) await armQuietly(call);
  await wakeInTime(call, stop);
  const { steps, reservations: reserved } = progress;
  const { wrote } = call.chain;
  const view = await saveView(call);
  return { stop, result: stop.result, steps: [...steps], reserved, wrote, view, state: stateOf(call) };
};

const armQuietly = async ({ engine, instanceId, mark }: Call): Promise<void> => {
  await mark.arm().catch((error: unknown) => {
    engine.observe({ kind: 'view.unarmed', instanceId, cell: undefined, cause: causeOf(error) });
  });
};

/** What is due soon is woken to the second where that can be had; the due mark stands behind it. */
const wakeInTime = async ({ engine, instanceId, mark }: Call, stop: Stop): Promise<void> => {
  if (stop.result !== 'parked' || stop.dueAtMs === null || stop.waitsFor !== undefined || mark.arms === 0) return;
  if (stop.dueAtMs - engine.clock.nowMs() > limits.wakeAheadMsMax) return;
  await engine.wakeAt(instanceId, stop.dueAtMs).catch((error: unknown) => {
    engine.observe({ kind: 'wake.unsent', instanceId, cell: stop.cell, cause: causeOf(error) });
  });
};

const loop = async (advancing: Advancing): Promise<Stop> => {
  const { call, request } = advancing;
  for (;;) {
    const decision = decideNow(advancing);
    if (decision.kind === 'stop') return decision;
    if (request.signal?.aborted) return { kind: 'stop', result: 'advanced' };
    call.lacks = noLacks;
    const lacking = await lackingNeeds(call, stateOf(call), decision);
    if (lacking !== undefined) {
      const { cell, missing } = lacking;
      if (isJudgedFirst(stateOf(call), cell, decision) && (await pass(advancing, cell))) continue;
      return stopWithout(call, cell, { needs: missing, secrets: [] });
    }
    let stopped: Stop | undefined;
    switch (decision.kind) {
      case 'wait':
        await call.mark.arm();
        await call.engine.clock.sleep(decision.ms, giveUp(advancing));
        break;
      case 'takeOver':
        stopped = await takeOver(call, decision);
        break;
      case 'look':
        stopped = await look(advancing, decision);
        break;
      case 'enter':
        stopped = await enter(advancing, decision);
        break;
      case 'end': {
        const body = await endingOf(call, decision);
        await call.chain.append(() => body);
        break;
      }
      case 'judge':
        stopped = (await pass(advancing, decision.cell)) ? undefined : decision.otherwise;
        break;
      case 'lapse': {
        const doubt = isDoubtful(stateOf(call)) ? ', and an earlier attempt may have happened' : '';
        const error = failure('key.lapsed', `Its keyWindow passed before it was tried again${doubt}.`);
        await closeAtOnce(advancing, withoutReservation(call, decision.cell, { kind: 'cannot', error }));
      }
    }
    if (stopped !== undefined) return stopped;
  }
};

const decideNow = (advancing: Advancing): Exclude<Decision, { kind: 'waiting' }> => {
  const { call, request, progress } = advancing;
  const { engine, instanceId, chain, runbook } = call;
  const wish = wishOf(advancing);
  const now = momentOf(engine, stateOf(call));
  const decided = decide(stateOf(call), runbook, wish, now);
  const here = decided.kind === 'waiting' ? parkOf(decided, wish, now.nowMs) : decided;
  const decision = awayFrom(call, stateOf(call), here) ?? here;
  const { seq } = chain.head.entry;
  engine.observe({ kind: 'decided', instanceId, seq, cell: nextCell(call)?.name, branch: branchOf(decision) });
  // A caller that names the seq it has seen meant the cell that was next then, not the one after it.
  if (chain.lost && progress.steps.length === 0 && decision.kind !== 'stop' && request.expectedSeq !== undefined) {
    if (chain.wrote) return { kind: 'stop', result: 'advanced' };
    assertFresh(call, request.expectedSeq);
  }
  return decision;
};
