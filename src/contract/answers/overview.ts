/** What the overview answers: everything of one look at all runs. */
import * as z from 'zod';
import { limits } from '../../engine/model/index.ts';
import { counts, viewPage } from './views.ts';

const { overviewNeedingMax: needing, overviewGoingMax: going } = limits;
/** A list of its own each, newest first, so that no kind hides another. `next` goes on where it ends. */
const list = (what: string, status: string, max: number) =>
  viewPage.describe(
    `${what}; ${max} at most. \`next\` goes on in \`GET /instances\` with the same filters and \`status=${status}\`.`,
  );

export const overview = z.strictObject({
  doubt: list('In doubt', 'in_doubt', needing),
  stopped: list('Halted, or with a journal that is broken', 'halted,broken', needing),
  asking: list(
    'Waiting for a person: an approval, a manual cell, a section with elements that need somebody',
    'waiting',
    needing,
  ),
  unmanned: list('Due at a place that has no worker', 'ready,waiting', needing),
  running: list('Under way, or about to be', 'running,ready', going),
  waiting: list('Waiting for anything else', 'waiting', going),
  newest: viewPage.describe(
    'The newest, whatever their status, but for those that stand in a list above. With `status` or `next` it is what `GET /instances` answers.',
  ),
  counts: counts.shape.counts
    .nullable()
    .describe('As `GET /counts` has them; null with `actor`, `param`, `id` or `text`, which no index knows.'),
});
