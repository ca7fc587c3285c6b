/** The view as a pure function of the journal, and of the time for a holder that is gone. */
import type { Entry, Standing } from '../model/entries.ts';
import { type Family, isOver, roomIn } from '../model/family.ts';
import { limits } from '../model/limits.ts';
import type { Runbook } from '../model/runbook.ts';
import type { State } from '../model/state.ts';
import { headOf } from '../model/text.ts';
import type { View, ViewStatus } from '../model/view.ts';
import { waitsForElements } from '../model/waitingText.ts';
import { goesByItself, wayOver } from './decide.ts';
import { isCalledOff } from './going.ts';
import { nextLookAtMs } from './parked.ts';
import { placeOfCell } from './place.ts';

/** Status of a state at a moment. `graceMs` after its deadline a holder that said nothing leaves its step in doubt. */
export const statusOf = (state: State, nowMs: number, graceMs: number): ViewStatus => {
  if (state.ended !== null) return state.ended;
  if (state.open?.kind === 'reserved') return nowMs >= state.open.deadlineAtMs + graceMs ? 'in_doubt' : 'running';
  if (state.open?.kind === 'waiting') return 'waiting';
  if (state.owes !== undefined && state.halted?.doubt !== true) return 'ready';
  if (state.halted !== null) return state.halted.doubt ? 'in_doubt' : 'halted';
  return 'ready';
};

/** What is in doubt stays due, looked at ever more rarely: a late holder, a probe or a policy may still settle it. */
export const doubtDueAtMs = (sinceAtMs: number, nowMs: number): number =>
  nowMs + Math.min(limits.doubtBackoffMsMax, Math.max(limits.doubtBackoffMsMin, nowMs - sinceAtMs));

/** What the next cell could not have where a call came to it, in words: what it needs of the place, and secrets. */
export type Lacks = { readonly needs: readonly string[]; readonly secrets: readonly string[] };
export const noLacks: Lacks = { needs: [], secrets: [] };

/**
 * When the view is made, by which grace and which epoch; the place of the store's schedule; and what the next cell's `at=` says, filled
 * in: `null` where it says nothing.
 */
export type At = {
  nowMs: number;
  graceMs: number;
  epoch: number;
  home: string;
  nextAt: string | null;
  lacks?: Lacks;
};

/** Its children wake it; by itself it is due where it may do something of its own. */
const familyDueAtMs = (
  state: State,
  family: Family,
  updatedAtMs: number,
  { nowMs, epoch, giveUpAtMs }: { nowMs: number; epoch: number; giveUpAtMs: number | null },
): number | null => {
  // Its cancellation is carried into those that were not reached.
  if (isCalledOff(state) || state.epoch < epoch) return doubtDueAtMs(updatedAtMs, nowMs);
  if (isOver(family) || (goesByItself(state) && roomIn(family) > 0)) return updatedAtMs;
  if (family.locked === undefined) return null;
  // Whoever lets a lock go wakes nobody.
  const againAtMs = doubtDueAtMs(updatedAtMs, nowMs);
  return giveUpAtMs === null || nowMs >= giveUpAtMs ? againAtMs : Math.min(againAtMs, giveUpAtMs);
};

const dueOf = (
  state: State,
  updatedAtMs: number,
  runbook: Runbook | undefined,
  { nowMs, graceMs, epoch, lacks = noLacks }: At,
): number | null => {
  if (state.ended !== null) return null;
  if (state.open?.kind === 'reserved') {
    const goneAtMs = state.open.deadlineAtMs + graceMs;
    return nowMs < goneAtMs ? goneAtMs : doubtDueAtMs(goneAtMs, nowMs);
  }
  if (state.open?.kind === 'waiting' && state.open.family !== undefined)
    return familyDueAtMs(state, state.open.family, updatedAtMs, { nowMs, epoch, giveUpAtMs: state.open.dueAtMs });
  if (state.open?.kind === 'waiting') return nextLookAtMs(state.open, updatedAtMs, nowMs);
  if (state.halted?.doubt) return doubtDueAtMs(state.halted.atMs, nowMs);
  const over = runbook && wayOver(state, runbook);
  if (over === undefined && state.halted !== null) return null;
  if ((over === undefined || over.as === 'completed') && !goesByItself(state)) return null;
  // Held until a person releases it, or until this deployment is taken back.
  if (state.epoch < epoch) return doubtDueAtMs(updatedAtMs, nowMs);
  // A store of secrets that refuses or hangs is asked ever more rarely. What a place lacks costs nothing to look for, and another
  // worker there may have it at once.
  if (lacks.secrets.length > 0) return doubtDueAtMs(updatedAtMs, nowMs);
  return over === undefined ? (state.dueAtMs ?? updatedAtMs) : Math.max(updatedAtMs, over.afterMs);
};

type Started = Extract<Entry, { kind: 'started' | 'cancelled' }>;

/** Where the next look has something to do: everything but carrying out is done at home. */
const placeOf = (started: Started, state: State, runbook: Runbook | undefined, at: At): string => {
  const { nowMs, graceMs, home, nextAt } = at;
  const { open, halted, ended } = state;
  const cell = runbook?.cells[state.next];
  if (ended !== null || started.kind !== 'started' || cell === undefined) return home;
  const place = placeOfCell(state, { started, home, cell, at: nextAt }) ?? home;
  // Who looks when the holder is gone says so at home first; its probe is asked where it ran.
  const isGone = open?.kind === 'reserved' && nowMs >= open.deadlineAtMs + graceMs;
  if (isGone || halted?.doubt) return cell.interrupted === 'probe' && cell.probe !== null ? place : home;
  return open?.kind === 'reserved' || halted !== null ? home : place;
};

/** As `waitsFor` says that the next step belongs elsewhere. */
export const workerAt = (place: string): string => `a worker at ${place}`;

const elementsText = ({ count, completed, cancelled, failed, stuck, locked = 0 }: Family): string =>
  [
    `${completed}/${count} elements`,
    ...(failed === 0 ? [] : [`${failed} failed`]),
    ...(cancelled === 0 ? [] : [`${cancelled} given up`]),
    ...(stuck === 0 ? [] : [`${stuck} ${stuck === 1 ? 'needs' : 'need'} somebody`]),
    ...(locked === 0 ? [] : [`${locked} locked`]),
  ].join(', ');
/** Of such a view: whether any of them does, as far as the instance itself has seen. */
export const elementsNeedSomebody = (view: Pick<View, 'waitsFor'>): boolean =>
  waitsForElements(view) && / needs? somebody/.test(view.waitsFor ?? '');

const waitsFor = ({ open }: State, elsewhere: string | null, { needs, secrets }: Lacks): string | null => {
  const [first] = [...needs, ...secrets];
  if (first !== undefined) return headOf(first, limits.viewTextBytesMax);
  if (elsewhere !== null) return workerAt(elsewhere);
  if (open?.kind !== 'waiting') return null;
  if (open.family !== undefined) return elementsText(open.family);
  return open.whom ?? (open.dueAtMs === null ? '' : new Date(open.dueAtMs).toISOString());
};

/** The view after `head`, for an instance begun by `started`. */
export const viewOf = (
  started: Started,
  { entry: head, hash }: Standing,
  runbook: Runbook | undefined,
  at: At,
): View => {
  const place = placeOf(started, head.state, runbook, at);
  const view: View = {
    instanceId: head.instanceId,
    seq: head.seq,
    status: statusOf(head.state, at.nowMs, at.graceMs),
    runbookId: started.kind === 'started' ? started.runbookId : '',
    version: started.kind === 'started' ? started.version : 0,
    cell: head.state.ended === null ? (runbook?.cells[head.state.next]?.name ?? null) : null,
    cellsDone: head.state.ending?.at ?? head.state.next,
    cells: head.state.cells,
    drive: head.state.drive,
    place,
    dueAtMs: dueOf(head.state, head.atMs, runbook, at),
    startedAtMs: started.atMs,
    updatedAtMs: head.atMs,
    startedBy: headOf(started.by.actor, limits.viewStartedByBytesMax),
    params: '{}',
    waitsFor: waitsFor(head.state, place === at.home ? null : place, at.lacks ?? noLacks),
    headHash: hash,
  };
  if (started.kind !== 'started') return view;
  // Its ids stand in its index keys too.
  const room = limits.viewBytesMax - JSON.stringify(view).length - view.instanceId.length - view.runbookId.length;
  const bytesMax = Math.min(limits.viewParamsBytesMax, Math.max(0, room));
  return { ...view, params: headOf(JSON.stringify(started.params), bytesMax) };
};
