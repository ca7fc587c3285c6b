/** A page of views by whatever is asked for, and the mark that goes on with it. */
import type { BodyOf, InputOf } from '../contract/index.ts';
import { limits, type View } from '../engine/index.ts';
import type { OperationDeps } from './apiDeps.ts';
import { seal, unseal } from './cursor.ts';
import { type Bounds, boundsNow, conditionOf, given, markOf, placeIn } from './finding.ts';

type Query = InputOf<'listInstances'>['query'];
type Condition = (view: View) => Promise<boolean>;

const both = (one: Condition | undefined, other: Condition | undefined): Condition | undefined =>
  one === undefined || other === undefined ? (one ?? other) : async (view) => (await one(view)) && other(view);

/**
 * @param narrowed `bounds`: in place of those that the query says, for several lists of one moment. `where`: what has to hold
 * besides; the mark goes on in the list without it.
 */
export const listing = async (
  deps: Pick<OperationDeps, 'engine' | 'clock' | 'sha256' | 'deployment'>,
  query: Query,
  narrowed: { bounds?: Bounds; where?: Condition | undefined } = {},
): Promise<BodyOf<'listInstances'>> => {
  const { limit = limits.pageMax, next, runbook: runbookId, status: statuses, ...asked } = query;
  const { since, until, ...wanted } = asked;
  // A mark goes on with the list it was given out for, whatever was asked for there.
  const list =
    Object.keys(asked).length === 0 ? 'instances' : `instances ${JSON.stringify(Object.entries(asked).sort())}`;
  const place = next === undefined ? undefined : placeIn(unseal(deps, list, next));
  const { sinceMs, untilMs } = place ?? narrowed.bounds ?? (await boundsNow(deps, { since, until }));
  const where = both(narrowed.where, conditionOf(deps.engine, wanted));
  const page = await deps.engine.list({
    limit,
    ...(runbookId === undefined ? {} : { runbookId }),
    ...(statuses === undefined ? {} : { statuses }),
    ...given({ sinceMs, untilMs }),
    ...(where === undefined ? {} : { where }),
    ...(place === undefined ? {} : { next: place.mark }),
  });
  const mark = page.next === null ? null : markOf({ sinceMs, untilMs, mark: page.next });
  return { ...page, next: seal(deps, list, mark) };
};
