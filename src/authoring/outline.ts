/** What Pawl reads of a document, sorted: which fences are cells, which headings branches, which are probes and expectations of which cell. */
import { type Interrupted, limits } from '../engine/index.ts';
import { type Info, readInfo, refuseUnknown } from './attributes.ts';
import type { Fence } from './document.ts';
import { isProbeKind, probeKinds, readName } from './kinds.ts';
import { around, nameOf, type Section } from './sections.ts';
import type { Element, NamedCell } from './surroundings.ts';
import { foldCase, list, type Position, type Report, suggest } from './text.ts';

export type Piece = { fence: Fence; info: Info };
export type CellPiece = Piece & {
  name: string;
  index: number;
  within: readonly string[];
  elements: readonly Element[];
};
/** The heading of a section. `otherwise`: of an `else`, the branch that it is judged by. */
export type BranchPiece = {
  section: Section;
  name: string;
  index: number;
  within: readonly string[];
  elements: readonly Element[];
  otherwise: string | null;
  /** How many cells and branches stand in its section. */
  cells: number;
  /** Of `parallel`: what stands directly under it. */
  parts: readonly PartPiece[];
};
/** A section directly under `parallel`, with the indexes of its first cell and of the one after its last. */
type PartPiece = { section: Section; name: string; from: number; to: number };
/** A probe or expectations: `of` is their cell, or the section with `each`; `undefined` when it could not be found. */
export type AttachedPiece = Piece & { of: CellPiece | BranchPiece | undefined };

export type Outline = {
  /** In the order in which they are gone through. */
  cells: (CellPiece | BranchPiece)[];
  branches: readonly BranchPiece[];
  /** Every name a cell has, also of cells that are refused otherwise. */
  names: ReadonlyMap<string, NamedCell>;
  probes: AttachedPiece[];
  expects: AttachedPiece[];
  schemas: AttachedPiece[];
};

const roles = ['name', 'probe', 'expect', 'schema'] as const;
type Role = (typeof roles)[number];

const roleOf = ({ fence, info }: Piece, report: Report): Role | undefined => {
  const [role, second] = roles.filter((candidate) => info.attributes.has(candidate));
  if (role === undefined) {
    const close = [...info.attributes.keys()].map((key) => suggest(key, roles)).find((hint) => hint !== '');
    report(
      fence.position,
      `braces mean that Pawl reads this fence: it needs \`name=\`, \`probe=\`, \`expect=\` or \`schema=\`${close ?? ''}`,
    );
  } else if (second !== undefined) {
    const at = info.attributes.get(second)?.at ?? fence.position;
    report(
      at,
      `\`${role}\` and \`${second}\` exclude each other; a fence is a cell, a probe, expectations or a schema`,
    );
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
  if (language === 'sh') return /OUTPUT(?!S)/.test(code) ? undefined : 'is a script that does not name `PAWL_OUTPUT`';
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

/** Fences and sections by where they stand. */
const inOrder = (fences: readonly Fence[], sections: readonly Section[]): (Fence | Section)[] =>
  [...fences, ...sections].sort((a, b) => a.position.line - b.position.line);

/** A name in braces, whether or not the rest of them can be read. */
const nameIn = ({ info }: Fence): string | undefined => /\bname="?\uFEFF?(\w+)/.exec(info.text)?.[1];

/** Names of all branches: their own, or one made of the heading that nothing else has. */
const namesOf = (sections: readonly Section[], fences: readonly Fence[]): Map<Section, string> => {
  const own = sections.flatMap(({ name, part }) => (name === null || part !== null ? [] : [name.text]));
  const taken = new Set([...own, ...fences.flatMap((fence) => nameIn(fence) ?? [])].map(foldCase));
  const names = new Map<Section, string>();
  for (const section of sections) {
    if (section.part !== null) continue;
    const name = section.name?.text ?? nameOf(section, (made) => taken.has(foldCase(made)));
    taken.add(foldCase(name));
    names.set(section, name);
  }
  return names;
};

/** Names of cells and branches as they are taken, one after the other. */
const createNames = (report: Report) => {
  const names = new Map<string, NamedCell>();
  const folded = new Map<string, string>();
  /** @returns whether it is the first of that name */
  const take = (name: string, at: Position, named: NamedCell): boolean => {
    const earlier = names.get(name);
    const alike = folded.get(foldCase(name));
    if (earlier !== undefined) {
      const what = earlier.kind === 'branch' || earlier.kind === 'each' ? 'section' : 'cell';
      report(at, `the name \`${name}\` is taken by the ${what} in line ${earlier.line}; choose another one`);
      return false;
    }
    if (alike !== undefined) {
      const where = names.get(alike)?.line;
      report(at, `the names \`${name}\` and \`${alike}\` (line ${where}) differ only in case; rename one`);
    }
    folded.set(foldCase(name), name);
    names.set(name, named);
    return true;
  };
  return { names, take };
};

/**
 * Sorts what stands in a document. Names are known to later steps even where the cell itself is refused.
 * @param interrupted what holds for cells that do not say
 */
export const readOutline = (
  fences: readonly Fence[],
  sections: readonly Section[],
  interrupted: Interrupted | undefined,
  report: Report,
): Outline => {
  const cells: CellPiece[] = [];
  const branches: BranchPiece[] = [];
  const byName = new Map<string, CellPiece | BranchPiece>();
  const { names, take } = createNames(report);
  const attached: { role: Role; piece: Piece }[] = [];
  const branchNames = namesOf(sections, fences);
  /** The sections with `each` around a line; `outside`: but for the one whose heading stands there. */
  const eachAt = (line: number, outside = false): { elements: readonly Element[] } => ({
    elements: around(sections, line).flatMap((one) =>
      one.each === null || (outside && one.position.line === line)
        ? []
        : [{ section: branchNames.get(one) ?? '', as: one.each.as, ...partAt(one, line) }],
    ),
  });
  /** The part of a section in which a line stands. */
  const partAt = (of: Section, line: number): { part?: string } => {
    const found = around(sections, line).find(({ part }) => part?.of === of);
    return found?.name == null ? {} : { part: found.name.text };
  };
  const partsOf = (of: Section): PartPiece[] =>
    sections
      .filter(({ part }) => part?.of === of)
      .map((section) => ({ section, name: section.name?.text ?? '', from: 0, to: 0 }));
  const refuseSameName = (section: Section, refuse: Report): void => {
    const outer = eachAt(section.position.line, true).elements.find(({ as }) => as === section.each?.as);
    if (outer !== undefined)
      refuse(
        section.position,
        `the element of the section around it is called \`${outer.as}\` too; give this one another name with \`as=\``,
      );
  };
  const branchesAt = (line: number): string[] =>
    around(sections, line).flatMap((one) => (one.part === null ? (branchNames.get(one) ?? '') : []));
  /** Of everything that is gone through, by its index. */
  const lines: number[] = [];
  const next = (at: Position): number => {
    if (lines.push(at.line) === limits.cellsPerRunbookMax + 1)
      report(
        at,
        `a runbook has at most ${limits.cellsPerRunbookMax} cells (cellsPerRunbookMax), sections among them; this is one more`,
      );
    return lines.length - 1;
  };

  const readBranch = (section: Section): void => {
    const { position, before } = section;
    const within = branchesAt(position.line).slice(0, -1);
    const name = branchNames.get(section) ?? '';
    const index = next(position);
    const branch: BranchPiece = {
      section,
      name,
      index,
      within,
      ...eachAt(position.line, true),
      otherwise: (before && branchNames.get(before)) ?? null,
      cells: 0,
      parts: partsOf(section),
    };
    branches.push(branch);
    const kind = section.each === null ? 'branch' : 'each';
    if (section.each !== null) refuseSameName(section, report);
    const named = { index, line: position.line, kind, within, ...eachAt(position.line, true) };
    if (take(name, section.name?.at(0) ?? position, named) && section.each !== null) byName.set(name, branch);
  };

  const readFence = (fence: Fence): void => {
    const info = readInfo(fence.info, report);
    reportSwallowed(fence, report);
    if (info === 'documentation') return;
    if (!fence.closed) report(fence.position, 'this fence is not closed; end it with a line of the same marks');
    const { line } = fence.position;
    if (info === 'broken') {
      // Its name is taken all the same, so that references to it are not reported too.
      const name = nameIn(fence);
      if (name !== undefined && !names.has(name)) names.set(name, { index: next(fence.position), line });
      return;
    }
    const piece = { fence, info };
    const role = roleOf(piece, report);
    if (role === undefined) return;
    if (role !== 'name') {
      attached.push({ role, piece });
      return;
    }
    const name = readName('name', info.attributes, report);
    const within = branchesAt(line);
    const innermost = around(sections, line).at(-1);
    if (innermost?.each?.over === null && sections.some(({ part }) => part?.of === innermost))
      report(
        fence.position,
        'a `parallel` section has its cells in the sections directly under it: move this one below a heading like `### Europe { name=eu }`',
      );
    const cell = { ...piece, name: name ?? '', index: next(fence.position), within, ...eachAt(line) };
    cells.push(cell);
    if (name === undefined) return;
    const at = info.attributes.get('name')?.at ?? fence.position;
    const named = {
      index: cell.index,
      line,
      kind: info.language,
      within,
      ...eachAt(line),
      ...absenceOf(piece, interrupted),
    };
    if (take(name, at, named)) byName.set(name, cell);
  };

  for (const item of inOrder(fences, sections)) {
    if (!('endLine' in item)) readFence(item);
    else if (item.part === null) readBranch(item);
  }
  if (cells.length === 0 && names.size === branches.length)
    report({ line: 1, column: 1 }, 'this runbook has no cell; write one as a fence like `sh { name=check }`');
  for (const branch of branches) {
    const { position, endLine } = branch.section;
    branch.cells = lines.filter((line, index) => index > branch.index && line < endLine).length;
    if (branch.cells === 0) report(position, noCell);
    if (branch.section.each?.over === null) readParts(branch, lines, report);
  }
  const attach = (role: Exclude<Role, 'name'>): AttachedPiece[] =>
    attached
      .filter((other) => other.role === role)
      .map(({ piece }) => ({ ...piece, of: attachedTo(role, piece, byName, names, report) }));
  const all = [...cells, ...branches].sort((a, b) => a.index - b.index);
  return { cells: all, names, branches, probes: attach('probe'), expects: attach('expect'), schemas: attach('schema') };
};

const noCell = 'this section has no cell: it reaches to the next heading of its level or a higher one';

/** Which cells stand in which part. Each of them has some, and a name that no other one has. */
const readParts = (
  { section: { position: at }, parts, cells }: BranchPiece,
  lines: readonly number[],
  report: Report,
) => {
  if (parts.length < 2)
    report(
      at,
      `a \`parallel\` section has two parts or more directly under it, like \`### Europe { name=eu }\`; this one has ${parts.length === 0 ? 'none' : 'one'}`,
    );
  for (const part of parts) {
    const { position, endLine } = part.section;
    const inside = lines.flatMap((line, index) => (line > position.line && line < endLine ? [index] : []));
    part.from = inside[0] ?? 0;
    part.to = part.from + inside.length;
    if (inside.length === 0 && cells > 0) report(position, noCell);
    const same = parts.find((other) => other !== part && foldCase(other.name) === foldCase(part.name));
    if (same !== undefined && same.section.position.line < position.line && part.name !== '')
      report(
        part.section.name?.at(0) ?? position,
        `the part in line ${same.section.position.line} is called \`${same.name}\`; give this one another name`,
      );
  }
};

const attachedTo = (
  role: Exclude<Role, 'name'>,
  { fence, info }: Piece,
  byName: ReadonlyMap<string, CellPiece | BranchPiece>,
  names: Outline['names'],
  report: Report,
): AttachedPiece['of'] => {
  const { language, attributes } = info;
  if (role === 'probe' && !isProbeKind(language))
    report(info.at, `a probe is ${list(probeKinds).replace(' and ', ' or ')}, not \`${language}\``);
  if (role === 'expect' && language !== 'cel')
    report(info.at, `expectations stand in a fence of the language \`cel\`, not \`${language}\``);
  if (role === 'schema' && language !== 'json')
    report(info.at, `a schema stands in a fence of the language \`json\`, not \`${language}\``);
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
  else if (known.kind === 'branch' || (known.kind === 'each' && role !== 'expect'))
    report(at, `\`${name}\` is a section (line ${known.line}); name one of its cells`);
  else if (known.line > fence.position.line)
    report(at, `cell \`${name}\` stands later (line ${known.line}); move this fence after it`);
  else return cell;
  return undefined;
};

/** Attributes of a fence that is no cell. */
export const refuseOthers = ({ info }: Piece, known: readonly string[], where: string, report: Report): void =>
  refuseUnknown(info.attributes, [...known, ...roles], where, report);
