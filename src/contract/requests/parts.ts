/** What several requests are made of. */
import * as z from 'zod';
import { limits, once } from '../../engine/model/index.ts';

export const idOf = (what: string) =>
  z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, {
      error: `is no ${what}: 1 to 128 letters, digits, dots, dashes, underscores, the first a letter or digit`,
    })
    .describe('Letters, digits, dots, dashes, underscores; the first a letter or digit.');
export const runbookId = idOf('runbook id');
/** Of an instance that stands: with `~` it is an element of a section, and no caller chooses such an id. */
export const elementId = z.string().regex(/^[A-Za-z0-9~][A-Za-z0-9._~-]{0,127}$/, {
  error: 'is no instance id: 1 to 128 letters, digits, dots, dashes, underscores; `~` in those of elements',
});
export const instanceId = elementId.describe('Letters, digits, dots, dashes, underscores; `~` in those of elements.');
export const cellName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/);
export const seq = z.int().min(0).describe('Number of an entry in the journal of its instance.');
export const reason = z.string().min(1).max(limits.reasonCharsMax);
export const expectedSeq = seq.describe(
  'The `seq` of the view the caller has seen; a different head is refused (seq.stale).',
);

/** A number in a path or a query: digits, so that `1e3`, ` 1` and `0x1` are refused. */
export const digits = (min: number) =>
  z
    .string()
    .regex(/^(0|[1-9]\d{0,15}|-1)$/)
    .transform(Number)
    .pipe(z.int().min(min));
export const next = z
  .string()
  .min(1)
  .max(2_000)
  .describe('`next` of the page before, as it was given.')
  .exactOptional();
export const limit = digits(1).pipe(z.int().max(limits.pageMax)).exactOptional();

export const noQuery = once(() => z.strictObject({}));
export const instancePath = once(() => z.strictObject({ instanceId }));
export const cellPath = once(() => z.strictObject({ instanceId, cell: cellName }));
