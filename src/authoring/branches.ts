/** The heading of a section → the cell that stands for it. */
import type { Cell, CellBody, Expression } from '../engine/index.ts';
import { readCommon } from './commonAttributes.ts';
import type { EachSection } from './eachHeading.ts';
import { readExpectations, readExpression, refuseTooMany } from './expectations.ts';
import { checkExpression } from './expressions.ts';
import type { BranchPiece } from './pieces.ts';
import { type Reading, surroundingsOf } from './reading.ts';
import { bareFields, noReads, type Reads, readsInOrder, type Surroundings, statesInOrder } from './surroundings.ts';
import type { Report, Text } from './text.ts';
import { cleanupOf } from './undo.ts';

/** Reads the heading of a section with `each` or `parallel`; its cells are put into it when all are read. */
const readEachBody = (
  { section, name, index, cells, elements, within, parts }: BranchPiece,
  { over, output, onFailureAt, ...how }: EachSection,
  around: Surroundings,
  reads: Reads,
  { outline, report }: Reading,
): CellBody => {
  if (how.onFailure === 'undo' && !outline.failurePaths.has(name))
    report(
      onFailureAt,
      'nothing in this section takes anything back: write an undo fence (`sh { undo=CELL }`) or a section with `on=failure` into it, or `onFailure=end`',
    );
  // What is said of an element sees what its last cell sees, and that one's output.
  const told = (text: Text | null, to: number, part: { part?: string }): Expression | null => {
    if (text === null) return null;
    const inside = [...elements, { section: name, as: how.as, ...part }];
    return readValue(text, { ...around, index: to, within: [...within, name], elements: inside }, noReads(), report);
  };
  const { line } = section.position;
  if (over === null) {
    const named = parts.map((part) => ({
      name: part.name,
      output: told(part.section.part?.output ?? null, part.to, { part: part.name }),
      cells: [],
    }));
    const source = JSON.stringify(parts.map((part) => part.name));
    return { kind: 'each', ...how, over: { source, line }, parts: named };
  }
  checkExpression(over, false, around, reads, report);
  const all = told(output, index + cells + 1, {});
  return { kind: 'each', ...how, over: { source: over.text, line }, output: all, cells: [] };
};

/** An expression whose value is told. */
const readValue = (text: Text, around: Surroundings, reads: Reads, report: Report): Expression => {
  checkExpression(text, false, around, reads, report);
  return { source: text.text, line: text.at(0).line };
};

/** Reads the branch at the heading of a section. An `else` holds where what stands before it was judged false. */
export const readBranch = (piece: BranchPiece, reading: Reading): Cell => {
  const { section, name, index, cells, otherwise } = piece;
  const { front, report } = reading;
  const { line } = section.position;
  const reads = noReads();
  const around = surroundingsOf(piece, reading, bareFields);
  const own = section.when === null ? null : readExpression(section.when, around, reads, report);
  if (otherwise !== null) reads.states.add(otherwise);
  const body: CellBody =
    section.each === null ? { kind: 'branch', cells } : readEachBody(piece, section.each, around, reads, reading);
  const judged = own ?? { source: `cells.${otherwise}.state == 'skipped'`, line };
  const cell: Cell = {
    index,
    name,
    line,
    ...readCommon(
      { kind: body.kind, undoes: false, safe: null, hasExpectations: false, at: section.position },
      new Map(),
      front.defaults,
      report,
    ),
    when: section.each === null ? judged : null,
    expect: readExpectations(piece, body.kind, reads, reading),
    probe: null,
    body,
    reads: readsInOrder(reads, around),
    ...statesInOrder(reads, around),
    ...cleanupOf(piece),
  };
  refuseTooMany(section.position, cell, report);
  return cell;
};
