/** How the newest runs of a version went. */
import * as z from 'zod';
import { limits, viewStatuses } from '../../engine/model/index.ts';
import { count } from './parts.ts';

const times = {
  count: count.describe('Of so many the times are.'),
  medianMs: z.number().nullable().describe('null: of none.'),
  p90Ms: z.number().nullable().describe('Nine of ten took no longer.'),
};
export const statistics = z.strictObject({
  runbookId: z.string(),
  version: count,
  runs: count.describe(
    `The newest runs, elements of sections not counted; ${limits.statisticsRunsMax} at most (statisticsRunsMax).`,
  ),
  atLeast: z.boolean().describe('There may be more runs of it than these.'),
  byStatus: z.array(z.strictObject({ status: z.enum(viewStatuses), count })),
  ended: count,
  completed: count,
  runTimes: z.strictObject(times).describe('Of the runs that have ended, from start to end.'),
  journals: z
    .strictObject({
      read: count,
      doubtful: count.describe('Those in which a step was in doubt.'),
      cut: count.describe(
        `Those that are longer than ${limits.statisticsEntriesMax} entries (statisticsEntriesMax): their beginning counts.`,
      ),
      unreadable: count,
    })
    .describe(
      `Of the newest of these runs; ${limits.statisticsJournalsMax} at most (statisticsJournalsMax). What is said of cells is made of them.`,
    ),
  cells: z
    .array(
      z.strictObject({
        name: z.string(),
        failed: count.describe('Attempts that failed.'),
        doubts: count.describe('Attempts that were in doubt.'),
        ...times,
      }),
    )
    .describe(
      'Cells with effects by how long an attempt took that completed, cells that wait by how long they waited; in the order in which they were met.',
    ),
});
