import type { Refused } from '../api.ts';
import { useNow } from '../poll.ts';
import { ago, clock } from '../text.ts';

const freshMs = 10_000;

/** How old what is shown is, and why it is not newer. */
export const Staleness = ({ atMs, error }: { atMs: number; error: Refused | undefined }) => {
  const nowMs = useNow();
  if (atMs === 0) return <p class="stale">{error === undefined ? 'Loading…' : error.message}</p>;
  const isOld = error !== undefined || nowMs - atMs > freshMs;
  return (
    <p class={isOld ? 'stale old' : 'stale'} role={error === undefined ? undefined : 'alert'}>
      {error === undefined ? '' : `${error.message} `}
      As of {clock(atMs)}
      {isOld ? `, ${ago(atMs, nowMs)}` : ''}.
    </p>
  );
};
