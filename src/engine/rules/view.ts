/**
 * The view: a mutable summary of an instance for lists and the schedule. A hint, never the truth: a pure function of
 * the journal (and of the time, for a holder that is gone).
 */
import type { Drive, Entry, State } from '../model/entries.ts';
import { limits } from '../model/limits.ts';
import type { Runbook } from '../model/runbook.ts';
import { nextLookAtMs } from './parked.ts';

export type ViewStatus = 'ready' | 'running' | 'waiting' | 'in_doubt' | 'halted' | 'completed' | 'cancelled';

export type View = {
  instanceId: string;
  /** Seq of the head it was made from. Commands send it back as `expectedSeq`. */
  seq: number;
  status: ViewStatus;
  runbookId: string;
  version: number;
  /** The next unsatisfied cell, or the open one; `null` when none is left. */
  cell: string | null;
  cellsDone: number;
  cells: number;
  drive: Drive;
  dueAtMs: number | null;
  startedAtMs: number;
  updatedAtMs: number;
};

/** Status of a state at a moment. `graceMs` after its deadline a holder that said nothing leaves its step in doubt. */
export const statusOf = (state: State, nowMs: number, graceMs: number): ViewStatus => {
  if (state.ended !== null) return state.ended;
  if (state.open?.kind === 'reserved') return nowMs >= state.open.deadlineAtMs + graceMs ? 'in_doubt' : 'running';
  if (state.open?.kind === 'waiting') return 'waiting';
  if (state.halted !== null) return state.halted.doubt ? 'in_doubt' : 'halted';
  return 'ready';
};

/** What is in doubt stays due, looked at ever more rarely: a late holder, a probe or a policy may still settle it. */
const doubtDueAtMs = (sinceAtMs: number, nowMs: number): number =>
  nowMs + Math.min(limits.doubtBackoffMsMax, Math.max(limits.doubtBackoffMsMin, nowMs - sinceAtMs));

const dueOf = (state: State, updatedAtMs: number, nowMs: number, graceMs: number): number | null => {
  if (state.ended !== null) return null;
  if (state.open?.kind === 'reserved') {
    const goneAtMs = state.open.deadlineAtMs + graceMs;
    return nowMs < goneAtMs ? goneAtMs : doubtDueAtMs(goneAtMs, nowMs);
  }
  if (state.open?.kind === 'waiting') return nextLookAtMs(state.open, updatedAtMs, nowMs);
  if (state.halted !== null) return state.halted.doubt ? doubtDueAtMs(state.halted.atMs, nowMs) : null;
  if (state.drive === 'manual') return null;
  return state.dueAtMs ?? updatedAtMs;
};

/** The view after `head`, for an instance begun by `started`. */
export const viewOf = (
  started: Extract<Entry, { kind: 'started' | 'cancelled' }>,
  head: Entry,
  runbook: Runbook | undefined,
  nowMs: number,
  graceMs: number,
): View => ({
  instanceId: head.instanceId,
  seq: head.seq,
  status: statusOf(head.state, nowMs, graceMs),
  runbookId: started.kind === 'started' ? started.runbookId : '',
  version: started.kind === 'started' ? started.version : 0,
  cell: head.state.ended === null ? (runbook?.cells[head.state.next]?.name ?? null) : null,
  cellsDone: head.state.next,
  cells: head.state.cells,
  drive: head.state.drive,
  dueAtMs: dueOf(head.state, head.atMs, nowMs, graceMs),
  startedAtMs: started.atMs,
  updatedAtMs: head.atMs,
});
