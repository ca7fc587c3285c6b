/** What a runbook has for the ends of a run, as its plan shows it: what takes back what, and what a failure leads to. */
import { type Cell, type Cleanup, changesSomething, isAtEnd, type Runbook } from '../engine/index.ts';
import type { Screen } from './screen.ts';

/** The cell that takes one back, and whether also where it only began; `null`: none does. */
type UndoneBy = { cell: string; of: 'completed' | 'begun' } | null;

/** Of a cell. */
export type Ends = {
  /** Absent: a cell of the way. What it takes back, or at which ends it is gone through. */
  cleanup?: Cleanup;
  undoneBy: UndoneBy;
  hasEffects: boolean;
};

/** What a known failure leads to, of a run or of an element of a section. */
export type Failing = {
  onFailure: 'ask' | 'undo' | 'end';
  /** Cells that are gone through for a failure, in their order, as far as what they take back was done. */
  path: string[];
  /** Cells with effects that nothing takes back. */
  stays: string[];
};
export const undoOf = (cells: readonly Cell[], { name }: Cell): UndoneBy => {
  for (const { name: cell, cleanup } of cells)
    if (cleanup !== undefined && 'undo' in cleanup && cleanup.undo === name)
      return { cell, of: cleanup.of ?? 'completed' };
  return null;
};

/** Of cells at one level: elements have ends of their own, and the section is what their run takes back. */
export const failingOf = ({ cells, onFailure }: Pick<Runbook, 'cells' | 'onFailure'>): Failing => {
  const isUndo = ({ cleanup }: Cell): boolean => cleanup !== undefined && 'undo' in cleanup && onFailure !== 'end';
  const path = cells.filter((cell) => isUndo(cell) || isAtEnd(cell, 'failed'));
  return {
    onFailure: onFailure ?? 'ask',
    path: path.map(({ name }) => name),
    stays: cells
      .filter((cell) => cell.cleanup === undefined && changesSomething(cell) && undoOf(cells, cell) === null)
      .map(({ name }) => name),
  };
};

const onEnds = { failure: 'after a failure', cancel: 'once it is cancelled', always: 'at every end' } as const;

/** What a cell has to do with ends: which one it takes back, at which ends it runs, or what takes it back. */
export const endText = ({ cleanup, undoneBy, hasEffects }: Ends, hasEnds: boolean): string | null => {
  if (cleanup !== undefined && 'on' in cleanup)
    return `on=${cleanup.on}: passed over on the way, runs ${onEnds[cleanup.on]}`;
  if (cleanup !== undefined)
    return `takes back ${cleanup.undo}${cleanup.of === 'begun' ? ', also where it only began' : ''}`;
  if (undoneBy !== null)
    return `taken back by ${undoneBy.cell}${undoneBy.of === 'begun' ? ', also where it only began' : ''}`;
  return hasEnds && hasEffects ? 'nothing takes it back' : null;
};

const failureText = {
  ask: 'halts, and a person is asked (`pawl undo`); given up for it:',
  undo: 'gives the run up by itself:',
  end: 'ends it as it stands:',
} as const;

/** The failure path, of what was done before the failure. */
export const printFailing = (
  { print }: Screen,
  indent: string,
  what: string,
  { onFailure, path, stays }: Failing,
): void => {
  print(
    `${indent}${what} ${failureText[onFailure]} ${path.length === 0 ? 'nothing is gone through' : path.join(', ')}`,
  );
  if (stays.length > 0) print(`${indent}  stays as it is: ${stays.join(', ')}`);
};
