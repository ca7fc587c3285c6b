/** What a run waits for, since when, until when, and who can end that. */
import type { Instance, WaitOf } from '../api.ts';
import { useNow } from '../poll.ts';
import { claimPath, Link } from '../route.tsx';
import { duration, harmless, moment, plural } from '../text.ts';
import { Family } from './family.tsx';

const Poll = ({ waits, nowMs }: { waits: WaitOf<'poll'>; nowMs: number }) => {
  const { everyMs, last, nextAtMs } = waits;
  return (
    <>
      <p>
        It is looked at every {duration(everyMs)} until what it expects holds.
        {nextAtMs === null ? '' : ` Next: ${moment(nextAtMs, nowMs)}.`}
      </p>
      {last === null ? (
        <p class="quiet">No look yet.</p>
      ) : (
        <>
          <p>
            Last look, {moment(last.atMs, nowMs)}: {last.status}
            {last.error === null ? '' : harmless(`, ${last.error.message}`)}
          </p>
          <ul class="checks">
            {last.unmet.map(({ source, result, message }) => (
              <li key={source} class={result}>
                <code>{harmless(source)}</code> {result === 'fail' ? 'does not hold' : 'could not be evaluated'}
                {message === null ? '' : harmless(`: ${message}`)}
              </li>
            ))}
          </ul>
        </>
      )}
      <p class="small quiet">Nobody needs to do anything; “Look now” does not wait for the next look.</p>
    </>
  );
};

const Claims = ({ waits }: { waits: WaitOf<'await'> }) => {
  const { claims, match, until, condition } = waits;
  const which = claims.length === 1 ? '' : match === 'all' ? 'each of ' : 'one of ';
  return (
    <>
      <p>
        It needs {which}
        {plural(claims.length, 'claim')} to be {until.join(' or ')}
        {condition === null ? '' : `, and ${condition}`}. Whoever knows it sets it:{' '}
        <code>pawl claim set {harmless(claims[0]?.claimId ?? '')} …</code>
      </p>
      <ul class="checks">
        {claims.map(({ claimId, status, revision, unmet }) => (
          <li key={claimId} class={unmet === null ? 'pass' : 'fail'}>
            <Link to={claimPath(claimId)}>{harmless(claimId)}</Link>{' '}
            {status === null ? 'does not exist yet' : `${status}, revision ${revision}`}
            {unmet === null ? ': met' : harmless(`: ${unmet}`)}
          </li>
        ))}
      </ul>
    </>
  );
};

export const Waiting = ({ instance }: { instance: Instance }) => {
  const { waits } = instance;
  const nowMs = useNow();
  if (waits === null || waits.kind === 'manual' || waits.kind === 'approve') return null;
  const title = {
    wait: 'waits for a time',
    poll: 'is looked at until it holds',
    await: 'waits for what others know',
    each: 'waits for its elements',
  }[waits.kind];
  return (
    <section class="panel" aria-label="Waits for">
      <h2>
        {waits.cell} {title}
      </h2>
      <p class="small quiet">
        Since {moment(waits.sinceMs, nowMs)}
        {waits.dueAtMs === null ? '; as long as it takes' : `; until ${moment(waits.dueAtMs, nowMs)}`}.
      </p>
      {waits.kind === 'poll' ? <Poll waits={waits} nowMs={nowMs} /> : null}
      {waits.kind === 'await' ? <Claims waits={waits} /> : null}
      {waits.kind === 'each' ? (
        <Family instanceId={instance.view.instanceId} seq={instance.view.seq} waits={waits} />
      ) : null}
      {waits.kind === 'wait' ? <p class="quiet">Nobody needs to do anything: the time comes.</p> : null}
    </section>
  );
};
