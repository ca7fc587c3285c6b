/** What the chain of a parent says of the elements of its section. Pure. */
import assert from 'node:assert/strict';
import { begunUpTo, type Family, isOver, roomIn, unfinishedIn, withEnds } from '../model/family.ts';
import type { State } from '../model/state.ts';
import { isCalledOff, type StepOf, settle } from './going.ts';

/** How many cannot begin: as the entry says, or as it was, of those that are left. */
const withLocks = (family: Family, { locked: told }: StepOf<'progress'>): Family => {
  const { locked: before = 0, ...rest } = family;
  const unfinished = new Set(unfinishedIn(family));
  const indexes = new Set(told?.map(({ index }) => index));
  assert(
    indexes.size === (told?.length ?? 0) && [...indexes].every((index) => unfinished.has(index)),
    'it is under way',
  );
  const locked = told === undefined ? Math.min(before, unfinished.size) : told.length;
  return locked === 0 ? rest : { ...rest, locked };
};

/**
 * What was seen of the elements of a section, and which more may begin: only here, so whoever begins one rests on this chain.
 * Nothing more begins after a cancellation, beyond `max` under way, or while `stopAfter` were given up or stand halted or in doubt.
 */
export const applyProgress = (state: State, step: StepOf<'progress'>): State => {
  const { open } = state;
  assert(open?.kind === 'waiting' && open.family !== undefined, 'no section is open');
  assert(step.about === open.seq && step.cell === open.cell && step.index === state.next, 'about another section');
  const before = open.family;
  const unfinished = new Set(unfinishedIn(before));
  for (const { index } of step.ended) assert(unfinished.delete(index), 'an element ends once, and has begun');
  const stuck = new Set(step.stuck.map(({ index }) => index));
  assert(stuck.size === step.stuck.length && [...stuck].every((index) => unfinished.has(index)), 'it is under way');
  const seen = withLocks(withEnds(before, step.ended, stuck.size), step);
  assert(step.spawned >= before.spawned && step.spawned <= before.count, 'of those that there are');
  const more = begunUpTo(seen, step.spawned).length;
  assert(more <= roomIn(seen), 'so many elements may begin');
  assert(more === 0 || !isCalledOff(state), 'no element begins after a cancellation');
  const isNew = step.ended.length > 0 || seen.stuck !== before.stuck || seen.locked !== before.locked;
  assert(more > 0 || isNew, 'it says nothing new');
  const after: Family = { ...seen, spawned: step.spawned };
  const isLast = isCalledOff(state) && unfinishedIn(after).length === 0;
  return settle({ ...state, open: isLast ? null : { ...open, family: after } });
};

/** A section closes when nothing of it is under way and nothing more may begin; it completed if all elements did. */
export const assertClosing = (state: State, family: Family, { status, closedBy }: StepOf<'outcome'>): void => {
  assert(!isCalledOff(state) && isOver(family), 'elements are under way, or may begin');
  assert(closedBy === 'policy', 'its elements decide');
  // What could not be taken back its own element says; for the run that is no failure of this step.
  const isDone = family.undoes === true || family.completed === family.count;
  assert(status === (isDone ? 'completed' : 'failed'), 'as its elements ended');
};
