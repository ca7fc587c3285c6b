/**
 * A cancellation as it is carried into a whole family by the command that says it: into the elements of the section that stands open,
 * and into theirs. What there is no time for, whoever looks next carries out.
 */
import { type Call, saveView, stateOf } from '../call/call.ts';
import { type Family, unfinishedIn } from '../model/family.ts';
import { runsUntilMs } from '../model/lease.ts';
import type { Waiting } from '../model/state.ts';
import { isCalledOff } from '../rules/going.ts';
import { elementId, openUnbroken, readElement } from './elements.ts';
import { inPages, isLate, isToBeCarried, lookAtFamily, openFamily } from './family.ts';

/** Whatever others put meanwhile, it is carried out into all of them. */
const carried = async (call: Call, open: Waiting): Promise<Family | undefined> => {
  for (;;) {
    const found = await lookAtFamily(call, open);
    const family = openFamily(call, open);
    if (found.kind !== 'again' || family === undefined) return family;
  }
};

/**
 * Carries a cancellation into the elements of the section that stands open, and theirs: those end of which nothing is under way. As far
 * as the time of this call goes.
 */
export const endElements = async (call: Call): Promise<void> => {
  const { open } = stateOf(call);
  if (open?.kind !== 'waiting' || open.family === undefined) return;
  const family = await carried(call, open);
  if (family === undefined) return;
  const endOne = async (index: number): Promise<boolean> => {
    if (isLate(call)) return false;
    const { state, instanceId } = await readElement(call, open, index);
    if (state?.open?.kind !== 'waiting' || state.open.family === undefined || !isCalledOff(state)) return false;
    const child = await openUnbroken(call, instanceId);
    if (child === undefined) return false;
    await endElements(child);
    await saveView(child);
    return stateOf(child).ended !== null;
  };
  const left = await inPages(unfinishedIn(family), endOne, () => isLate(call));
  if (left.includes(true)) await carried(call, open);
};

/** An element in which a step may still run, and until when. */
export type StillRuns = { instanceId: string; cell: string; seq: number; deadlineAtMs: number };

/**
 * An element in which the cancellation of its run does not stand, or of which that is not known. `late`: there was no time for it, and
 * whoever looks next tells it.
 */
export type Unreached = { instanceId: string; why: 'late' | 'broken' };

type Left = { running: StillRuns[]; unreached: Unreached[] };
const nothing: Left = { running: [], unreached: [] };

/**
 * After a cancellation: elements, and theirs, that may still run something, and those in which the cancellation does not stand, since
 * there was no time for them or their journal is broken.
 * @param untilMs those that it has not come to by then are `late`
 */
export const leftRunning = async (call: Call, open: Waiting, untilMs: number): Promise<Left> => {
  const { clock } = call.engine;
  const family = openFamily(call, open);
  if (family === undefined) return nothing;
  const isOff = isCalledOff(stateOf(call));
  const leftOf = async (index: number): Promise<Left> => {
    const late: Unreached = { instanceId: elementId(call, open, index), why: 'late' };
    if (clock.nowMs() >= untilMs) return { running: [], unreached: isOff ? [late] : [] };
    const element = await readElement(call, open, index);
    const { state, instanceId, isBroken = false } = element;
    const isLeft = isOff && (isBroken || isToBeCarried(call, open, element));
    const unreached: Unreached[] = isLeft ? [{ instanceId, why: isBroken ? 'broken' : 'late' }] : [];
    if (state?.open?.kind === 'reserved') {
      const { cell, seq } = state.open;
      return { running: [{ instanceId, cell, seq, deadlineAtMs: runsUntilMs(state.open) }], unreached };
    }
    if (state?.open?.kind !== 'waiting' || state.open.family === undefined) return { running: [], unreached };
    if (clock.nowMs() >= untilMs) return { running: [], unreached: isOff ? [late] : [] };
    const child = await openUnbroken(call, instanceId);
    if (child === undefined) return { running: [], unreached: [{ instanceId, why: 'broken' as const }] };
    const inner = await leftRunning(child, state.open, untilMs);
    return { running: inner.running, unreached: [...unreached, ...inner.unreached] };
  };
  const all = await inPages(unfinishedIn(family), leftOf);
  return { running: all.flatMap(({ running }) => running), unreached: all.flatMap(({ unreached }) => unreached) };
};
