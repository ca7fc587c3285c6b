/** `sh { undo=cell }`: a cell that takes back what another one did. It is passed over on the way, and gone through at the end. */
import type { Cell, CellKind } from '../engine/index.ts';
import { type Attributes, nameProblem, textOfAttribute } from './attributes.ts';
import { readName } from './commonAttributes.ts';
import { isKind, isUndoKind, refuseKind, undoKinds } from './kinds.ts';
import type { BranchPiece, CellPiece, Outline, Piece } from './pieces.ts';
import { type Element, type NamedCell, undoName } from './surroundings.ts';
import { list, type Position, quote, type Report, suggest } from './text.ts';

/** Where a fence stands: the sections around it. */
type Place = { within: readonly string[]; elements: readonly Element[] };
/** What stands before it. `undone`: lines of the fences that take cells back, by the name of these. */
type Known = { names: Outline['names']; cells: readonly CellPiece[]; undone: Map<string, number> };
/** What an undo fence says: whose, and whether also of what did not complete. */
export type Undo = { name: string; of: CellPiece; begun: boolean; attributes: Attributes };

const exampleOf = 'write undo fences for its cells';

/** Why a name is too long to be taken back. */
export const tooLong = (name: string, what: 'cell' | 'section'): string =>
  `\`${undoName(name)}\`, as is called what takes it back, has more than 64 characters; give ${what} \`${name}\` a name of at most ${64 - undoName('').length}`;

/** Why a cell has no undo from where the fence stands. */
const refusalOf = (name: string, cell: NamedCell, line: number, place: Place): string | undefined => {
  const there = `\`${name}\` (line ${cell.line})`;
  if (cell.kind === 'each') return `${there} is a section with \`each\`: ${exampleOf}, into that section`;
  if (cell.kind === 'run')
    return `${there} runs another runbook, and what takes it back are the undo fences of that one: write them there, or what has to run at the end into a section \`{ on=failure }\``;
  if (cell.kind === 'branch') return `${there} is a section: ${exampleOf}`;
  if (cell.atEnd === 'undo') return `${there} takes back itself; what went wrong with it is for a person`;
  if (cell.atEnd === 'on') return `${there} runs at the end, where nothing is taken back`;
  if (cell.line > line) return `cell \`${name}\` stands later (line ${cell.line}); move this fence after it`;
  const inner = (cell.elements ?? []).at(-1)?.section;
  const own = place.elements.at(-1)?.section;
  if (inner !== own)
    return inner === undefined
      ? `cell ${there} stands outside of section \`${own}\`; move this fence out of it`
      : `cell ${there} stands in section \`${inner}\`, and each element takes back its own; move this fence into it`;
  if ((cell.elements ?? []).at(-1)?.part !== place.elements.at(-1)?.part)
    return `cell ${there} stands in another part of section \`${own}\`, and each takes back its own; move this fence into that`;
  if (place.within.some((section) => !(cell.within ?? []).includes(section)))
    return `this fence stands in another section than cell ${there}, and no section decides about what takes back: move it to its cell`;
  return undefined;
};

/** What would pass over a cell that takes back. */
const passing = ['when', 'optional', 'poll'] as const;
const withPoll = ['within', 'onTimeout'] as const;

/** Its attributes without those that it cannot have and that are told here. */
const readAttributes = (attributes: Attributes, report: Report): Attributes => {
  for (const name of passing) {
    const at = attributes.get(name)?.at;
    if (at !== undefined)
      report(
        at,
        `what takes back has no \`${name}\`: passed over, it would be named as not taken back; decide in its body instead`,
      );
  }
  const told: readonly string[] = attributes.has('poll') ? [...passing, ...withPoll] : passing;
  return new Map([...attributes].filter(([name]) => !told.includes(name)));
};

const readBegun = (attributes: Attributes, report: Report): boolean => {
  const text = textOfAttribute('of', attributes, report);
  if (text === undefined || text.text === '') return false;
  if (text.text !== 'begun')
    report(
      text.at(0),
      `\`of\` is begun, not ${quote(text.text)}${suggest(text.text, ['begun'])}; without it, only what completed is taken back`,
    );
  return true;
};

/** Reads what an undo fence says of its cell. `undefined`: there is no such cell to take back (reported). */
export const readUndo = (
  { fence, info }: Piece,
  place: Place,
  { names, cells, undone }: Known,
  report: Report,
): Undo | undefined => {
  const { language } = info;
  if (!isKind(language)) refuseKind(language, info.at, report);
  else if (!isUndoKind(language))
    report(info.at, `what takes back is ${list(undoKinds).replace(' and ', ' or ')}, not \`${language}\``);
  const name = readName('undo', info.attributes, report);
  if (name === undefined) return undefined;
  const attributes = readAttributes(info.attributes, report);
  const begun = readBegun(attributes, report);
  const at = info.attributes.get('undo')?.value?.at(0) ?? fence.position;
  const known = names.get(name);
  const { line } = fence.position;
  const refusal =
    known === undefined
      ? `there is no cell \`${name}\`${suggest(name, names.keys()) || '; name one that stands before this fence'}`
      : refusalOf(name, known, line, place);
  const first = undone.get(name);
  undone.set(name, first ?? line);
  if (refusal !== undefined) report(at, refusal);
  else if (first !== undefined)
    report(at, `cell \`${name}\` has a fence already that takes it back, in line ${first}; keep one`);
  else if (nameProblem(undoName(name)) !== undefined) report(at, tooLong(name, 'cell'));
  else {
    const of = cells.find((cell) => cell.name === name);
    return of === undefined || !isUndoKind(language) ? undefined : { name: undoName(name), of, begun, attributes };
  }
  return undefined;
};

/** What is stored of a cell that is gone through at the end. */
export const cleanupOf = ({ atEnd }: CellPiece | BranchPiece): Pick<Cell, 'cleanup'> => {
  if (atEnd === undefined) return {};
  if ('on' in atEnd) return { cleanup: { on: atEnd.on } };
  return { cleanup: { undo: atEnd.of.name, ...(atEnd.begun ? { of: 'begun' } : {}) } };
};

/** Kinds that change nothing by themselves. */
const effectless: readonly CellKind[] = ['assert', 'end', 'wait', 'await', 'approve'];

/**
 * Reports the undo of a cell that has no effects.
 * @param safe the method or action by which that one's request asks for none
 */
export const refuseEffectless = (
  { name, fence, info }: CellPiece,
  safe: string | null,
  at: Position,
  report: Report,
): void => {
  const why = info.attributes.has('poll')
    ? 'only looks (`poll`)'
    : safe !== null
      ? `sends ${safe}, which asks for none`
      : (effectless as readonly string[]).includes(info.language)
        ? `is \`${info.language}\``
        : undefined;
  if (why !== undefined)
    report(
      at,
      `there is nothing to take back: cell \`${name}\` (line ${fence.position.line}) has no effects, since it ${why}; name the cell that has them, or write what has to run at the end into a section \`{ on=failure }\``,
    );
};
