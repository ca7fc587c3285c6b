/** Which workers. */
import * as z from 'zod';
import { isPlace, once, placeForm } from '../../engine/model/index.ts';

const place = z
  .string()
  .refine(isPlace, { error: `is none: ${placeForm}` })
  .describe('Where cells run.');
export const workersQuery = once(() => z.strictObject({ place: place.exactOptional() }));
