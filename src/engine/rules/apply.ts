/**
 * `apply(state, entry)` is the whole meaning of the journal: what is true after an entry, given what was true before.
 * Pure. It refuses (by assertion) every entry that is not a legal step, so a journal that folds is a journal that kept
 * the rules:
 *
 * I1 every entry is a legal step from the state before it, and its `state` is what `apply` gives.
 * I2 at most one step is open; an outcome closes the open one (cells without effects: an outcome that closes nothing).
 * I3 a reservation is legal only if nothing is open, the instance is not ended, halted or cancelled, and its cell is next.
 * I5 the permission to start a cell again stands in the entry that closed it, or in the `resolved` entry after it; a
 *    reservation uses it up. The deadline of a step moves by the word of the call that reserved it alone.
 *    Where two people are needed, a first verdict about a step in doubt changes nothing, and no verdict of one person closes it.
 * I6 once a cancellation holds, or a run has failed, only cells of its end are reserved: what takes back, sections with `on`.
 *    A person's verdict before the deadline says that the holder's process was gone; another attempt then, that it may overlap.
 * I9 the attempts of one visit have one set of inputs.
 */

import assert from 'node:assert/strict';
import { unfinishedIn } from '../model/family.ts';
import type { State } from '../model/state.ts';
import { applyOutcome, applyResolved } from './closing.ts';
import { applyProgress } from './family.ts';
import { applyEnding, type EntryDraft, type StepOf, settle } from './going.ts';
import { applyHolding } from './holding.ts';
import { applyRenewed, applyReserved, applyStarted, applyWaiting } from './opening.ts';
import { applyProposed } from './proposing.ts';
import { applyVote } from './voting.ts';

/** What a cancellation leaves at once: a wait, unless elements of it are under way. */
const isLeft = (open: State['open']): boolean =>
  open?.kind === 'waiting' && (open.family === undefined || unfinishedIn(open.family).length === 0);

/** What a cancellation leaves to be gone through before the run has ended. */
const owedBy = ({ cleanup = [] }: State, { undo, settles, continuedAs }: StepOf<'cancelled'>): State['owes'] => {
  if (continuedAs !== undefined) return undefined;
  if (undo === true) return { as: 'cancelled', undo };
  return settles === true || cleanup.includes('cancelled') ? { as: 'cancelled' } : undefined;
};

const applyCancelled = (before: State | null, step: StepOf<'cancelled'>): State => {
  if (before === null) {
    // A start that was given up before it was written: its id can never begin any more. Or nothing before it can be read.
    assert(step.seq === 0 || step.broken !== undefined);
    const none = applyStarted({ ...step, seq: 0, kind: 'started', cells: 1, drive: 'manual', epoch: 0, ...never });
    // One that was refused failed; nobody cancelled it.
    if (step.refused !== undefined) return { ...none, cells: 0, ended: 'failed' };
    return { ...none, cells: 0, cancelled: step.seq, ended: 'cancelled' };
  }
  assert(step.refused === undefined && step.runsAs === undefined, 'it has begun');
  if (step.broken !== undefined)
    return { ...before, open: null, halted: null, cancelled: step.seq, ended: 'cancelled' };
  const open = isLeft(before.open) ? null : before.open;
  const { owes: _, ending, halted, ...rest } = before;
  if (ending !== undefined) {
    assert(step.stopsCleanup === true && ending.stopped === undefined, 'only what is at its end can be stopped');
    const cancelled = before.cancelled ?? step.seq;
    return settle({ ...rest, open, halted, cancelled, ending: { ...ending, stopped: true } });
  }
  assert(before.cancelled === null && step.stopsCleanup === undefined, 'cancelled already');
  const owes = owedBy(before, step);
  if (owes === undefined) return settle({ ...rest, open, halted, cancelled: step.seq });
  // What is in doubt, or may still act, is settled before anything is taken back.
  const left = halted?.doubt || halted?.early ? halted : null;
  return { ...rest, open, halted: left, cancelled: step.seq, owes };
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
    case 'renewed':
      return applyRenewed(before, step);
    case 'outcome':
      return applyOutcome(before, step);
    case 'waiting':
      return applyWaiting(before, step);
    case 'progress':
      return applyProgress(before, step);
    case 'holding':
      return applyHolding(before, step);
    case 'vote':
      return applyVote(before, step);
    case 'proposed':
      return applyProposed(before, step);
    case 'resolved':
      return applyResolved(before, step);
    case 'control':
      return { ...before, drive: step.drive ?? before.drive, epoch: step.epoch ?? before.epoch };
    case 'ending':
      return applyEnding(before, step);
    case 'cancelled':
      return applyCancelled(before, step);
  }
};
