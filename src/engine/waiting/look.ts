/**
 * Looking at what a wait waits for. A look that finds the wait over puts the outcome, and the chain accepts one.
 *
 * No lost wake-up (I7): a look arms the view before it reads anything. A writer of what is waited for wakes the view
 * afterwards, so a save that would take the mark down meets the wake and leaves it.
 */
import { type Call, stateOf } from '../call/call.ts';
import { resolveInputs, scopeOf } from '../call/inputs.ts';
import { check, cutFailure, keepOutput, type OutcomeBody, outcomeOf } from '../call/outcomes.ts';
import { type Advancing, giveUp, wishOf } from '../call/progress.ts';
import { stopWithout } from '../call/whereabouts.ts';
import type { Cell } from '../model/runbook.ts';
import type { Waiting } from '../model/state.ts';
import { type Decision, mayWait, neededMs } from '../rules/decide.ts';
import { parkedAt } from '../rules/parked.ts';
import { noPermission, sequelOf } from '../rules/sequel.ts';
import type { Stop } from '../rules/stop.ts';
import { heldFrom, rememberOutput, reservedByOutcome, reserveNext, runSteps } from '../steps/runStep.ts';
import { unsubscribe } from './await.ts';
import { isHeldAsBefore, putHolding } from './holding.ts';
import type { WaitEnd } from './kind.ts';
import { waitKindOf } from './kinds.ts';

const checksOf = async (call: Call, cell: Cell, end: WaitEnd) => {
  if (end.checks !== undefined) return end.checks;
  const { engine, instanceId } = call;
  // Only expectations look at earlier outputs; without them none is read.
  const inputs = await resolveInputs(call, cell.expect.length === 0 ? { ...cell, reads: [] } : cell);
  const scope = scopeOf(engine, inputs, { instanceId, cell: cell.name, visit: stateOf(call).visit });
  const output = end.output === null ? null : engine.authoring.parseJson(end.output);
  const { status, error } = end;
  return check(engine.authoring, cell.expect, { ...scope, output, status, exitCode: null, error });
};

const outcomeAt = async (call: Call, cell: Cell, open: Waiting, end: WaitEnd): Promise<OutcomeBody> => {
  const { engine, instanceId } = call;
  const state = stateOf(call);
  const { status, error, exitCode = null, note, timedOut } = end;
  // Each look has an owner of its own: one that loses its slot leaves another output behind than the next.
  const at = { instanceId, seq: open.seq, owner: engine.random.token() };
  const output = end.output === null ? null : await keepOutput(engine.journal, at, end.output, end.outputBytes);
  const checks = await checksOf(call, cell, end);
  const sequel = sequelOf({ ...cell, retryMax: 0 }, state, { status, checks, attempt: 1 }, 0, 0);
  return outcomeOf(cell, state, {
    closes: open.seq,
    status,
    closedBy: 'policy',
    ...(end.halt === true ? { then: 'halt', ...noPermission } : sequel),
    output,
    error: error ?? (output?.kind === 'truncated' ? cutFailure(output) : null),
    exitCode,
    expectations: checks,
    durationMs: Math.max(0, Math.round(engine.clock.nowMs() - open.atMs)),
    note,
    ...(timedOut === true ? { timedOut } : {}),
  });
};

/** Puts the outcome of a wait that is over; in an advance also the reservation of the next cell. */
const close = async (call: Call, cell: Cell, open: Waiting, end: WaitEnd, advancing?: Advancing): Promise<void> => {
  const { engine, chain, outputs } = call;
  const outcome = await outcomeAt(call, cell, open, end);
  const next = advancing && (await reserveNext(advancing, outcome));
  const stands = await chain.append(() => {
    if (next === undefined) return outcome;
    // A later try of this put: what would be held beyond the end of the call is not reserved any more.
    if (engine.clock.nowMs() + neededMs(next.cell, engine.lease) > call.endAtMs) return outcome;
    return { ...outcome, reserve: { ...next.reservation, ...heldFrom(call, next.cell) } };
  });
  if (stands === undefined) return;
  rememberOutput(outputs, stands);
  const tidied = unsubscribe(call, cell, open.seq, end.claims);
  if (advancing !== undefined) {
    advancing.progress.closed(outcome, open.seq, true);
    await runSteps(advancing, reservedByOutcome(advancing, stands, next));
  }
  await tidied;
};

/**
 * Looks at what a wait waits for. `undefined`: it is over, or another caller was first: decide anew.
 * @throws PawlError `store.unavailable`
 */
export const look = async (
  advancing: Advancing,
  { cell, open }: Extract<Decision, { kind: 'look' }>,
): Promise<Stop | undefined> => {
  const { call, request, progress } = advancing;
  const { engine, mark } = call;
  // A look usually follows a wake.
  mark.expectDue();
  await mark.arm();
  const looked = await waitKindOf(cell).look(call, cell, open, advancing);
  if (looked.kind === 'again') return undefined;
  if (looked.kind === 'over') {
    do await close(call, cell, open, looked.end, advancing);
    while (looked.end.isFirm === true && isHeldAsBefore(call, open));
    return undefined;
  }
  if (looked.kind === 'holding' && !(await putHolding(call, cell, open, looked))) return undefined;
  // Of a section, who looks at its elements says up to which entry.
  if (open.family === undefined) mark.looked(open.seq);
  const nowMs = engine.clock.nowMs();
  if (looked.kind === 'budget')
    return { kind: 'stop', result: 'deferred', cell: cell.name, untilMs: nowMs, why: 'budget' };
  if (looked.kind === 'deferred')
    return { kind: 'stop', result: 'deferred', cell: cell.name, untilMs: looked.untilMs, why: looked.why };
  const now = stateOf(call).open;
  const parked = parkedAt(now?.kind === 'waiting' && now.seq === open.seq ? now : open, nowMs);
  const pauseMs =
    open.pollMs === undefined || parked.dueAtMs === null ? Number.POSITIVE_INFINITY : parked.dueAtMs - nowMs;
  const stayUntilMs = progress.polledUntilMs(nowMs);
  // The schedule comes again: no invocation is held for it.
  const stays = request.explicit !== false && nowMs + pauseMs < stayUntilMs && request.signal?.aborted !== true;
  // What a place has not comes no sooner for staying; a store of secrets may only have been away.
  const lacks = looked.kind === 'waits' ? looked.lacks : undefined;
  const staysFor = lacks === undefined || lacks.needs.length === 0;
  if (stays && staysFor && mayWait(wishOf(advancing), pauseMs, nowMs)) {
    await engine.clock.sleep(Math.max(0, pauseMs), giveUp(advancing));
    return undefined;
  }
  return lacks === undefined ? parked : stopWithout(call, cell, lacks);
};

/** Records what a wait came to, if it is over: after a vote. */
export const settle = async (call: Call, cell: Cell, open: Waiting): Promise<void> => {
  const looked = await waitKindOf(cell).look(call, cell, open);
  if (looked.kind === 'over') await close(call, cell, open, looked.end);
};
