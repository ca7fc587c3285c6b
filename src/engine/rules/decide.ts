/**
 * `decide` looks at a state and says what this call does next. Pure: the same state, time and wishes give the same
 * answer, and nothing has happened when it returns.
 */

import { natureOf } from '../model/cellNature.ts';
import { PawlError } from '../model/errors.ts';
import { isTooLong, type Lease, leaseFor } from '../model/lease.ts';
import { limits } from '../model/limits.ts';
import type { Cell, Runbook } from '../model/runbook.ts';
import type { WayEnd } from '../model/runEnd.ts';
import type { State, Waiting } from '../model/state.ts';
import { inKeyWindow, type Takeover, takeoverOf } from './policy.ts';
import type { Holder, Stop } from './stop.ts';

/** What a call wants: at most so many reservations, until its end, perhaps only this cell. */
export type Wish = {
  /** Only this cell, and stop after it. */
  cell: string | undefined;
  /** Reservations still allowed; `Infinity` for a run. */
  reservationsLeft: number;
  /** Whether an entry of this call stands already: then it answers with that and refuses nothing any more. */
  wroteSome: boolean;
  /** End of this invocation: nothing may be alive after it. */
  endAtMs: number;
  /** False for the schedule, which reserves nothing new in drive `manual`. */
  explicit: boolean;
};

export type Decision =
  | Stop
  /** A step in doubt that its policy lets us close. */
  | { kind: 'takeOver'; cell: Cell; takeover: Takeover }
  /** The permission to try again came too late for the cell's `keyWindow`: a person decides. */
  | { kind: 'lapse'; cell: Cell }
  /** It waits: `waiting/park` says whether to look. */
  | { kind: 'waiting'; cell: Cell; open: Waiting }
  /** A wait that may be over: look at what it waits for. */
  | { kind: 'look'; cell: Cell; open: Waiting }
  /** Sleep inside the call, then look again. */
  | { kind: 'wait'; ms: number }
  /** Go through this cell. `mayReserve: false`: only if that needs no reservation. */
  | { kind: 'enter'; cell: Cell; mayReserve: boolean }
  /** The way is over: say what is gone through before the run has ended. */
  | { kind: 'end'; as: WayEnd; undo: boolean }
  /** What the cell would carry out belongs elsewhere: go through it if its `when` is false, else stop as `otherwise` says. */
  | { kind: 'judge'; cell: Cell; otherwise: Stop };

/** The time kept between a cell's time-out and its deadline: to kill it, and to record. */
export const marginMs = (timeoutMs: number): number => Math.min(10_000, Math.max(1_000, timeoutMs / 4));

/** From reservation to deadline; of one that is held by a lease, to its first. */
export const reservedForMs = (cell: { timeoutMs: number }, lease?: Lease): number =>
  leaseFor(cell, lease)?.ms ?? cell.timeoutMs + marginMs(cell.timeoutMs);

/**
 * What a call has to have left to begin a cell. One that holds by a lease stays with it beyond its own end; a call with a waiting
 * caller has not even the time of one renewal.
 */
export const neededMs = (cell: { timeoutMs: number }, lease?: Lease): number =>
  leaseFor(cell, lease)?.everyMs ?? reservedForMs(cell);

/** Refuses a wish for a cell that is not the next one. */
const assertCell = (state: State, runbook: Runbook, wish: Wish): void => {
  if (wish.cell === undefined || wish.wroteSome) return;
  const wanted = runbook.cells.find((cell) => cell.name === wish.cell);
  if (wanted === undefined) {
    throw new PawlError(
      'cell.unknown',
      `There is no cell ${wish.cell} in this runbook; see the cells with \`pawl status\`.`,
      {
        cell: wish.cell,
        cells: runbook.cells.map((cell) => cell.name).slice(0, limits.pageMax),
      },
    );
  }
  if (state.ended !== null) {
    throw new PawlError('instance.finished', `The instance has ended as ${state.ended}; nothing runs in it any more.`, {
      ended: state.ended,
    });
  }
  if (wanted.index !== state.next) {
    const next = runbook.cells[state.next]?.name;
    const why = wanted.index < state.next ? 'is done already' : 'is not next';
    throw new PawlError('cell.outOfOrder', `Cell ${wish.cell} ${why}; the next cell is ${next}.`, {
      cell: wish.cell,
      next,
    });
  }
};

/** The holder of an open step, at a moment. */
export const holderOf = (open: Extract<State['open'], { kind: 'reserved' }>, nowMs: number): Holder => ({
  cell: open.cell,
  seq: open.seq,
  by: open.by,
  reservedAtMs: open.atMs,
  ageMs: Math.max(0, nowMs - open.atMs),
  deadlineAtMs: open.deadlineAtMs,
  ...(open.lease === undefined ? {} : { untilAtMs: open.lease.untilAtMs }),
});

const inDoubt = (
  state: State,
  runbook: Runbook,
  doubt: { cell: string; seq: number; holder: Holder | null },
  nowMs: number,
): Decision => {
  const cell = runbook.cells[state.next];
  const takeover = cell === undefined ? undefined : takeoverOf(state, cell, nowMs);
  if (cell !== undefined && takeover !== undefined && takeover.kind !== 'hold')
    return { kind: 'takeOver', cell, takeover };
  return { kind: 'stop', result: 'in_doubt', ...doubt, nextAtMs: null };
};

/** Whether a call may sleep until then: not for long, not beyond its end, and not when it has done what was asked of it. */
export const mayWait = (wish: Wish, ms: number, nowMs: number): boolean =>
  wish.reservationsLeft >= 1 && ms <= limits.backoffInCallMsMax && nowMs + ms < wish.endAtMs;

/** How the way of a run is over that has said nothing of its end yet; `undefined`: it is not. `afterMs`: what failed may act until then. */
type Over = { as: WayEnd; undo: boolean; afterMs: number };

export const wayOver = (
  { owes, halted, ending }: State,
  { onFailure }: Pick<Runbook, 'onFailure'>,
): Over | undefined => {
  const afterMs = halted?.early === true ? (halted.deadlineAtMs ?? 0) : 0;
  if (owes !== undefined) return { as: owes.as, undo: owes.undo === true, afterMs };
  if (halted === null || halted.doubt || ending !== undefined || onFailure === undefined) return undefined;
  return { as: 'failed', undo: onFailure === 'undo', afterMs };
};

/** Whether the schedule may go on with it. What follows a failure or a cancellation goes by itself, unless a person steps through it. */
export const goesByItself = ({ drive, owes, ending }: Pick<State, 'drive' | 'owes' | 'ending'>): boolean => {
  const as = ending?.as ?? owes?.as;
  return as === undefined || as === 'completed' ? drive === 'auto' : ending?.manual === undefined;
};

const endOf = (
  state: State,
  { as, undo, afterMs }: Over,
  cell: string,
  wish: Wish,
  { nowMs, epoch }: { nowMs: number; epoch: number },
): Decision => {
  if (state.epoch < epoch) return { kind: 'stop', result: 'halted', cell, seq: 0, why: 'epoch' };
  // A failure that its author answers is answered by whoever meets it.
  if (!wish.explicit && as === 'completed' && state.drive === 'manual')
    return { kind: 'stop', result: 'parked', cell, seq: null, dueAtMs: null };
  if (nowMs < afterMs) return { kind: 'stop', result: 'deferred', cell, untilMs: afterMs, why: 'backoff' };
  return { kind: 'end', as, undo };
};

/**
 * @param at the time, the takeover grace and the deployment's epoch; how this place holds what takes hours, if it does
 * @throws PawlError `cell.unknown`, `cell.outOfOrder`, `instance.finished` when the wish names a cell that cannot be.
 */
export const decide = (
  state: State,
  runbook: Runbook,
  wish: Wish,
  at: { nowMs: number; graceMs: number; epoch: number; lease?: Lease | undefined },
): Decision => {
  assertCell(state, runbook, wish);
  if (state.ended !== null) return { kind: 'stop', result: state.ended };

  const { open, halted } = state;
  if (open?.kind === 'reserved') {
    const holder = holderOf(open, at.nowMs);
    if (at.nowMs < open.deadlineAtMs + at.graceMs) return { kind: 'stop', result: 'in_flight', holder };
    return inDoubt(state, runbook, { cell: open.cell, seq: open.seq, holder }, at.nowMs);
  }
  const over = open === null && halted?.doubt !== true ? wayOver(state, runbook) : undefined;
  const cell = runbook.cells[state.next];
  if (cell === undefined && over === undefined)
    throw new PawlError('journal.broken', 'The journal does not fit its runbook version.');
  if (over !== undefined) return endOf(state, over, cell?.name ?? runbook.runbookId, wish, at);
  if (cell === undefined) throw new PawlError('journal.broken', 'The journal does not fit its runbook version.');
  if (open?.kind === 'waiting') {
    // A section begins elements, so it is held as a cell is.
    if (open.family !== undefined && state.epoch < at.epoch)
      return { kind: 'stop', result: 'halted', cell: cell.name, seq: 0, why: 'epoch' };
    return { kind: 'waiting', cell, open };
  }
  if (halted !== null) {
    if (halted.doubt) return inDoubt(state, runbook, { cell: halted.cell, seq: halted.seq, holder: null }, at.nowMs);
    return { kind: 'stop', result: 'halted', cell: halted.cell, seq: halted.seq, why: 'step' };
  }

  if (wish.cell !== undefined && wish.cell !== cell.name) return { kind: 'stop', result: 'advanced' };
  if (state.epoch < at.epoch) return { kind: 'stop', result: 'halted', cell: cell.name, seq: 0, why: 'epoch' };
  if (!wish.explicit && !goesByItself(state)) {
    return { kind: 'stop', result: 'parked', cell: cell.name, seq: null, dueAtMs: null };
  }
  if (natureOf(cell) !== 'effect') return { kind: 'enter', cell, mayReserve: false };

  // A permission of the cell's own was given while the key was remembered; a person's is given in the knowledge of the time.
  if (state.attempt > 0 && state.permission !== 'person' && !inKeyWindow(state, cell, at.nowMs)) {
    return { kind: 'lapse', cell };
  }
  if (state.counters.attempts >= limits.attemptsPerInstanceMax) {
    return { kind: 'stop', result: 'halted', cell: cell.name, seq: 0, why: 'attempts' };
  }
  if (wish.reservationsLeft < 1) {
    // A false `when` costs no reservation, so it is still looked at; a retry was reserved before and is not.
    if (cell.when === null || state.attempt > 0) return { kind: 'stop', result: 'advanced' };
    return { kind: 'enter', cell, mayReserve: false };
  }
  const waitMs = Math.max(0, (state.dueAtMs ?? 0) - at.nowMs);
  // No time of this process would do: whoever comes to it finds that something is missing here.
  if (waitMs === 0 && isTooLong(cell, at.lease)) return { kind: 'enter', cell, mayReserve: true };
  if (at.nowMs + waitMs + neededMs(cell, at.lease) > wish.endAtMs || waitMs > limits.backoffInCallMsMax) {
    const why = waitMs > 0 ? 'backoff' : 'budget';
    return { kind: 'stop', result: 'deferred', cell: cell.name, untilMs: at.nowMs + waitMs, why };
  }
  if (waitMs > 0) return { kind: 'wait', ms: waitMs };
  return { kind: 'enter', cell, mayReserve: true };
};

/** A name for the way a decision took, for logs and for tests that ask whether every way was taken. */
export const branchOf = (decision: Decision): string => {
  if (decision.kind === 'enter') return decision.mayReserve ? 'enter' : 'enter without reserving';
  if (decision.kind === 'takeOver') return `take over: ${decision.takeover.kind}`;
  if (decision.kind !== 'stop') return decision.kind;
  if ('waitsFor' in decision && decision.waitsFor !== undefined)
    return `${decision.result}: ${decision.waitsFor.missing.length > 0 ? 'something is missing' : 'elsewhere'}`;
  if (decision.result === 'parked') return decision.seq === null ? 'parked: drive manual' : 'parked: waiting';
  if (decision.result === 'in_doubt') return decision.holder === null ? 'in_doubt: unknown' : 'in_doubt: holder gone';
  return 'why' in decision ? `${decision.result}: ${decision.why}` : decision.result;
};
