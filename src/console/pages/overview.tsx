/** What needs somebody first, then what is under way, then the rest: for the person who was woken up. */
import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import type { BodyOf } from '../../contract/index.ts';
import { call, type View } from '../api.ts';
import { useMay, useMe } from '../me.tsx';
import { Filters, statuses, type Wanted } from '../parts/filters.tsx';
import { useHead } from '../parts/head.ts';
import { Notify } from '../parts/notify.tsx';
import { Run } from '../parts/runs.tsx';
import { Staleness } from '../parts/staleness.tsx';
import { useNow, usePolled } from '../poll.ts';
import { go, instancePath, Link } from '../route.tsx';
import { harmless, statusText } from '../text.ts';
import { filterNames, foundIn, isMore, type Need, type Needing, useOrder } from './groups.ts';
import { manyPath } from './many.tsx';

type Counts = NonNullable<BodyOf<'overview'>['counts']>;

const pageSize = 25;
/** So many runs alike are worth a page of their own. */
const manyFrom = 2;
const runbooksEveryMs = 60_000;

const wantedOf = (query: URLSearchParams): Wanted => {
  const status = statuses.find((one) => one === query.get('status'));
  const given = [...filterNames, 'next' as const].flatMap((name) => {
    const value = query.get(name);
    return value === null || value === '' ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(given), ...(status === undefined ? {} : { status }) };
};

const toOf = (wanted: Record<string, string | undefined>): string => {
  const given = Object.entries(wanted).filter((one): one is [string, string] => one[1] !== undefined && one[1] !== '');
  return given.length === 0 ? '/' : `/?${new URLSearchParams(given)}`;
};

const CountsLine = ({ counts, wanted }: { counts: Counts; wanted: Wanted }) => (
  <ul class="counts" aria-label="How many there are">
    {statuses.flatMap((status) => {
      const one = counts.find((each) => each.status === status);
      if (one === undefined || one.count === 0) return [];
      return [
        <li key={status}>
          <Link to={toOf({ ...wanted, next: undefined, status })} current={wanted.status === status}>
            {statusText(status)} <strong>{atLeast(one.count, one.atLeast)}</strong>
          </Link>
        </li>,
      ];
    })}
  </ul>
);

/** Steps in doubt that are alike, where there are several. */
const Alike = ({ views }: { views: View[] }) => {
  const verb = useMay('verdicts') ? 'Decide about' : 'Look at';
  const groups = new Map<string, View[]>();
  for (const view of views) {
    if (view.status !== 'in_doubt' || view.cell === null) continue;
    const key = `${view.runbookId} ${view.cell}`;
    groups.set(key, [...(groups.get(key) ?? []), view]);
  }
  return (
    <>
      {[...groups.values()].flatMap(([one, ...more]) => {
        if (one?.cell == null || more.length + 1 < manyFrom) return [];
        return [
          <p key={`${one.runbookId} ${one.cell}`}>
            <Link to={manyPath(one.runbookId, one.cell)}>
              {verb} {more.length + 1} alike: {harmless(one.cell)} of {harmless(one.runbookId)}
            </Link>
          </p>,
        ];
      })}
    </>
  );
};

const Group = ({ title, count, children }: { title: string; count: string; children: ComponentChildren }) => (
  <section class="group">
    <h2>
      {title} <span class="count">{count}</span>
    </h2>
    {children}
  </section>
);

const whyOf = ({ view, need, isMine, hasMine }: Needing): string => {
  const at = view.cell ?? 'its end';
  const why: Record<Need, string> = {
    doubt: `Did ${at} happen? Nothing goes on until somebody says so.`,
    broken: 'Its journal cannot be trusted: nothing runs.',
    halted: `${at} halted: it needs a decision.`,
    asked: isMine
      ? `${at} asks you.`
      : hasMine
        ? `${at} has your approval, and waits for more.`
        : `${at} asks ${view.waitsFor || 'a person'}.`,
    elements: `${at}: ${view.waitsFor}.`,
    unmanned: `Waits for ${view.waitsFor}, and none is there.`,
  };
  return why[need];
};

/** The same one each time. */
const none: Needing[] = [];

const atLeast = (count: number, isMore: boolean): string => (isMore ? `at least ${count}` : String(count));

export const OverviewPage = ({ query }: { query: URLSearchParams }) => {
  const me = useMe();
  const wanted = wantedOf(query);
  const look = async () => {
    const { status } = wanted;
    const overview = await call('overview', { query: { ...wanted, status: status && [status], limit: pageSize } });
    return { ...overview, of: wanted, found: await foundIn(overview) };
  };
  const { data, atMs, error } = usePolled(
    `overview ${toOf(wanted)}`,
    look,
    undefined,
    toOf({ ...wanted, text: undefined }),
  );
  // While another search is under way the one before stands there.
  const { status, next } = data?.of ?? wanted;
  const isListed = status !== undefined || next !== undefined;
  // New ones are seldom: the names to choose from need not be asked for with every look.
  const named = usePolled('runbooks', () => call('listRunbooks', { query: { limit: 100 } }), runbooksEveryMs);
  const nowMs = useNow();
  const needing = useOrder(data?.found ?? none, me);
  const news = useMemo(
    () =>
      data &&
      needing.map((one) => ({
        key: `${one.view.instanceId} ${one.need} ${one.view.cell}`,
        instanceId: one.view.instanceId,
        why: whyOf(one),
      })),
    [needing],
  );
  const needsMore = data !== undefined && [data.doubt, data.stopped, data.asking, data.unmanned].some(isMore);
  const going = data === undefined ? [] : [...data.waiting.views, ...data.running.views];
  const doubts = needing.filter(({ need }) => need === 'doubt').length;
  useHead(
    needing.length === 0 ? 'Runs · Pawl' : `(${needing.length}) Runs · Pawl`,
    doubts > 0 ? 'doubt' : needing.length > 0 ? 'somebody' : 'nobody',
  );
  const rest = data?.newest.views ?? [];
  const isAbove = !isListed && needing.length + going.length > 0;
  const hasOlder = data?.newest.next != null;
  return (
    <main>
      <div class="title">
        <h1>Runs</h1>
        <Staleness atMs={atMs} error={error} />
      </div>
      <Filters
        wanted={wanted}
        runbooks={named.data?.runbooks ?? []}
        onSet={(name, value, isReplaced) => go(toOf({ ...wanted, next: undefined, [name]: value }), isReplaced)}
      />
      {wanted.text !== undefined && /^[\w.~-]+$/.test(wanted.text) ? (
        <p class="small">
          <Link to={instancePath(wanted.text)}>Open the run {wanted.text}</Link>, whether or not the list below reaches
          it.
        </p>
      ) : null}
      {data === undefined ? null : (
        <>
          <CountsLine counts={data.counts ?? []} wanted={wanted} />
          {wanted.runbook === undefined ? null : (
            <p class="small">
              <Link to={`/statistics/${encodeURIComponent(wanted.runbook)}`}>
                Statistics of {harmless(wanted.runbook)}
              </Link>
            </p>
          )}
          {isListed ? <Alike views={rest} /> : null}
          {isListed ? null : (
            <>
              <Group title="Needs somebody" count={atLeast(needing.length, needsMore)}>
                {needing.length === 0 ? (
                  <p class="quiet">
                    {needsMore ? 'Of those that were read nothing needs anybody.' : 'Nothing needs anybody.'}
                  </p>
                ) : null}
                <Alike views={needing.map(({ view }) => view)} />
                <ul class="runs">
                  {needing.map((one) => (
                    <Run key={one.view.instanceId} view={one.view} why={whyOf(one)} nowMs={nowMs} />
                  ))}
                </ul>
              </Group>
              <Group title="Under way" count={atLeast(going.length, isMore(data.waiting) || isMore(data.running))}>
                {going.length === 0 ? <p class="quiet">Nothing is under way.</p> : null}
                <ul class="runs">
                  {going.map((view) => (
                    <Run key={view.instanceId} view={view} nowMs={nowMs} {...goingWhy(view)} />
                  ))}
                </ul>
              </Group>
            </>
          )}
          <Group
            title={isListed ? 'Newest first' : 'The rest, newest first'}
            count={rest.length === 0 && hasOlder ? '' : atLeast(rest.length, isMore(data.newest))}
          >
            {rest.length > 0 ? null : (
              <p class="quiet">
                {!hasOlder ? 'No run fits.' : `${isAbove ? 'The newest are above' : 'None so far'}; older ones follow.`}
              </p>
            )}
            <ul class="runs">
              {rest.map((view) => (
                <Run key={view.instanceId} view={view} nowMs={nowMs} />
              ))}
            </ul>
            <p class="pages">
              {next === undefined ? null : <Link to={toOf({ ...data.of, next: undefined })}>Newest</Link>}
              {data.newest.next === null ? null : <Link to={toOf({ ...data.of, next: data.newest.next })}>Older</Link>}
            </p>
          </Group>
        </>
      )}
      <Notify needing={news} of={toOf({ ...data?.of, status: undefined, next: undefined })} />
    </main>
  );
};

const goingWhy = ({ status, waitsFor }: View): { why?: string } =>
  status === 'waiting' && waitsFor ? { why: `waits for ${harmless(waitsFor)}` } : {};
