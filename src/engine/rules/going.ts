/** What the rules share: an entry before it is written, and how a run goes on from one cell to the next. Pure. */
import assert from 'node:assert/strict';
import type { EntryBody } from '../model/entries.ts';
import { isSet, withBits } from '../model/family.ts';
import type { By } from '../model/fields.ts';
import { limits } from '../model/limits.ts';
import type { RunEnd, WayEnd } from '../model/runEnd.ts';
import type { Ending, State } from '../model/state.ts';

/**
 * What `apply` looks at: an entry's body, its place, its time and its writer; the token of the call where a lease is held by it. A
 * whole `Entry` fits.
 */
export type EntryDraft = EntryBody & { seq: number; atMs: number; by: By; token?: string };
export type StepOf<K extends EntryDraft['kind']> = Extract<EntryDraft, { kind: K }>;

export const freshVisit = {
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
export const placed = ({ place }: Pick<State, 'place'>): Pick<State, 'place'> => (place === undefined ? {} : { place });

/** A person's fresh key: the same cell is gone through anew, with another idempotency key. */
export const newVisit = (state: State): State => {
  const { permission, dueAtMs, visit } = state;
  return { ...unplaced(state), ...freshVisit, permission, dueAtMs, visit: visit + 1 };
};

/** Nothing of it begins any more: it was cancelled, and what is gone through at its end has not begun, or was stopped. */
export const isCalledOff = ({ cancelled, ending }: State): boolean =>
  ending === undefined ? cancelled !== null : ending.stopped === true;

/** Whether a run goes through what is at its end. */
export const isEndUnderWay = ({ ending }: Pick<State, 'ending'>): boolean =>
  ending !== undefined && ending.stopped !== true;

/** The next cell that is gone through at the end, from an index on; `undefined`: none is left. */
const nextAtEnd = ({ cells }: State, { todo }: Ending, from: number): number | undefined => {
  const bits = Buffer.from(todo, 'base64');
  for (let at = Math.max(0, from - cells); at < bits.length * 8; at += 1) if (isSet(bits, at)) return cells + at;
  return undefined;
};

/** Whether a cell is one of those that are gone through at the end. */
export const isAtEndOf = ({ cells, ending }: State, index: number): boolean =>
  ending !== undefined && index >= cells && isSet(Buffer.from(ending.todo, 'base64'), index - cells);

export const assertCanBegin = (state: State, step: { index: number; visit: number }): void => {
  assert(state.open === null, 'a step is open already');
  assert(state.halted === null, 'the instance is halted');
  assert(!isCalledOff(state), 'the instance is cancelled');
  assert(state.owes === undefined, 'the way is over');
  assert(state.next < state.cells || isAtEndOf(state, state.next), 'only what is at its end is left');
  assert(state.ending === undefined || state.next >= state.cells, 'the way is over');
  assert(step.index === state.next, 'not the next cell');
  assert(step.visit === state.visit, 'another visit');
};

const endedAs = ({ from, cells }: State, { as, stopped, whole, undone }: Ending): RunEnd => {
  // What begins after its way is there to take back, and may find nothing left to do.
  const hasUndone = undone > 0 || from === cells;
  if (as === 'failed') return whole && hasUndone && stopped === undefined ? 'rolled_back' : 'failed';
  return stopped === true ? 'cancelled' : as;
};

/** The way is over: the run has ended, unless something is gone through at such an end. */
export const endWay = (state: State, as: WayEnd): State =>
  state.cleanup?.includes(as) ? { ...state, owes: { as } } : { ...state, ended: as };

/** An instance ends when no cell is left, or when it is cancelled and nothing is open; before that, what is at its end is gone through. */
export const settle = (state: State): State => {
  const { open, owes, ending, cancelled, next, cells } = state;
  if (open !== null || owes !== undefined) return state;
  if (ending !== undefined) {
    const isOver = ending.stopped === true || nextAtEnd(state, ending, next) === undefined;
    // What was stopped in doubt stays so.
    const halted = state.halted?.doubt === true ? state.halted : null;
    return isOver ? { ...state, halted, ended: endedAs(state, ending) } : state;
  }
  if (cancelled !== null) return { ...state, ended: 'cancelled' };
  return next === cells ? endWay(state, 'completed') : state;
};

/** Goes on to a cell; the entry that satisfied the ones before it, or with which they were passed over, is kept. */
const goTo = (state: State, seq: number, next: number): State => {
  let { recent, chunks } = state.satisfied;
  for (let cells = next - state.next; cells > 0; cells -= 1) {
    if (recent.length === limits.satisfiedChunk) [recent, chunks] = [[], [...chunks, seq - 1]];
    recent = [...recent, seq];
  }
  return { ...unplaced(state), ...freshVisit, next, visit: 1, halted: null, satisfied: { recent, chunks } };
};

/** The next cell becomes due; at the end of the run, the next that is gone through there. */
export const goOn = (state: State, seq: number, passes = 0): State => {
  const next = state.next + 1 + passes;
  const { ending } = state;
  assert(ending !== undefined || next <= state.cells, 'it passes over cells that are there');
  return goTo(state, seq, (ending && nextAtEnd(state, ending, next)) ?? next);
};

/** What an entry says that the way is over: from then on only that is gone through. */
export const applyEnding = (state: State, step: StepOf<'ending'>): State => {
  const { open, halted, owes, next, cells, cancelled } = state;
  assert(state.ending === undefined && open === null, 'nothing is open, and it is said once');
  assert(halted?.doubt !== true, 'what is in doubt is settled first');
  assert(halted === null || step.atMs >= (halted.early === true ? (halted.deadlineAtMs ?? 0) : 0), 'it may still act');
  const isFailure = owes === undefined && halted !== null && cancelled === null;
  assert(isFailure ? step.as === 'failed' : owes?.as === step.as, 'as the way ended');
  assert(isFailure || owes?.undo === true || step.undos === 0, 'nothing is taken back at such an end');
  assert(
    step.undos <= step.cells.length && step.cells.every((index) => index >= cells),
    'cells after those of the way',
  );
  const [first] = step.cells;
  assert(
    step.cells.every((index, at) => at === 0 || index > (step.cells[at - 1] ?? 0)),
    'in their order',
  );
  const todo = withBits(
    '',
    step.cells.map((index) => index - cells),
  );
  const { seq, as, undos, stays, manual } = step;
  const ending: Ending = { seq, as, at: next, todo, undos, undone: 0, whole: stays.length === 0 };
  const { owes: _, ...rest } = goTo(state, seq, Math.max(next, first ?? cells));
  return settle({ ...rest, ending: manual === true ? { ...ending, manual } : ending });
};

/** What is known of the end of a run after one of its cells was gone through. */
export const endingAfter = (ending: Ending, isDone: boolean): Ending => {
  const { undos, undone, whole } = ending;
  if (undos === 0) return ending;
  return { ...ending, undos: undos - 1, undone: undone + (isDone ? 1 : 0), whole: whole && isDone };
};
