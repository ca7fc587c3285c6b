/**
 * How an attempt's end becomes the body of an outcome entry: which expectations held, what it leads to, and how its
 * output is kept. Nothing that ran goes unrecorded: everything is measured here, before the put.
 */
import type * as z from 'zod';
import { defaultsOf } from '../model/defaults.ts';
import { type Checked, type Failure, type Output, outcomeSchema, type State } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { whyUnread } from '../model/nesting.ts';
import type { Cell, Expression } from '../model/runbook.ts';
import { bytesOf, cut, headOf, sizeOf } from '../model/text.ts';
import type { Authoring, Journal, Scope } from '../ports.ts';

export type OutcomeBody = z.output<typeof outcomeSchema>;

type Said = z.input<typeof outcomeSchema>;
type FromCell = 'kind' | 'index' | 'cell' | 'visit' | 'attempt';
type Measured = 'durationMs' | 'logBytes';
/** What an outcome says beside what follows from its cell and from the state before it. */
export type Ended = Omit<Said, FromCell | Measured> & Partial<Pick<Said, Measured | 'attempt'>>;

const plain = defaultsOf(outcomeSchema);

/** The body of an outcome of the cell that the state stands at; what is not said is as plain as the schema's defaults. */
export const outcomeOf = (cell: Cell, { visit, attempt }: State, ended: Ended): OutcomeBody => {
  const { index, name } = cell;
  const body: Said = { kind: 'outcome', index, cell: name, visit, attempt, durationMs: 0, logBytes: 0, ...ended };
  return { ...plain, ...body } as OutcomeBody;
};

export const failure = (code: string, message: string): Failure => ({
  code,
  message: cut(message, limits.errorMessageCharsMax),
});

/** Evaluates expressions one by one; only boolean `true` passes. `cutWhy`: why the scope has no whole output. */
export const check = (
  authoring: Authoring,
  expressions: Expression[],
  scope: Scope,
  cutWhy: string | null = null,
): Checked[] =>
  expressions.map((expression) => {
    const evaluated = authoring.evaluate(expression, scope);
    if (evaluated.kind === 'error') {
      const message = cutWhy ?? evaluated.message;
      return { source: expression.source, result: 'error', message: failure('', message).message };
    }
    return { source: expression.source, result: evaluated.value === true ? 'pass' : 'fail' };
  });

/** An output's values. @throws where it is not JSON, or larger than anybody could read in good time */
export const readOutput = (authoring: Pick<Authoring, 'parseJson'>, text: string): unknown => {
  const why = whyUnread(text);
  if (why !== undefined) throw new PawlError('limit.exceeded', why);
  return authoring.parseJson(text);
};

/** Why only the beginning of an output was kept. */
export const cutWhyOf = ({ bytes, limitBytes }: Pick<Cut, 'bytes' | 'limitBytes'>): string => {
  const name = cutLimits.find((limit) => limits[limit] === limitBytes);
  const why = name === undefined ? 'the store did not take it' : `${name} is ${limitBytes}`;
  return `The output has ${bytes} bytes, and only its beginning was kept: ${why}.`;
};
type Cut = Extract<Output, { kind: 'truncated' }>;
/** What may cut an output: the most that is kept, and the most that an executor elsewhere can send back. */
const cutLimits = ['outputBytesMax', 'remotePayloadBytesMax'] as const;

/** By which of them an output of this size was cut. */
export const cutAt = (bytes: number): number => limits[cutLimits[bytes > limits.outputBytesMax ? 0 : 1]];

export const cutFailure = (cut: Cut): Failure => failure('output.truncated', cutWhyOf(cut));

/**
 * Keeps an output: inline up to 8 KB, beside the chain up to 5 MB, beyond that its size and its first 64 KB, for people.
 * @param cutFromBytes the whole size, where `text` is only the beginning
 */
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
  if (cutFromBytes !== undefined || bytes > limits.outputBytesMax) return truncated(cutAt(bytes));
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
