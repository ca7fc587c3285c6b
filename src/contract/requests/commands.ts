/** What goes on with an instance, ends it, or says that a person did a step. */
import * as z from 'zod';
import { limits, once } from '../../engine/model/index.ts';
import { cellName, expectedSeq, reason } from './parts.ts';

const maxCells = z.union([z.int().min(1).max(limits.attemptsPerInstanceMax), z.literal('all')]);

export const advanceBody = once(() =>
  z.strictObject({
    cell: cellName.describe('Only this cell.').exactOptional(),
    maxCells: maxCells.describe('Reservations at most; default 1.').exactOptional(),
    expectedSeq: expectedSeq.exactOptional(),
  }),
);
export const runBody = once(() => z.strictObject({ expectedSeq: expectedSeq.exactOptional() }));
export const releaseBody = once(() => z.strictObject({ reason, expectedSeq: expectedSeq.exactOptional() }));
export const cancelBody = once(() =>
  z.strictObject({
    reason,
    undo: z
      .boolean()
      .describe('Takes back what was done before it ends, the last first: what has an `undo=` fence.')
      .exactOptional(),
    stopCleanup: z
      .boolean()
      .describe(
        'Stops what is gone through at the end of a run whose way is over; needs `expectedSeq`. What stays is told.',
      )
      .exactOptional(),
    expectedSeq: expectedSeq.exactOptional(),
  }),
);
export const undoBody = once(() =>
  z.strictObject({
    reason,
    manual: z.boolean().describe('Nothing of it goes by itself: each cell is advanced by a person.').exactOptional(),
    expectedSeq: expectedSeq.exactOptional(),
  }),
);
export const doneBody = once(() =>
  z.strictObject({
    result: z.enum(['done', 'failed']),
    note: reason,
    answer: z
      .record(z.string(), z.unknown())
      .describe('What the cell asks for (`waits.answer` says what that is): it is the output of the cell.')
      .exactOptional(),
    attachment: z
      .strictObject({
        name: z.string().min(1).max(limits.attachmentNameCharsMax).describe('A plain name, without a folder.'),
        base64: z.base64().describe(`The file, of at most ${limits.attachmentBytesMax} bytes.`),
        sha256: z
          .string()
          .regex(/^[0-9a-f]{64}$/)
          .describe('Of the file: what arrives has to have it.'),
      })
      .describe('A file that is kept with the entry; its hash stands there.')
      .exactOptional(),
    expectedSeq: expectedSeq.exactOptional(),
  }),
);
