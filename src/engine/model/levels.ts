/** The cells of a runbook by where they stand: on the way or at its end, under branches, in sections that elements go through. */

import { type Cell, type EachBody, partAt, partsOf, type Runbook } from './runbook.ts';
import { type WayEnd, wayEnds } from './runEnd.ts';

/** How many cells of a run, or of an element, are on the way: what is gone through at its end stands after them. */
export const wayOf = (cells: readonly Cell[]): number => {
  const first = cells.findIndex(({ cleanup }) => cleanup !== undefined);
  return first === -1 ? cells.length : first;
};

const endsOf = { failure: ['failed'], cancel: ['cancelled'], always: wayEnds } as const;

/** Whether a cell is gone through at such an end; what takes back is not a matter of the end alone. */
export const isAtEnd = ({ cleanup }: Cell, as: WayEnd): boolean =>
  cleanup !== undefined && 'on' in cleanup && (endsOf[cleanup.on] as readonly WayEnd[]).includes(as);

/** At which ends something is gone through, whatever was done before. */
export const cleanupOf = (cells: readonly Cell[]): WayEnd[] =>
  wayEnds.filter((as) => cells.some((cell) => isAtEnd(cell, as)));

/** Names of the branches whose sections a cell stands in, outermost first. */
export const branchesOf = ({ cells }: Pick<Runbook, 'cells'>, index: number): string[] =>
  cells
    .slice(0, index)
    .filter(({ body, index: at }) => body.kind === 'branch' && index <= at + body.cells)
    .map(({ name }) => name);

/** The cells in a section that elements go through, in the order of the document; of any other cell none. */
export const innerCells = ({ body }: Pick<Cell, 'body'>): Cell[] =>
  body.kind === 'each' ? partsOf(body).flatMap(({ cells }) => cells) : [];

/** All cells in the order of the document, with those of sections that elements go through. */
export const allCells = (cells: readonly Cell[]): Cell[] =>
  cells.flatMap((cell) => [cell, ...allCells(innerCells(cell))]);

/** The runbook as an element of a section goes through it. */
export const elementOf = (runbook: Runbook, body: EachBody, index: number): Runbook => {
  const { onFailure: _, ...whole } = runbook;
  const { onFailure, undoes } = body;
  const other = allCells(runbook.cells).find(({ name }) => name === undoes)?.body;
  const { cells } = partAt(other?.kind === 'each' ? other : body, index);
  return { ...whole, ...(onFailure === undefined ? {} : { onFailure }), cells };
};

/** The runbook as an element of one of its sections goes through it. */
export const sectionOf = (runbook: Runbook, { cell: name, index }: { cell: string; index: number }): Runbook => {
  const section = allCells(runbook.cells).find((cell) => cell.name === name);
  return section?.body.kind === 'each' ? elementOf(runbook, section.body, index) : runbook;
};

/** The runbook as the instance goes through it that has the cell: the whole, or the section in which it stands. */
export const levelOf = (runbook: Runbook, name: string): Runbook => {
  if (runbook.cells.some((cell) => cell.name === name)) return runbook;
  for (const { body } of runbook.cells) {
    if (body.kind !== 'each') continue;
    const at = partsOf(body).findIndex(({ cells }) => allCells(cells).some((cell) => cell.name === name));
    if (at !== -1) return levelOf(elementOf(runbook, body, at), name);
  }
  return runbook;
};
