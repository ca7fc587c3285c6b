/** What an attempt that ended leads to: the next cell, another attempt, forgiveness, a halt. Pure. */

import { isCommitted, safeBy, safeText } from '../model/cellNature.ts';
import type { Checked, Permission, Status, Then } from '../model/fields.ts';
import { limits } from '../model/limits.ts';
import type { Cell } from '../model/runbook.ts';
import type { State } from '../model/state.ts';
import { inKeyWindow } from './policy.ts';

export const allPass = (checks: Checked[]): boolean => checks.every((one) => one.result === 'pass');

/** Whether an answer is what its author expects: where nothing is, none is. */
export const isAsExpected = (checks: Checked[]): boolean => checks.length > 0 && allPass(checks);

export type Sequel = { then: Then; permission: Permission | null; dueAtMs: number | null };
export const noPermission = { permission: null, dueAtMs: null } as const;

/** Exponential backoff with full jitter: anywhere from now to `first * 2^(attempt - 1)`, capped. */
export const backoffMs = (attempt: number, fraction: number): number =>
  Math.round(
    fraction * Math.min(limits.retryBackoffMaxMs, limits.retryBackoffFirstMs * 2 ** Math.min(30, attempt - 1)),
  );

/** What a target asked for counts up to a limit; a pause of Pawl's own that is longer stays as it is. */
const askedPauseMs = ({ askedMs = 0 }: Pick<Ended, 'askedMs'>): number => Math.min(askedMs, limits.retryAfterMsMax);

/**
 * How an attempt ended. `lost`: what it returned cannot be read, or could not be kept. `unbegun`, `askedMs`: as `CellResult` has
 * them.
 */
export type Ended = {
  status: Status;
  checks: Checked[];
  attempt: number;
  lost?: boolean;
  unbegun?: boolean;
  askedMs?: number;
};

/**
 * By what another attempt is asked for. `retry=` is about known failures; what completed happened, and is repeated only
 * where its author says that this does no harm: by `retryOn=unexpected`, or by the method.
 */
const retryDetail = (cell: Cell, { status, attempt, unbegun }: Ended): string | undefined => {
  // It would be refused again, whatever is permitted: a person mends it first.
  if (unbegun === true) return undefined;
  const retry = `retry=${cell.retryMax ?? 0}`;
  if (status === 'failed') return `${retry}, attempt ${attempt} failed`;
  const ended = `attempt ${attempt} was not as expected`;
  if (cell.retryOn === 'unexpected') return `${retry} retryOn=unexpected, ${ended}`;
  const safe = safeBy(cell);
  return safe === undefined ? undefined : `${retry} (${safeText(safe)}), ${ended}`;
};

/**
 * What an attempt that ended so leads to. With expectations a cell is satisfied when all pass, without them when it
 * completed. An unsatisfied one is tried again while `retry` allows, else forgiven if `optional`, else it halts. Doubt
 * is never forgiven, unless the answer that arrived is as expected; nor is an output that was lost.
 */
export const sequelOf = (cell: Cell, state: State, ended: Ended, nowMs: number, fraction: number): Sequel => {
  const next: Sequel = { then: 'next', ...noPermission };
  const halt: Sequel = { then: 'halt', ...noPermission };
  const { status, checks, attempt } = ended;
  if (status === 'skipped') return next;
  if (ended.lost === true && status === 'completed') return halt;
  const expected = isAsExpected(checks);
  // Best effort neither repeats nor stops; everything else that may have happened needs a look.
  if (status === 'unknown') {
    const pauseMs = askedPauseMs(ended);
    if (expected || cell.interrupted === 'continue') return next;
    return pauseMs > 0 ? { ...halt, dueAtMs: nowMs + pauseMs } : halt;
  }
  if (status === 'never') {
    if (state.falseStarts + 1 >= limits.falseStartsInRowMax) return halt;
    const detail = isCommitted(cell) ? 'nothing was committed' : 'the body did not begin';
    const permission = { kind: 'never', detail } as const;
    // The first time at once: a frozen sandbox thawed. Again and again (an executor that is full): ever later.
    const pauseMs = state.falseStarts === 0 ? 0 : backoffMs(state.falseStarts, fraction);
    return { then: 'retry', permission, dueAtMs: nowMs + pauseMs };
  }
  if (expected || (checks.length === 0 && status === 'completed')) return next;
  const detail = retryDetail(cell, ended);
  if (detail !== undefined && attempt <= (cell.retryMax ?? 0)) {
    const dueAtMs = nowMs + Math.max(backoffMs(attempt, fraction), askedPauseMs(ended));
    if (inKeyWindow(state, cell, dueAtMs)) return { then: 'retry', permission: { kind: 'retry', detail }, dueAtMs };
  }
  return cell.optional ? next : halt;
};

/** What a person's word that the step under way failed leads to: what a failure that its holder saw would. */
export const sequelOfFailed = (cell: Cell, state: State, nowMs: number, fraction: number): Sequel =>
  sequelOf(cell, state, { status: 'failed', checks: [], attempt: state.attempt }, nowMs, fraction);
/** The same of a step that was closed before: its attempts are over. */
export const afterFailed = (cell: Cell) => (cell.optional ? ('next' as const) : ('halt' as const));

/** What the verdict `failed` would lead to now. */
export const failedLeadsTo = (state: State, cell: Cell, nowMs: number): Then =>
  state.open?.kind === 'reserved' ? sequelOfFailed(cell, state, nowMs, 0).then : afterFailed(cell);
