/** One claim: how it stands, its whole history, who waits for it, and a form that sets it. */
import { useId, useState } from 'preact/hooks';
import type { BodyOf } from '../../contract/index.ts';
import { call, Refused } from '../api.ts';
import { Words } from '../decide/reason.tsx';
import { jsonOf } from '../decide/schema.ts';
import { May } from '../me.tsx';
import { type Claim, ClaimLine, claimTones } from '../parts/claimLine.tsx';
import { useHead } from '../parts/head.ts';
import { Staleness } from '../parts/staleness.tsx';
import { useNow, usePolled } from '../poll.ts';
import { claimPath, instancePath, Link } from '../route.tsx';
import { harmless, plural } from '../text.ts';
import { useTold } from '../told.ts';

const statuses: Claim['status'][] = ['asserted', 'supported', 'invalidated', 'superseded'];
const pageSize = 25;
const waitersMax = 100;

type History = BodyOf<'claimHistory'>;
/** One that nobody has set may be waited for all the same. */
const readHistory = async (id: string, before: number | undefined): Promise<History> => {
  const asked = { id, limit: pageSize, ...(before === undefined ? {} : { before }) };
  return await call('claimHistory', { query: asked }).catch((error: unknown): History => {
    if (error instanceof Refused && error.code === 'claim.unknown') return { claims: [], next: null };
    throw error;
  });
};

/** What is typed as the JSON that it is; empty, the evidence of the last revision stays. @throws Error where it is none */
const evidenceOf = (text: string): { evidence?: unknown } => {
  if (text.trim() === '') return {};
  try {
    return { evidence: jsonOf(text) };
  } catch (error) {
    throw new Error(
      error instanceof RangeError
        ? `A browser would change the number ${error.message} of the evidence: write it as a text, or use \`pawl claim set\`.`
        : 'The evidence is no JSON: write a text in quotes, or {"errors": 0}.',
    );
  }
};

type SetProps = { claimId: string; newest: Claim | undefined; onSet(): Promise<void> };
const SetClaim = ({ claimId, newest, onSet }: SetProps) => {
  const id = useId();
  const [status, setStatus] = useState<Claim['status'] | ''>('');
  const [statement, setStatement] = useState('');
  const [evidence, setEvidence] = useState('');
  const [reason, setReason] = useState('');
  const [told, tell] = useState<{ tone: string; text: string }>();
  const [isBusy, setBusy] = useState(false);
  const { at, begin } = useTold(told, isBusy);
  const isFinal = newest?.status === 'invalidated' || newest?.status === 'superseded';
  const set = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (status === '') return;
    setBusy(true);
    begin();
    try {
      const { claim, woken } = await call('setClaim', {
        query: { id: claimId },
        body: {
          status,
          // What was set meanwhile is not set over.
          revision: newest?.revision ?? 0,
          ...(statement.trim() === '' ? {} : { statement }),
          ...(reason.trim() === '' ? {} : { reason }),
          ...evidenceOf(evidence),
        },
      });
      const who =
        woken === null
          ? 'Those who wait for it are being told.'
          : `${plural(woken, 'run')} that waited for it will look.`;
      tell({ tone: 'good', text: `Set: ${claim.status}, revision ${claim.revision}. ${who}` });
      // A second Enter says nothing a second time.
      setStatus('');
      setStatement('');
      setEvidence('');
      setReason('');
    } catch (error) {
      tell({ tone: 'warn', text: (error as Error).message });
    } finally {
      await onSet();
      setBusy(false);
    }
  };
  return (
    <section class="panel live" aria-label="Set">
      <h2>Say what is so</h2>
      <div role="status" tabIndex={-1} ref={at}>
        {told === undefined ? null : <p class={`notice ${told.tone}`}>{harmless(told.text)}</p>}
      </div>
      <May does="setClaim" what="Setting it">
        <form onSubmit={(event) => void set(event)}>
          <fieldset disabled={isBusy}>
            <legend class="hidden">The next revision</legend>
            <p class="field">
              <label for={id}>Status</label>
              <select
                id={id}
                required
                value={status}
                onChange={(event) => setStatus(event.currentTarget.value as Claim['status'] | '')}
              >
                <option value="">choose</option>
                {statuses.map((one) => (
                  <option key={one} value={one}>
                    {one}
                  </option>
                ))}
              </select>
            </p>
            <Words
              label="What it says, for people. Left empty, it stays as it is."
              value={statement}
              onInput={setStatement}
            />
            <Words
              label="Evidence, as JSON. Left empty, it stays as it is."
              value={evidence}
              onInput={setEvidence}
              max={100_000}
            />
            <Words
              label={
                isFinal
                  ? `Why? It was ${newest.status}, and stays so unless somebody knows better.`
                  : 'Why, if you like'
              }
              value={reason}
              onInput={setReason}
              required={isFinal && status !== newest.status}
            />
            <p>
              <button type="submit" class="main">
                {newest === undefined ? 'Set it' : `Set revision ${newest.revision + 1}`}
              </button>
            </p>
          </fieldset>
        </form>
      </May>
    </section>
  );
};

const Waiters = ({ waiters }: { waiters: BodyOf<'claimWaiters'> }) => (
  <section class="group">
    <h2>
      Waits for it{' '}
      <span class="count">{waiters.next === null ? waiters.waiters.length : `at least ${waiters.waiters.length}`}</span>
    </h2>
    {waiters.waiters.length === 0 ? <p class="quiet">Nothing waits for it.</p> : null}
    <ul class="came">
      {waiters.waiters.map(({ instanceId, cell, runbookId }) => (
        <li key={`${instanceId}/${cell}`}>
          <Link to={instancePath(instanceId)}>{harmless(instanceId)}</Link>{' '}
          <span class="quiet">
            at {harmless(cell)} of {harmless(runbookId)}
          </span>
        </li>
      ))}
    </ul>
  </section>
);

export const ClaimPage = ({ claimId, query }: { claimId: string; query: URLSearchParams }) => {
  const before = Number(query.get('before')) || undefined;
  const { data, atMs, error, reload } = usePolled(`claim ${claimId} ${before ?? ''}`, async () => {
    const newest = readHistory(claimId, undefined);
    const [{ claims }, history, waiters] = await Promise.all([
      newest,
      before === undefined ? newest : readHistory(claimId, before),
      call('claimWaiters', { query: { id: claimId, limit: waitersMax } }),
    ]);
    return { newest: claims[0], history, waiters };
  });
  const nowMs = useNow();
  const status = data?.newest?.status ?? (data === undefined ? 'Claim' : 'not set yet');
  useHead(`${status} · ${claimId} · Pawl`, 'nobody');
  return (
    <main>
      <p class="back">
        <Link to="/claims">All claims</Link>
      </p>
      <div class="title">
        <h1 class="words">
          {harmless(claimId)}{' '}
          {data?.newest === undefined ? null : (
            <span class={`badge ${claimTones[data.newest.status]}`}>{data.newest.status}</span>
          )}
        </h1>
        <Staleness atMs={atMs} error={error} />
      </div>
      {data === undefined ? null : (
        <>
          <SetClaim claimId={claimId} newest={data.newest} onSet={reload} />
          <Waiters waiters={data.waiters} />
          <section class="group">
            <h2>History, newest first</h2>
            {data.history.claims.length === 0 ? <p class="quiet">Nobody has set it yet.</p> : null}
            <ul class="runs">
              {data.history.claims.map((claim) => (
                <ClaimLine key={claim.revision} claim={claim} nowMs={nowMs} />
              ))}
            </ul>
            <p class="pages">
              {before === undefined ? null : <Link to={claimPath(claimId)}>Newest</Link>}
              {data.history.next === null ? null : (
                <Link to={`${claimPath(claimId)}?before=${data.history.next}`}>Older</Link>
              )}
            </p>
          </section>
        </>
      )}
    </main>
  );
};
