/** Documents and expressions: what a runbook says, and what it says in a run. */
import type { CellEnd } from '../model/cellEnd.ts';
import type { Expression, Lasting, ScriptBody, Template } from '../model/cellKinds.ts';
import type { Problem } from '../model/errors.ts';
import type { Named, Pins } from '../model/pins.ts';
import type { BranchBody, CellBody, Runbook } from '../model/runbook.ts';

/** How the way of a run was over, for cells that are gone through at its end. */
export type RunInfo = {
  /** The step for which it failed; `item`: the element that it was about. `null`: it did not fail. */
  failed: { cell: string; item: unknown; code: string; message: string } | null;
  began: { by: string; reason: string | null };
  /** Where people see the run; `null`: the deployment does not say. */
  url: string | null;
};

/** Values that expressions see. Outputs are parsed JSON; integers beyond 2^53 are bigint. */
export type Scope = {
  params: Record<string, unknown>;
  outputs: Record<string, unknown>;
  step: Record<string, unknown>;
  /** In a section with `each`: the element and its index, under the names that they have there. */
  each?: Record<string, unknown>;
  /** Of a cell that is gone through at the end of a run: how that came. */
  /** Without `began` in what tells people that one is needed: that is before the end. */
  run?: Omit<RunInfo, 'began'> & Partial<Pick<RunInfo, 'began'>>;
  /** How earlier cells ended, of those that are asked about. */
  cells?: Record<string, { state: CellEnd }>;
  /** What placeholders of a request stand for; expressions never see it. */
  secrets?: Record<string, string>;
  output?: unknown;
  status?: string;
  exitCode?: number | null;
  error?: unknown;
  /** In the condition of an `await`: the claim it is asked about. */
  claim?: unknown;
};
/** `why`: of a schema, what does not fit. */
export type Evaluated = { kind: 'value'; value: unknown; why?: string } | { kind: 'error'; message: string };

export type Authoring = {
  /** What a document runs by its `run` cells, each once, as far as it can be read. */
  runsIn(source: string): Named[];
  /**
   * `notes`: what is possible and may not be meant; no reason to refuse the document.
   * @param pins the versions that it runs; those that nobody looked at are a note, and nothing is published of that
   */
  compile(
    source: string,
    pins?: Pins,
  ): { kind: 'runbook'; runbook: Runbook; notes: Problem[] } | { kind: 'problems'; problems: Problem[] };
  /** Checks parameters against the runbook's schema and fills in defaults; throws `params.invalid` naming each path. */
  resolveParams(runbook: Runbook, given: Record<string, unknown>): Record<string, unknown>;
  /** Deterministic, bounded, never throws. Of a schema: whether `scope.output` fits. */
  evaluate(expression: Expression, scope: Scope): Evaluated;
  /** Renders every template of a body or a single template. */
  render(template: Template, scope: Scope): { kind: 'text'; text: string } | { kind: 'error'; message: string };
  renderBody(body: CellBody, scope: Scope): { kind: 'body'; body: RenderedBody } | { kind: 'error'; message: string };
  /** How long something lasts that begins now. */
  lasts(lasting: Lasting, scope: Scope): Lasts;
  /** The moment that a `wait` waits for, from `nowMs` on; fixed in the journal when the wait begins. */
  momentOf(body: RenderedBody & { kind: 'wait' }, nowMs: number): Moment;
  /** JSON text to values, keeping large integers (bigint). */
  parseJson(text: string): unknown;
};

export type Lasts = { kind: 'ms'; ms: number } | { kind: 'error'; message: string };
export type Moment = { kind: 'moment'; atMs: number } | { kind: 'error'; message: string };

/** A cell's body with nothing left to fill in. */
export type RenderedBody =
  | { kind: 'ts' | 'js'; code: string }
  | ({ kind: 'sh' } & ScriptBody)
  | {
      kind: 'http';
      method: string;
      url: string;
      headers: [string, string][];
      body: string | null;
      failedOn?: number[];
      unknownOn?: number[];
      cookies?: 'keep';
      redirects?: number;
      sigv4?: { service: string; region: string; role: string | null };
    }
  | {
      kind: 'aws';
      service: string;
      action: string;
      region: string | null;
      role: string | null;
      /** JSON text. */
      input: string;
      tokens: string[];
      failedOn?: string[];
      unknownOn?: string[];
    }
  /** `input`: JSON text. */
  | { kind: 'task'; task: string; input: string; effects?: 'commit' }
  | { kind: 'assert' | 'end' }
  | BranchBody
  /** JSON text of the list. */
  | { kind: 'each'; items: string }
  | { kind: 'manual'; instructions: string }
  | { kind: 'await'; claims: string[] }
  | { kind: 'approve'; text: string; approvers: string[]; groups: string[]; quorum: number }
  | { kind: 'wait'; forMs: number | null; until: string | null; cron: string | null; tz: string };
