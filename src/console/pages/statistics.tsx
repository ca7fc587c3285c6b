/** Statistics of a runbook, a version at a time. They are made of many journals, so they are read seldom. */
import { useId, useRef } from 'preact/hooks';
import { call, newestVersionOf } from '../api.ts';
import { useHead } from '../parts/head.ts';
import { Statistics } from '../parts/statistics.tsx';
import { usePolled } from '../poll.ts';
import { go, Link } from '../route.tsx';
import { clock, harmless } from '../text.ts';

const everyMs = 5 * 60_000;

export const StatisticsPage = ({ runbookId, query }: { runbookId: string; query: URLSearchParams }) => {
  const id = useId();
  const asked = Number(query.get('version')) || undefined;
  const newest = useRef(0);
  const load = async () => {
    if (newest.current === 0) newest.current = await newestVersionOf(runbookId);
    return await call('statistics', { path: { runbookId }, query: { version: asked ?? newest.current } });
  };
  const { data, atMs, error, reload } = usePolled(`statistics ${runbookId} ${asked ?? ''}`, load, everyMs);
  useHead(`Statistics · ${runbookId} · Pawl`, 'nobody');
  const versions = Array.from({ length: newest.current }, (_, index) => newest.current - index);
  return (
    <main>
      <p class="back">
        <Link to={`/?${new URLSearchParams({ runbook: runbookId })}`}>Runs of {harmless(runbookId)}</Link>
      </p>
      <div class="title">
        <h1>Statistics of {harmless(runbookId)}</h1>
        <p class="stale" role={error === undefined ? undefined : 'alert'}>
          {error === undefined ? '' : `${error.message} `}
          {atMs === 0 ? (error === undefined ? 'Loading…' : '') : `As of ${clock(atMs)}. `}
        </p>
      </div>
      {data === undefined ? null : (
        <>
          <div class="filters choose">
            <label for={id}>
              Version
              <select
                id={id}
                value={data.version}
                onChange={(event) =>
                  go(`/statistics/${encodeURIComponent(runbookId)}?version=${event.currentTarget.value}`)
                }
              >
                {versions.map((version) => (
                  <option key={version} value={version}>
                    {version === newest.current ? `${version}, the newest` : version}
                  </option>
                ))}
              </select>
            </label>
            <p class="find">
              <button type="button" onClick={() => void reload()}>
                Read again
              </button>
            </p>
          </div>
          <Statistics data={data} />
        </>
      )}
    </main>
  );
};
