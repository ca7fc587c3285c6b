/** What whoever asks is told of themselves. */
import * as z from 'zod';
import { permissions } from '../routes/route.ts';

export const me = z.strictObject({
  actor: z.string().describe('As it stands in the journal.'),
  groups: z.array(z.string()).describe('As a vote counts them.'),
  permissions: z
    .array(z.enum(permissions))
    .nullable()
    .describe('null: it is decided before this service, by policies of IAM that it does not know.'),
});
