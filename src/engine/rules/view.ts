/** The view as a pure function of the journal, and of the time for a holder that is gone. */
import type { Entry, Standing, State } from '../model/entries.ts';
import { limits } from '../model/limits.ts';
import type { Runbook } from '../model/runbook.ts';
import { headOf } from '../model/text.ts';
import type { View, ViewStatus } from '../model/view.ts';
import { nextLookAtMs } from './parked.ts';

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

/** When the view is made, by which grace and which epoch. */
export type At = { nowMs: number; graceMs: number; epoch: number };

const dueOf = (state: State, updatedAtMs: number, { nowMs, graceMs, epoch }: At): number | null => {
  if (state.ended !== null) return null;
  if (state.open?.kind === 'reserved') {
    const goneAtMs = state.open.deadlineAtMs + graceMs;
    return nowMs < goneAtMs ? goneAtMs : doubtDueAtMs(goneAtMs, nowMs);
  }
  if (state.open?.kind === 'waiting') return nextLookAtMs(state.open, updatedAtMs, nowMs);
  if (state.halted !== null) return state.halted.doubt ? doubtDueAtMs(state.halted.atMs, nowMs) : null;
  if (state.drive === 'manual') return null;
  // Held until a person releases it, or until this deployment is taken back.
  if (state.epoch < epoch) return doubtDueAtMs(updatedAtMs, nowMs);
  return state.dueAtMs ?? updatedAtMs;
};

const waitsFor = ({ open }: State): string | null => {
  if (open?.kind !== 'waiting') return null;
  return open.whom ?? (open.dueAtMs === null ? '' : new Date(open.dueAtMs).toISOString());
};

/** The view after `head`, for an instance begun by `started`. */
export const viewOf = (
  started: Extract<Entry, { kind: 'started' | 'cancelled' }>,
  { entry: head, hash }: Standing,
  runbook: Runbook | undefined,
  at: At,
): View => {
  const view: View = {
    instanceId: head.instanceId,
    seq: head.seq,
    status: statusOf(head.state, at.nowMs, at.graceMs),
    runbookId: started.kind === 'started' ? started.runbookId : '',
    version: started.kind === 'started' ? started.version : 0,
    cell: head.state.ended === null ? (runbook?.cells[head.state.next]?.name ?? null) : null,
    cellsDone: head.state.next,
    cells: head.state.cells,
    drive: head.state.drive,
    dueAtMs: dueOf(head.state, head.atMs, at),
    startedAtMs: started.atMs,
    updatedAtMs: head.atMs,
    startedBy: headOf(started.by.actor, limits.viewTextBytesMax),
    params: '{}',
    waitsFor: waitsFor(head.state),
    headHash: hash,
  };
  if (started.kind !== 'started') return view;
  // Its ids stand in its index keys too.
  const room = limits.viewBytesMax - JSON.stringify(view).length - view.instanceId.length - view.runbookId.length;
  const bytesMax = Math.min(limits.viewParamsBytesMax, Math.max(0, room));
  return { ...view, params: headOf(JSON.stringify(started.params), bytesMax) };
};
