/**
 * How an attempt's end becomes the body of an outcome entry: which expectations held, what it leads to, and how its
 * output is kept. Nothing that ran goes unrecorded: everything is measured here, before the put.
 */
import type * as z from 'zod';
import type { Expression } from '../model/cellKinds.ts';
import { defaultsOf } from '../model/defaults.ts';
import { outcomeSchema } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';
import type { Checked, Failure, Output } from '../model/fields.ts';
import { limits } from '../model/limits.ts';
import { whyUnread } from '../model/nesting.ts';
import { once } from '../model/once.ts';
import type { Cell } from '../model/runbook.ts';
import type { State } from '../model/state.ts';
import { bytesOf, cut, headOf, sizeOf } from '../model/text.ts';
import type { Authoring, Journal, Scope } from '../ports.ts';

export type OutcomeBody = z.output<ReturnType<typeof outcomeSchema>>;

type Said = z.input<ReturnType<typeof outcomeSchema>>;
type FromCell = 'kind' | 'index' | 'cell' | 'visit' | 'attempt';
type Measured = 'durationMs' | 'logBytes';
/** What an outcome says beside what follows from its cell and from the state before it. */
export type Ended = Omit<Said, FromCell | Measured> & Partial<Pick<Said, Measured | 'attempt'>>;

const plain = once(() => defaultsOf(outcomeSchema()));

/** The body of an outcome of the cell that the state stands at; what is not said is as plain as the schema's defaults. */
export const outcomeOf = (cell: Cell, { visit, attempt }: State, ended: Ended): OutcomeBody => {
  const { index, name } = cell;
  const body: Said = { kind: 'outcome', index, cell: name, visit, attempt, durationMs: 0, logBytes: 0, ...ended };
  return { ...plain(), ...body } as OutcomeBody;
};

export const failure = (code: string, message: string): Failure => ({
  code,
  message: cut(message, limits.errorMessageCharsMax),
});

/**
 * Evaluates expressions one by one; only boolean `true` passes. `cutWhy`: why the scope has no whole output. A schema says what
 * a good answer looks like, not that an answer is good: alone it is looked at only when the cell completed.
 */
export const check = (
  authoring: Authoring,
  expressions: Expression[],
  scope: Scope,
  cutWhy: string | null = null,
): Checked[] => {
  const byShapeAlone = scope.status !== 'completed' && expressions.every(({ schema }) => schema !== undefined);
  return expressions.map((expression) => {
    if (byShapeAlone) return { source: expression.source, result: 'skipped' };
    if (expression.schema !== undefined && cutWhy !== null)
      return { source: expression.source, result: 'error', message: failure('', cutWhy).message };
    const evaluated = authoring.evaluate(expression, scope);
    if (evaluated.kind === 'error') {
      const message = cutWhy ?? evaluated.message;
      return { source: expression.source, result: 'error', message: failure('', message).message };
    }
    if (evaluated.value === true) return { source: expression.source, result: 'pass' };
    const why = evaluated.why === undefined ? {} : { message: failure('', evaluated.why).message };
    return { source: expression.source, result: 'fail', ...why };
  });
};

/** An output's values. @throws where it is not JSON, or larger than a reader can parse in good time */
export const readOutput = (authoring: Pick<Authoring, 'parseJson'>, text: string): unknown => {
  const why = whyUnread(text);
  if (why !== undefined) throw new PawlError('limit.exceeded', why);
  return authoring.parseJson(text);
};

/** Why only the beginning of an output was kept. */
export const cutWhyOf = ({ bytes, limitBytes }: Pick<Cut, 'bytes' | 'limitBytes'>): string => {
  const name = cutLimits.find((limit) => limits[limit] === limitBytes);
  if (name === undefined)
    return `The output has ${bytes} bytes, and the store did not take it in time. Its beginning is kept.`;
  return `The output has ${bytes} bytes; ${name} is ${limitBytes}. Only its beginning is kept.`;
};
type Cut = Extract<Output, { kind: 'truncated' }>;
/** What may cut an output: the most that is kept, and the most that an executor elsewhere can send back. */
const cutLimits = ['outputBytesMax', 'remotePayloadBytesMax'] as const;

/** By which of them an output of this size was cut. */
export const cutAt = (bytes: number): number => limits[cutLimits[bytes > limits.outputBytesMax ? 0 : 1]];

export const cutFailure = (cut: Cut): Failure =>
  failure(cut.limitBytes > 0 ? 'output.truncated' : 'output.unkept', cutWhyOf(cut));

/** An output that is not kept whole: its size and its beginning. `limitBytes` 0: not for its size, there is no limit. */
const truncated = (text: string, bytes: number, limitBytes: number): Output => ({
  kind: 'truncated',
  bytes,
  limitBytes,
  head: headOf(text, limits.outputHeadBytesMax),
});

/** An output that the store did not take in time. The step ran, and that must be recorded all the same. */
export const unkept = (text: string): Output => truncated(text, bytesOf(text), 0);

/**
 * Keeps an output: inline up to 8 KB, beside the chain up to 5 MB, beyond that its size and its first 64 KB, for people.
 * @param at.owner a token of its own for each run or look: two of them never write into the same place
 * @param cutFromBytes the whole size, where `text` is only the beginning
 * @throws PawlError `store.unavailable`: it may be tried again, with the same owner
 */
export const keepOutput = async (
  journal: Journal,
  at: { instanceId: string; seq: number; owner: string },
  text: string,
  cutFromBytes: number | undefined,
): Promise<Output> => {
  const bytes = cutFromBytes ?? bytesOf(text);
  if (cutFromBytes !== undefined || bytes > limits.outputBytesMax) return truncated(text, bytes, cutAt(bytes));
  if (bytes <= limits.outputInlineBytesMax) return { kind: 'inline', text };
  return await journal.putOutput(at.instanceId, at.seq, at.owner, text);
};

/** The outcome that can always be written: what happened, without anything that could be refused for its size. */
export const fallbackOutcome = (body: OutcomeBody): OutcomeBody => ({
  ...body,
  output: body.output === null ? null : { kind: 'truncated', bytes: sizeOf(body.output), limitBytes: 0, head: '' },
  expectations: body.expectations.slice(0, 20).map((c) => ({ source: cut(c.source, 80), result: c.result })),
  note: body.note === null ? null : cut(body.note, 200),
});
