/**
 * Cells that wait: for a person, a claim, a quorum, a time, or until a look at something outside finds what is expected.
 * A wait opens with a `waiting` entry, which has no holder: it is never in flight and never in doubt. Whoever sees that it
 * is over puts the outcome, and the chain lets one of them.
 *
 * No lost wake-up (I7): a look arms the view before it reads anything. Whoever changes what is waited for wakes the view
 * afterwards, so a save that would take the mark down meets the wake and leaves it.
 */
import { approvalEnd, asked, cannotAsk, shownOf } from './approvals.ts';
import { awaitEnd, unsubscribe } from './awaiting.ts';
import { append, arm, type Call } from './call.ts';
import { carryAllOut, follow, heldBy, rememberOutput } from './carryOut.ts';
import { type Decision, mayWait, reservedForMs, type Stop, type Waiting } from './decide.ts';
import type { Checked, EntryBody, EntryOf, Failure } from './entries.ts';
import { PawlError } from './errors.ts';
import { resolveInputs, scopeOf } from './inputs.ts';
import { limits } from './limits.ts';
import { check, failure, keepOutput, noPermission, type OutcomeBody, sequelOf } from './outcomes.ts';
import { parkedAt } from './parked.ts';
import { pollEnd } from './polls.ts';
import type { Ready } from './prepare.ts';
import { withoutReservation } from './prepare.ts';
import { type AdvanceRequest, type Progress, reportOf, wishOf } from './progress.ts';
import type { Cell } from './runbook.ts';

/** How a wait ended. */
export type WaitEnd = {
  status: 'completed' | 'failed';
  /** JSON text. */
  output: string | null;
  /** Its whole size where `output` is only the beginning of one over the limit. */
  outputBytes?: number;
  error: Failure | null;
  exitCode?: number | null;
  /** What satisfied it, for people. */
  note: string;
  /** Of a poll: what came of its expectations; others are evaluated over the output. */
  checks?: Checked[];
  /** The claims that it need not be woken for any more. */
  claims?: string[];
  /** Whatever the expectations say: a rejected approval halts. */
  halt?: boolean;
};

/** The entry that begins to wait, or an outcome that says why it cannot. */
export const beginWait = async (call: Call, cell: Cell, found: Ready): Promise<EntryBody> => {
  const { engine } = call;
  const { body, poll } = cell;
  const base = { kind: 'waiting', index: cell.index, cell: cell.name, visit: call.head.entry.state.visit } as const;
  const begun = { ...base, inputsHash: found.inputsHash, dueAtMs: null, shownHash: null };
  const within = (ms: number | null): number | null => (ms === null ? null : Math.ceil(engine.clock.nowMs() + ms));
  if (poll !== undefined) return { ...begun, dueAtMs: within(poll.withinMs), pollMs: poll.everyMs };
  if (found.body.kind === 'manual') return { ...begun, shownHash: engine.sha256(found.body.instructions) };
  if (found.body.kind === 'await' && body.kind === 'await')
    return { ...begun, dueAtMs: within(body.withinMs), claims: found.body.claims };
  if (found.body.kind === 'approve' && body.kind === 'approve') {
    const shown = await shownOf(call, cell, found.body.text, found.inputs, call.head.entry.seq + 1);
    const error = cannotAsk(call, cell, found.body, body, shown);
    if (error !== undefined) return withoutReservation(call, cell, { kind: 'cannot', error });
    return { ...begun, dueAtMs: within(body.withinMs), shownHash: shown.hash, asked: asked(found.body, body) };
  }
  if (found.body.kind !== 'wait') throw new PawlError('journal.broken', `Cell ${cell.name} does not wait.`);
  const nowMs = engine.clock.nowMs();
  const moment = engine.authoring.momentOf(found.body, nowMs);
  // One that has passed, however long ago, is now: an entry holds no time before there were any.
  if (moment.kind === 'moment') return { ...begun, dueAtMs: Math.ceil(Math.max(moment.atMs, nowMs)) };
  const error = failure('inputs.unresolvable', moment.message);
  return withoutReservation(call, cell, { kind: 'cannot', error });
};

/** The `waiting` entry: usually the head itself. */
export const waitingEntry = async (call: Call, open: Waiting): Promise<EntryOf<'waiting'>> => {
  const { engine, instanceId, head } = call;
  const entry = head.entry.seq === open.seq ? head.entry : (await engine.journal.entry(instanceId, open.seq))?.entry;
  if (entry?.kind === 'waiting') return entry;
  throw new PawlError('journal.broken', `Entry ${open.seq} of ${instanceId} is no wait.`, { instanceId });
};

type Looked = { kind: 'over'; end: WaitEnd } | { kind: 'waits' } | { kind: 'budget' };

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
