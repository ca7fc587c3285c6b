/** An outcome that could not be recorded, as it stands in the failure queue. */
import * as z from 'zod';
import { outcomeSchema } from './entries.ts';
import { PawlError } from './errors.ts';
import { atMs, by } from './fields.ts';
import { once } from './once.ts';

const unrecordedSchema = once(() =>
  z.strictObject({
    v: z.literal(1),
    instanceId: z.string(),
    /** Seq of the reservation, and the token of the call that held it. */
    about: z.int().min(0),
    token: z.string(),
    by,
    atMs,
    outcome: outcomeSchema(),
  }),
);
export type Unrecorded = z.infer<ReturnType<typeof unrecordedSchema>>;

/**
 * Reads an item of the failure queue.
 * @throws PawlError `request.invalid`
 */
export const readUnrecorded = (text: string): Unrecorded => {
  try {
    return unrecordedSchema().parse(JSON.parse(text));
  } catch (error) {
    throw new PawlError(
      'request.invalid',
      'This is no outcome of the failure queue: keep it, and look at its text.',
      {},
      error,
    );
  }
};
