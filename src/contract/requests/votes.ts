/** Votes about a cell that asks for approval, and one-time links. */
import * as z from 'zod';
import { limits, once } from '../../engine/model/index.ts';

export const linkPath = once(() => z.strictObject({ secret: z.string().min(1).max(200) }));
const shownHash = z
  .string()
  .regex(new RegExp(`^[0-9a-f]{${limits.shownHashCharsMin},64}$`), {
    error: `is not the hash of what was shown, nor its first ${limits.shownHashCharsMin} characters or more (shownHashCharsMin), 0-9 and a-f`,
  })
  .describe(`The hash of what the voter was shown, or its first ${limits.shownHashCharsMin} characters or more.`);
const comment = z.string().exactOptional();
export const voteBody = once(() =>
  z.strictObject({ decision: z.enum(['approve', 'reject', 'withdraw']), shownHash, comment }),
);
export const linkBody = once(() =>
  z.strictObject({
    actor: z.string().min(1).max(limits.actorCharsMax).describe('The named approver whose vote it is.'),
  }),
);
export const linkVoteBody = once(() => z.strictObject({ decision: z.enum(['approve', 'reject']), shownHash, comment }));
