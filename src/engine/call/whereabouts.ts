/** Whether what a call would carry out belongs here, and whether what it needs is here. Asked before anything is reserved. */

import { isTooLong } from '../model/lease.ts';
import { limits } from '../model/limits.ts';
import { variableOf } from '../model/place.ts';
import type { Cell } from '../model/runbook.ts';
import type { State } from '../model/state.ts';
import type { CellInput } from '../ports.ts';
import { carriedOutBy, isJudgedFirst, stopElsewhere, stopFor } from '../rules/carriedOut.ts';
import type { Decision } from '../rules/decide.ts';
import { startedAt } from '../rules/place.ts';
import type { Stop } from '../rules/stop.ts';
import type { Lacks } from '../rules/view.ts';
import { atOf, type Call, stateOf } from './call.ts';

type Place = Pick<Call, 'engine' | 'started' | 'runbook'>;

/** The stop of a call that would carry out what belongs to another place. */
export const elsewhere = ({ engine, started, runbook }: Place, state: State, decision: Decision): Stop | undefined => {
  const { place: here, home } = engine.here;
  const cell = runbook.cells[state.next];
  const at = atOf({ engine, started }, cell);
  return stopElsewhere(state, runbook, decision, { started, home, cell, at, here, nowMs: engine.clock.nowMs() });
};

/** What a call at the wrong place does instead: at most it goes past a cell whose `when` is false. */
export const awayFrom = (
  call: Place,
  state: State,
  decision: Decision,
): Extract<Decision, { kind: 'stop' | 'judge' }> | undefined => {
  const stop = elsewhere(call, state, decision);
  const cell = call.runbook.cells[state.next];
  if (stop === undefined || cell === undefined || call.engine.leaving?.aborted) return stop;
  return isJudgedFirst(state, cell, decision) ? { kind: 'judge', cell, otherwise: stop } : stop;
};

/** Of what takes longer than any invocation of a function. */
const tooLong = ({ timeoutMs }: Cell): string =>
  `time for ${timeoutMs / 60_000} min: functions have ${limits.cellTimeoutMsMax / 60_000} (cellTimeoutMsMax), a worker has it`;

/** What the cell that a call would carry out needs, and is not here; `undefined`: nothing of it. A look of a poll asks itself. */
export const lackingNeeds = async (
  { engine, runbook }: Place,
  state: State,
  decision: Decision,
): Promise<{ cell: Cell; missing: string[] } | undefined> => {
  const cell = carriedOutBy(state, runbook, decision);
  if (cell === undefined || ['stop', 'wait', 'look'].includes(decision.kind)) return undefined;
  const needs = cell.needs === undefined ? [] : await engine.here.missing(cell.needs);
  const missing = decision.kind === 'enter' && isTooLong(cell, engine.lease) ? [...needs, tooLong(cell)] : needs;
  return missing.length === 0 ? undefined : { cell, missing };
};

/** The stop of a call whose cell cannot have something here: nothing is reserved, and its view says what it waits for. */
export const stopWithout = (call: Call, cell: Cell, lacks: Lacks): Stop => {
  const { engine } = call;
  call.lacks = lacks;
  const missing = [...lacks.needs, ...lacks.secrets];
  return stopFor(stateOf(call), cell, { place: engine.here.place, missing }, engine.clock.nowMs());
};

/** As an entry says where a visit runs that this call begins or goes on with: nothing where that is where the instance was started. */
export const placedHere = ({ engine, started }: Pick<Call, 'engine' | 'started'>): { place?: string } => {
  const { place, home } = engine.here;
  return place === startedAt({ started, home }) ? {} : { place };
};

/** The variables that a cell, or its probe, is handed: their names alone, so that no value is ever recorded. */
export const envOf = ({ needs }: Cell): Pick<CellInput, 'env'> =>
  needs === undefined || needs.env.length === 0 ? {} : { env: needs.env.map((need) => variableOf(need).name) };
