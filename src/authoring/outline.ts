/**
 * What Pawl reads of a document, sorted: which fences are cells, which headings branches, which are probes and expectations of which
 * cell, and what is gone through at the end.
 */
import { type Interrupted, limits, type Pinned, type Pins, takesBack } from '../engine/index.ts';
import { absenceOf } from './absence.ts';
import { nameProblem, readInfo } from './attributes.ts';
import { readName } from './commonAttributes.ts';
import type { Fence } from './document.ts';
import { createNames, nameIn, namesOf } from './naming.ts';
import { readParts } from './parts.ts';
import type { AtEnd, AttachedPiece, BranchPiece, CellPiece, Outline, PartPiece, Piece, Role } from './pieces.ts';
import { attachedTo, reportSwallowed, roleOf } from './roles.ts';
import { namedBy } from './runNames.ts';
import { around, type End, type Section } from './sections.ts';
import { type Element, undoName } from './surroundings.ts';
import type { Position, Report } from './text.ts';
import { readUndo, tooLong } from './undo.ts';

/** Fences and sections by where they stand. */
const inOrder = (fences: readonly Fence[], sections: readonly Section[]): (Fence | Section)[] =>
  [...fences, ...sections].sort((a, b) => a.position.line - b.position.line);

/**
 * Sorts what stands in a document. Names are known to later steps even where the cell itself is refused.
 * @param interrupted what holds for cells that do not say
 * @param pins the versions of what it runs
 */
export const readOutline = (
  fences: readonly Fence[],
  sections: readonly Section[],
  { interrupted, pins }: { interrupted: Interrupted | undefined; pins: Pins },
  report: Report,
): Outline => {
  const cells: CellPiece[] = [];
  const branches: BranchPiece[] = [];
  const byName = new Map<string, CellPiece | BranchPiece>();
  const { names, take } = createNames(report);
  const attached: { role: Exclude<Role, 'name' | 'undo'>; piece: Piece }[] = [];
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
  /** Reports a fence that stands in a section with `parallel` and in none of its parts. */
  const refuseBeside = ({ position }: Fence): void => {
    const innermost = around(sections, position.line).at(-1);
    if (innermost?.each?.over === null && sections.some(({ part }) => part?.of === innermost))
      report(
        position,
        'a `parallel` section has its cells in the sections directly under it: move this one below a heading like `### Europe { name=eu }`',
      );
  };
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
  /** The section with `on` in which a line stands. */
  const endAt = (line: number): { atEnd?: AtEnd & { on: End } } => {
    const section = around(sections, line).find(({ on }) => on !== null);
    return section === undefined || section.on === null
      ? {}
      : { atEnd: { on: section.on, section: branchNames.get(section) ?? '' } };
  };
  const pinnedBy = ({ body }: Fence): Pinned | null | undefined => {
    const named = namedBy(body);
    return named === undefined ? undefined : pins(named);
  };
  const failurePaths = new Set<string | undefined>();
  const undone = new Map<string, number>();
  /** Of everything that is gone through, by its index. */
  const lines: { line: number; of: 'way' | 'branch' | 'on' | 'undo'; undone?: true }[] = [];
  const next = (at: Position, of: 'way' | 'branch' | 'undo'): number => {
    const { line } = at;
    if (
      lines.push({ line, of: endAt(line).atEnd === undefined || of === 'undo' ? of : 'on' }) ===
      limits.cellsPerRunbookMax + 1
    )
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
    const index = next(position, 'branch');
    const end = endAt(position.line);
    const branch: BranchPiece = {
      section,
      name,
      index,
      within,
      ...eachAt(position.line, true),
      ...end,
      otherwise: (before && branchNames.get(before)) ?? null,
      cells: 0,
      parts: partsOf(section),
    };
    branches.push(branch);
    const kind = section.each === null ? 'branch' : 'each';
    if (section.each !== null) refuseSameName(section, report);
    const named = {
      index,
      line: position.line,
      kind,
      within,
      ...eachAt(position.line, true),
      ...(end.atEnd && { atEnd: 'on' as const }),
    };
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
      if (name !== undefined && !names.has(name)) names.set(name, { index: next(fence.position, 'way'), line });
      return;
    }
    const piece = { fence, info };
    const role = roleOf(piece, report);
    if (role === undefined) return;
    if (role === 'name' || role === 'undo') refuseBeside(fence);
    if (role === 'undo') return readUndoFence(piece);
    if (role !== 'name') {
      attached.push({ role, piece });
      return;
    }
    const name = readName('name', info.attributes, report);
    const within = branchesAt(line);
    const end = endAt(line);
    const cell = { ...piece, name: name ?? '', index: next(fence.position, 'way'), within, ...eachAt(line), ...end };
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
      ...(info.attributes.has('poll') ? { polls: true as const } : {}),
      ...(end.atEnd && { atEnd: 'on' as const }),
    };
    if (take(name, at, named)) byName.set(name, cell);
    if (info.language === 'run') takeUndoOfRun(cell);
  };

  /** What takes back a run is no fence of its own either: it follows from the version that runs. */
  const takeUndoOfRun = ({ fence, name, index, within, elements, info }: CellPiece): void => {
    const pinned = pinnedBy(fence);
    if (pinned === null || (pinned !== undefined && !takesBack(pinned.runbook))) return;
    for (const section of [undefined, ...elements.map((one) => one.section)]) failurePaths.add(section);
    if (pinned === undefined) return;
    const own = lines[index];
    if (own !== undefined) own.undone = true;
    const at = info.attributes.get('name')?.value?.at(0) ?? fence.position;
    const undo = undoName(name);
    if (nameProblem(undo) !== undefined) report(at, tooLong(name, 'cell'));
    else take(undo, at, { index, line: fence.position.line, kind: 'run', within, elements, atEnd: 'undo' }, name);
  };

  const readUndoFence = (piece: Piece): void => {
    const { fence, info } = piece;
    const { line } = fence.position;
    const place = { within: branchesAt(line), ...eachAt(line) };
    for (const section of [undefined, ...place.elements.map((one) => one.section)]) failurePaths.add(section);
    const index = next(fence.position, 'undo');
    const named = { index, line, kind: info.language, ...place, atEnd: 'undo' as const };
    const undo = readUndo(piece, place, { names, cells, undone }, report);
    if (undo === undefined) {
      // Its name is taken all the same, as that of a broken fence.
      const name = nameIn(fence);
      if (name !== undefined && !names.has(name)) names.set(name, named);
      return;
    }
    const { name, of, begun, attributes } = undo;
    const cell = { ...piece, info: { ...info, attributes }, name, index, ...place, atEnd: { of, begun } };
    cells.push(cell);
    const at = info.attributes.get('undo')?.at ?? fence.position;
    if (take(name, at, named, of.name)) byName.set(name, cell);
  };

  /** What takes back a section is no fence of its own: it follows from those in it. */
  const takeUndoOf = ({ section, name, index, within, elements }: BranchPiece): void => {
    const at = section.name?.at(0) ?? section.position;
    const { line } = section.position;
    const undo = undoName(name);
    if (nameProblem(undo) !== undefined) report(at, tooLong(name, 'section'));
    else take(undo, at, { index, line, kind: 'each', within, elements, atEnd: 'undo' }, name);
  };

  for (const item of inOrder(fences, sections)) {
    if ('endLine' in item) {
      if (item.part !== null) continue;
      if (item.on === null) readBranch(item);
      else if (item.on !== 'cancel') failurePaths.add(eachAt(item.position.line).elements.at(-1)?.section);
    } else readFence(item);
  }
  if (!lines.some(({ of }) => of === 'way'))
    report(
      { line: 1, column: 1 },
      lines.some(({ of }) => of !== 'branch')
        ? 'this runbook has only cells that run at its end; write one of its way as a fence like `sh { name=check }`'
        : 'this runbook has no cell; write one as a fence like `sh { name=check }`',
    );
  for (const branch of branches) {
    const { endLine, each } = branch.section;
    const inside = lines.filter(({ line }, index) => index > branch.index && line < endLine);
    branch.cells = inside.length;
    if (each?.over === null)
      readParts(
        branch,
        lines.map(({ line }) => line),
        report,
      );
    if (each !== null && inside.some(({ of, undone }) => of === 'undo' || undone === true)) takeUndoOf(branch);
  }
  const linesIn = ({ position, endLine }: Section) =>
    lines.filter(({ line }) => line > position.line && line < endLine);
  for (const section of sections) {
    const { position, each, part } = section;
    const inside = linesIn(section);
    // Of parts without a cell it is told once, of the section around them.
    if (part !== null && linesIn(part.of).length === 0) continue;
    const isOfWay = (each !== null || part !== null) && endAt(position.line).atEnd === undefined;
    const own = !isOfWay ? inside.filter(({ of }) => of !== 'undo') : inside.filter(({ of }) => of === 'way');
    if (own.length > 0) continue;
    const what = isOfWay && inside.length > 0 ? 'cell that does not run at the end of an element' : 'cell';
    report(position, `this section has no ${what}: it reaches to the next heading of its level or a higher one`);
  }
  const attach = (role: Exclude<Role, 'name' | 'undo'>): AttachedPiece[] =>
    attached
      .filter((other) => other.role === role)
      .map(({ piece }) => ({ ...piece, of: attachedTo(role, piece, byName, names, report) }));
  const all = [...cells, ...branches].sort((a, b) => a.index - b.index);
  return {
    cells: all,
    names,
    branches,
    probes: attach('probe'),
    expects: attach('expect'),
    schemas: attach('schema'),
    failurePaths,
  };
};
