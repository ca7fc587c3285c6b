/** Pages of views by whatever is asked for, and the marks that go on with them. */
import type { BodyOf, InputOf } from '../contract/index.ts';
import { limits, type View } from '../engine/index.ts';
import type { OperationDeps } from './apiDeps.ts';
import { seal, unseal } from './cursor.ts';
import { type Bounds, boundsNow, conditionOf, given, markOf, placeIn } from './finding.ts';

type Deps = Pick<OperationDeps, 'engine' | 'clock' | 'sha256' | 'deployment'>;
type Query = InputOf<'listInstances'>['query'];
type Page = BodyOf<'listInstances'>;
type Condition = (view: View) => Promise<boolean>;

/** What of a query no index has. A mark goes on with the list it was given out for, whatever was asked for there. */
const askedIn = ({ limit: _, next: __, runbook: ___, status: ____, ...asked }: Query) => ({
  asked,
  list: Object.keys(asked).length === 0 ? 'instances' : `instances ${JSON.stringify(Object.entries(asked).sort())}`,
});

const filterOf = ({ runbook: runbookId, status: statuses }: Query, bounds: Bounds) => ({
  ...(runbookId === undefined ? {} : { runbookId }),
  ...(statuses === undefined ? {} : { statuses }),
  ...given(bounds),
});

const sealed = (deps: Deps, list: string, { sinceMs, untilMs }: Bounds, page: Page): Page => ({
  ...page,
  next: seal(deps, list, page.next === null ? null : markOf({ sinceMs, untilMs, mark: page.next })),
});

/** @param bounds in place of those that the query says, for several lists of one moment */
export const listing = async (deps: Deps, query: Query, bounds?: Bounds): Promise<Page> => {
  const { limit = limits.pageMax, next } = query;
  const { asked, list } = askedIn(query);
  const { since, until, ...wanted } = asked;
  const place = next === undefined ? undefined : placeIn(unseal(deps, list, next));
  const within = place ?? bounds ?? (await boundsNow(deps, { since, until }));
  const where = conditionOf(deps.engine, wanted);
  const page = await deps.engine.list({
    limit,
    ...filterOf(query, within),
    ...(where === undefined ? {} : { where }),
    ...(place === undefined ? {} : { next: place.mark }),
  });
  return sealed(deps, list, within, page);
};

/** Of one view it is asked once, however many lists there are. */
const once = (condition: Condition): Condition => {
  const known = new WeakMap<View, Promise<boolean>>();
  return (view) => {
    const answer = known.get(view) ?? condition(view);
    known.set(view, answer);
    return answer;
  };
};

/**
 * First pages of several lists by one walk through what the query says.
 * @param kinds what has to hold besides; the mark of each goes on in the list without it
 */
export const listings = async (
  deps: Deps,
  query: Omit<Query, 'limit' | 'next'>,
  bounds: Bounds,
  kinds: { limit: number; where: Condition }[],
): Promise<Page[]> => {
  const { asked, list } = askedIn(query);
  const { since: _, until: __, ...wanted } = asked;
  const condition = conditionOf(deps.engine, wanted);
  const fits = condition && once(condition);
  const pages = await deps.engine.lists(
    filterOf(query, bounds),
    kinds.map(({ limit, where }) => ({
      limit,
      where: fits === undefined ? where : async (view) => (await where(view)) && (await fits(view)),
    })),
  );
  return pages.map((page) => sealed(deps, list, bounds, page));
};
