/**
 * What a test goes through: the cells of its document, and those of the runbooks that run in it. A cell of one of these goes by the name
 * of the cell that runs it as well: `restore/verify`.
 */
import { type Cell, innerCells, PawlError, type Pins, type Runbook } from '../engine/index.ts';
import { type Level, testedOf } from './ends.ts';

/** A document as it is tested, with what it runs. */
export type Tested = { runbook: Runbook; pins: Pins };

/** A cell by the name that a test has for it. */
export type NamedCell = {
  name: string;
  cell: Cell;
  level: Level;
  /** Name of the section, or of the `run` cell, whose elements go through it, the innermost; `null`: it is one of the document's own. */
  section: string | null;
  /** Index of the document's own cell in which it stands, or which it is. */
  top: number;
};

/** A document with more than this, all that it runs counted where it runs, is no test that ends in time. */
const testedCellsMax = 5_000;

/** Every cell, in the order in which it is told: what a cell goes through by itself stands right after it. */
export const namedCells = ({ runbook, pins }: Tested, whole: Runbook = runbook): NamedCell[] => {
  const all: NamedCell[] = [];
  const add = (level: Level, cells: readonly Cell[], section: string | null, top: number | null): void => {
    for (const cell of cells) {
      const name = `${level.path}${cell.name}`;
      const own = top ?? cell.index;
      all.push({ name, cell, level, section, top: own });
      if (all.length > testedCellsMax)
        throw new PawlError(
          'request.invalid',
          `With all that it runs the document has more than ${testedCellsMax} cells (testedCellsMax); test what it runs by itself.`,
        );
      add(level, innerCells(cell), name, own);
      if (cell.body.kind !== 'run') continue;
      const { runbookId, version } = cell.body.pin;
      const pinned = pins({ runbookId, version });
      if (pinned == null) continue;
      const inner = { path: `${name}/`, runbook: testedOf(pinned.runbook), whole: pinned.runbook };
      const entered: Level = { ...inner, around: { level, cell } };
      add(entered, entered.runbook.cells, name, own);
    }
  };
  add({ path: '', runbook, whole, around: null }, runbook.cells, null, null);
  return all;
};

/** Refuses a run of what is not at hand. @throws PawlError `request.invalid` */
export const assertAtHand = ({ pins }: Tested, cells: readonly NamedCell[]): void => {
  for (const { name, cell } of cells) {
    if (cell.body.kind !== 'run') continue;
    const { runbookId, version } = cell.body.pin;
    if (pins({ runbookId, version }) == null)
      throw new PawlError(
        'request.invalid',
        `Cell ${name} (line ${cell.line}) runs ${runbookId}, which is not at hand: nothing ran. Publish it where this reads, or give its document as well (\`pawl test FILE ${runbookId}.md\`; \`runs\` in pawl/testing).`,
      );
  }
};
