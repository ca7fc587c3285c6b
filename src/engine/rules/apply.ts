/**
 * `apply(state, entry)` is the whole meaning of the journal: what is true after an entry, given what was true before.
 * Pure. It refuses (by assertion) every entry that is not a legal step, so a journal that folds is a journal that kept
 * the rules:
 *
 * I1 every entry is a legal step from the state before it, and its `state` is what `apply` gives.
 * I2 at most one step is open; an outcome closes the open one (cells without effects: an outcome that closes nothing).
 * I3 a reservation is legal only if nothing is open, the instance is not ended, halted or cancelled, and its cell is next.
 * I5 the permission to start a cell again stands in the entry that closed it, or in the `resolved` entry after it; a
 *    reservation uses it up.
 * I6 after a cancellation nothing is reserved.
 *    A person's verdict before the deadline says that the holder's process was gone; another attempt then, that it may overlap.
 * I9 the attempts of one visit have one set of inputs.
 */

import assert from 'node:assert/strict';
import {
  type By,
  type Checked,
  type EntryBody,
  type EntryOf,
  type Open,
  type Permission,
  type State,
  type Status,
  type Then,
  whomOf,
} from '../model/entries.ts';
import {
  type ElementEnd,
  endedIn,
  type Family,
  familyOf,
  isOver,
  roomIn,
  unfinishedIn,
  withEnded,
} from '../model/family.ts';
import { limits } from '../model/limits.ts';

/** What `apply` looks at: an entry's body, its place, its time and its writer. A whole `Entry` fits. */
export type EntryDraft = EntryBody & { seq: number; atMs: number; by: By };
type StepOf<K extends EntryDraft['kind']> = Extract<EntryDraft, { kind: K }>;

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
  failed: ['retry'],
  unknown: [],
  skipped: [],
  never: ['never'],
  abandoned: ['interrupted', 'probe', 'person'],
};

const isOverridden = (checks: Checked[]): boolean => checks.some((check) => check.overridden === true);
const allPass = (checks: Checked[]): boolean => checks.every((check) => check.result === 'pass');

const freshVisit = {
  attempt: 0,
  interruptions: 0,
  falseStarts: 0,
  mayHaveHappened: false,
  hasCompleted: false,
  actsUntilMs: null,
  firstAtMs: null,
  permission: null,
  dueAtMs: null,
  inputsHash: null,
  secrets: null,
} as const;

/** A visit that has not begun has no place yet. */
const unplaced = ({ place: _, ...state }: State): State => state;
const placed = ({ place }: Pick<State, 'place'>): Pick<State, 'place'> => (place === undefined ? {} : { place });

/** A person's fresh key: the same cell is gone through anew, with another idempotency key. */
const newVisit = (state: State): State => {
  const { permission, dueAtMs, visit } = state;
  return { ...unplaced(state), ...freshVisit, permission, dueAtMs, visit: visit + 1 };
};

const assertCanBegin = (state: State, step: { index: number; visit: number }): void => {
  assert(state.open === null, 'a step is open already');
  assert(state.halted === null, 'the instance is halted');
  assert(state.cancelled === null, 'the instance is cancelled');
  assert(state.next < state.cells && step.index === state.next, 'not the next cell');
  assert(step.visit === state.visit, 'another visit');
};

/** An instance ends when no cell is left, or when it is cancelled and nothing is open. */
const settle = (state: State): State => {
  if (state.cancelled !== null && state.open === null) return { ...state, ended: 'cancelled' };
  if (state.next === state.cells && state.open === null) return { ...state, ended: 'completed' };
  return state;
};

/** The next cell becomes due; the seq of the entry that satisfied this one, and those passed over with it, is kept. */
const goOn = (state: State, seq: number, passes = 0): State => {
  let { recent, chunks } = state.satisfied;
  for (let cells = 1 + passes; cells > 0; cells -= 1) {
    if (recent.length === limits.satisfiedChunk) [recent, chunks] = [[], [...chunks, seq - 1]];
    recent = [...recent, seq];
  }
  const next = state.next + 1 + passes;
  assert(next <= state.cells, 'it passes over cells that are there');
  return { ...unplaced(state), ...freshVisit, next, visit: 1, halted: null, satisfied: { recent, chunks } };
};

const applyStarted = (step: StepOf<'started'>): State => {
  assert(step.seq === 0 && step.cells > 0, 'started is the first entry');
  const from = step.continues?.index ?? 0;
  assert(from < step.cells, 'it continues at a cell');
  return {
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
  };
};

type Reservation = Pick<
  StepOf<'reserved'>,
  'index' | 'cell' | 'visit' | 'attempt' | 'inputsHash' | 'deadlineAtMs' | 'place' | 'secrets' | 'seq' | 'atMs' | 'by'
>;

const isSame = (some: Record<string, string>, others: Record<string, string>): boolean =>
  Object.keys(some).length === Object.keys(others).length &&
  Object.entries(some).every(([name, version]) => others[name] === version);

const applyReserved = (state: State, step: Reservation): State => {
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
    },
    counters: { ...state.counters, attempts: state.counters.attempts + 1 },
  };
};

const applyWaiting = (state: State, step: StepOf<'waiting'>): State => {
  assertCanBegin(state, step);
  assert(state.inputsHash === null || state.inputsHash === step.inputsHash, 'one visit has one set of inputs');
  const moves = step.pollMs !== undefined && state.inputsHash !== null && state.place !== step.place;
  assert(!moves, 'one visit has one place');
  const { seq, cell, dueAtMs, atMs, pollMs, asked, each } = step;
  const polled = pollMs === undefined ? {} : { pollMs };
  const voted = asked === undefined ? {} : { quorum: asked.quorum, approvals: [] };
  const family = each === undefined ? {} : { family: familyOf(each) };
  const open = { kind: 'waiting', seq, cell, dueAtMs, atMs, ...polled, ...voted, ...family, ...whomOf(step) } as const;
  return { ...state, ...placed(step), open, permission: null, dueAtMs: null, inputsHash: step.inputsHash };
};

/**
 * What was seen of the elements of a section, and which more may begin: only here, so whoever begins one rests on this chain.
 * Nothing more begins after a cancellation, beyond `max` under way, or while `stopAfter` were given up or stand halted or in doubt.
 */
const applyProgress = (state: State, step: StepOf<'progress'>): State => {
  const { open } = state;
  assert(open?.kind === 'waiting' && open.family !== undefined, 'no section is open');
  assert(step.about === open.seq && step.cell === open.cell && step.index === state.next, 'about another section');
  const before = open.family;
  const unfinished = new Set(unfinishedIn(before));
  for (const { index } of step.ended) assert(unfinished.delete(index), 'an element ends once, and has begun');
  const stuck = new Set(step.stuck.map(({ index }) => index));
  assert(stuck.size === step.stuck.length && [...stuck].every((index) => unfinished.has(index)), 'it is under way');
  const how = (as: ElementEnd): number => step.ended.filter((one) => one.as === as).length;
  const ended =
    step.ended.length === 0
      ? before.ended
      : withEnded(
          before.ended,
          step.ended.map(({ index }) => index),
        );
  const seen: Family = {
    ...before,
    ended,
    completed: before.completed + how('completed'),
    cancelled: before.cancelled + how('cancelled'),
    stuck: stuck.size,
  };
  const more = step.spawned - before.spawned;
  assert(more >= 0 && more <= roomIn(seen), 'so many elements may begin');
  assert(more === 0 || state.cancelled === null, 'no element begins after a cancellation');
  assert(more > 0 || step.ended.length > 0 || seen.stuck !== before.stuck, 'it says nothing new');
  const after: Family = { ...seen, spawned: step.spawned };
  const isLast = state.cancelled !== null && endedIn(after) === after.spawned;
  return settle({ ...state, open: isLast ? null : { ...open, family: after } });
};

/** Whether an approval needs no further vote: by what stands, or because its time is over. */
export const isDecided = (open: Extract<Open, { kind: 'waiting' }>, nowMs: number): boolean =>
  open.rejected === true ||
  (open.approvals ?? []).length >= (open.quorum ?? Number.POSITIVE_INFINITY) ||
  (open.dueAtMs !== null && nowMs >= open.dueAtMs);

/** Who approves after a vote. A rejection takes back an approval of the same person. */
export const tallyOf = (approvals: string[], voter: string, decision: StepOf<'vote'>['decision']): string[] => {
  const others = approvals.filter((one) => one !== voter);
  return decision === 'approve' ? [...others, voter] : others;
};

const applyVote = (state: State, step: StepOf<'vote'>): State => {
  const { open } = state;
  assert(open?.kind === 'waiting' && open.quorum !== undefined, 'no vote is asked for');
  assert(step.about === open.seq && step.cell === open.cell && step.index === state.next, 'about another step');
  const { approvals = [] } = open;
  assert(open.rejected === undefined && approvals.length < open.quorum, 'the vote is over');
  const approves = approvals.includes(step.by.actor);
  assert(step.decision !== 'approve' || !approves, 'approved already');
  assert(step.decision !== 'withdraw' || approves, 'nothing to withdraw');
  const tally = tallyOf(approvals, step.by.actor, step.decision);
  assert.deepEqual(step.approvals, tally, 'another tally');
  const rejected = step.decision === 'reject' ? { rejected: true as const } : {};
  return { ...state, open: { ...open, approvals: tally, ...rejected } };
};

/** Whether it is unknown if an earlier attempt of the visit happened. */
export const isDoubtful = ({ mayHaveHappened, hasCompleted }: State): boolean => mayHaveHappened && !hasCompleted;

/** A section closes when nothing of it is under way and nothing more may begin; it completed if all elements did. */
const assertClosing = ({ cancelled }: State, family: Family, { status, closedBy }: StepOf<'outcome'>): void => {
  assert(cancelled === null && isOver(family), 'elements are under way, or may begin');
  assert(closedBy === 'policy', 'its elements decide');
  assert(status === (family.completed === family.count ? 'completed' : 'failed'), 'as its elements ended');
};

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
  assert(sequels[status].includes(then), `${status} cannot lead to ${then}`);
  assert(then !== 'end' || step.closes === null, 'only a cell without effects ends the run');
  const asExpected = step.expectations.length > 0 && allPass(step.expectations);
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
  // Another attempt by the cell's own `retry` waits for what is left of this one.
  const own = step.verdict === 'failed' && then === 'retry' && deadlineAtMs !== null;
  assert(!own || (step.dueAtMs ?? 0) >= deadlineAtMs, 'nothing begins by itself beside what may still act');
};

/** @param deadlineAtMs until when the step that a person decides about may act; `null`: no person does, or it may not */
const assertTimely = (
  { atMs, verdict, holderGone, overlapOk }: Pick<StepOf<'outcome'>, 'atMs' | 'verdict' | 'holderGone' | 'overlapOk'>,
  deadlineAtMs: number | null,
): void => {
  const isEarly = deadlineAtMs !== null && atMs < deadlineAtMs;
  assert(!isEarly || holderGone === true, 'before the deadline only where the process of the holder is gone');
  assert(holderGone === undefined || deadlineAtMs !== null, 'only a person decides before the deadline');
  assert(!isEarly || verdict !== 'retry' || overlapOk === true, 'another attempt may overlap with this one');
  assert(overlapOk === undefined || (holderGone === true && verdict === 'retry'), 'only another attempt can overlap');
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

const applyOutcome = (before: State, step: StepOf<'outcome'>): State => {
  assertOutcome(before, step);
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
      if (step.then === 'end') return { ...on, counters, ended: 'completed' };
      const after = settle({ ...on, counters });
      if (step.reserve === undefined) return after;
      assert(after.ended === null, 'nothing is left to reserve');
      return applyReserved(after, { ...step.reserve, seq: step.seq, atMs: step.atMs, by: step.by });
    }
    case 'retry': {
      const interrupted = step.status === 'abandoned' ? 1 : 0;
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

const applyResolved = (state: State, step: StepOf<'resolved'>): State => {
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
    return step.freshKey ? newVisit(again) : again;
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
  return settle({ ...goOn(state, step.seq, passes), counters });
};

/** What a cancellation leaves at once: a wait, unless elements of it are under way. */
const isLeft = (open: State['open']): boolean =>
  open?.kind === 'waiting' && (open.family === undefined || unfinishedIn(open.family).length === 0);

const applyCancelled = (before: State | null, step: StepOf<'cancelled'>): State => {
  if (before === null) {
    // A start that was given up before it was written: its id can never begin any more. Or nothing before it can be read.
    assert(step.seq === 0 || step.broken !== undefined);
    const none = applyStarted({ ...step, seq: 0, kind: 'started', cells: 1, drive: 'manual', epoch: 0, ...never });
    return { ...none, cells: 0, cancelled: step.seq, ended: 'cancelled' };
  }
  if (step.broken !== undefined)
    return { ...before, open: null, halted: null, cancelled: step.seq, ended: 'cancelled' };
  assert(before.cancelled === null, 'cancelled already');
  const open = isLeft(before.open) ? null : before.open;
  return settle({ ...before, open, cancelled: step.seq });
};
const nothing = { runbookId: '', version: 1, runHash: '', params: {}, deployment: '', storeId: '' };
const never = { ...nothing, lock: null, continues: null };

/**
 * The state after `step`.
 * @param before state in the entry before, `null` for the first.
 * @throws AssertionError when the step is not legal after `before`.
 */
export const apply = (before: State | null, step: EntryDraft): State => {
  if (step.kind === 'cancelled' && (before === null || step.broken !== undefined)) return applyCancelled(before, step);
  if (step.kind === 'started') {
    assert(before === null, 'started is the first entry');
    return applyStarted(step);
  }
  assert(before !== null && step.seq > 0, 'the first entry is started');
  assert(before.ended === null, 'the instance has ended');
  switch (step.kind) {
    case 'reserved':
      return applyReserved(before, step);
    case 'outcome':
      return applyOutcome(before, step);
    case 'waiting':
      return applyWaiting(before, step);
    case 'progress':
      return applyProgress(before, step);
    case 'vote':
      return applyVote(before, step);
    case 'resolved':
      return applyResolved(before, step);
    case 'control':
      return { ...before, drive: step.drive ?? before.drive, epoch: step.epoch ?? before.epoch };
    case 'cancelled':
      return applyCancelled(before, step);
  }
};

/**
 * Where to find the entry that satisfied a cell of this run: its seq, or the seq of an entry whose state knows (`satisfiedBy`).
 */
export const satisfiedAt = (state: State, index: number): { seq: number } | { ask: number; at: number } | undefined => {
  const own = index - state.from;
  if (own < 0) return undefined;
  const chunk = Math.floor(own / limits.satisfiedChunk);
  const { chunks } = state.satisfied;
  const ask = chunks[chunk];
  const at = own % limits.satisfiedChunk;
  // An entry that filled more than one chunk passed over all cells of the second.
  if (ask !== undefined) return ask === chunks[chunk - 1] ? { seq: ask + 1 } : { ask, at };
  const seq = state.satisfied.recent[at];
  return chunk === state.satisfied.chunks.length && seq !== undefined ? { seq } : undefined;
};

/** What the entry that was asked says: what it does not know yet, the entry after it passed over. */
export const satisfiedBy = ({ seq, state }: { seq: number; state: State }, at: number): number =>
  state.satisfied.recent[at] ?? seq + 1;
