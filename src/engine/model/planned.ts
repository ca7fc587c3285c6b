/** What a plan says: of a run, of each of its cells, of what these run. */
import type { Cleanup } from './runbook.ts';

/** The cell that takes one back, and whether also where it only began; `null`: none does. */
type UndoneBy = { cell: string; of: 'completed' | 'begun' } | null;

/** Of a cell. */
export type Ends = {
  /** Absent: a cell of the way. What it takes back, or at which ends it is gone through. */
  cleanup?: Cleanup;
  undoneBy: UndoneBy;
  hasEffects: boolean;
};

/** What a known failure leads to, of a run or of an element of a section. */
export type Failing = {
  onFailure: 'ask' | 'undo' | 'end';
  /** Cells that are gone through for a failure, in their order, as far as what they take back was done. */
  path: string[];
  /** Cells with effects that nothing takes back. */
  stays: string[];
};
export type PlannedCell = Ends & {
  name: string;
  kind: string;
  line: number;
  timeoutMs: number;
  /** Further attempts after a known failure. */
  retries: number;
  /** What it repeats beside known failures: what is not as expected, by `retryOn` or by the method of the request. */
  retryOn: 'unexpected' | null;
  interrupted: string;
  /** `interrupted` is declared by the method alone: by which. */
  byMethod: string | null;
  /** Statuses, or error codes of AWS, of which the author says what they mean. */
  failedOn: (number | string)[];
  unknownOn: (number | string)[];
  /** What else it says of how it is carried out, as it says it: `shell=bash`, `redirects=3`. */
  ways: string[];
  optional: boolean;
  /** The branches in whose sections it stands, the outermost first. */
  within: string[];
  /** Of a section with `parallel` that is one of them: the part in which it stands; of the innermost. */
  part: string | null;
  /** Of a branch: how many cells its section has. */
  sectionCells: number | null;
  /** Of a section with `each`: how it goes over its elements. Of `parallel` with the names of its parts. */
  each: (Failing & { as: string; max: string; stopAfter: number; cells: number; parts: string[] | null }) | null;
  /** Of a `run` cell: what it runs, with the cells of that version. */
  run: PlannedRun | null;
  when: string | null;
  expect: string[];
  /** Of a cell that waits: for whom or what, how long, and what then. */
  waits: string | null;
  /** What it acts with; `{{ }}` stays where an earlier cell's output is needed. */
  input: string;
};
export type Plan = Failing & {
  runbookId: string;
  /** `null`: a document that is not published. */
  version: number | null;
  title: string;
  params: Record<string, unknown>;
  /** Where `unique` decides it. */
  instanceId: string | null;
  concurrency: string | null;
  /** How people are told that one of them is needed: a claim, or a request's method and URL. */
  notify: string | null;
  cells: PlannedCell[];
};

/** Of a `run` cell. `cells`: of that version; `null` where it was not looked at, or beyond `plannedCellsMax`. */
export type PlannedRun = Failing & {
  runbookId: string;
  /** `null`: it is not known, or it would be published first. */
  version: number | null;
  title: string | null;
  /** Where there is a newer version than runs. */
  newest: number | null;
  /** What the element is called; `null`: it runs once. */
  as: string | null;
  max: string;
  stopAfter: number;
  /** As it is said: how long it is tried behind a lock. */
  within: string | null;
  /** As JSON; `{{ }}` stays where the element, or an earlier output, is needed. */
  params: Record<string, string>;
  output: string | null;
  cells: PlannedCell[] | null;
};
