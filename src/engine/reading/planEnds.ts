/** What a runbook has for the ends of a run, as its plan shows it: what takes back what, and what a failure leads to. */

import { changesSomething } from '../model/cellNature.ts';
import { isAtEnd } from '../model/levels.ts';
import type { Ends, Failing } from '../model/planned.ts';
import type { Cell, Runbook } from '../model/runbook.ts';

export const undoOf = (cells: readonly Cell[], { name }: Cell): Ends['undoneBy'] => {
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
