/**
 * A compiled runbook version: what publishing makes of a Markdown document. It is stored beside the source and never
 * changes, so every field here is plain JSON. `format` is raised when its shape changes.
 */

import type {
  ApproveBody,
  AwaitBody,
  AwsBody,
  CodeBody,
  Expression,
  Holds,
  HttpBody,
  Lasting,
  OnTimeout,
  ScriptBody,
  TaskBody,
  Template,
  WaitBody,
} from './cellKinds.ts';
import { PawlError } from './errors.ts';
import type { Needs } from './place.ts';

/** What a cell does, by kind. `ts` and `js` both hold JavaScript (types are stripped at publishing). */
export type CellBody =
  | ({ kind: 'ts' | 'js' } & CodeBody)
  | ({ kind: 'sh' } & ScriptBody)
  | ({ kind: 'http' } & HttpBody)
  | ({ kind: 'aws' } & AwsBody)
  | ({ kind: 'task' } & TaskBody)
  | { kind: 'assert'; expressions: Expression[] }
  /** `answer`: the JSON Schema of an object, which the person's answer has to fit; it is the cell's output. */
  | { kind: 'manual'; instructions: Template; answer?: Record<string, unknown> }
  | ({ kind: 'await' } & AwaitBody)
  | ({ kind: 'approve' } & ApproveBody)
  | ({ kind: 'wait' } & WaitBody)
  /** `as`: the run has failed. */
  | { kind: 'end'; as?: 'failed' }
  | BranchBody
  | ({ kind: 'each' } & EachBody)
  | ({ kind: 'run' } & RunBody);

/**
 * A heading with `when` or `else`: so many cells after it are its section, inner branches among them. Where its `when` is false
 * they are passed over together.
 */
export type BranchBody = { kind: 'branch'; cells: number };

/** What an element of a section goes through. */
export type Part = {
  /** Numbered from 0. */
  cells: Cell[];
  /** What the section's output says of an element that completed; `null`: nothing. */
  output: Expression | null;
};

/**
 * A section that an instance of its own goes through for every element of a list: all of them the same cells, or, of `parallel`, each
 * one the part of its index, whose name is the element.
 */
export type EachBody = Over & ((Part & { parts?: never }) | { parts: NamedPart[]; cells?: never; output?: never });

/** A version of another runbook, as it was when this one was published. */
export type Pin = { runbookId: string; version: number; runHash: string };

/**
 * A `run` cell: each element is a run of that version, from its first cell to its last, with parameters of its own. Without
 * `each` there is one element, the id of the runbook.
 */
export type RunBody = Over & {
  pin: Pin;
  /** By name; each is JSON, and may read what the cell reads, and the element. */
  params: Record<string, Template>;
  /** What the cell's output says of a run that completed: it reads the cells of that run. `null`: nothing. */
  output: Expression | null;
  /** So long after it has opened, what is held up by a lock of somebody else's fails (`run.locked`); absent: as long as it takes. */
  withinMs?: Lasting;
};

/** The list of a `run` without `each`. */
export const listOfOne = (runbookId: string): string => JSON.stringify([runbookId]);

/** Whether a `run` cell goes over no list that anybody wrote: its one element has no name that could be read. */
export const runsOnce = ({ over, pin }: RunBody): boolean => over.source === listOfOne(pin.runbookId);

/** A subsection directly under `parallel`. */
type NamedPart = Part & { name: string };

type Over = {
  /** A list. */
  over: Expression;
  /** What expressions call the element. */
  as: string;
  /** So many at a time; as `percent`, of the elements, at least one. */
  max: { count: number } | { percent: number };
  /** After so many that were given up, halted or in doubt no more begin. */
  stopAfter: number;
  /** Of an element that would halt for a known failure; absent: a person is asked. `end`: it ends failed as it stands. */
  onFailure?: 'undo' | 'end';
  /** Takes back what the elements of this section did, the last first, over the cells of that. */
  undoes?: string;
};

/** What its elements go through: one part for all of them, or one for each. */
export const partsOf = (body: EachBody): readonly (Part & Partial<NamedPart>)[] => body.parts ?? [body];

/** What an element goes through. */
export const partAt = (body: EachBody, index: number): Part => {
  if (body.parts === undefined) return body;
  const part = body.parts[index];
  if (part === undefined) throw new PawlError('journal.broken', `There is no part ${index} of a section.`);
  return part;
};

export type Interrupted = 'hold' | 'retry' | 'probe' | 'continue';

/** A cell without effects that tells whether an interrupted step happened. */
export type Probe = {
  line: number;
  timeoutMs: number;
  /** `http` and `aws` probes decide by these; the others return `{ answer: 'done' | 'not-done' | 'unsure', output? }`. */
  done: string | null;
  notDone: string | null;
  reads: string[] | 'all';
  body: Extract<CellBody, { kind: 'ts' | 'js' | 'sh' | 'http' | 'aws' }>;
};

/** Of a cell that is passed over on the way: what it takes back, or at which ends it is gone through. `of: 'begun'`: also what failed, was forgiven, or is unknown. */
export type Cleanup = { undo: string; of?: 'begun' } | { on: 'failure' | 'cancel' | 'always' };

export type Cell = {
  /** Position in document order, from 0. */
  index: number;
  name: string;
  line: number;
  timeoutMs: number;
  /** Further attempts after a known failure. `null`: not given. */
  retryMax: number | null;
  /** `retry` repeats also what completed and is not as expected: the author says that this does no harm. */
  retryOn?: 'unexpected';
  interrupted: Interrupted;
  /** `interrupted` is declared by the method of the request, the action of AWS, or the effects of the task, alone: by which. */
  byMethod?: string;
  settleMs: number;
  /** After this long since the visit's first attempt nothing is retried automatically. */
  keyWindowMs: number | null;
  /** CEL; false skips the cell (for `end`: true ends the run; for a branch: false passes over its section). */
  when: Expression | null;
  optional: boolean;
  expect: Expression[];
  probe: Probe | null;
  /** A cell without effects that is repeated every so often until its expectations hold, and recorded once. */
  poll?: { everyMs: number; withinMs: Lasting | null; onTimeout: OnTimeout; holds?: Holds };
  /** Names of earlier cells whose outputs the cell, its `when` or its expectations read. */
  reads: string[] | 'all';
  /** Names of earlier cells of which it asks how they ended; absent where it asks of none. */
  states?: string[];
  /** Secrets that it names, and its probe; absent where it names none. */
  uses?: string[];
  /** What it needs of the place that carries it out, its probe as well: code cells only, and absent where that is nothing. */
  needs?: Needs;
  /** The place that carries it out, its probe and its polls as well, or `any`. Absent: where that is, says `rules/place`. */
  at?: Template;
  body: CellBody;
  /** Absent: a cell of the way. */
  cleanup?: Cleanup;
};

/** Where a secret is (`ssm:/path`, `secretsmanager:ID`, `file:/path`, `env:NAME`), and to which hosts `http` may send it. */
export type SecretSpec = { from: string; hosts: string[] };

/** Tells people, by one request or by a claim, that a run has halted, or is in doubt and its policy holds. */
export type Notify = { line: number } & (
  | ({ kind: 'http' } & HttpBody & { uses: string[] })
  | { kind: 'claim'; claim: Template }
);

/** Of a compiled document. A version of a higher one is left to the Pawl that knows it. */
export const runbookFormat = 1;

export type Runbook = {
  format: typeof runbookFormat;
  runbookId: string;
  title: string;
  /** JSON Schema of the parameters: an object schema with `properties`, `required`, `additionalProperties: false`. */
  params: Record<string, unknown>;
  unique: Template | null;
  concurrency: Template | null;
  /** By name; absent where it declares none. */
  secrets?: Record<string, SecretSpec>;
  /** Of a run that would halt for a known failure; absent: a person is asked. `end` is of elements alone. */
  onFailure?: 'undo' | 'end';
  /** How people are told that one of them is needed; absent: they look by themselves. */
  notify?: Notify;
  /** Those of the way, then what takes back, the last first, then those of sections with `on`. */
  cells: Cell[];
};

/**
 * A published version. `sourceHash`, the sha256 (hex) of the source's bytes, says whether a content is there already.
 * `runHash` covers what runs: source, compiled form and format. Compiled again by a later Pawl, a version stays what it is.
 */
export type Version = {
  runbookId: string;
  version: number;
  sourceHash: string;
  runHash: string;
  source: string;
  runbook: Runbook;
};

/** What `runHash` is the sha256 (hex) of, as canonical JSON. */
export const runsOf = ({ source, runbook }: Pick<Version, 'source' | 'runbook'>) => ({
  format: runbook.format,
  source,
  runbook,
});
