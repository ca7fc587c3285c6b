/** What is known where a cell or a section is read. */
import type { Cell, CellKind, Template } from '../engine/index.ts';
import type { VariableTypes } from './cel.ts';
import { presentIf } from './expressions.ts';
import type { FrontMatter } from './frontMatter.ts';
import type { BranchPiece, CellPiece, Outline } from './outline.ts';
import { bareFields, type Surroundings, visitFields } from './surroundings.ts';
import type { Report } from './text.ts';

/** Cells whose outputs are there, or the run would not have come so far; in which sections that is known. */
type Passed = { names: ReadonlySet<string>; within: readonly string[] };

/** `passed`: an `assert` or `end` looked. */
export type Reading = {
  front: FrontMatter;
  /** What `at` of the front matter says. */
  at: Template | null;
  outline: Outline;
  types: VariableTypes;
  passed: Passed[];
  report: Report;
  note: Report;
};

/** What is there in the sections around it: their branches looked, and an `assert` or `end` in them or before them. */
export const knownWithin = (within: readonly string[], { outline, passed }: Reading): Set<string> => {
  const looked = outline.branches
    .filter(({ name }) => within.includes(name))
    .map(({ section }) => {
      if (section.when !== null) return presentIf(section.when.text).whenTrue;
      return presentIf(section.before?.when?.text ?? '').whenFalse;
    });
  const known = passed.filter((one) => one.within.every((branch) => within.includes(branch))).map(({ names }) => names);
  return new Set([...looked, ...known].flatMap((names) => [...names]));
};

export const surroundingsOf = (
  piece: CellPiece | BranchPiece,
  reading: Reading,
  stepFields: readonly string[],
): Surroundings => {
  const { index, within, elements } = piece;
  const { front, outline, types } = reading;
  const when = ('info' in piece && piece.info.attributes.get('when')?.value?.text) || '';
  const sameWhen = [...outline.names].filter(([, { skips }]) => when !== '' && skips === when.trim());
  return {
    roots: ['params', 'outputs', 'cells', 'step'],
    stepFields,
    params: front.paramNames,
    types,
    secrets: front.secrets,
    cells: outline.names,
    // The rest of a cell is only looked at when its `when` is true.
    present: new Set([...knownWithin(within, reading), ...presentIf(when).whenTrue, ...sameWhen.map(([name]) => name)]),
    index,
    within,
    elements,
  };
};

/** An `end` that was passed was false, and an `assert` true: what they looked for is there from then on. */
export const passBy = (
  { body, when, optional }: Pick<Cell, 'body' | 'when' | 'optional'>,
  { within }: CellPiece,
  passed: Passed[],
): void => {
  const found =
    body.kind === 'end' && when !== null
      ? [presentIf(when.source).whenFalse]
      : body.kind === 'assert' && when === null && !optional
        ? body.expressions.map(({ source }) => presentIf(source).whenTrue)
        : [];
  for (const names of found) passed.push({ names, within });
};

/** Kinds that have no reservation, and so no attempt. */
export const bareKinds: readonly CellKind[] = ['assert', 'manual', 'await', 'approve', 'wait'];

/** The step of a cell as its own expressions see it: cells without a reservation have no key. */
export const fieldsOf = (kind: CellKind): readonly string[] =>
  kind !== 'manual' && bareKinds.includes(kind) ? bareFields : visitFields;
