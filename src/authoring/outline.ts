/** The fences that Pawl reads, sorted: which are cells, which are probes and expectations of which cell. */
import { type Interrupted, limits } from '../engine/index.ts';
import { type Info, readInfo, refuseUnknown } from './attributes.ts';
import type { Fence } from './document.ts';
import { isProbeKind, probeKinds, readName } from './kinds.ts';
import type { NamedCell } from './surroundings.ts';
import { foldCase, list, type Report, suggest } from './text.ts';

export type Piece = { fence: Fence; info: Info };
export type CellPiece = Piece & { name: string; index: number };
/** A probe or expectations: `of` is their cell, `undefined` when it could not be found. */
export type AttachedPiece = Piece & { of: CellPiece | undefined };

export type Outline = {
  cells: CellPiece[];
  /** Every name a cell has, also of cells that are refused otherwise. */
  names: ReadonlyMap<string, NamedCell>;
  probes: AttachedPiece[];
  expects: AttachedPiece[];
};

const roles = ['name', 'probe', 'expect'] as const;
type Role = (typeof roles)[number];

const roleOf = ({ fence, info }: Piece, report: Report): Role | undefined => {
  const [role, second] = roles.filter((candidate) => info.attributes.has(candidate));
  if (role === undefined) {
    const close = [...info.attributes.keys()].map((key) => suggest(key, roles)).find((hint) => hint !== '');
    report(
      fence.position,
      `braces mean that Pawl reads this fence: it needs \`name=\`, \`probe=\` or \`expect=\`${close ?? ''}`,
    );
  } else if (second !== undefined) {
    const at = info.attributes.get(second)?.at ?? fence.position;
    report(at, `\`${role}\` and \`${second}\` exclude each other; a fence is a cell, a probe or expectations`);
  }
  return role;
};

/** A fence inside another one is text. That is meant when the outer one has more backticks, and else a forgotten end. */
const reportSwallowed = ({ body, position, marks }: Fence, report: Report): void => {
  const opening = new RegExp(`^ {0,3}\\${marks[0] ?? '`'}{${marks.length},}[^\`\\n]*\\{`, 'm').exec(body.text);
  if (opening === null) return;
  const message = `this fence begins inside of the one opened in line ${position.line}; end that one first, or open it with more of its marks`;
  report(body.at(opening.index), message);
};

/** Why a body leaves no output, as far as its text tells: a script that does not name the file, a function without `return`. */
const outputless = (language: string, code: string): string | undefined => {
  if (language === 'sh') return code.includes('OUTPUT') ? undefined : 'is a script that does not name `PAWL_OUTPUT`';
  if (language !== 'ts' && language !== 'js') return undefined;
  const isOwn = /\bexport\s+default\s+(?:async\s+)?(?:function\b|\()/.test(code);
  return isOwn && !/\breturn\b|=>\s*[^{\s]/.test(code) ? 'is a function that returns nothing' : undefined;
};

/** Why a run may be past a cell that has no output. `interrupted`: what holds for cells that do not say. */
const absenceOf = (
  { info: { language, attributes }, fence }: Piece,
  interrupted: Interrupted | undefined,
): Pick<NamedCell, 'absent' | 'skips'> => {
  const textOf = (name: string): string | undefined => attributes.get(name)?.value?.text;
  const isOptional = attributes.has('optional') && textOf('optional') !== 'false';
  const polls = attributes.has('poll');
  const goesOn = isProbeKind(language) && !polls && (textOf('interrupted') ?? interrupted) === 'continue';
  const without = outputless(language, fence.body.text);
  const others = [
    ...(without === undefined ? [] : [without]),
    ...(isOptional ? ['may fail and is optional'] : []),
    ...(goesOn ? ['is passed when it is interrupted (`interrupted=continue`)'] : []),
    ...(polls && textOf('onTimeout') === 'continue' ? ['is passed at its time-out (`onTimeout=continue`)'] : []),
  ];
  const when = language === 'end' ? undefined : textOf('when');
  const reasons = [...(when === undefined ? [] : ['is skipped when its `when` is false']), ...others];
  if (reasons.length === 0) return {};
  return { absent: list(reasons), ...(when !== undefined && others.length === 0 ? { skips: when.trim() } : {}) };
};

/** Sorts the fences of a document. Names are known to later steps even where the cell itself is refused. */
export const readOutline = (
  fences: readonly Fence[],
  interrupted: Interrupted | undefined,
  report: Report,
): Outline => {
  const cells: CellPiece[] = [];
  const byName = new Map<string, CellPiece>();
  const names = new Map<string, NamedCell>();
  const folded = new Map<string, string>();
  const attached: { role: Role; piece: Piece }[] = [];
  let index = 0;
  for (const fence of fences) {
    const info = readInfo(fence.info, report);
    reportSwallowed(fence, report);
    if (info === 'documentation') continue;
    if (!fence.closed) report(fence.position, 'this fence is not closed; end it with a line of the same marks');
    const { line } = fence.position;
    if (info === 'broken') {
      // Its name is taken all the same, so that references to it are not reported too.
      const name = /\bname="?\uFEFF?(\w+)/.exec(fence.info.text)?.[1];
      if (name !== undefined && !names.has(name)) names.set(name, { index: index++, line });
      continue;
    }
    const piece = { fence, info };
    const role = roleOf(piece, report);
    if (role === undefined) continue;
    if (role !== 'name') {
      attached.push({ role, piece });
      continue;
    }
    const name = readName('name', info.attributes, report);
    const cell = { ...piece, name: name ?? '', index };
    const earlier = name === undefined ? undefined : names.get(name);
    const alike = name === undefined ? undefined : folded.get(foldCase(name));
    if (name !== undefined && earlier === undefined && alike !== undefined) {
      report(
        info.attributes.get('name')?.at ?? fence.position,
        `the names \`${name}\` and \`${alike}\` (line ${names.get(alike)?.line}) differ only in case; rename one`,
      );
    }
    if (earlier !== undefined) {
      report(
        info.attributes.get('name')?.at ?? fence.position,
        `the name \`${name}\` is taken by the cell in line ${earlier.line}; choose another one`,
      );
    } else if (name !== undefined) {
      folded.set(foldCase(name), name);
      names.set(name, { index, line, kind: info.language, ...absenceOf(piece, interrupted) });
      byName.set(name, cell);
    }
    cells.push(cell);
    index += 1;
    if (index === limits.cellsPerRunbookMax + 1) {
      report(
        fence.position,
        `a runbook has at most ${limits.cellsPerRunbookMax} cells (cellsPerRunbookMax); this is one more`,
      );
    }
  }
  if (cells.length === 0 && names.size === 0)
    report({ line: 1, column: 1 }, 'this runbook has no cell; write one as a fence like `sh { name=check }`');
  const attach = (role: 'probe' | 'expect'): AttachedPiece[] =>
    attached
      .filter((other) => other.role === role)
      .map(({ piece }) => ({ ...piece, of: attachedTo(role, piece, byName, names, report) }));
  return { cells, names, probes: attach('probe'), expects: attach('expect') };
};

const attachedTo = (
  role: 'probe' | 'expect',
  { fence, info }: Piece,
  byName: ReadonlyMap<string, CellPiece>,
  names: Outline['names'],
  report: Report,
): CellPiece | undefined => {
  const { language, attributes } = info;
  if (role === 'probe' && !isProbeKind(language))
    report(info.at, `a probe is ${list(probeKinds).replace(' and ', ' or ')}, not \`${language}\``);
  if (role === 'expect' && language !== 'cel')
    report(info.at, `expectations stand in a fence of the language \`cel\`, not \`${language}\``);
  const name = readName(role, attributes, report);
  if (name === undefined) return undefined;
  const at = attributes.get(role)?.value?.at(0) ?? fence.position;
  const cell = byName.get(name);
  const known = names.get(name);
  if (known === undefined)
    report(
      at,
      `there is no cell \`${name}\`${suggest(name, names.keys()) || '; name one that stands before this fence'}`,
    );
  else if (known.line > fence.position.line)
    report(at, `cell \`${name}\` stands later (line ${known.line}); move this fence after it`);
  else return cell;
  return undefined;
};

/** Attributes of a fence that is no cell. */
export const refuseOthers = ({ info }: Piece, known: readonly string[], where: string, report: Report): void =>
  refuseUnknown(info.attributes, [...known, ...roles], where, report);
