/**
 * A compiled runbook version: what publishing makes of a Markdown document. It is stored beside the source and never
 * changes, so every field here is plain JSON. `format` is raised when its shape changes.
 */

/** A text with `{{ }}` in it, split at publishing. How a value is written depends on where it stands. */
export type Template = (string | { expression: string; write: TemplateWrite })[];
/**
 * `text`: as it is. `url`: percent-encoded. `json`: as JSON text (the placeholder stands where a JSON value stands).
 * `jsonString`: escaped for the inside of a JSON string (the placeholder stands between quotes). `form`: percent-encoded.
 * `xml`: escaped for the text of an element or a quoted attribute.
 */
export type TemplateWrite = 'text' | 'url' | 'json' | 'jsonString' | 'form' | 'xml';

/** One CEL expression and the line of the document it stands on. */
export type Expression = { source: string; line: number };

type CodeBody = { code: string };
export type HttpBody = {
  method: string;
  url: Template;
  headers: [string, Template][];
  body: Template | null;
  /** Statuses of which the author knows better than the table of statuses (`cells/statuses`) what they mean. */
  failedOn?: number[];
  unknownOn?: number[];
};

export type CellKind = 'ts' | 'js' | 'sh' | 'http' | 'assert' | 'manual' | 'await' | 'approve' | 'wait' | 'end';

export const claimStatuses = ['asserted', 'supported', 'invalidated', 'superseded'] as const;
export type ClaimStatus = (typeof claimStatuses)[number];

/** Waits until all (or any) of the claims have one of the statuses and the condition holds, which sees `claim`. */
export type AwaitBody = {
  claims: Template[];
  match: 'all' | 'any';
  until: ClaimStatus[];
  condition: Expression | null;
  /** `null`: as long as it takes. */
  withinMs: number | null;
  onTimeout: OnTimeout;
};
/** `fail`: the cell failed. `continue`: it completed, and its output says `timedOut`. */
type OnTimeout = 'fail' | 'continue';

/** Asks named people, or any member of named groups, whether the run may go on. */
export type ApproveBody = {
  text: Template;
  /** What is shown is the source up to this line, the last of the cell's fence. */
  lines: number;
  approvers: Template[];
  groups: Template[];
  /** So many approvals; one rejection is enough. */
  quorum: number;
  /** Whether the starter of the run may approve it as well. */
  self: boolean;
  /** `null`: asked for as long as it takes. */
  withinMs: number | null;
  onExpiry: 'approve' | 'reject';
  onReject: 'halt' | 'continue';
};

/** Exactly one of `forMs`, `until` (RFC 3339, with a zone) and `cron` (five fields, in the time zone `tz`). */
type WaitBody = { forMs: number | null; until: Template | null; cron: string | null; tz: string };

/** What a cell does, by kind. `ts` and `js` both hold JavaScript (types are stripped at publishing). */
export type CellBody =
  | ({ kind: 'ts' | 'js' | 'sh' } & CodeBody)
  | ({ kind: 'http' } & HttpBody)
  | { kind: 'assert'; expressions: Expression[] }
  | { kind: 'manual'; instructions: Template }
  | ({ kind: 'await' } & AwaitBody)
  | ({ kind: 'approve' } & ApproveBody)
  | ({ kind: 'wait' } & WaitBody)
  | { kind: 'end' };

export type Interrupted = 'hold' | 'retry' | 'probe' | 'continue';

/** RFC 9110, 9.2.1: a client that uses one of these asks for no effect. */
const safeMethods: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];
export const isSafeMethod = (method: string): boolean => safeMethods.includes(method);

/** A cell without effects that tells whether an interrupted step happened. */
export type Probe = {
  line: number;
  timeoutMs: number;
  /** `http` probes decide by these; the others return `{ answer: 'done' | 'not-done' | 'unsure', output? }`. */
  done: string | null;
  notDone: string | null;
  reads: string[] | 'all';
  body: Extract<CellBody, { kind: 'ts' | 'js' | 'sh' | 'http' }>;
};

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
  /** `interrupted` is declared by the method of the request alone: by which. */
  byMethod?: string;
  settleMs: number;
  /** After this long since the visit's first attempt nothing is retried automatically. */
  keyWindowMs: number | null;
  /** CEL; false skips the cell (for `end`: true ends the run). */
  when: Expression | null;
  optional: boolean;
  expect: Expression[];
  probe: Probe | null;
  /** A cell without effects that is repeated every so often until its expectations hold, and recorded once. */
  poll?: { everyMs: number; withinMs: number | null; onTimeout: OnTimeout };
  /** Names of earlier cells whose outputs the cell, its `when` or its expectations read. */
  reads: string[] | 'all';
  body: CellBody;
};

export type Runbook = {
  format: 1;
  runbookId: string;
  title: string;
  /** JSON Schema of the parameters: an object schema with `properties`, `required`, `additionalProperties: false`. */
  params: Record<string, unknown>;
  unique: Template | null;
  concurrency: Template | null;
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

/** Whether the cell's request asks for no effect: its method is the author's declaration. */
export const isSafe = ({ body }: Pick<Cell, 'body'>): boolean => body.kind === 'http' && isSafeMethod(body.method);

/** How a cell's `interrupted` reads: where its author declared it by the method alone, that is said. */
export const interruptedText = ({ interrupted, byMethod }: Pick<Cell, 'interrupted' | 'byMethod'>): string =>
  `interrupted=${interrupted}${byMethod === undefined ? '' : ` (${byMethod}, RFC 9110)`}`;

/** How a cell is carried out: with a reservation, by one outcome alone, or by waiting. */
export const natureOf = ({ body: { kind }, poll }: Cell): 'effect' | 'pure' | 'waiting' => {
  if (kind === 'assert' || kind === 'end') return 'pure';
  if (kind === 'manual' || kind === 'await' || kind === 'approve' || kind === 'wait') return 'waiting';
  return poll === undefined ? 'effect' : 'waiting';
};
