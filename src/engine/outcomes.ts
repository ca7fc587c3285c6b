/**
 * How an attempt's end becomes the body of an outcome entry: which expectations held, what it leads to, and how its
 * output is kept. Nothing that ran goes unrecorded: everything is measured here, before the put.
 */
import type { Checked, EntryOf, Failure, Output, Permission, State, Status, Then } from './entries.ts';
import { limits } from './limits.ts';
import { inKeyWindow } from './policy.ts';
import type { Authoring, Journal, Scope } from './ports.ts';
import type { Cell, Expression } from './runbook.ts';

export const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

/** The first `bytesMax` bytes of a text, whole characters only. */
export const headOf = (text: string, bytesMax: number): string =>
  new TextDecoder('utf-8', { fatal: false })
    .decode(new TextEncoder().encode(text).subarray(0, bytesMax))
    .replace(/�+$/, '');

/** Cuts a text. A cut may fall inside of a character, and half of one is no text that could be stored. */
const cut = (text: string, charsMax: number): string => text.slice(0, charsMax).toWellFormed();

export const failure = (code: string, message: string): Failure => ({
  code,
  message: cut(message, limits.errorMessageCharsMax),
});

/** Evaluates expressions one by one; only boolean `true` passes. */
export const check = (authoring: Authoring, expressions: Expression[], scope: Scope): Checked[] =>
  expressions.map((expression) => {
    const evaluated = authoring.evaluate(expression, scope);
    if (evaluated.kind === 'error') {
      return { source: expression.source, result: 'error', message: failure('', evaluated.message).message };
    }
    return { source: expression.source, result: evaluated.value === true ? 'pass' : 'fail' };
  });

export const allPass = (checks: Checked[]): boolean => checks.every((one) => one.result === 'pass');

export type Sequel = { then: Then; permission: Permission | null; dueAtMs: number | null };
export const noPermission = { permission: null, dueAtMs: null } as const;

/** Exponential backoff with full jitter: anywhere from now to `first * 2^(attempt - 1)`, capped. */
export const backoffMs = (attempt: number, fraction: number): number =>
  Math.round(
    fraction * Math.min(limits.retryBackoffMaxMs, limits.retryBackoffFirstMs * 2 ** Math.min(30, attempt - 1)),
  );

/**
 * What an attempt that ended so leads to. With expectations a cell is satisfied when all pass, without them when it
 * completed; an unsatisfied one is tried again while `retry` allows, else forgiven if `optional`, else it halts. Doubt
 * is never forgiven.
 */
export const sequelOf = (
  cell: Cell,
  state: State,
  ended: { status: Status; checks: Checked[]; attempt: number },
  nowMs: number,
  fraction: number,
): Sequel => {
  const next: Sequel = { then: 'next', ...noPermission };
  const halt: Sequel = { then: 'halt', ...noPermission };
  const { status, checks, attempt } = ended;
  if (status === 'skipped') return next;
  // Best effort neither repeats nor stops; everything else that may have happened needs a look.
  if (status === 'unknown') return cell.interrupted === 'continue' ? next : halt;
  if (status === 'never') {
    if (state.nevers + 1 >= limits.neversInRowMax) return halt;
    const permission = { kind: 'never', detail: 'the body did not begin' } as const;
    // The first time at once: a frozen sandbox thawed. Again and again (an executor that is full): ever later.
    const pauseMs = state.nevers === 0 ? 0 : backoffMs(state.nevers, fraction);
    return { then: 'retry', permission, dueAtMs: nowMs + pauseMs };
  }
  const satisfied = checks.length > 0 ? allPass(checks) : status === 'completed';
  if (satisfied) return next;
  const retries = cell.retryMax ?? 0;
  if (attempt <= retries) {
    const dueAtMs = nowMs + backoffMs(attempt, fraction);
    const permission = { kind: 'retry', detail: `retry=${retries}, attempt ${attempt} failed` } as const;
    if (inKeyWindow(state, cell, dueAtMs)) return { then: 'retry', permission, dueAtMs };
  }
  return cell.optional ? next : halt;
};

/** Keeps an output: inline up to 8 KB, beside the chain up to 5 MB, beyond that its size and its first 64 KB. */
export const keepOutput = async (
  journal: Journal,
  at: { instanceId: string; seq: number; token: string },
  text: string,
  cutFromBytes: number | undefined,
): Promise<Output> => {
  const bytes = cutFromBytes ?? bytesOf(text);
  const truncated = (limitBytes: number): Output => ({
    kind: 'truncated',
    bytes,
    limitBytes,
    head: headOf(text, limits.outputHeadBytesMax),
  });
  if (bytes > limits.outputBytesMax) return truncated(limits.outputBytesMax);
  if (bytes <= limits.outputInlineBytesMax) return { kind: 'inline', text };
  try {
    return await journal.putOutput(at.instanceId, at.seq, at.token, text);
  } catch {
    // The step ran; that must be recorded even if its output cannot be kept whole. Not for its size: there is no limit.
    return truncated(0);
  }
};

/** The outcome that can always be written: what happened, without anything that could be refused for its size. */
export const fallbackOutcome = (body: OutcomeBody): OutcomeBody => ({
  ...body,
  output: body.output === null ? null : { kind: 'truncated', bytes: sizeOf(body.output), limitBytes: 0, head: '' },
  expectations: body.expectations.slice(0, 20).map((c) => ({ source: cut(c.source, 80), result: c.result })),
  note: body.note === null ? null : cut(body.note, 200),
});
/** The whole size of an output, however much of it was kept. */
export const sizeOf = (output: Output): number => (output.kind === 'inline' ? bytesOf(output.text) : output.bytes);

type Common = 'v' | 'instanceId' | 'seq' | 'token' | 'by' | 'atMs' | 'prev' | 'state';
export type OutcomeBody = Omit<EntryOf<'outcome'>, Common>;
