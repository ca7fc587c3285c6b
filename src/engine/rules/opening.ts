/** The entries that begin something: a run, an attempt, a wait. Pure. */
import assert from 'node:assert/strict';
import { whomOf } from '../model/entries.ts';
import { familyOf } from '../model/family.ts';
import { limits } from '../model/limits.ts';
import type { State } from '../model/state.ts';
import { assertCanBegin, endWay, freshVisit, placed, type StepOf } from './going.ts';
import { withoutProposals } from './proposing.ts';

export const applyStarted = (step: StepOf<'started'>): State => {
  assert(step.seq === 0 && step.cells > 0, 'started is the first entry');
  const from = step.continues?.index ?? 0;
  assert(from < step.cells || step.parent !== undefined, 'it continues at a cell');
  assert(step.undoes === undefined || from === step.cells, 'what takes back begins after the way');
  const state: State = {
    cells: step.cells,
    next: from,
    from,
    visit: 1,
    ...freshVisit,
    drive: step.drive,
    open: null,
    halted: null,
    cancelled: null,
    ended: null,
    epoch: step.epoch,
    counters: { attempts: 0, covered: 0, forgiven: 0, skipped: 0, overridden: 0 },
    satisfied: { recent: [], chunks: [] },
    ...(step.cleanup === undefined ? {} : { cleanup: step.cleanup }),
    ...(step.undoes === undefined ? {} : { owes: { as: 'failed', undo: true } }),
    ...(step.people === undefined ? {} : { people: step.people }),
  };
  // An element that was past all its cells, and stood at what is at its end.
  return from === step.cells && step.undoes === undefined ? endWay(state, 'completed') : state;
};

type Reservation = Pick<
  StepOf<'reserved'>,
  | ('index' | 'cell' | 'visit' | 'attempt' | 'inputsHash' | 'deadlineAtMs' | 'untilAtMs' | 'place' | 'secrets')
  | ('seq' | 'atMs' | 'by' | 'token')
>;

/** By whose word alone the deadline of a step may move, and up to when. */
const leaseOf = ({ untilAtMs, deadlineAtMs, token }: Reservation) => {
  if (untilAtMs === undefined) return {};
  assert(token !== undefined && untilAtMs >= deadlineAtMs, 'a lease is of a call, and within its bound');
  return { lease: { token, untilAtMs } };
};

const isSame = (some: Record<string, string>, others: Record<string, string>): boolean =>
  Object.keys(some).length === Object.keys(others).length &&
  Object.entries(some).every(([name, version]) => others[name] === version);

export const applyReserved = (state: State, step: Reservation): State => {
  assertCanBegin(state, step);
  assert(step.attempt === state.attempt + 1, 'attempts count from 1 without gaps');
  assert(step.deadlineAtMs > step.atMs, 'the deadline lies after the reservation');
  assert(state.attempt === 0 || state.permission !== null, 'a further attempt needs a permission');
  assert(state.inputsHash === null || state.inputsHash === step.inputsHash, 'one visit has one set of inputs');
  assert(state.inputsHash === null || state.place === step.place, 'one visit has one place');
  assert(state.counters.attempts < limits.attemptsPerInstanceMax, 'attemptsPerInstanceMax');
  assert(
    state.secrets === null || state.permission === 'person' || isSame(state.secrets, step.secrets ?? {}),
    'the attempts of a visit keep their secrets, unless a person permits one',
  );
  return {
    ...state,
    ...placed(step),
    attempt: step.attempt,
    firstAtMs: state.firstAtMs ?? step.atMs,
    permission: null,
    dueAtMs: null,
    inputsHash: step.inputsHash,
    secrets: step.secrets ?? null,
    open: {
      kind: 'reserved',
      seq: step.seq,
      cell: step.cell,
      attempt: step.attempt,
      deadlineAtMs: step.deadlineAtMs,
      by: step.by,
      atMs: step.atMs,
      ...leaseOf(step),
    },
    counters: { ...state.counters, attempts: state.counters.attempts + 1 },
  };
};

/** Only the call that made the reservation moves its deadline: forward, and not beyond what the reservation says. */
export const applyRenewed = (state: State, step: StepOf<'renewed'>): State => {
  const { open } = state;
  assert(open?.kind === 'reserved' && open.seq === step.about, 'it renews the open step');
  assert(open.cell === step.cell && step.index === state.next, 'another cell');
  assert(open.lease !== undefined && open.lease.token === step.token, 'only its holder renews, and only a lease');
  assert(step.deadlineAtMs > open.deadlineAtMs, 'a renewal gives more time');
  assert(step.deadlineAtMs <= open.lease.untilAtMs, 'no renewal goes beyond the bound of the lease');
  // Its holder is heard of: nobody knew that who proposed a verdict before.
  return { ...withoutProposals(state), open: { ...open, deadlineAtMs: step.deadlineAtMs } };
};

export const applyWaiting = (state: State, step: StepOf<'waiting'>): State => {
  assertCanBegin(state, step);
  assert(state.inputsHash === null || state.inputsHash === step.inputsHash, 'one visit has one set of inputs');
  const moves = step.pollMs !== undefined && state.inputsHash !== null && state.place !== step.place;
  assert(!moves, 'one visit has one place');
  const { seq, cell, dueAtMs, atMs, pollMs, holds, asked, each } = step;
  assert(holds === undefined || pollMs !== undefined, 'only a poll has to hold');
  const polled = { ...(pollMs === undefined ? {} : { pollMs }), ...(holds === undefined ? {} : { holds }) };
  const voted = asked === undefined ? {} : { quorum: asked.quorum, approvals: [] };
  const family = each === undefined ? {} : { family: familyOf(each) };
  const open = { kind: 'waiting', seq, cell, dueAtMs, atMs, ...polled, ...voted, ...family, ...whomOf(step) } as const;
  return { ...state, ...placed(step), open, permission: null, dueAtMs: null, inputsHash: step.inputsHash };
};
