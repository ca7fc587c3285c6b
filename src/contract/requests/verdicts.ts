/** A verdict about a step, and one about many. */
import * as z from 'zod';
import { isInfinite, limits, lossyNumberIn, once } from '../../engine/model/index.ts';
import { instanceId, reason, seq } from './parts.ts';

export const verdictBody = once(() =>
  z.strictObject({
    seq: seq.describe('Seq of the reservation the verdict is about (of the outcome where there was none).'),
    verdict: z.enum(['succeeded', 'failed', 'retry', 'skip']),
    reason,
    output: z
      .string()
      .describe(
        'With `succeeded`: JSON text of what the cell would have returned. A text, so that large integers survive.',
      )
      .refine((text) => lossyNumberIn(text, isInfinite) === undefined, {
        error: 'holds a number that no program can read, as 1e400 is: give it as a text',
      })
      .exactOptional(),
    evidence: z.string().max(limits.noteTextCharsMax).exactOptional(),
    freshKey: z.boolean().describe('With `retry`: another idempotency key, a new visit.').exactOptional(),
    onlyInDoubt: z
      .boolean()
      .describe('Refused unless the step is still in doubt: for a decision that was looked for before.')
      .exactOptional(),
    holderGone: z
      .boolean()
      .describe(
        'Before the time of the step is over: taken only where the service finds, on its own machine, that the process of the holder is gone (verdict.holderNotKnown).',
      )
      .exactOptional(),
    overlapOk: z
      .boolean()
      .describe('With `retry` and `holderGone`: what the attempt has begun elsewhere may act beside the next one.')
      .exactOptional(),
  }),
);
/** The same about many, each taken only while it is in doubt and its time is over. */
export const verdictsBody = once(() =>
  verdictBody()
    .omit({ seq: true, onlyInDoubt: true, holderGone: true, overlapOk: true })
    .extend({
      steps: z
        .array(z.strictObject({ instanceId, seq: verdictBody().shape.seq }))
        .min(1)
        .max(limits.verdictsAtOnceMax, {
          error: `are too many: ${limits.verdictsAtOnceMax} at most in one call (verdictsAtOnceMax)`,
        })
        .describe('The steps in doubt, each once.'),
      perSecond: z
        .int()
        .min(1)
        .max(limits.verdictsPerSecondMax, {
          error: `is too fast: ${limits.verdictsPerSecondMax} at most (verdictsPerSecondMax)`,
        })
        .describe(`So many are decided in a second, over all callers; default ${limits.verdictsPerSecond}.`)
        .exactOptional(),
    }),
);
