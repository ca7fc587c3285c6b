/** What the rules share: an entry before it is written, and how a run goes on from one cell to the next. Pure. */
import assert from 'node:assert/strict';
import type { By, EntryBody, State } from '../model/entries.ts';
import { limits } from '../model/limits.ts';

/** What `apply` looks at: an entry's body, its place, its time and its writer. A whole `Entry` fits. */
export type EntryDraft = EntryBody & { seq: number; atMs: number; by: By };
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

export const assertCanBegin = (state: State, step: { index: number; visit: number }): void => {
  assert(state.open === null, 'a step is open already');
  assert(state.halted === null, 'the instance is halted');
  assert(state.cancelled === null, 'the instance is cancelled');
  assert(state.next < state.cells && step.index === state.next, 'not the next cell');
  assert(step.visit === state.visit, 'another visit');
};

/** An instance ends when no cell is left, or when it is cancelled and nothing is open. */
export const settle = (state: State): State => {
  if (state.cancelled !== null && state.open === null) return { ...state, ended: 'cancelled' };
  if (state.next === state.cells && state.open === null) return { ...state, ended: 'completed' };
  return state;
};

/** The next cell becomes due; the seq of the entry that satisfied this one, and those passed over with it, is kept. */
export const goOn = (state: State, seq: number, passes = 0): State => {
  let { recent, chunks } = state.satisfied;
  for (let cells = 1 + passes; cells > 0; cells -= 1) {
    if (recent.length === limits.satisfiedChunk) [recent, chunks] = [[], [...chunks, seq - 1]];
    recent = [...recent, seq];
  }
  const next = state.next + 1 + passes;
  assert(next <= state.cells, 'it passes over cells that are there');
  return { ...unplaced(state), ...freshVisit, next, visit: 1, halted: null, satisfied: { recent, chunks } };
};
