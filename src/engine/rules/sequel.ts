/** What an attempt that ended leads to: the next cell, another attempt, forgiveness, a halt. Pure. */
import type { Checked, Permission, State, Status, Then } from '../model/entries.ts';
import { limits } from '../model/limits.ts';
import type { Cell } from '../model/runbook.ts';
import { inKeyWindow } from './policy.ts';

export const allPass = (checks: Checked[]): boolean => checks.every((one) => one.result === 'pass');

export type Sequel = { then: Then; permission: Permission | null; dueAtMs: number | null };
export const noPermission = { permission: null, dueAtMs: null } as const;

/** Exponential backoff with full jitter: anywhere from now to `first * 2^(attempt - 1)`, capped. */
export const backoffMs = (attempt: number, fraction: number): number =>
  Math.round(
    fraction * Math.min(limits.retryBackoffMaxMs, limits.retryBackoffFirstMs * 2 ** Math.min(30, attempt - 1)),
  );

/**
 * What an attempt that ended so leads to. With expectations a cell is satisfied when all pass, without them when it
 * completed; an unsatisfied one is tried again while `retry` allows, else forgiven if `optional`, else it halts. Doubt
 * is never forgiven.
 */
export const sequelOf = (
  cell: Cell,
  state: State,
  ended: { status: Status; checks: Checked[]; attempt: number },
  nowMs: number,
  fraction: number,
): Sequel => {
  const next: Sequel = { then: 'next', ...noPermission };
  const halt: Sequel = { then: 'halt', ...noPermission };
  const { status, checks, attempt } = ended;
  if (status === 'skipped') return next;
  // Best effort neither repeats nor stops; everything else that may have happened needs a look.
  if (status === 'unknown') return cell.interrupted === 'continue' ? next : halt;
  if (status === 'never') {
    if (state.nevers + 1 >= limits.neversInRowMax) return halt;
    const permission = { kind: 'never', detail: 'the body did not begin' } as const;
    // The first time at once: a frozen sandbox thawed. Again and again (an executor that is full): ever later.
    const pauseMs = state.nevers === 0 ? 0 : backoffMs(state.nevers, fraction);
    return { then: 'retry', permission, dueAtMs: nowMs + pauseMs };
  }
  const satisfied = checks.length > 0 ? allPass(checks) : status === 'completed';
  if (satisfied) return next;
  const retries = cell.retryMax ?? 0;
  if (attempt <= retries) {
    const dueAtMs = nowMs + backoffMs(attempt, fraction);
    const permission = { kind: 'retry', detail: `retry=${retries}, attempt ${attempt} failed` } as const;
    if (inKeyWindow(state, cell, dueAtMs)) return { then: 'retry', permission, dueAtMs };
  }
  return cell.optional ? next : halt;
};
