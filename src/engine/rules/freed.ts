/** What an approval sets free, for whoever is asked to see. Nothing binds it: no hash covers it, and no vote is about it. */

import { branchesOf } from '../model/levels.ts';
import { limits } from '../model/limits.ts';
import { type Cell, partsOf, type Runbook, type Version } from '../model/runbook.ts';
import { bytesOf, headOf } from '../model/text.ts';

export type Freed = {
  /** The runbook after the question, up to the next one that is asked in any case, or to its end. */
  document: string;
  /** Names of the cells in it. */
  cells: string[];
  /** The cell that asks next; `null`: the runbook ends. */
  until: string | null;
  /** Too large to be shown: `document` is its beginning. */
  isCut: boolean;
};

/** A cell, and the sections around it: of a branch, of a list that may have no element, or the part of one, beside which others are. */
type Placed = { cell: Cell; around: string[] };

/** All cells in the order of the document. */
const placedIn = (runbook: Pick<Runbook, 'cells'>, outer: readonly string[] = []): Placed[] =>
  runbook.cells.flatMap((cell) => {
    const around = [...outer, ...branchesOf(runbook, cell.index)];
    const parts = cell.body.kind === 'each' ? partsOf(cell.body) : [];
    const placed = parts.flatMap((part) => {
      const own = part.name === undefined ? [] : [`${cell.name}.${part.name}`];
      return placedIn(part, [...around, cell.name, ...own]);
    });
    return [{ cell, around }, ...placed];
  });

/** What one sets free, and what then goes on around it: of a run that another runbook began, that one's own cells. */
export const freedThen = (inner: Freed, around: Freed): Freed => {
  const document = `${inner.document}\n${around.document}`;
  const isCut = inner.isCut || around.isCut || bytesOf(JSON.stringify(JSON.stringify(document))) > limits.shownBytesMax;
  return {
    document: isCut ? headOf(document, limits.freedHeadBytes) : document,
    cells: [...inner.cells, ...around.cells],
    until: around.until,
    isCut,
  };
};

/** @param cell the approval, of that version */
export const freedBy = ({ source, runbook }: Version, cell: Cell): Freed => {
  const from = cell.body.kind === 'approve' ? cell.body.lines : cell.line;
  const all = placedIn(runbook);
  const own = all.findIndex((one) => one.cell.name === cell.name);
  const later = all.slice(own + 1);
  // An approval under a condition, its own or that of a section which begins later, may be skipped, and then stops nothing. So may
  // one in a section that goes over a list; one in a part beside this may have been given already.
  const within = new Set(all[own]?.around);
  const isAsked = ({ cell: { body, when }, around }: Placed): boolean =>
    body.kind === 'approve' && when === null && around.every((name) => within.has(name));
  const at = later.findIndex(isAsked);
  const next = later[at]?.cell;
  const document = source
    .split('\n')
    .slice(from, next === undefined ? undefined : next.line - 1)
    .join('\n');
  const isCut = bytesOf(JSON.stringify(JSON.stringify(document))) > limits.shownBytesMax;
  return {
    document: isCut ? headOf(document, limits.freedHeadBytes) : document,
    cells: (next === undefined ? later : later.slice(0, at)).map((one) => one.cell.name),
    until: next?.name ?? null,
    isCut,
  };
};
