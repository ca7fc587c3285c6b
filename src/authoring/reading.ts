/** What is known where a cell or a section is read. */
import type { Cell, CellKind, Pins, Tasks, Template } from '../engine/index.ts';
import type { VariableTypes } from './cel.ts';
import { presentIf } from './expressions.ts';
import type { FrontMatter } from './frontMatter.ts';
import type { BranchPiece, CellPiece, Outline } from './pieces.ts';
import { runFailed } from './runRoot.ts';
import { bareFields, type Surroundings, visitFields } from './surroundings.ts';
import type { Report } from './text.ts';

/** Cells whose outputs are there, or the run would not have come past that cell; in which sections that is known. */
type Passed = { names: ReadonlySet<string>; by: CellPiece };

/** `passed`: an `assert` or `end` looked. */
export type Reading = {
  front: FrontMatter;
  /** What `at` of the front matter says. */
  at: Template | null;
  outline: Outline;
  types: VariableTypes;
  tasks: Tasks;
  passed: Passed[];
  /** The versions of what it runs. */
  pins: Pins;
  report: Report;
  note: Report;
};

/** The cell whose eyes a cell has: that which it takes back, or itself. */
const eyesOf = (piece: CellPiece | BranchPiece): CellPiece | BranchPiece =>
  piece.atEnd !== undefined && 'of' in piece.atEnd ? piece.atEnd.of : piece;

/** Whether the run has certainly come past a cell, where another one is gone through. */
const isPast = ({ within, elements, index }: CellPiece, piece: CellPiece | BranchPiece): boolean => {
  if (!within.every((section) => piece.within.includes(section)) || index > piece.index) return false;
  if (piece.atEnd === undefined || 'of' in piece.atEnd) return true;
  // Of the way only that is certain which led to the section with `each` around it.
  return within.includes(piece.atEnd.section) || elements.length < piece.elements.length;
};

const innermost = ({ elements }: CellPiece | BranchPiece): string | undefined => elements.at(-1)?.section;

/** Whether there always is a failure where a cell at the end is gone through: none is where an `end` says that the run has failed. */
const isOfFailure = (piece: CellPiece | BranchPiece, { outline }: Reading): boolean =>
  piece.atEnd !== undefined &&
  'on' in piece.atEnd &&
  piece.atEnd.on === 'failure' &&
  !outline.cells.some(
    (other) =>
      'info' in other &&
      other.info.language === 'end' &&
      other.info.attributes.has('as') &&
      innermost(other) === innermost(piece),
  );

/** What is there in the sections around it: their branches looked, and an `assert` or `end` in them or before them. */
export const knownTo = (piece: CellPiece | BranchPiece, reading: Reading): Set<string> => {
  const { outline, passed } = reading;
  const eyes = eyesOf(piece);
  const looked = outline.branches
    .filter(({ name }) => eyes.within.includes(name))
    .map(({ section }) => {
      if (section.when !== null) return presentIf(section.when.text).whenTrue;
      return presentIf(section.before?.when?.text ?? '').whenFalse;
    });
  const known = passed.filter(({ by }) => isPast(by, eyes)).map(({ names }) => names);
  const failed = isOfFailure(piece, reading) ? [runFailed] : [];
  return new Set([...[...looked, ...known].flatMap((names) => [...names]), ...failed]);
};

/** What only cells at the end know. What has no reservation has no key. */
const atEndOf = (
  { atEnd }: CellPiece | BranchPiece,
  stepFields: readonly string[],
): Pick<Surroundings, 'stepFields' | 'atEnd'> => {
  if (atEnd === undefined) return { stepFields };
  if ('on' in atEnd) return { stepFields, atEnd: { on: true } };
  const { of, begun } = atEnd;
  const fields = of.info.language === 'manual' ? stepFields : [...stepFields, 'originalKey'];
  return { stepFields: fields, atEnd: { undoes: of.name, begun } };
};

export const surroundingsOf = (
  piece: CellPiece | BranchPiece,
  reading: Reading,
  stepFields: readonly string[],
): Surroundings => {
  const eyes = eyesOf(piece);
  const { within, elements } = eyes;
  const { front, outline, types } = reading;
  const when = ('info' in eyes && eyes.info.attributes.get('when')?.value?.text) || '';
  const isOn = piece.atEnd !== undefined && 'on' in piece.atEnd;
  const sameWhen = [...outline.names].filter(
    ([, { skips, atEnd }]) => when !== '' && skips === when.trim() && (!isOn || atEnd !== undefined),
  );
  return {
    roots: ['params', 'outputs', 'cells', 'step', ...(piece.atEnd === undefined ? [] : (['run'] as const))],
    ...atEndOf(piece, stepFields),
    params: front.paramNames,
    types,
    secrets: front.secrets,
    cells: outline.names,
    // The rest of a cell is only looked at when its `when` is true.
    present: new Set([...knownTo(piece, reading), ...presentIf(when).whenTrue, ...sameWhen.map(([name]) => name)]),
    // What takes back also sees what its cell left, and nothing after that.
    index: eyes === piece ? piece.index : eyes.index + 0.5,
    within,
    elements,
  };
};

/** An `end` that was passed was false, and an `assert` true: what they looked for is there from then on. */
export const passBy = (
  { body, when, optional }: Pick<Cell, 'body' | 'when' | 'optional'>,
  by: CellPiece,
  passed: Passed[],
): void => {
  const found =
    body.kind === 'end' && when !== null
      ? [presentIf(when.source).whenFalse]
      : body.kind === 'assert' && when === null && !optional
        ? body.expressions.map(({ source }) => presentIf(source).whenTrue)
        : [];
  for (const names of found) passed.push({ names, by });
};

/** Kinds that have no reservation, and so no attempt. */
export const bareKinds: readonly CellKind[] = ['assert', 'manual', 'await', 'approve', 'wait', 'run'];

/** The step of a cell as its own expressions see it: cells without a reservation have no key. */
export const fieldsOf = (kind: CellKind): readonly string[] =>
  kind !== 'manual' && bareKinds.includes(kind) ? bareFields : visitFields;
