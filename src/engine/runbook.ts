/**
 * A compiled runbook version: what publishing makes of a Markdown document. It is stored beside the source and never
 * changes, so every field here is plain JSON. `format` is raised when its shape changes.
 */

/** A text with `{{ }}` in it, split at publishing. How a value is written depends on where it stands. */
export type Template = (string | { expression: string; write: TemplateWrite })[];
/**
 * `text`: as it is. `url`: percent-encoded. `json`: as JSON text (the placeholder stands where a JSON value stands).
 * `jsonString`: escaped for the inside of a JSON string (the placeholder stands between quotes).
 */
export type TemplateWrite = 'text' | 'url' | 'json' | 'jsonString';

/** One CEL expression and the line of the document it stands on. */
export type Expression = { source: string; line: number };

export type CodeBody = { code: string };
export type HttpBody = { method: string; url: Template; headers: [string, Template][]; body: Template | null };

export type CellKind = 'ts' | 'js' | 'sh' | 'http' | 'assert' | 'manual' | 'end';

/** What a cell does, by kind. `ts` and `js` both hold JavaScript (types are stripped at publishing). */
export type CellBody =
  | ({ kind: 'ts' | 'js' | 'sh' } & CodeBody)
  | ({ kind: 'http' } & HttpBody)
  | { kind: 'assert'; expressions: Expression[] }
  | { kind: 'manual'; instructions: Template }
  | { kind: 'end' };

export type Interrupted = 'hold' | 'retry' | 'probe' | 'continue';

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
  interrupted: Interrupted;
  settleMs: number;
  /** After this long since the visit's first attempt nothing is retried automatically. */
  keyWindowMs: number | null;
  /** CEL; false skips the cell (for `end`: true ends the run). */
  when: Expression | null;
  optional: boolean;
  expect: Expression[];
  probe: Probe | null;
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

/** A published version. `hash` is the sha256 (hex) of the source's bytes. */
export type Version = { runbookId: string; version: number; hash: string; source: string; runbook: Runbook };

/** How a cell is carried out: with a reservation, by one outcome alone, or by waiting for somebody. */
export const natureOf = (kind: CellKind): 'effect' | 'pure' | 'waiting' => {
  if (kind === 'assert' || kind === 'end') return 'pure';
  return kind === 'manual' ? 'waiting' : 'effect';
};
