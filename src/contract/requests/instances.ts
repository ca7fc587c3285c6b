/** One instance, its journal and what stands beside it. */
import * as z from 'zod';
import { limits, once } from '../../engine/model/index.ts';
import { cellName, digits, instanceId, limit } from './parts.ts';

export const outputPath = once(() => z.strictObject({ instanceId, seq: digits(0) }));
export const instanceQuery = once(() =>
  z.strictObject({
    outputBytesMax: digits(0)
      .pipe(z.int().max(limits.answerOutputsBytesMax))
      .describe(
        `Outputs are in the answer, in the order of the document, as long as they fit into so many bytes (default: ${limits.answerOutputsBytesMax}).`,
      )
      .exactOptional(),
  }),
);
export const journalQuery = once(() =>
  z.strictObject({
    after: digits(-1).describe('Entries after this seq; -1, or nothing, begins at the beginning.').exactOptional(),
    limit,
  }),
);
export const notesQuery = once(() =>
  z.strictObject({
    about: digits(0).describe('Only notes about the step at this seq.').exactOptional(),
    after: digits(0).describe('`next` of the page before.').exactOptional(),
    limit,
  }),
);
export const verifyQuery = once(() =>
  z.strictObject({
    seq: digits(0)
      .describe('With `hash`: what the entry there once was, as a witness from elsewhere says.')
      .exactOptional(),
    hash: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .exactOptional(),
  }),
);
export const elementsQuery = once(() =>
  z.strictObject({
    cell: cellName.describe('The section, or the `run` cell.'),
    after: digits(0).describe('`next` of the page before.').exactOptional(),
  }),
);
export const outputQuery = once(() =>
  z.strictObject({
    part: digits(1).describe('Which part of a large output; the first is 1.').exactOptional(),
  }),
);
export const attachmentQuery = once(() =>
  z.strictObject({
    file: digits(1).describe('Which of the files of the entry; the first is 1.').exactOptional(),
    part: digits(1).describe('Which part of it; the first is 1.').exactOptional(),
  }),
);
