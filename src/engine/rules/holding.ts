/** A poll that has to hold for a while, or so many times in a row, before it is over. Pure. */
import assert from 'node:assert/strict';
import type { State, Waiting } from '../model/state.ts';
import type { StepOf } from './going.ts';

/** In which of its turns something was: of one turn one look counts, however often somebody looks. */
const turnOf = ({ atMs, pollMs = 1 }: Pick<Waiting, 'atMs' | 'pollMs'>, nowMs: number): number =>
  Math.floor((nowMs - atMs) / pollMs);

/** Whether a look that finds it holding now is a further one in the row. */
export const isFurther = (open: Waiting, nowMs: number): boolean =>
  open.held === undefined || turnOf(open, nowMs) > turnOf(open, open.held.atMs);

/** Whether it is over with a look that finds it holding now. */
export const hasHeld = (open: Waiting, nowMs: number): boolean => {
  const { holds, held } = open;
  if (holds === undefined) return true;
  if (held === undefined) return false;
  if ('forMs' in holds) return nowMs >= held.sinceMs + holds.forMs;
  return held.looks + 1 >= holds.times && isFurther(open, nowMs);
};

/** The first look of a row that holds fixes since when, a further one counts where so many are needed, and without a row it begins anew. */
export const applyHolding = (state: State, step: StepOf<'holding'>): State => {
  const { open } = state;
  assert(open?.kind === 'waiting' && open.holds !== undefined, 'nothing has to hold');
  assert(step.about === open.seq && step.cell === open.cell && step.index === state.next, 'about another wait');
  const { held: before, ...rest } = open;
  const { looks, anew, atMs, dueAtMs } = step;
  assert(anew === null || before !== undefined, 'only what held begins anew');
  assert(looks === 0 || dueAtMs === null, 'what holds has no end by itself');
  if (looks === 0) {
    assert(anew !== null, 'it says why it begins anew');
    return { ...state, open: { ...rest, dueAtMs } };
  }
  const row = anew === null ? before : undefined;
  assert(looks === 1 + (row?.looks ?? 0), 'looks in a row count from 1 without gaps');
  assert(row === undefined || ('times' in open.holds && looks < open.holds.times), 'a row is counted, a time is not');
  assert(row === undefined || isFurther(open, atMs), 'of one turn one look counts');
  return { ...state, open: { ...rest, dueAtMs: null, held: { sinceMs: row?.sinceMs ?? atMs, looks, atMs } } };
};
