/** What a piece of a runbook may refer to, and what it turned out to read. */
import type { VariableTypes } from './cel.ts';
import { type Position, quote, type Report, suggest } from './text.ts';

/** What only expectations see: how the attempt ended. */
export const expectationRoots = ['output', 'status', 'exitCode', 'error'] as const;
/** What only the condition of an `await` sees: the claim it is asked about. */
export const claimFields = ['id', 'status', 'statement', 'evidence', 'revision'] as const;
export const roots = ['params', 'outputs', 'step', ...expectationRoots, 'claim'] as const;
type Root = (typeof roots)[number];

/** `absent`: why it may have no output when the run is past it. `skips`: its `when=`, when nothing else is the reason. */
export type NamedCell = { index: number; line: number; kind?: string; absent?: string; skips?: string };

export type Surroundings = {
  roots: readonly Root[];
  stepFields: readonly string[];
  /** Declared parameters; `null` when the front matter could not be read, so that nothing is said about them. */
  params: ReadonlySet<string> | null;
  types: VariableTypes;
  /** Every cell of the document by name. */
  cells: ReadonlyMap<string, NamedCell>;
  /** Cells whose outputs are there, whatever may keep them from having one: something looked. */
  present: ReadonlySet<string>;
  /** Outputs of cells before this index are in reach. */
  index: number;
};

/** Collects the cells whose outputs are read. `all`: it cannot be told which. */
export type Reads = { all: boolean; cells: Set<string> };
export const noReads = (): Reads => ({ all: false, cells: new Set() });

/** What a runbook stores: names in document order. */
export const readsInOrder = (reads: Reads, { cells }: Surroundings): string[] | 'all' => {
  if (reads.all) return 'all';
  const order = (name: string): number => cells.get(name)?.index ?? 0;
  return [...reads.cells].sort((a, b) => order(a) - order(b));
};

/** What never differs between the attempts of a visit, so that every attempt of it sees the same. */
export const visitFields = ['instanceId', 'cell', 'visit', 'idempotencyKey'] as const;
/** Besides, for expectations and probes: they look at one attempt. */
export const attemptFields = [...visitFields, 'runbookId', 'version', 'seq', 'attempt', 'deadlineAtMs'] as const;
/** Cells without a reservation of their own have no key. */
export const bareFields = ['instanceId', 'cell', 'visit'] as const;

/** Notes that the output of a cell is read, and reports it when that cell is not an earlier one. */
export const referToCell = (name: string, at: Position, around: Surroundings, reads: Reads, report: Report): void => {
  const cell = around.cells.get(name);
  reads.cells.add(name);
  if (cell === undefined) {
    const earlier = [...around.cells].filter(([, { index }]) => index < around.index).map(([known]) => known);
    report(at, `there is no cell ${quote(name)} whose output could be read${suggest(name, earlier)}`);
  } else if (cell.index === around.index) {
    report(at, `a cell cannot read its own \`outputs.${name}\`; in its expectations it is called \`output\``);
  } else if (cell.index > around.index) {
    report(at, `cell \`${name}\` stands later (line ${cell.line}); only outputs of earlier cells can be read`);
  }
};

/** Kinds that end without an output, whatever happens. */
const withoutOutput = ['assert', 'end'];

/** Reports that the output of a cell is used where it may be absent. */
export const needPresent = (
  name: string,
  at: Position,
  { cells, index, present }: Surroundings,
  report: Report,
): void => {
  const cell = cells.get(name);
  if (cell === undefined || cell.index >= index) return;
  if (withoutOutput.includes(cell.kind ?? ''))
    report(at, `cell \`${name}\` (line ${cell.line}) is of the kind \`${cell.kind}\` and never has an output`);
  else if (cell.absent !== undefined && !present.has(name))
    report(
      at,
      `\`outputs.${name}\` may be absent: cell \`${name}\` (line ${cell.line}) ${cell.absent}; look first, as in \`has(outputs.${name}) ? … : …\`, or give this cell \`when="has(outputs.${name})"\``,
    );
};

export const referToParam = (name: string, at: Position, { params }: Surroundings, report: Report): void => {
  if (params === null || params.has(name)) return;
  report(at, `there is no parameter ${quote(name)}${suggest(name, params) || '; declare it under `params:`'}`);
};
