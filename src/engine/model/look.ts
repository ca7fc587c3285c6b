/** What a look of a poll found that goes on. It is no entry: people need to see the last look, not every look. */
import * as z from 'zod';
import { atMs } from './fields.ts';

export const lastLookSchema = z.strictObject({
  atMs,
  status: z.enum(['completed', 'failed', 'unknown', 'never']),
  /** Of an `http` cell: the status of the answer. */
  answered: z.int().nullable(),
  error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
  /** Of a poll that holds since then: when a look that knew so found it holding. Of another row it says nothing. */
  held: z.strictObject({ sinceMs: atMs, atMs }).exactOptional(),
  /** Expectations that do not hold, or cannot be evaluated; the first of them. */
  unmet: z.array(
    z.strictObject({
      source: z.string(),
      result: z.enum(['fail', 'error']),
      message: z.string().nullable(),
      /** How often in a row it could not be evaluated although the cell completed. */
      erred: z.int().min(0),
    }),
  ),
});
export type LastLook = z.infer<typeof lastLookSchema>;
