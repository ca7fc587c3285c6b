/**
 * A compiled runbook version: what publishing makes of a Markdown document. It is stored beside the source and never
 * changes, so every field here is plain JSON. `format` is raised when its shape changes.
 */

import { PawlError } from './errors.ts';
import type { Needs } from './place.ts';
import { isReadingAction } from './reading.ts';
import { type WayEnd, wayEnds } from './runEnd.ts';
import { commitEffects } from './task.ts';

/** A text with `{{ }}` in it, split at publishing. How a value is written depends on where it stands. */
export type Template = (string | { expression: string; write: TemplateWrite })[];
/**
 * `text`: as it is. `url`: percent-encoded. `json`: as JSON text (the placeholder stands where a JSON value stands).
 * `jsonString`: escaped for the inside of a JSON string (the placeholder stands between quotes). `form`: percent-encoded.
 * `xml`: escaped for the text of an element or a quoted attribute.
 */
export type TemplateWrite = 'text' | 'url' | 'json' | 'jsonString' | 'form' | 'xml';

/**
 * One CEL expression and the line of the document it stands on. With `schema` it is none: that JSON Schema is what the output,
 * or the body of an answer, has to fit, and `source` says so to people.
 */
export type Expression = { source: string; line: number; schema?: Record<string, unknown> };

type CodeBody = { code: string };
/** How a script is run. `errexit`: with `-eu`; versions from before it have none. `shell`: another one than `/bin/sh`. */
export type ScriptBody = CodeBody & { errexit?: true; shell?: 'bash' };
export type HttpBody = {
  method: string;
  url: Template;
  headers: [string, Template][];
  body: Template | null;
  /** Statuses of which the author knows better than the table of statuses (`cells/statuses`) what they mean. */
  failedOn?: number[];
  unknownOn?: number[];
  /** `Set-Cookie` of the answer stands in the output. */
  cookies?: 'keep';
  /** So many redirects are followed, of GET and HEAD. Without it none is. */
  redirects?: number;
  sigv4?: Sigv4Body;
};
/** Signed for a service of AWS in a region. `role`: by the credentials of this role instead of the place's own. */
type Sigv4Body = { service: string; region: string; role: Template | null };

/** One request to a service of AWS, by the service's own client. */
export type AwsBody = {
  /** As in `@aws-sdk/client-<service>`. */
  service: string;
  action: string;
  /** `null`: the region of the place. */
  region: Template | null;
  /** ARN of the role that is assumed for it; `null`: by the place's own credentials. */
  role: Template | null;
  /** The members, as JSON. */
  input: Template;
  /** Members that get an idempotency token of the visit, since the author gives none. */
  tokens: string[];
  /** Error codes of which the author knows better than the status of the answer what they mean. */
  failedOn?: string[];
  unknownOn?: string[];
};

/** A task of the deployment, called by its name. */
export type TaskBody = {
  task: string;
  /** JSON. */
  input: Template;
  /** What the input has to fit: as the task said when the version was published. */
  schema: Record<string, unknown>;
  /** Nothing of it is done but what is committed with its outcome. */
  effects?: 'commit';
};

export type CellKind =
  | 'ts'
  | 'js'
  | 'sh'
  | 'http'
  | 'aws'
  | 'task'
  | 'assert'
  | 'manual'
  | 'await'
  | 'approve'
  | 'wait'
  | 'end'
  | 'branch'
  | 'each'
  | 'run';

export const claimStatuses = ['asserted', 'supported', 'invalidated', 'superseded'] as const;
export type ClaimStatus = (typeof claimStatuses)[number];

/** Waits until all (or any) of the claims have one of the statuses and the condition holds, which sees `claim`. */
export type AwaitBody = {
  claims: Template[];
  match: 'all' | 'any';
  until: ClaimStatus[];
  condition: Expression | null;
  /** `null`: as long as it takes. */
  withinMs: Lasting | null;
  onTimeout: OnTimeout;
};
/** `fail`: the cell failed. `continue`: it completed, and its output says `timedOut`. */
type OnTimeout = 'fail' | 'continue';

/** How long something lasts, in ms, or a template for a text like `4h`: judged and fixed when it begins. */
export type Lasting = number | Template;

/** Asks named people, or any member of named groups, whether the run may go on. */
export type ApproveBody = {
  text: Template;
  /** What is shown is the source up to this line, the last of the cell's fence. */
  lines: number;
  /** Names of earlier cells whose logs are shown as well. */
  logs?: string[];
  approvers: Template[];
  groups: Template[];
  /** So many approvals; one rejection is enough. A template: judged when it is asked. */
  quorum: number | Template;
  /** Whether the starter of the run may approve it as well. */
  self: boolean;
  /** `null`: asked for as long as it takes. */
  withinMs: Lasting | null;
  onExpiry: 'approve' | 'reject';
  onReject: 'halt' | 'continue';
};

/** Exactly one of `forMs`, `until` (RFC 3339, with a zone) and `cron` (five fields, in the time zone `tz`). */
type WaitBody = { forMs: Lasting | null; until: Template | null; cron: string | null; tz: string };

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

/** A poll is over once it has held for so long, or in so many looks in a row; `within` bounds until it first holds. */
export type Holds = { forMs: number } | { times: number };

export type Interrupted = 'hold' | 'retry' | 'probe' | 'continue';

/** RFC 9110, 9.2.1: a client that uses one of these asks for no effect. */
const safeMethods: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];
export const isSafeMethod = (method: string): boolean => safeMethods.includes(method);

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

/** What says that the cell's request asks for no effect, which is its author's declaration: the method, the action. */
export const safeBy = ({ body }: Pick<Cell, 'body'>): string | undefined => {
  if (body.kind === 'http') return isSafeMethod(body.method) ? body.method : undefined;
  return body.kind === 'aws' && isReadingAction(body.action) ? body.action : undefined;
};
export const isSafe = (cell: Pick<Cell, 'body'>): boolean => safeBy(cell) !== undefined;

/** Why that declares it. */
export const safeText = (by: string): string => {
  if (by === commitEffects) return `${by}: nothing of it lands once the step is closed`;
  return isSafeMethod(by) ? `${by}, RFC 9110` : `${by}, which only reads`;
};

/** Whether all that a cell does is committed with its outcome: closing its step proves that it did not happen. */
export const isCommitted = ({ body }: Pick<Cell, 'body'>): boolean => body.kind === 'task' && body.effects === 'commit';

/** How a cell's `interrupted` reads: where it follows from the method, the action or the task alone, that is said. */
export const interruptedText = ({ interrupted, byMethod }: Pick<Cell, 'interrupted' | 'byMethod'>): string =>
  `interrupted=${interrupted}${byMethod === undefined ? '' : ` (${safeText(byMethod)})`}`;

/** Its kind in the words of whoever wrote it. */
export const kindWord = ({ body }: Pick<Cell, 'body'>): string =>
  body.kind === 'each' && body.parts !== undefined ? 'parallel' : body.kind;

/** Whether a cell of that kind is gone through by instances of their own. */
const isFamilyKind = (kind: CellKind): kind is 'each' | 'run' => kind === 'each' || kind === 'run';

/** What a cell is whose elements are instances of their own; `undefined`: it is no such cell. */
export const familyBody = ({ body }: Pick<Cell, 'body'>): Extract<CellBody, { kind: 'each' | 'run' }> | undefined =>
  isFamilyKind(body.kind) ? (body as Extract<CellBody, { kind: 'each' | 'run' }>) : undefined;

/** How a cell is carried out: with a reservation, by one outcome alone, or by waiting. */
export const natureOf = ({ body: { kind }, poll }: Cell): 'effect' | 'pure' | 'waiting' => {
  if (kind === 'assert' || kind === 'end' || kind === 'branch') return 'pure';
  if (kind === 'manual' || kind === 'await' || kind === 'approve' || kind === 'wait' || isFamilyKind(kind))
    return 'waiting';
  return poll === undefined ? 'effect' : 'waiting';
};

/** Whether a cell, or one of its section, is reserved. What another runbook does is not known here, so a `run` counts as if it did all. */
export const hasEffects = (cell: Cell): boolean => {
  if (cell.body.kind === 'each') return innerCells(cell).some(hasEffects);
  return cell.body.kind === 'run' || natureOf(cell) === 'effect';
};

/** Whether it has effects beyond its journal. */
export const changesSomething = (cell: Cell): boolean => {
  if (cell.body.kind === 'each') return innerCells(cell).some(changesSomething);
  return cell.body.kind === 'run' || (natureOf(cell) === 'effect' && !isSafe(cell));
};

/** How many cells of a run, or of an element, are on the way: what is gone through at its end stands after them. */
export const wayOf = (cells: readonly Cell[]): number => {
  const first = cells.findIndex(({ cleanup }) => cleanup !== undefined);
  return first === -1 ? cells.length : first;
};

const endsOf = { failure: ['failed'], cancel: ['cancelled'], always: wayEnds } as const;

/** Whether a cell is gone through at such an end; what takes back is not a matter of the end alone. */
export const isAtEnd = ({ cleanup }: Cell, as: WayEnd): boolean =>
  cleanup !== undefined && 'on' in cleanup && (endsOf[cleanup.on] as readonly WayEnd[]).includes(as);

/** At which ends something is gone through, whatever was done before. */
export const cleanupOf = (cells: readonly Cell[]): WayEnd[] =>
  wayEnds.filter((as) => cells.some((cell) => isAtEnd(cell, as)));

/** Names of the branches whose sections a cell stands in, outermost first. */
export const branchesOf = ({ cells }: Pick<Runbook, 'cells'>, index: number): string[] =>
  cells
    .slice(0, index)
    .filter(({ body, index: at }) => body.kind === 'branch' && index <= at + body.cells)
    .map(({ name }) => name);

/** The cells in a section that elements go through, in the order of the document; of any other cell none. */
export const innerCells = ({ body }: Pick<Cell, 'body'>): Cell[] =>
  body.kind === 'each' ? partsOf(body).flatMap(({ cells }) => cells) : [];

/** All cells in the order of the document, with those of sections that elements go through. */
export const allCells = (cells: readonly Cell[]): Cell[] =>
  cells.flatMap((cell) => [cell, ...allCells(innerCells(cell))]);

/** The runbook as an element of a section goes through it. */
export const elementOf = (runbook: Runbook, body: EachBody, index: number): Runbook => {
  const { onFailure: _, ...whole } = runbook;
  const { onFailure, undoes } = body;
  const other = allCells(runbook.cells).find(({ name }) => name === undoes)?.body;
  const { cells } = partAt(other?.kind === 'each' ? other : body, index);
  return { ...whole, ...(onFailure === undefined ? {} : { onFailure }), cells };
};

/** The runbook as an element of one of its sections goes through it. */
export const sectionOf = (runbook: Runbook, { cell: name, index }: { cell: string; index: number }): Runbook => {
  const section = allCells(runbook.cells).find((cell) => cell.name === name);
  return section?.body.kind === 'each' ? elementOf(runbook, section.body, index) : runbook;
};

/** The runbook as the instance goes through it that has the cell: the whole, or the section in which it stands. */
export const levelOf = (runbook: Runbook, name: string): Runbook => {
  if (runbook.cells.some((cell) => cell.name === name)) return runbook;
  for (const { body } of runbook.cells) {
    if (body.kind !== 'each') continue;
    const at = partsOf(body).findIndex(({ cells }) => allCells(cells).some((cell) => cell.name === name));
    if (at !== -1) return levelOf(elementOf(runbook, body, at), name);
  }
  return runbook;
};
