/** The frame of every page: where one is, who one is, and what is shown. */
import { Known, NoLook, useAsked } from './me.tsx';
import { ClaimPage } from './pages/claim.tsx';
import { ClaimsPage } from './pages/claims.tsx';
import { InstancePage } from './pages/instance.tsx';
import { ManyPage } from './pages/many.tsx';
import { OverviewPage } from './pages/overview.tsx';
import { RunbookPage } from './pages/runbook.tsx';
import { RunbooksPage } from './pages/runbooks.tsx';
import { StartPage } from './pages/start.tsx';
import { StatisticsPage } from './pages/statistics.tsx';
import { WorkersPage } from './pages/workers.tsx';
import { useHead } from './parts/head.ts';
import { decoded, Link, usePlace } from './route.tsx';
import { useEntrance } from './signIn/entrance.ts';
import { NotIn, Over, Who } from './signIn/page.tsx';

const Shown = ({ path, query }: { path: string; query: URLSearchParams }) => {
  const after = (folder: string, rest = '[^/]+'): string | undefined =>
    decoded(new RegExp(`^/${folder}/(${rest})$`).exec(path)?.[1]);
  const instanceId = after('instances');
  if (instanceId !== undefined) return <InstancePage key={instanceId} instanceId={instanceId} />;
  const runbookId = after('runbooks');
  if (runbookId !== undefined) return <RunbookPage key={runbookId} runbookId={runbookId} query={query} />;
  const start = /^\/start\/([^/@]+)(?:@([1-9]\d{0,8}))?(?:\/like\/([^/]+))?$/.exec(path);
  const named = decoded(start?.[1]);
  if (start !== null && named !== undefined) {
    const [, , version, like] = start;
    return (
      <StartPage
        key={`${path}?${query}`}
        runbookId={named}
        version={version === undefined ? undefined : Number(version)}
        like={decoded(like)}
        query={query}
      />
    );
  }
  if (path === '/runbooks') return <RunbooksPage query={query} />;
  if (path === '/') return <OverviewPage query={query} />;
  if (path === '/workers') return <WorkersPage />;
  if (path === '/claims') return <ClaimsPage query={query} />;
  const measured = after('statistics');
  if (measured !== undefined) return <StatisticsPage key={measured} runbookId={measured} query={query} />;
  // The id of a claim holds slashes.
  const claimId = after('claims', '.+');
  if (claimId !== undefined) return <ClaimPage key={claimId} claimId={claimId} query={query} />;
  if (path === '/decide') return <ManyPage query={query} />;
  return <NoPage />;
};

const NoPage = () => {
  useHead('There is no such page · Pawl', 'nobody');
  return (
    <main>
      <h1>There is no such page</h1>
      <p>
        <Link to="/">To all runs</Link>
      </p>
    </main>
  );
};

export const App = () => {
  const { path, query } = usePlace();
  const entrance = useEntrance();
  const me = useAsked(entrance);
  return (
    <>
      <header class="top">
        <Link to="/" class="brand">
          Pawl
        </Link>
        <nav aria-label="Pages">
          <Link to="/" current={path === '/'}>
            Runs
          </Link>
          <Link to="/runbooks" current={path.startsWith('/runbooks') || path.startsWith('/start/')}>
            Runbooks
          </Link>
          <Link to="/claims" current={path.startsWith('/claims')}>
            Claims
          </Link>
          <Link to="/workers" current={path === '/workers'}>
            Workers
          </Link>
        </nav>
        {entrance.kind === 'in' ? <Who {...entrance} actor={me?.actor ?? entrance.actor} /> : null}
      </header>
      {entrance.kind === 'in' && entrance.isOver ? <Over {...entrance} /> : null}
      {entrance.kind !== 'in' ? (
        <NotIn entrance={entrance} />
      ) : me?.permissions?.includes('read') === false ? (
        <NoLook {...me} />
      ) : (
        <Known.Provider value={me}>
          <Shown path={path} query={query} />
        </Known.Provider>
      )}
    </>
  );
};
