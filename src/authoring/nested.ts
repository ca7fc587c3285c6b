/** The cells of a document in the order in which a run goes through them, those of sections with `each` in these. */
import { type Cell, type CellBody, innerCells, type Pins, takesBack } from '../engine/index.ts';
import type { BranchPiece } from './pieces.ts';
import { undoName } from './surroundings.ts';

const undoneBy = ({ cleanup }: Cell): string | undefined =>
  cleanup !== undefined && 'undo' in cleanup ? cleanup.undo : undefined;

/** First the way, then what takes back, the last first, then sections with `on`. The cells stand in the document's order. */
const inOrder = (cells: readonly Cell[]): Cell[] => {
  const at = (name: string | undefined): number => cells.findIndex((cell) => cell.name === name);
  const undos = cells.filter((cell) => undoneBy(cell) !== undefined);
  return [
    ...cells.filter(({ cleanup }) => cleanup === undefined),
    ...undos.sort((a, b) => at(undoneBy(b)) - at(undoneBy(a))),
    ...cells.filter(({ cleanup }) => cleanup !== undefined && 'on' in cleanup),
  ];
};

/** What takes back a section with `each`, where something in it takes back: element by element, the last first. */
const undoOfSection = (cell: Cell): Cell[] => {
  const { body, name } = cell;
  if (body.kind !== 'each' || !innerCells(cell).some((one) => undoneBy(one) !== undefined)) return [];
  const { states: _states, ...section } = cell;
  const { kind, over: list, as, max, stopAfter } = body;
  const how = { kind, over: list, as, max, stopAfter };
  // It goes over the elements as they were, and each of them sees what it saw.
  const over: Partial<Cell> = { expect: [], reads: [], cleanup: { undo: name } };
  return [{ ...section, ...over, name: undoName(name), body: { ...how, output: null, cells: [], undoes: name } }];
};

/** What takes back a `run` cell: run by run, the last first, by what its version has for that. */
const undoOfRun = (cell: Cell, pins: Pins): Cell[] => {
  const { body, name } = cell;
  if (body.kind !== 'run') return [];
  const { runbookId, version } = body.pin;
  const pinned = pins({ runbookId, version });
  if (pinned == null || !takesBack(pinned.runbook)) return [];
  const { states: _states, ...run } = cell;
  const { withinMs: _within, ...how } = body;
  const over: Partial<Cell> = { when: null, expect: [], reads: [], cleanup: { undo: name } };
  return [{ ...run, ...over, name: undoName(name), body: { ...how, params: {}, output: null, undoes: name } }];
};

/**
 * Puts the cells of sections with `each` into these, and those of parts into the parts, and numbers them there from 0. So a branch has as
 * many cells as are numbered with it.
 * @param sections by their index in the document
 * @param pins the versions that `run` cells run
 */
export const nested = (flat: readonly Cell[], sections: ReadonlyMap<number, BranchPiece>, pins: Pins): Cell[] => {
  const lastOf = ({ index }: Cell): number => index + (sections.get(index)?.cells ?? 0);
  const filled = (cell: Cell): CellBody => {
    const { body } = cell;
    if (body.kind !== 'each') return body;
    if (body.parts === undefined) return { ...body, cells: inner(cell.index + 1, lastOf(cell)) };
    const places = sections.get(cell.index)?.parts ?? [];
    const parts = places.flatMap(({ from, to }, at) => {
      const part = body.parts[at];
      return part === undefined ? [] : { ...part, cells: inner(from, to - 1) };
    });
    return { ...body, parts };
  };
  const inner = (from: number, to: number): Cell[] => {
    const kept: Cell[] = [];
    let next = from;
    for (const cell of flat) {
      if (cell.index < next || cell.index > to) continue;
      const whole = { ...cell, body: filled(cell) };
      kept.push(whole, ...undoOfSection(whole), ...undoOfRun(whole, pins));
      next = (cell.body.kind === 'each' ? lastOf(cell) : cell.index) + 1;
    }
    return inOrder(kept).map((cell, index) => {
      const last = lastOf(cell);
      const own = kept.filter(
        (other) => other.index > cell.index && other.index <= last && undoneBy(other) === undefined,
      );
      return {
        ...cell,
        index,
        ...(cell.body.kind === 'branch' ? { body: { kind: 'branch', cells: own.length } } : {}),
      };
    });
  };
  return inner(0, flat.at(-1)?.index ?? -1);
};
