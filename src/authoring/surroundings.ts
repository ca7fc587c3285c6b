/** What a piece of a runbook may refer to, and what it turned out to read. */
import type { VariableTypes } from './cel.ts';
import { type DeclaredSecrets, noUses, type Uses } from './secrets.ts';
import { type Position, quote, type Report, suggest } from './text.ts';

/** What only expectations see: how the attempt ended. */
export const expectationRoots = ['output', 'status', 'exitCode', 'error'] as const;
/** What only the condition of an `await` sees: the claim it is asked about. */
export const claimFields = ['id', 'status', 'statement', 'evidence', 'revision'] as const;
export const roots = ['params', 'outputs', 'cells', 'step', ...expectationRoots, 'claim', 'run'] as const;
type Root = (typeof roots)[number];

/**
 * `absent`: why it may have no output when the run is past it. `skips`: its `when=`, when nothing else is the reason. `within`: the
 * branches in whose sections it stands. `without`: why it may have no output though it completed. `atEnd`: it is gone through at the end
 * of a run.
 */
export type NamedCell = {
  index: number;
  line: number;
  kind?: string;
  absent?: string;
  skips?: string;
  without?: string;
  within?: readonly string[];
  elements?: readonly Element[];
  atEnd?: 'undo' | 'on';
  /** It is repeated by `poll=`. */
  polls?: true;
};

/** A section with `each` around something, and what its element is called there. Of `parallel` with the part in which that stands. */
export type Element = { section: string; as: string; part?: string };

export type Surroundings = {
  roots: readonly Root[];
  stepFields: readonly string[];
  /** Declared parameters; `null` when the front matter could not be read, so that nothing is said about them. */
  params: ReadonlySet<string> | null;
  types: VariableTypes;
  /** Declared secrets; `null` when the front matter could not be read. */
  secrets: DeclaredSecrets | null;
  /** A placeholder may stand for a secret here. */
  secretsHere?: true;
  /** Every cell of the document by name. */
  cells: ReadonlyMap<string, NamedCell>;
  /** Cells whose outputs are there, whatever may keep them from having one: something looked. */
  present: ReadonlySet<string>;
  /** Outputs of cells before this index are in reach. */
  index: number;
  /** The branches in whose sections it stands. */
  within: readonly string[];
  /** The sections with `each` around it, the outermost first. */
  elements: readonly Element[];
  /** It is gone through at the end of a run. `undoes`: the cell that it takes back; `begun`: also where that did not complete. */
  atEnd?: { on: true } | { undoes: string; begun: boolean };
  /** It is no cell's: it is looked at when all of these are over. */
  isOver?: true;
};

/**
 * The section with `each` in which a cell stands, or the part of one with `parallel`, and the reader does not: of that only the
 * output can be read. `beside`: the reader stands in another part of it.
 */
const behindOf = (cell: NamedCell, { elements }: Surroundings): (Element & { beside: boolean }) | undefined => {
  for (const one of cell.elements ?? []) {
    const shared = elements.find(({ section }) => section === one.section);
    if (shared === undefined || shared.part !== one.part) return { ...one, beside: shared !== undefined };
  }
  return undefined;
};

/** How the cells of such a section are gone through. */
const goneThrough = ({ section, part }: Element): string =>
  part === undefined ? `for every element of section \`${section}\`` : `in part \`${part}\` of section \`${section}\``;

/**
 * Collects the cells whose outputs are read (`all`: it cannot be told which), those that are asked how they ended, and the secrets
 * that are used.
 */
export type Reads = { all: boolean; cells: Set<string>; states: Set<string>; uses: Uses };
export const noReads = (): Reads => ({ all: false, cells: new Set(), states: new Set(), uses: noUses() });

/** What a runbook stores: names in document order. */
export const readsInOrder = (reads: Reads, { cells }: Surroundings): string[] | 'all' => {
  return reads.all ? 'all' : inOrder(reads.cells, cells);
};

const inOrder = (names: ReadonlySet<string>, cells: Surroundings['cells']): string[] => {
  const order = (name: string): number => cells.get(name)?.index ?? 0;
  return [...names].sort((a, b) => order(a) - order(b));
};

/** What a runbook stores of the cells that are asked how they ended. */
export const statesInOrder = ({ states }: Reads, { cells }: Surroundings): { states?: string[] } =>
  states.size === 0 ? {} : { states: inOrder(states, cells) };

/** What never differs between the attempts of a visit, so that every attempt of it sees the same. */
export const visitFields = ['instanceId', 'cell', 'visit', 'idempotencyKey'] as const;
/** Besides, for expectations and probes: they look at one attempt. */
export const attemptFields = [...visitFields, 'runbookId', 'version', 'seq', 'attempt', 'deadlineAtMs'] as const;
/** Cells without a reservation of their own have no key. */
export const bareFields = ['instanceId', 'cell', 'visit'] as const;

/** What is called so takes back that cell. */
export const undoName = (cell: string): string => `undo_${cell}`;

/** Why a cell at the end of the run is none that can be read or asked about. */
const outOfReach = (name: string, cell: NamedCell, { atEnd, index }: Surroundings): string | undefined => {
  if (cell.atEnd === undefined || cell.index === index) return undefined;
  const there = `cell \`${name}\` (line ${cell.line})`;
  if (atEnd === undefined) return `${there} runs at the end, when all others are over: nothing before can know of it`;
  if ('undoes' in atEnd) {
    if (name === undoName(atEnd.undoes)) return `a cell knows neither its own \`outputs.${name}\` nor how it will end`;
    return `${there} runs at the end too; what takes back knows what its cell knows, and that one's output`;
  }
  if (cell.atEnd === 'on') return undefined;
  const undone = name.slice(undoName('').length);
  return `${there} takes back \`${undone}\`; ask whether it did by \`cells.${undone}.state == 'taken_back'\``;
};

/** Notes that the output of a cell is read, and reports it when that cell is not an earlier one. */
export const referToCell = (name: string, at: Position, around: Surroundings, reads: Reads, report: Report): void => {
  const cell = around.cells.get(name);
  reads.cells.add(name);
  const behind = cell === undefined ? undefined : behindOf(cell, around);
  if (behind !== undefined)
    return report(
      at,
      `cell \`${name}\` is gone through ${goneThrough(behind)}; ${behind.beside ? `this one is beside it, and its parts read nothing of each other` : `outside of it only \`outputs.${behind.section}\` can be read`}`,
    );
  if (cell === undefined) {
    const earlier = [...around.cells].filter(([, { index }]) => index < around.index).map(([known]) => known);
    report(at, `there is no cell ${quote(name)} whose output could be read${suggest(name, earlier)}`);
    return;
  }
  const atEnd = outOfReach(name, cell, around);
  if (atEnd !== undefined) report(at, atEnd);
  else if (cell.index === around.index) {
    report(at, `a cell cannot read its own \`outputs.${name}\`; in its expectations it is called \`output\``);
  } else if (cell.index > around.index) {
    report(at, `cell \`${name}\` stands later (line ${cell.line}); only outputs of earlier cells can be read`);
  }
};

/** Notes that it is asked how a cell ended, and reports it when that cell is not an earlier one. */
export const referToEnd = (name: string, at: Position, around: Surroundings, reads: Reads, report: Report): void => {
  const cell = around.cells.get(name);
  reads.states.add(name);
  const behind = cell === undefined ? undefined : behindOf(cell, around);
  if (behind !== undefined)
    return report(
      at,
      behind.beside
        ? `cell \`${name}\` ends ${goneThrough(behind)}; this one is beside it, and its parts ask nothing of each other`
        : `cell \`${name}\` ends ${behind.part === undefined ? 'once ' : ''}${goneThrough(behind)}; outside of it ask \`cells.${behind.section}.state\``,
    );
  if (cell === undefined) {
    const earlier = [...around.cells].filter(([, { index }]) => index < around.index).map(([known]) => known);
    report(at, `there is no cell ${quote(name)} that could be asked how it ended${suggest(name, earlier)}`);
    return;
  }
  const atEnd = outOfReach(name, cell, around);
  if (atEnd !== undefined) report(at, atEnd);
  else if (cell.index === around.index) {
    report(at, 'a cell cannot ask how it ended itself; its expectations know `status`');
  } else if (cell.index > around.index) {
    report(at, `cell \`${name}\` stands later (line ${cell.line}); only earlier cells have ended`);
  }
};

/** Kinds that leave a log. */
const withLog: readonly (string | undefined)[] = ['ts', 'js', 'sh', 'task'];

/** Reports a log that cannot be shown: of no earlier cell, or of one that leaves none. */
export const referToLog = (name: string, at: Position, around: Surroundings, report: Report): void => {
  const cell = around.cells.get(name);
  if (cell === undefined) {
    const earlier = [...around.cells].filter(([, one]) => one.index < around.index && withLog.includes(one.kind));
    const names = earlier.map(([known]) => known);
    return report(at, `there is no cell ${quote(name)} whose log could be shown${suggest(name, names)}`);
  }
  const behind = behindOf(cell, around);
  if (behind !== undefined)
    return report(
      at,
      `cell \`${name}\` is gone through ${goneThrough(behind)}, with a log each time: an approval ${behind.beside ? 'beside it' : 'outside of it'} cannot show one; ask in there`,
    );
  const atEnd = outOfReach(name, cell, around);
  if (atEnd !== undefined) report(at, atEnd);
  else if (cell.index >= around.index)
    report(at, `cell \`${name}\` stands later (line ${cell.line}); only logs of earlier cells can be shown`);
  else if (!withLog.includes(cell.kind))
    report(
      at,
      `cell \`${name}\` (line ${cell.line}) is of the kind \`${cell.kind}\` and leaves no log; \`ts\`, \`js\`, \`sh\` and \`task\` cells do`,
    );
  else if (cell.polls === true)
    report(
      at,
      `cell \`${name}\` (line ${cell.line}) is repeated by \`poll=\` and has no log of its own; refer to its output`,
    );
};

/** Kinds that end without an output, whatever happens. */
const withoutOutput = ['assert', 'end', 'branch'];

/** Why the output of a cell may be absent, for who stands there. */
const absentFor = (name: string, cell: NamedCell, around: Surroundings): string | undefined => {
  const { within, elements, atEnd } = around;
  if (atEnd !== undefined && 'undoes' in atEnd && atEnd.undoes === name)
    return cell.without ?? (atEnd.begun ? 'may have failed, or it is unknown (`of=begun`)' : undefined);
  if (cell.absent !== undefined) return cell.absent;
  const isElsewhere = (cell.within ?? []).some((branch) => !within.includes(branch));
  const isOfWay = cell.atEnd === undefined && (cell.elements ?? []).length === elements.length;
  if (atEnd !== undefined && 'on' in atEnd && isOfWay) return 'may not have been reached when the run came to its end';
  return isElsewhere ? 'stands in a section that may be passed over' : undefined;
};

/** Reports that the output of a cell is used where it may be absent. */
export const needPresent = (name: string, at: Position, around: Surroundings, report: Report): void => {
  const cell = around.cells.get(name);
  if (cell === undefined || cell.index >= around.index || behindOf(cell, around) !== undefined) return;
  if (outOfReach(name, cell, around) !== undefined) return;
  const { present } = around;
  const absent = absentFor(name, cell, around);
  const isUndo = around.atEnd !== undefined && 'undoes' in around.atEnd;
  const orWhen = isUndo || around.isOver === true ? '' : `, or give this cell \`when="has(outputs.${name})"\``;
  if (withoutOutput.includes(cell.kind ?? ''))
    report(at, `cell \`${name}\` (line ${cell.line}) is of the kind \`${cell.kind}\` and never has an output`);
  else if (absent !== undefined && !present.has(name))
    report(
      at,
      `\`outputs.${name}\` may be absent: cell \`${name}\` (line ${cell.line}) ${absent}; look first, as in \`has(outputs.${name}) ? … : …\`${orWhen}`,
    );
};

export const referToParam = (name: string, at: Position, { params }: Surroundings, report: Report): void => {
  if (params === null || params.has(name)) return;
  report(at, `there is no parameter ${quote(name)}${suggest(name, params) || '; declare it under `params:`'}`);
};
