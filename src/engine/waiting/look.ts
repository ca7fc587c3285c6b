/**
 * Cells that wait: for a person, a claim, a quorum, a time, or until a look at something outside finds what is expected.
 * A wait opens with a `waiting` entry, which has no holder: it is never in flight and never in doubt. Whoever sees that it
 * is over puts the outcome, and the chain lets one of them.
 *
 * No lost wake-up (I7): a look arms the view before it reads anything. Whoever changes what is waited for wakes the view
 * afterwards, so a save that would take the mark down meets the wake and leaves it.
 */
import { append, arm, type Call } from '../call/call.ts';
import { resolveInputs, scopeOf } from '../call/inputs.ts';
import { check, keepOutput, type OutcomeBody } from '../call/outcomes.ts';
import { type AdvanceRequest, type Progress, reportOf, wishOf } from '../call/progress.ts';
import type { Waiting } from '../model/entries.ts';
import { limits } from '../model/limits.ts';
import type { Cell } from '../model/runbook.ts';
import { type Decision, mayWait, reservedForMs } from '../rules/decide.ts';
import { parkedAt } from '../rules/parked.ts';
import { noPermission, sequelOf } from '../rules/sequel.ts';
import type { Stop } from '../rules/stop.ts';
import { carryAllOut, follow, heldBy, rememberOutput } from '../steps/carryOut.ts';
import { approvalEnd } from './approvals.ts';
import { awaitEnd, unsubscribe } from './awaiting.ts';
import { pollEnd } from './polls.ts';
import { type Looked, type WaitEnd, waitingEntry } from './wait.ts';

const lookAt = async (call: Call, cell: Cell, open: Waiting): Promise<Looked> => {
  const nowMs = call.engine.clock.nowMs();
  if (cell.poll !== undefined) return await pollEnd(call, cell, open, cell.poll);
  const over = (end: WaitEnd | undefined): Looked => (end === undefined ? { kind: 'waits' } : { kind: 'over', end });
  switch (cell.body.kind) {
    case 'await':
      return over(await awaitEnd(call, cell, cell.body, open, await waitingEntry(call, open)));
    case 'approve':
      return over(await approvalEnd(call, cell.body, open));
    case 'wait': {
      const at = new Date(open.dueAtMs ?? nowMs).toISOString();
      const output = JSON.stringify({ until: at });
      return over({ status: 'completed', output, error: null, note: `it is past ${at}` });
    }
    default:
      return { kind: 'waits' };
  }
};

const outcomeOf = async (call: Call, cell: Cell, open: Waiting, end: WaitEnd): Promise<OutcomeBody> => {
  const { engine, instanceId, head } = call;
  const { visit, attempt } = head.entry.state;
  const { status, error } = end;
  const at = { instanceId, seq: open.seq, token: call.token };
  const output = end.output === null ? null : await keepOutput(engine.journal, at, end.output, end.outputBytes);
  let checks = end.checks;
  if (checks === undefined) {
    // Only expectations look at earlier outputs; without them none is read.
    const inputs = await resolveInputs(call, cell.expect.length === 0 ? { ...cell, reads: [] } : cell);
    const scope = scopeOf(engine, inputs, { instanceId, cell: cell.name, visit });
    const value = end.output === null ? null : engine.authoring.parseJson(end.output);
    checks = check(engine.authoring, cell.expect, { ...scope, output: value, status, exitCode: null, error });
  }
  const sequel = sequelOf({ ...cell, retryMax: 0 }, head.entry.state, { status, checks, attempt: 1 }, 0, 0);
  return {
    kind: 'outcome',
    closes: open.seq,
    index: cell.index,
    cell: cell.name,
    visit,
    attempt,
    status,
    closedBy: 'policy',
    ...(end.halt === true ? { then: 'halt' as const, ...noPermission } : sequel),
    output,
    error,
    exitCode: end.exitCode ?? null,
    expectations: checks,
    durationMs: Math.max(0, Math.round(engine.clock.nowMs() - open.atMs)),
    logBytes: 0,
    note: end.note,
  };
};

/** Puts the outcome of a wait that is over; with a request also the reservation of the next cell. */
const close = async (
  call: Call,
  cell: Cell,
  open: Waiting,
  end: WaitEnd,
  wants?: { request: AdvanceRequest; progress: Progress },
): Promise<void> => {
  const { engine } = call;
  const outcome = await outcomeOf(call, cell, open, end);
  const following = wants && (await follow(call, outcome, wants.request, wants.progress));
  const body = (): OutcomeBody => {
    if (following === undefined) return outcome;
    const deadlineAtMs = Math.ceil(engine.clock.nowMs() + reservedForMs(following.cell));
    return { ...outcome, reserve: { ...following.reservation, deadlineAtMs } };
  };
  if (!(await append(call, body))) return;
  rememberOutput(call.outputs, call.head.entry);
  const tidied = unsubscribe(call, cell, open.seq, end.claims);
  if (wants !== undefined) {
    wants.progress.steps.push(reportOf(outcome, open.seq, true));
    await carryAllOut(call, heldBy(call, following, wants.progress), wants.request, wants.progress);
  }
  await tidied;
};

/**
 * Looks at what a wait waits for. `undefined`: it is over, or somebody else was here: decide anew.
 * @throws PawlError `store.unavailable`
 */
export const look = async (
  call: Call,
  { cell, open }: Extract<Decision, { kind: 'look' }>,
  request: AdvanceRequest,
  progress: Progress,
): Promise<Stop | undefined> => {
  const { engine } = call;
  // Whoever looks has mostly been woken.
  call.isDue = true;
  await arm(call);
  const looked = await lookAt(call, cell, open);
  if (looked.kind === 'over') {
    await close(call, cell, open, looked.end, { request, progress });
    return undefined;
  }
  call.lookedAt = open.seq;
  const nowMs = engine.clock.nowMs();
  if (looked.kind === 'budget')
    return { kind: 'stop', result: 'deferred', cell: cell.name, untilMs: nowMs, why: 'budget' };
  const parked = parkedAt(open, nowMs);
  const pauseMs =
    open.pollMs === undefined || parked.dueAtMs === null ? Number.POSITIVE_INFINITY : parked.dueAtMs - nowMs;
  if (call.pollUntilMs === 0) call.pollUntilMs = nowMs + limits.pollInCallMsMax;
  // The schedule comes again: nobody's invocation is held for it.
  const stays = request.explicit !== false && nowMs + pauseMs < call.pollUntilMs && request.signal?.aborted !== true;
  if (stays && mayWait(wishOf(call, request, progress), pauseMs, nowMs)) {
    await engine.clock.sleep(Math.max(0, pauseMs), request.signal);
    return undefined;
  }
  return parked;
};

/** After a vote: records what it decided, if it did. */
export const settleApproval = async (call: Call, cell: Cell, open: Waiting): Promise<void> => {
  if (cell.body.kind !== 'approve') return;
  const end = await approvalEnd(call, cell.body, open);
  if (end !== undefined) await close(call, cell, open, end);
};
