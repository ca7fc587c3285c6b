/** The entries that close a step, or decide about one that was closed: outcomes and verdicts. Pure. */
import assert from 'node:assert/strict';
import type { EntryOf } from '../model/entries.ts';
import type { Checked, Permission, Status, Then } from '../model/fields.ts';
import type { State } from '../model/state.ts';
import { isAsMeant } from './cellEnd.ts';
import { assertClosing } from './family.ts';
import { assertCanBegin, endingAfter, endWay, goOn, newVisit, type StepOf, settle } from './going.ts';
import { hasHeld } from './holding.ts';
import { applyReserved } from './opening.ts';
import { assertAgreed, keepingProposals, withoutProposals } from './proposing.ts';
import { assertTimely } from './timely.ts';
import { isDecided } from './voting.ts';

/** Statuses by who may close a reserved step with them, and what each may lead to. */
const closers: Record<EntryOf<'outcome'>['closedBy'], readonly Status[]> = {
  holder: ['completed', 'failed', 'unknown', 'never', 'skipped'],
  policy: ['unknown', 'abandoned', 'completed', 'failed'],
  probe: ['completed', 'abandoned'],
  person: ['completed', 'failed', 'skipped', 'abandoned'],
};
/** How a step is closed that a person decides about while it is open. */
export const closedAs = { succeeded: 'completed', failed: 'failed', retry: 'abandoned', skip: 'skipped' } as const;
const sequels: Record<Status, readonly Then[]> = {
  completed: ['next', 'retry', 'halt', 'end'],
  failed: ['next', 'retry', 'halt'],
  unknown: ['halt', 'next'],
  skipped: ['next'],
  never: ['retry', 'halt'],
  abandoned: ['retry'],
};
const permits: Record<Status, readonly Permission['kind'][]> = {
  completed: ['retry'],
  failed: ['retry', 'interrupted'],
  unknown: [],
  skipped: [],
  never: ['never'],
  abandoned: ['interrupted', 'probe', 'person'],
};

const isOverridden = (checks: Checked[]): boolean => checks.some((check) => check.overridden === true);
const allPass = (checks: Checked[]): boolean => checks.every((check) => check.result === 'pass');

/** Whether it is unknown if an earlier attempt of the visit happened. */
export const isDoubtful = ({ mayHaveHappened, hasCompleted }: State): boolean => mayHaveHappened && !hasCompleted;

const assertOutcome = (state: State, step: StepOf<'outcome'>): void => {
  const { status, then, permission } = step;
  if (step.closes === null) {
    assertCanBegin(state, step);
    // Without a further attempt the doubt about an earlier one stays what it is.
    const doubtful = isDoubtful(state);
    assert((doubtful ? ['unknown'] : ['completed', 'failed', 'skipped']).includes(status), 'needs a reservation');
    assert(step.closedBy === 'holder' || (doubtful && step.closedBy === 'policy'), 'it had no holder');
    assert(then !== 'retry', 'a cell without effects is not tried again');
  } else {
    assert(state.open !== null && state.open.seq === step.closes, 'closes the open step');
    assert(state.open.cell === step.cell && step.index === state.next && step.visit === state.visit, 'another cell');
    assert(closers[step.closedBy].includes(status), `${step.closedBy} cannot close as ${status}`);
    if (state.open.kind === 'waiting')
      assert(['completed', 'failed', 'skipped'].includes(status), 'a wait has no holder');
    if (state.open.kind === 'waiting' && state.open.family !== undefined) assertClosing(state, state.open.family, step);
    if (state.open.kind === 'waiting' && state.open.quorum !== undefined)
      assert(step.closedBy === 'policy' && isDecided(state.open, step.atMs), 'its votes decide');
    if (state.open.kind === 'reserved') assert(step.attempt === state.open.attempt, 'another attempt');
  }
  const asExpected = step.expectations.length > 0 && allPass(step.expectations);
  if (state.open?.kind === 'waiting' && asExpected) assert(hasHeld(state.open, step.atMs), 'it has to hold for longer');
  assert(sequels[status].includes(then), `${status} cannot lead to ${then}`);
  assert(then !== 'end' || step.closes === null, 'only a cell without effects ends the run');
  assert(then !== 'end' || state.ending === undefined, 'what is at its end does not end it');
  assert(step.as === undefined || then === 'end', 'only what ends the run says how');
  assert(
    status !== 'unknown' || (then === 'next') === (step.closedBy === 'policy' || asExpected),
    'unknown goes on by policy, or by an answer that is as expected',
  );
  assert((permission !== null) === (then === 'retry'), 'a permission stands in the entry that uses it');
  assert(permission === null || permits[status].includes(permission.kind), `${status} gives no such permission`);
  assert(
    step.passes === undefined || (step.closes === null && status === 'skipped'),
    'only a branch passes over others',
  );
  assert(step.reserve === undefined || then === 'next', 'only a satisfied cell is followed by the next');
  assert(
    status !== 'failed' || permission?.kind !== 'interrupted' || step.closedBy === 'policy',
    'an interruption is nothing that its holder tells',
  );
  assert(step.freshKey === undefined || permission?.kind === 'person', 'only a person gives a fresh key');
  const refused = step.closedBy === 'holder' && step.closes !== null && then !== 'retry';
  assert(
    step.unbegun === undefined || (refused && ['failed', 'unknown'].includes(status)),
    'refused by its holder alone',
  );
  const decided = step.closedBy === 'person' && state.open?.kind === 'reserved';
  assert((step.verdict !== undefined) === decided, 'a person closes what was reserved by a verdict, and nothing else');
  assert(step.verdict === undefined || closedAs[step.verdict] === status, 'a verdict says what the outcome says');
  const deadlineAtMs = decided && state.open?.kind === 'reserved' ? state.open.deadlineAtMs : null;
  assertTimely(step, deadlineAtMs);
  assertAgreed(state, step, decided ? (step.closes ?? undefined) : undefined);
  // Another attempt by the cell's own `retry` waits for what is left of this one.
  const own = step.verdict === 'failed' && then === 'retry' && deadlineAtMs !== null;
  assert(!own || (step.dueAtMs ?? 0) >= deadlineAtMs, 'nothing begins by itself beside what may still act');
};

/**
 * Whether what a visit does may have happened, after an attempt that ended so. Only who looked can take that back: a probe
 * that found nothing under its key, or a person who says that it failed.
 */
const happenedAfter = (before: boolean, { status, closes, closedBy }: StepOf<'outcome'>): boolean => {
  if (closes === null) return before;
  if (status === 'abandoned') return closedBy !== 'probe';
  if (status === 'failed' && closedBy === 'person') return false;
  return before || status === 'completed' || status === 'unknown';
};

/** What was decided before its deadline goes on to be a step that may act. */
const earlyOf = ({ atMs, holderGone }: Pick<StepOf<'outcome'>, 'atMs' | 'holderGone'>, deadlineAtMs: number | null) =>
  holderGone === true && atMs < (deadlineAtMs ?? 0) ? { early: true as const } : {};

/** At the end of a run, what takes back comes first. */
const withEnding = (state: State, isDone: boolean): State =>
  state.ending === undefined ? state : { ...state, ending: endingAfter(state.ending, isDone) };

export const applyOutcome = (state: State, step: StepOf<'outcome'>): State => {
  assertOutcome(state, step);
  return keepingProposals(state, closedBy(withoutProposals(state), step));
};

const closedBy = (before: State, step: StepOf<'outcome'>): State => {
  const open = before.open;
  const actsUntilMs = open?.kind === 'reserved' ? open.deadlineAtMs : before.actsUntilMs;
  const completed = step.closes !== null && step.status === 'completed';
  const closed: State = {
    ...before,
    open: null,
    falseStarts: step.status === 'never' ? before.falseStarts + 1 : 0,
    mayHaveHappened: happenedAfter(before.mayHaveHappened, step),
    hasCompleted: before.hasCompleted || completed,
    actsUntilMs,
  };
  switch (step.then) {
    case 'next':
    case 'end': {
      const covered = step.expectations.length > 0 && allPass(step.expectations);
      const satisfied = step.expectations.length > 0 ? allPass(step.expectations) : step.status === 'completed';
      const skipped = step.status === 'skipped';
      const overridden = isOverridden(step.expectations);
      const { passes = 0 } = step;
      const on = goOn(closed, step.seq, passes);
      const counters = {
        attempts: before.counters.attempts,
        covered: before.counters.covered + (covered ? 1 : 0),
        forgiven: before.counters.forgiven + (satisfied || skipped || overridden ? 0 : 1),
        skipped: before.counters.skipped + (skipped ? 1 + passes : 0),
        overridden: before.counters.overridden + (overridden ? 1 : 0),
      };
      if (step.then === 'end') return endWay({ ...on, counters }, step.as ?? 'completed');
      const isWhole =
        open?.kind !== 'waiting' || open.family === undefined || open.family.failed + open.family.cancelled === 0;
      const after = settle({ ...withEnding(on, isAsMeant(step) && isWhole), counters });
      if (step.reserve === undefined) return after;
      assert(after.ended === null, 'nothing is left to reserve');
      const { seq, atMs, by, token } = step;
      return applyReserved(after, { ...step.reserve, seq, atMs, by, ...(token === undefined ? {} : { token }) });
    }
    case 'retry': {
      const interrupted = step.status === 'abandoned' || step.permission?.kind === 'interrupted' ? 1 : 0;
      // A reservation whose body provably never began costs no attempt.
      const attempt = step.status === 'never' ? before.attempt - 1 : before.attempt;
      const again: State = {
        ...closed,
        attempt,
        interruptions: before.interruptions + interrupted,
        permission: step.permission?.kind ?? null,
        dueAtMs: step.dueAtMs,
      };
      return settle(step.freshKey ? newVisit(again) : again);
    }
    case 'halt': {
      const seq = open?.seq ?? step.seq;
      const doubt = step.status === 'unknown';
      const refused = step.unbegun === true;
      const unbegun = doubt && (open === null || refused) ? { unbegun: true as const } : {};
      const again = doubt && step.dueAtMs !== null ? { againAtMs: step.dueAtMs } : {};
      const halted = {
        seq,
        cell: step.cell,
        doubt,
        atMs: step.atMs,
        deadlineAtMs: actsUntilMs,
        ...unbegun,
        ...again,
        ...earlyOf(step, actsUntilMs),
      };
      if (!refused) return settle({ ...closed, halted });
      // Nothing was sent: the next attempt is the one that this was to be.
      const attempt = before.attempt - 1;
      return settle({ ...closed, attempt, firstAtMs: attempt === 0 ? null : before.firstAtMs, halted });
    }
  }
};

export const applyResolved = (before: State, step: StepOf<'resolved'>): State => {
  assertAgreed(before, step, step.closedBy === 'person' ? step.about : undefined);
  const state = withoutProposals(before);
  assert(state.open === null && state.halted !== null, 'a verdict after the fact needs a halted step');
  assert(step.about === state.halted.seq && step.index === state.next, 'about another step');
  assert((step.permission !== null) === (step.then === 'retry'), 'a permission stands in the entry that uses it');
  assert(step.closedBy === 'person' || state.halted.doubt, 'only a person decides about what is known');
  assert(step.closedBy === 'person' || !step.freshKey, 'only a person gives a fresh key');
  const mayAct = state.halted.doubt || state.halted.early === true;
  assertTimely(step, step.closedBy === 'person' && mayAct ? (state.halted.deadlineAtMs ?? 0) : null);
  const expected: Record<typeof step.verdict, readonly Then[]> = {
    succeeded: ['next'],
    skip: ['next'],
    failed: ['halt', 'next'],
    retry: ['retry'],
  };
  assert(expected[step.verdict].includes(step.then), `${step.verdict} cannot lead to ${step.then}`);
  assert(step.passes === undefined || step.verdict === 'skip', 'only what is skipped passes over others');
  const mayAgain = step.verdict === 'retry' && !step.freshKey && step.closedBy === 'person';
  assert(step.again === undefined || mayAgain, 'only a person goes through a section again');
  const { doubt } = state.halted;
  // A probe that found nothing under the key, or a person who says that it did not happen, ends the doubt about the visit.
  const denied =
    (step.closedBy === 'probe' && step.verdict === 'retry') ||
    (step.closedBy === 'person' && step.verdict === 'failed' && doubt);
  const found = step.closedBy === 'probe' && step.verdict !== 'retry';
  const mayHaveHappened = found || (state.mayHaveHappened && !denied);
  const known = { mayHaveHappened, hasCompleted: state.hasCompleted || found };
  if (step.then === 'halt')
    return {
      ...state,
      ...known,
      halted: { ...state.halted, doubt: false, ...earlyOf(step, state.halted.deadlineAtMs) },
    };
  if (step.then === 'retry') {
    // By policy or by a probe's answer only an interruption is permitted again; it uses up the budget.
    const interruptions = state.interruptions + (step.closedBy === 'person' ? 0 : 1);
    const permission = step.permission?.kind ?? null;
    const { dueAtMs } = step;
    const again: State = { ...state, ...known, falseStarts: 0, halted: null, permission, dueAtMs, interruptions };
    return step.freshKey || step.again === true ? newVisit(again) : again;
  }
  const { passes = 0 } = step;
  const skipped = step.verdict === 'skip' ? 1 + passes : 0;
  const forgiven = step.verdict === 'failed' ? 1 : 0;
  const counters = {
    attempts: state.counters.attempts,
    covered: state.counters.covered + (step.expectations.length > 0 && allPass(step.expectations) ? 1 : 0),
    forgiven: state.counters.forgiven + forgiven,
    skipped: state.counters.skipped + skipped,
    overridden: state.counters.overridden + (isOverridden(step.expectations) ? 1 : 0),
  };
  return settle({ ...withEnding(goOn(state, step.seq, passes), isAsMeant(step)), counters });
};
