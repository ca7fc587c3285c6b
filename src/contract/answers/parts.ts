/** What several answers are made of. */
import * as z from 'zod';
import { entrySchema } from '../../engine/model/index.ts';

export const count = z.int().min(0);
/** The kinds of entries, for the fields that an answer has from one of them. */
export const [started, , outcome, waiting, , , , , , ending] = entrySchema().options;
export const { status: stepStatus, then, error: failure, expectations } = outcome.shape;
