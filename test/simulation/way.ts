/** What a runbook says of the ends of its runs, in words of the simulation's own. */
import { type Cell, type EachBody, type Entry, natureOf, type Runbook } from '../../src/engine/index.ts';

/** How many of the cells are on the way: the others have no `cleanup`. */
export const wayOf = (cells: readonly Cell[]): number => cells.filter(({ cleanup }) => cleanup === undefined).length;

/** The cell that one takes back; `undefined`: it takes none. */
export const takenBackBy = ({ cleanup }: Cell): string | undefined =>
  cleanup !== undefined && 'undo' in cleanup ? cleanup.undo : undefined;

/** The cells of a section that elements go through, all of its parts; of any other cell none. */
const innerOf = ({ body }: Cell): Cell[] => {
  if (body.kind !== 'each') return [];
  return body.parts === undefined ? body.cells : body.parts.flatMap(({ cells }) => cells);
};

/** Whether something of the world remains of it. A GET asks for no effect. */
export const leavesTraces = (cell: Cell): boolean => {
  const { body } = cell;
  if (body.kind === 'each') return innerOf(cell).some(leavesTraces);
  // What another runbook does is not told by this one.
  if (body.kind === 'run') return true;
  return natureOf(cell) === 'effect' && !(body.kind === 'http' && body.method === 'GET');
};

export const hasEndsIn = (cells: readonly Cell[]): boolean =>
  cells.some((cell) => cell.cleanup !== undefined || hasEndsIn(innerOf(cell)));

/** The runbook as an element of a section goes through it; who takes an element back goes through the cells of the section that did it. */
export const elementsRunbook = ({ onFailure: _, ...runbook }: Runbook, body: EachBody, index: number): Runbook => {
  const done = runbook.cells.find(({ name }) => name === body.undoes)?.body;
  const { parts, cells } = done?.kind === 'each' ? done : body;
  return {
    ...runbook,
    cells: parts === undefined ? cells : (parts[index]?.cells ?? []),
    ...(body.onFailure === undefined ? {} : { onFailure: body.onFailure }),
  };
};

/** Runs, and elements, whose way was over and at whose end something was gone through; cells taken back; elements that others take back; ends that a person stopped. */
export type EndCounts = { endings: number; takenBack: number; elementsBack: number; stopped: number };

export const countEnds = (entries: readonly Entry[]): EndCounts => {
  const counts = { endings: 0, takenBack: 0, elementsBack: 0, stopped: 0 };
  for (const entry of entries) {
    if (entry.kind === 'ending') counts.endings += 1;
    if (entry.kind === 'started' && entry.undoes === true) counts.elementsBack += 1;
    if (entry.kind === 'cancelled' && entry.stopsCleanup === true) counts.stopped += 1;
    const { ending } = entry.state;
    if (entry.state.ended !== null && ending !== undefined) counts.takenBack += ending.undone;
  }
  return counts;
};
