/** One look at all runs: what needs somebody, by kind, what is under way, the newest, and how many there are. */
import { type BodyOf, type InputOf, mannedAt } from '../contract/index.ts';
import {
  allCells,
  elementsNeedSomebody,
  isPawlError,
  limits,
  settleAll,
  type View,
  workerAt,
} from '../engine/index.ts';
import type { OperationDeps } from './apiDeps.ts';
import { boundsNow, given } from './finding.ts';
import { listing, listings } from './listing.ts';

type Deps = Pick<OperationDeps, 'engine' | 'clock' | 'runbooks' | 'workers' | 'sha256' | 'deployment'>;
type Overview = BodyOf<'overview'>;
type Page = Overview['newest'];
type Needs = 'person' | 'worker' | 'nobody';

/** "2 hours ago" stands still for so long: a mark holds the moment, and with another one nothing would be as it was. */
const momentMs = 60_000;
const nothing: Page = { views: [], atLeast: false, next: null };

/** Of what kind the cell is that a view stands at. A version is read once. */
const kindsIn = ({ runbooks }: Deps): ((view: View) => Promise<string | undefined>) => {
  const versions = new Map<string, Promise<Map<string, string>>>();
  const read = async (runbookId: string, version: number): Promise<Map<string, string>> => {
    try {
      const found = await runbooks.get(runbookId, version);
      return new Map(allCells(found?.runbook.cells ?? []).map(({ name, body }) => [name, body.kind]));
    } catch (error) {
      // One version that cannot be read hides no run. A store that is away hides all of them.
      if (!isPawlError(error) || error.code === 'store.unavailable') throw error;
      return new Map();
    }
  };
  return async ({ runbookId, version, cell }) => {
    const key = `${runbookId}/${version}`;
    const kinds = versions.get(key) ?? read(runbookId, version);
    versions.set(key, kinds);
    return (await kinds).get(cell ?? '');
  };
};

/** Whom a view that is neither in doubt nor halted needs so that it goes on. `isManned`: every place that is known has somebody. */
const needsIn = async (deps: Deps): Promise<{ isManned: boolean; of(view: View): Promise<Needs> }> => {
  const { workers, wanted } = await deps.workers.list();
  const nowMs = deps.clock.nowMs();
  const places = new Set([...workers, ...wanted].map(({ place }) => place));
  const empty = new Set([...places].filter((place) => mannedAt(place, workers, nowMs).alive === 0));
  const kindAt = kindsIn(deps);
  const isDue = ({ dueAtMs }: View): boolean => dueAtMs !== null && dueAtMs <= nowMs;
  return {
    isManned: empty.size === 0,
    of: async (view) => {
      if (empty.has(view.place) && isDue(view) && view.waitsFor === workerAt(view.place)) return 'worker';
      if (view.status !== 'waiting') return 'nobody';
      if (elementsNeedSomebody(view)) return 'person';
      const kind = await kindAt(view);
      return kind === 'approve' || kind === 'manual' ? 'person' : 'nobody';
    },
  };
};

/** An index counts them, which knows a runbook and times. */
const countsOf = async (
  { engine }: Deps,
  { runbook: runbookId, since: _, until: __, ...others }: InputOf<'overview'>['query'],
  bounds: ReturnType<typeof given>,
): Promise<Overview['counts']> =>
  Object.keys(others).length > 0
    ? null
    : await engine.counts({ ...(runbookId === undefined ? {} : { runbookId }), ...bounds });

const newestFirst = (a: View, b: View): number =>
  b.startedAtMs - a.startedAtMs || (a.instanceId < b.instanceId ? 1 : -1);

/** Each run once, as it was last: between two walks it may have gone from one list to another. */
const eachOnce = (views: View[]): View[] => {
  const newest = new Map<string, View>();
  for (const view of views) {
    const before = newest.get(view.instanceId);
    if (before === undefined || before.seq < view.seq) newest.set(view.instanceId, view);
  }
  return [...newest.values()];
};

/** Pages of several lists as one, where there is no more of any; `undefined`: no mark would go on in all of them. */
const wholeOf = (pages: Page[], max: number): Page | undefined => {
  const views = eachOnce(pages.flatMap((page) => page.views)).sort(newestFirst);
  return views.length > max || pages.some(({ next }) => next !== null) ? undefined : { ...nothing, views };
};

/** @throws PawlError whatever one of its readings throws: half of it would look as if nothing else needed anybody */
export const overviewOf = async (deps: Deps, query: InputOf<'overview'>['query']): Promise<Overview> => {
  const { status, limit, next, ...filter } = query;
  const [needs, bounds] = await settleAll([needsIn(deps), boundsNow(deps, filter, momentMs)]);
  const { overviewNeedingMax: needing, overviewGoingMax: going } = limits;
  const list = (statuses: View['status'][], max: number): Promise<Page> =>
    listing(deps, { ...filter, status: statuses, limit: max }, bounds);
  const sorted = async (statuses: View['status'][], kinds: [Needs, number][]): Promise<Map<Needs, Page>> => {
    const asked = kinds.map(([need, max]) => ({
      limit: max,
      where: async (view: View) => (await needs.of(view)) === need,
    }));
    const pages = await listings(deps, { ...filter, status: statuses }, bounds, asked);
    return new Map(kinds.map(([need], index) => [need, pages[index] ?? nothing]));
  };
  const workers: [Needs, number][] = needs.isManned ? [] : [['worker', needing]];
  const goesOn = async (): Promise<Map<Needs, Page>> =>
    needs.isManned
      ? // Whatever runs needs nobody then, and no more is read than is shown.
        new Map([['nobody', await list(['running', 'ready'], going)]])
      : await sorted(['running', 'ready'], [['nobody', going], ...workers]);
  const [doubt, stopped, waits, goes, newest, counts] = await settleAll([
    list(['in_doubt'], needing),
    list(['halted', 'broken'], needing),
    sorted(['waiting'], [['person', needing], ['nobody', going], ...workers]),
    goesOn(),
    listing(deps, query, bounds),
    countsOf(deps, filter, given(bounds)),
  ]);
  const of = (pages: Map<Needs, Page>, need: Needs): Page => pages.get(need) ?? nothing;
  const unmanned =
    wholeOf([of(waits, 'worker'), of(goes, 'worker')], needing) ??
    of(await sorted(['ready', 'waiting'], workers), 'worker');
  const kinds = {
    doubt,
    stopped,
    asking: of(waits, 'person'),
    unmanned,
    running: of(goes, 'nobody'),
    waiting: of(waits, 'nobody'),
  };
  if (status !== undefined || next !== undefined) return { ...kinds, newest, counts };
  const shown = new Set(Object.values(kinds).flatMap(({ views }) => views.map(({ instanceId }) => instanceId)));
  const rest = newest.views.filter(({ instanceId }) => !shown.has(instanceId));
  return { ...kinds, newest: { ...newest, views: rest }, counts };
};
