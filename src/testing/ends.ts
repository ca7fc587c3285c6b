/** What a test makes of the ends of a run: it goes through what is there for every end, and tells the rest. */
import { type Cell, familyBody, innerCells, isAtEnd, levelOf, type Runbook } from '../engine/index.ts';

/** Of a run, or an element, that completes; no other end is gone through. */
export const isTested = (cell: Cell): boolean => cell.cleanup === undefined || isAtEnd(cell, 'completed');

/** The cells as a test goes through them, those of elements too: it is at every place, so what says where they run is left out. */
const testedIn = (cells: readonly Cell[]): Cell[] =>
  cells.filter(isTested).map(({ at: _, ...cell }, index) => {
    const { body } = cell;
    if (body.kind !== 'each') return { ...cell, index };
    const { onFailure: _asked, ...how } = body;
    if (how.parts === undefined) return { ...cell, index, body: { ...how, cells: testedIn(how.cells) } };
    const parts = how.parts.map((part) => ({ ...part, cells: testedIn(part.cells) }));
    return { ...cell, index, body: { ...how, parts } };
  });

/** The runbook as a test goes through it: it halts at a failure, nothing is taken back in the world, and nobody is told. */
export const testedOf = ({ onFailure: _, notify: _told, ...runbook }: Runbook): Runbook => ({
  ...runbook,
  cells: testedIn(runbook.cells),
});

/** The section through whose elements a cell is gone through, the innermost; `null`: it is one of the run's own. */
const sectionAround = (cells: readonly Cell[], name: string): Cell | null => {
  for (const cell of cells) {
    const inner = innerCells(cell);
    if (inner.some((one) => one.name === name)) return cell;
    const found = sectionAround(inner, name);
    if (found !== null) return found;
  }
  return null;
};

/** The cells of one runbook, where it runs. */
export type Level = {
  /** Before the names of its cells: empty, or `restore/`. */
  path: string;
  /** As it is gone through. */
  runbook: Runbook;
  /** With what a test does not go through. */
  whole: Runbook;
  /** Whose `run` cell runs it, and which; `null`: it is the document's own. */
  around: { level: Level; cell: Cell } | null;
};

/** What would be gone through if a cell of the way failed: of its own run, or element, alone. */
const putBackIn = ({ cells, onFailure }: Runbook, name: string, ran: (name: string) => boolean): string[] => {
  const at = cells.findIndex((cell) => cell.name === name);
  const own = cells[at];
  if (own === undefined || own.cleanup !== undefined) return [];
  const isUndone = ({ cleanup }: Cell): boolean => {
    if (cleanup === undefined || !('undo' in cleanup) || onFailure === 'end') return false;
    const { undo, of } = cleanup;
    // Of a section that failed its elements are taken back as far as they came.
    if (undo === name) return of === 'begun' || familyBody(own) !== undefined;
    return ran(undo) && cells.findIndex((cell) => cell.name === undo) < at;
  };
  return cells.filter((cell) => isUndone(cell) || isAtEnd(cell, 'failed')).map((cell) => cell.name);
};

/**
 * What would be gone through if a cell of the way failed: in its element, and then around that, where its section, or the `run` cell of
 * its runbook, fails with it.
 * @param ran whether a cell before it, or itself, has begun
 */
export const putBackAt = (level: Level, name: string, ran: (name: string) => boolean): string[] => {
  const { path, whole, around } = level;
  const qualified = (names: string[]): string[] => names.map((one) => `${path}${one}`);
  const section = sectionAround(whole.cells, name);
  // What fails at the end of an element, or of a run, halts there, and leads to nothing.
  if (
    (section === null ? whole.cells : innerCells(section)).some(
      (cell) => cell.name === name && cell.cleanup !== undefined,
    )
  )
    return [];
  const own = qualified(putBackIn(levelOf(whole, name), name, (one) => ran(`${path}${one}`)));
  if (section !== null) return [...own, ...putBackAt(level, section.name, ran)];
  return around === null ? own : [...own, ...putBackAt(around.level, around.cell.name, ran)];
};
