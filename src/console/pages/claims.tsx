/** Claims: what people and programs know and runs wait for, each as it stands. */
import { useState } from 'preact/hooks';
import { call } from '../api.ts';
import { useMay } from '../me.tsx';
import { ClaimLine } from '../parts/claimLine.tsx';
import { useHead } from '../parts/head.ts';
import { Staleness } from '../parts/staleness.tsx';
import { useNow, usePolled } from '../poll.ts';
import { claimPath, go, Link } from '../route.tsx';

const pageSize = 50;

/** To a claim by its id, also one that nobody has set yet. */
const Find = () => {
  const [id, setId] = useState('');
  return (
    <form
      class="filters"
      onSubmit={(event) => {
        event.preventDefault();
        go(claimPath(id.trim()));
      }}
    >
      <label for="claim-id">
        Look at one{useMay('setClaim') ? ', or set a new one' : ''}
        <input
          id="claim-id"
          type="text"
          required
          maxLength={200}
          placeholder="ci/pr-7"
          value={id}
          onInput={(event) => setId(event.currentTarget.value)}
        />
      </label>
      <p class="find">
        <button type="submit">Open</button>
      </p>
    </form>
  );
};

export const ClaimsPage = ({ query }: { query: URLSearchParams }) => {
  const next = query.get('next') ?? undefined;
  const { data, atMs, error } = usePolled(`claims ${next ?? ''}`, async () => {
    const page = await call('claims', { query: { limit: pageSize, ...(next === undefined ? {} : { next }) } });
    return 'claims' in page ? page : { claims: [], next: null };
  });
  const nowMs = useNow();
  useHead('Claims · Pawl', 'nobody');
  return (
    <main>
      <div class="title">
        <h1>Claims</h1>
        <Staleness atMs={atMs} error={error} />
      </div>
      <p class="quiet">
        A claim is a named fact with a status and a history that is never altered. <code>await</code> cells wait for
        claims; setting one wakes them.
      </p>
      <Find />
      {data?.claims.length === 0 ? <p class="quiet">Nobody has set a claim yet.</p> : null}
      <ul class="runs group">
        {data?.claims.map((claim) => (
          <ClaimLine key={claim.claimId} claim={claim} nowMs={nowMs} isLinked />
        ))}
      </ul>
      <p class="pages">
        {next === undefined ? null : <Link to="/claims">First page</Link>}
        {data === undefined || data.next === null ? null : (
          <Link to={`/claims?${new URLSearchParams({ next: data.next })}`}>More</Link>
        )}
      </p>
    </main>
  );
};
