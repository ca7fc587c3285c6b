/** Who carries cells out, and where nobody does. */
import type { BodyOf } from '../../contract/index.ts';
import { call, type View } from '../api.ts';
import { useHead } from '../parts/head.ts';
import { Run } from '../parts/runs.tsx';
import { Staleness } from '../parts/staleness.tsx';
import { useNow, usePolled } from '../poll.ts';
import { ago, harmless, plural } from '../text.ts';

const waitingMax = 100;
/** A view says so of what waits for one: `a worker at bastion`. */
const placeWords = 'a worker at ';
const waitsForPlace = ({ waitsFor }: View): boolean => waitsFor?.startsWith(placeWords) === true;

const Waiting = ({ views, nowMs }: { views: View[]; nowMs: number }) =>
  views.length === 0 ? (
    <p class="quiet">Nothing waits for a worker here.</p>
  ) : (
    <>
      <h3>
        Waits for a worker here <span class="count">{views.length}</span>
      </h3>
      <ul class="runs">
        {views.map((view) => (
          <Run key={view.instanceId} view={view} nowMs={nowMs} />
        ))}
      </ul>
    </>
  );

type TableProps = { place: string; workers: BodyOf<'workers'>['workers']; nowMs: number };
const Table = ({ place, workers, nowMs }: TableProps) => {
  if (workers.length === 0)
    return (
      <p class="quiet">
        No worker was seen here lately. <code>PAWL_PLACE={place} pawl worker</code> serves it.
      </p>
    );
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by the keyboard */}
      <section class="scroll" tabIndex={0} aria-label={`Workers at ${place}`}>
        <table>
          <thead>
            <tr>
              <th scope="col">State</th>
              <th scope="col">Host</th>
              <th scope="col">Seen</th>
              <th scope="col">Busy</th>
              <th scope="col">Version</th>
              <th scope="col">Lacks</th>
            </tr>
          </thead>
          <tbody>
            {workers.map((one) => (
              <tr key={one.id}>
                <td>
                  <span class={`badge ${one.state === 'alive' ? 'good' : one.state === 'gone' ? 'warn' : 'quiet'}`}>
                    {one.state}
                  </span>
                </td>
                <td>
                  {harmless(one.host)}, process {one.pid}
                </td>
                <td>{ago(one.seenAtMs, nowMs)}</td>
                <td>
                  {one.running} of {plural(one.concurrency, 'run')}
                </td>
                <td>{harmless(one.version)}</td>
                <td>{one.lacks.length === 0 ? 'nothing' : harmless(one.lacks.join(', '))}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
};

export const WorkersPage = () => {
  const { data, atMs, error } = usePolled('workers', async () => {
    const [workers, waiting] = await Promise.all([
      call('workers', {}),
      call('listInstances', {
        query: { status: ['waiting', 'ready', 'running'], text: placeWords, limit: waitingMax },
      }),
    ]);
    return { ...workers, waiting: waiting.views.filter(waitsForPlace), isMore: waiting.next !== null };
  });
  const nowMs = useNow();
  const wanted = data?.wanted ?? [];
  useHead('Workers · Pawl', wanted.length > 0 ? 'somebody' : 'nobody');
  const waiting = data?.waiting ?? [];
  const places = [...new Set([...(data?.workers ?? []), ...waiting].map(({ place }) => place))].sort();
  return (
    <main>
      <div class="title">
        <h1>Workers</h1>
        <Staleness atMs={atMs} error={error} />
      </div>
      {wanted.map(({ place, sinceMs }) => (
        <p key={place} class="notice warn">
          Something waits for a worker at <strong>{harmless(place)}</strong> since {ago(sinceMs, nowMs)}; nobody was
          ever there. <code>pawl worker</code> serves a place.
        </p>
      ))}
      {places.map((place) => (
        <section key={place} class="group">
          <h2>{harmless(place)}</h2>
          <Waiting views={waiting.filter((view) => view.place === place)} nowMs={nowMs} />
          <Table place={place} workers={(data?.workers ?? []).filter((one) => one.place === place)} nowMs={nowMs} />
        </section>
      ))}
      {data?.isMore ? <p class="quiet">Only the newest {waitingMax} that wait for a worker are shown.</p> : null}
      {data !== undefined && places.length === 0 ? <p class="quiet">No worker was seen lately.</p> : null}
    </main>
  );
};
