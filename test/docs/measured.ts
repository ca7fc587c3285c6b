/** What `npm run bench:cost` counts in runs of ten cells: docs/deploying.md multiplies it, and cost.test.ts counts it again. */
import type { Use } from '../../bench/cost/prices.ts';

const views = (table: number, byRunbook: number, byStatus: number, due: number): Record<string, number> => ({
  views: table,
  'views/byRunbook': byRunbook,
  'views/byStatus': byStatus,
  'views/due': due,
});

const start: Use = {
  requests: 5,
  write: { journal: 1, 'journal/names': 1, ...views(2, 1, 1, 2) },
  read: { runbooks: 1 },
  calls: 1,
  executions: 0,
  logBytes: 1007,
};
const oneCall = { requests: 1.5, read: { journal: 0.1 }, calls: 0.1 };
const oneCallViews = views(0.2, 0.2, 0.2, 0.2);
const callEach = { requests: 5, read: { journal: 1 }, calls: 1 };
const callEachViews = views(2, 0.2, 0.2, 2);

/** Start and run of ten cells in one call, by the bytes of each cell's output. */
export const sizedUnits = { 25: 19, 200: 19, 800: 29 } as const;
export const sizedRequests = 15;

/** In the order of the bench: js and http, each by one call and by a call per cell. */
export const measured: { cells: number; start: Use; tick: Use; perCell: [Use, Use, Use, Use] } = {
  cells: 10,
  start,
  tick: { requests: 17, write: {}, read: {}, calls: 0, executions: 0, logBytes: 660 },
  perCell: [
    { ...oneCall, write: { journal: 1.2, ...oneCallViews }, executions: 1, logBytes: 1672 },
    { ...callEach, write: { journal: 2, ...callEachViews }, executions: 1, logBytes: 3366 },
    { ...oneCall, write: { journal: 1.2, ...oneCallViews }, executions: 0, logBytes: 1233 },
    { ...callEach, write: { journal: 2, ...callEachViews }, executions: 0, logBytes: 2925 },
  ],
};
