/** What a piece of a runbook may refer to, and what it turned out to read. */
import { type Position, quote, type Report, suggest } from './text.ts';

/** What only expectations see: how the attempt ended. */
export const expectationRoots = ['output', 'status', 'exitCode', 'error'] as const;
/** What only the condition of an `await` sees: the claim it is asked about. */
export const claimFields = ['id', 'status', 'statement', 'evidence', 'revision'] as const;
export const roots = ['params', 'outputs', 'step', ...expectationRoots, 'claim'] as const;
type Root = (typeof roots)[number];

export type Surroundings = {
  roots: readonly Root[];
  stepFields: readonly string[];
  /** Declared parameters; `null` when the front matter could not be read, so that nothing is said about them. */
  params: ReadonlySet<string> | null;
  /** Every cell of the document by name, with its index and line. */
  cells: ReadonlyMap<string, { index: number; line: number }>;
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

export const referToParam = (name: string, at: Position, { params }: Surroundings, report: Report): void => {
  if (params === null || params.has(name)) return;
  report(at, `there is no parameter ${quote(name)}${suggest(name, params) || '; declare it under `params:`'}`);
};
