/** What a test makes of the ends of a run: it goes through what is there for every end, and tells the rest. */
import { type Cell, isAtEnd, type Runbook } from '../engine/index.ts';

/** Of a run that completes; no other end is gone through. */
export const isTested = (cell: Cell): boolean => cell.cleanup === undefined || isAtEnd(cell, 'completed');

/** The runbook as a test goes through it: it halts at a failure, and nothing is taken back in the world. */
export const testedOf = ({ onFailure: _, ...runbook }: Runbook): Runbook => ({
  ...runbook,
  cells: runbook.cells.filter(isTested).map((cell, index) => ({ ...cell, index })),
});

/**
 * What would be gone through if a cell of the way failed.
 * @param ran whether a cell before it, or itself, has begun
 */
export const putBackAt = (
  { cells: all, onFailure }: Pick<Runbook, 'cells' | 'onFailure'>,
  { name, cleanup }: Cell,
  ran: (name: string) => boolean,
): string[] => {
  if (cleanup !== undefined) return [];
  const at = all.findIndex((cell) => cell.name === name);
  const isUndone = ({ cleanup }: Cell): boolean => {
    if (cleanup === undefined || !('undo' in cleanup) || onFailure === 'end') return false;
    const { undo, of } = cleanup;
    if (undo === name) return of === 'begun';
    return ran(undo) && all.findIndex((cell) => cell.name === undo) < at;
  };
  return all.filter((cell) => isUndone(cell) || isAtEnd(cell, 'failed')).map((cell) => cell.name);
};
