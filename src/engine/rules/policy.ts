/** What a cell's `interrupted=` allows about a step in doubt, without a person. Pure. */

import { interruptedText, isCommitted } from '../model/cellNature.ts';
import type { Permission } from '../model/fields.ts';
import { limits } from '../model/limits.ts';
import type { Cell, Probe } from '../model/runbook.ts';
import type { State } from '../model/state.ts';

export type Takeover =
  | { kind: 'hold' }
  /** Closing it proves that it did not happen, and nothing permits another attempt. */
  | { kind: 'close' }
  /** Declared safe beside and after an older attempt. */
  | { kind: 'retry'; permission: Permission }
  /** Best effort: neither repeated nor waited for. */
  | { kind: 'continue' }
  | { kind: 'probe'; probe: Probe; settledAtMs: number; mayRetry: boolean };

/** The step in doubt: the open one whose holder is gone, or the one that was closed as `unknown`. */
export const doubtOf = (state: State): { seq: number; sinceAtMs: number; open: boolean } => {
  if (state.open?.kind === 'reserved') return { seq: state.open.seq, sinceAtMs: state.open.deadlineAtMs, open: true };
  const { seq = 0, atMs = 0, deadlineAtMs = null } = state.halted ?? {};
  // An attempt that was cut may act until its deadline; what is asked before may be answered too early.
  return { seq, sinceAtMs: Math.max(atMs, deadlineAtMs ?? atMs), open: false };
};

/** Until when what the step in doubt, or one that was decided early, has begun may act. */
export const actsUntilOf = ({ open, halted }: State): number =>
  open?.kind === 'reserved' ? open.deadlineAtMs : halted?.doubt || halted?.early ? (halted.deadlineAtMs ?? 0) : 0;

/**
 * From when on a person can decide about a step in doubt. What it has begun may act until its deadline, also when it was
 * recorded as `unknown` before that: what is permitted earlier would begin beside it. Of an open step the holder may be
 * heard of until the grace after it.
 */
export const decidableAtMs = (state: State, graceMs: number): number =>
  actsUntilOf(state) + (state.open?.kind === 'reserved' ? graceMs : 0);

/**
 * Whether the cell's `keyWindow` still holds: the receiver of the key remembers it that long, counted from the first attempt
 * of the visit. Afterwards nothing is repeated without a person.
 */
export const inKeyWindow = (state: State, cell: Cell, atMs: number): boolean =>
  cell.keyWindowMs === null || state.firstAtMs === null || atMs < state.firstAtMs + cell.keyWindowMs;

/** What the cell's `interrupted=` allows at a moment. Interruptions use up the attempts; after `keyWindow` nothing is automatic. */
export const takeoverOf = (state: State, cell: Cell, nowMs: number): Takeover => {
  const retries = cell.retryMax ?? limits.interruptedRetriesDefault;
  const mayRetry = state.attempt <= retries && inKeyWindow(state, cell, nowMs);
  if (isCommitted(cell) && state.open !== null && (cell.interrupted !== 'retry' || !mayRetry)) return { kind: 'close' };
  switch (cell.interrupted) {
    case 'hold':
      return { kind: 'hold' };
    case 'continue':
      return { kind: 'continue' };
    case 'retry': {
      const detail = `${interruptedText(cell)}, attempt ${state.attempt} of ${retries + 1}`;
      // What could not begin does not begin by being permitted once more.
      const may = mayRetry && state.halted?.unbegun === undefined;
      return may ? { kind: 'retry', permission: { kind: 'interrupted', detail } } : { kind: 'hold' };
    }
    case 'probe': {
      if (cell.probe === null) return { kind: 'hold' };
      return { kind: 'probe', probe: cell.probe, settledAtMs: doubtOf(state).sinceAtMs + cell.settleMs, mayRetry };
    }
  }
};
