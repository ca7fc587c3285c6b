/** Lists of instances: what may be asked for. */
import * as z from 'zod';
import { limits, once, viewStatuses } from '../../engine/model/index.ts';
import { momentOf } from '../moments.ts';
import { elementId, limit, next, runbookId } from './parts.ts';

const moment = z
  .string()
  .max(40)
  .refine((text) => momentOf(text, 0) !== undefined, {
    error: 'is no time: give one with its zone, as 2026-11-28T09:00+01:00, or how long ago, as 90m, 2h, 3d',
  });
const words = z.string().min(1).max(limits.listTextCharsMax);
const read = `At most ${limits.listReadMax} views (listReadMax) are read for one list: then the answer says \`atLeast\`.`;
const statusCharsMax = 200;
const between = {
  since: moment
    .describe('Started then or later: a time with its zone, or how long ago (`90m`, `2h`, `3d`).')
    .exactOptional(),
  until: moment.describe('Started before that.').exactOptional(),
};
export const listQuery = once(() =>
  z.strictObject({
    runbook: runbookId.exactOptional(),
    status: z
      .string()
      .max(statusCharsMax)
      .transform((text) => text.split(','))
      .pipe(z.array(z.enum(viewStatuses, { error: `is none: it may be ${viewStatuses.join(', ')}` })))
      .describe(`Of: ${viewStatuses.join(', ')}. Several, with commas between them: any of them.`)
      .exactOptional(),
    ...between,
    param: words
      .refine((text) => text.split('\n').every((line) => line.indexOf('=') > 0), { error: 'wants name=value' })
      .describe(`A parameter, \`name=value\`; several, each on a line: all of them. ${read}`)
      .exactOptional(),
    actor: words.describe(`Who started it, exactly. ${read}`).exactOptional(),
    id: elementId.describe(`How its id begins. ${read}`).exactOptional(),
    text: words
      .describe(
        `Stands in its id, runbook, cell, status, who started it, whom it waits for, or the beginning of its parameters; case does not count. ${read}`,
      )
      .exactOptional(),
    limit,
    next,
  }),
);
export const countsQuery = once(() => z.strictObject({ runbook: runbookId.exactOptional(), ...between }));
export const journalsQuery = once(() => z.strictObject({ next }));
