/** Whether a decision would carry out what belongs to another place, and how a call then stops. Pure. */

import { natureOf } from '../model/cellNature.ts';
import type { Cell, Runbook } from '../model/runbook.ts';
import type { State } from '../model/state.ts';
import type { Decision } from './decide.ts';
import { parkedAt } from './parked.ts';
import { type Grounds, placeOfCell } from './place.ts';
import type { Stop, WaitsFor } from './stop.ts';

/** What would be carried out, or is waited for here in order to carry it out then. */
export const carriedOutBy = (state: State, runbook: Runbook, decision: Decision): Cell | undefined => {
  const cell = runbook.cells[state.next];
  if (cell === undefined || (natureOf(cell) !== 'effect' && cell.poll === undefined)) return undefined;
  switch (decision.kind) {
    case 'enter':
      return natureOf(cell) === 'effect' && !decision.mayReserve ? undefined : cell;
    case 'look':
    case 'wait':
      return cell;
    case 'takeOver':
      return decision.takeover.kind === 'probe' ? cell : undefined;
    case 'stop':
      return decision.result === 'deferred' ? cell : undefined;
    default:
      return undefined;
  }
};

/** What is in doubt stays in doubt, whoever is waited for. */
export const stopFor = (state: State, cell: Cell, waitsFor: WaitsFor, nowMs: number): Stop => {
  const { open, halted } = state;
  if (open?.kind === 'waiting') return { ...parkedAt(open, nowMs), waitsFor };
  const seq = open?.seq ?? halted?.seq;
  if (seq !== undefined)
    return { kind: 'stop', result: 'in_doubt', cell: cell.name, seq, holder: null, nextAtMs: null, waitsFor };
  return { kind: 'stop', result: 'parked', cell: cell.name, seq: null, dueAtMs: null, waitsFor };
};

/** The stop of a call at `here` that would carry out what belongs to another place. `grounds.cell` is the next one. */
export const stopElsewhere = (
  state: State,
  runbook: Runbook,
  decision: Decision,
  { here, nowMs, ...grounds }: Grounds & { here: string; nowMs: number },
): Stop | undefined => {
  const cell = carriedOutBy(state, runbook, decision);
  const place = placeOfCell(state, grounds);
  if (cell === undefined || place === null || place === here) return undefined;
  return stopFor(state, cell, { place, missing: [] }, nowMs);
};

/**
 * Whether a `when` is to be judged before the place matters: it rests on parameters and outputs alone, which are the same
 * everywhere. A visit that has begun is past it, and stays at its place.
 */
export const isJudgedFirst = ({ inputsHash }: State, { when }: Cell, decision: Decision): boolean => {
  if (when === null || inputsHash !== null) return false;
  // The time that the cell would take here is none of its own place's.
  const isShort = decision.kind === 'stop' && decision.result === 'deferred' && decision.why === 'budget';
  return decision.kind === 'enter' || isShort;
};
