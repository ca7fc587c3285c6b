/**
 * What stands ready for the next code cell of a call, by the execution that its reservation will say. It is told nothing of the cell:
 * that comes with `execute`, after the reservation stands (I4).
 */
import type { Reservation } from '../model/bodies.ts';
import type { Cell } from '../model/runbook.ts';
import type { CodeToCome } from '../ports.ts';
import type { Call } from './call.ts';
import { envOf } from './whereabouts.ts';

const codeOf = (cell: Cell): CodeToCome | undefined => {
  const { kind } = cell.body;
  return kind === 'ts' || kind === 'js' || kind === 'sh' ? { kind, ...envOf(cell) } : undefined;
};

/** Claimed once until it is used: whoever loses a slot reserves the same in the next one. */
export const claimFor = (call: Call, cell: Cell): Pick<Reservation, 'execution'> => {
  const { standby } = call.engine;
  const code = codeOf(cell);
  if (standby === undefined || code === undefined) return {};
  call.claimed ??= standby.claim(code);
  return { execution: call.claimed };
};

/** It was used, or nothing of this call will use it. */
export const dropClaim = (call: Call): void => {
  if (call.claimed !== null) call.engine.standby?.drop(call.claimed);
  call.claimed = null;
};

/** The cell after this one, in the document: what it needs is begun while this one runs. */
export const expectAfter = (call: Call, { index }: Pick<Cell, 'index'>): void => {
  const next = call.runbook.cells[index + 1];
  const code = next === undefined || next.at !== undefined ? undefined : codeOf(next);
  if (code !== undefined && !call.engine.leaving?.aborted) call.engine.standby?.expect(code);
};
