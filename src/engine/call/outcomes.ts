/**
 * How an attempt's end becomes the body of an outcome entry: which expectations held, what it leads to, and how its
 * output is kept. Nothing that ran goes unrecorded: everything is measured here, before the put.
 */
import type { Checked, EntryOf, Failure, Output } from '../model/entries.ts';
import { limits } from '../model/limits.ts';
import type { Expression } from '../model/runbook.ts';
import { bytesOf, cut, headOf, sizeOf } from '../model/text.ts';
import type { Authoring, Journal, Scope } from '../ports.ts';

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

type Common = 'v' | 'instanceId' | 'seq' | 'token' | 'by' | 'atMs' | 'prev' | 'state';
export type OutcomeBody = Omit<EntryOf<'outcome'>, Common>;
