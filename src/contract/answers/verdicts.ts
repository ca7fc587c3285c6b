/** What a verdict answers, and one about many steps. */
import * as z from 'zod';
import { proposalSchema } from '../../engine/model/index.ts';
import { count } from './parts.ts';
import { view } from './views.ts';

const proposal = proposalSchema();
export const verdictGiven = z.strictObject({
  view,
  awaits: z
    .strictObject({
      verdict: proposal.shape.verdict,
      said: z.array(proposal).describe('What each person has said of the step so far, with the entry of it.'),
    })
    .nullable()
    .describe('Nothing follows from it until another person says the same; null: it has taken effect.'),
});
const ofStep = { instanceId: z.string(), seq: count };
export const verdictsGiven = z.strictObject({
  steps: z
    .array(
      z.discriminatedUnion('result', [
        z.strictObject({ ...ofStep, result: z.literal('taken'), view }),
        z
          .strictObject({ ...ofStep, result: z.literal('proposed'), view, awaits: verdictGiven.shape.awaits.unwrap() })
          .describe('Nothing follows from it until another person says the same.'),
        z.strictObject({
          ...ofStep,
          result: z.literal('refused'),
          code: z.string(),
          message: z.string(),
          first: z
            .strictObject({
              actor: z.string(),
              said: z.enum(['succeeded', 'failed', 'retry', 'skip', 'cancelled']).nullable(),
              reason: z.string().nullable(),
              atMs: z.number(),
            })
            .nullable()
            .describe('Who was first, and what they said, where a person was.'),
        }),
        z.strictObject({ ...ofStep, result: z.literal('left') }).describe('As it was: the time of this call was over.'),
      ]),
    )
    .describe('In the order in which they were asked about.'),
});
