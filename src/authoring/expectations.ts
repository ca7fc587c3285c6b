/** What is expected of a cell, or of a section: expressions and schemas. */
import type { Cell, CellKind, Expression } from '../engine/index.ts';
import { limits } from '../engine/index.ts';
import { checkExpression } from './expressions.ts';
import { isEffectKind } from './kinds.ts';
import { type BranchPiece, type CellPiece, refuseOthers } from './pieces.ts';
import { bareKinds, type Reading, surroundingsOf } from './reading.ts';
import { readSchema } from './schemas.ts';
import { attemptFields, bareFields, expectationRoots, type Reads, type Surroundings } from './surroundings.ts';
import { linesOf, type Position, type Report, type Text, trim } from './text.ts';

export const readExpression = (text: Text, around: Surroundings, reads: Reads, report: Report): Expression => {
  checkExpression(text, true, around, reads, report);
  return { source: text.text, line: text.at(0).line };
};

/** One expression a line; `#` begins a comment line. */
export const readExpressions = (body: Text, around: Surroundings, reads: Reads, report: Report): Expression[] => {
  const lines = linesOf(body)
    .map(trim)
    .filter(({ text }) => text !== '' && !text.startsWith('#'));
  if (lines.length === 0)
    report(body.at(0), 'there is no expression here; write one on each line, like `output.status == 200`');
  return lines.map((line) => readExpression(line, around, reads, report));
};

/** A poll has no attempt; what has no reservation has no key either. */
const fieldsAfter = ({ info }: CellPiece, kind: CellKind): readonly string[] => {
  if (bareKinds.includes(kind)) return bareFields;
  return info.attributes.has('poll') ? bareFields : attemptFields;
};

/** Expectations of a cell, from every fence that names it. */
export const readExpectations = (
  cell: CellPiece | BranchPiece,
  kind: CellKind,
  reads: Reads,
  reading: Reading,
): Expression[] => {
  const { outline, report } = reading;
  const around = surroundingsOf(cell, reading, 'info' in cell ? fieldsAfter(cell, kind) : bareFields);
  return outline.expects
    .filter(({ of }) => of === cell)
    .flatMap((piece) => {
      refuseOthers(piece, [], 'for expectations', report);
      if (kind === 'assert' || kind === 'end') {
        const message =
          kind === 'assert'
            ? `\`${cell.name}\` is an assert; write the expression into it`
            : `\`${cell.name}\` is an end; it has no outcome to look at`;
        report(piece.info.attributes.get('expect')?.at ?? piece.fence.position, message);
        return [];
      }
      return readExpressions(
        piece.fence.body,
        {
          ...around,
          roots: [...around.roots, ...expectationRoots.filter((root) => root !== 'exitCode' || kind === 'sh')],
        },
        reads,
        report,
      );
    });
};

/** The schemas of a cell that has an output of its own. */
export const readSchemas = (cell: CellPiece, kind: CellKind, { outline, report }: Reading): Expression[] =>
  outline.schemas
    .filter(({ of, info }) => of === cell && info.language === 'json')
    .flatMap((piece) => {
      refuseOthers(piece, [], 'for schemas', report);
      if (isEffectKind(kind)) return readSchema(kind, piece.fence.body, report) ?? [];
      report(
        piece.fence.position,
        `a schema is of an answer or of the output of code; \`${cell.name}\` is \`${kind}\``,
      );
      return [];
    });

/** An outcome holds every expectation of its cell, and has to fit into one item. */
export const refuseTooMany = (
  position: Position,
  { name, expect, body }: Pick<Cell, 'name' | 'expect' | 'body'>,
  report: Report,
): void => {
  const all = body?.kind === 'assert' ? [...body.expressions, ...expect] : expect;
  const bytes = all.reduce((sum, { source }) => sum + Buffer.byteLength(source), 0);
  const { expectationsPerCellMax: max, expectationsBytesMax: bytesMax } = limits;
  if (all.length > max)
    report(
      position,
      `cell \`${name}\` has ${all.length} expectations, at most ${max} are possible (expectationsPerCellMax): join some with &&`,
    );
  if (bytes > bytesMax)
    report(
      position,
      `the expectations of cell \`${name}\` have ${bytes} bytes, at most ${bytesMax} are possible (expectationsBytesMax)`,
    );
};
