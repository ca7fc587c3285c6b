/** A step under way: who holds it, until when at most, and its log as it comes. */
import type { Instance } from '../api.ts';
import { useNow } from '../poll.ts';
import { harmless, moment } from '../text.ts';
import { Notes } from './log.tsx';

export const Running = ({ instance }: { instance: Instance }) => {
  const nowMs = useNow();
  const { open } = instance.head.state;
  if (instance.view.status !== 'running' || open?.kind !== 'reserved') return null;
  const { cell, seq, by, atMs, deadlineAtMs, lease } = open;
  return (
    <section class="panel live" aria-label="Under way">
      <h2>{cell} runs</h2>
      <p>
        Since {moment(atMs, nowMs)}, held by {harmless(`${by.actor}, ${by.via}, ${by.where}`)}; until{' '}
        {moment(deadlineAtMs, nowMs)} at most
        {lease === undefined ? '' : `, unless its holder renews it, up to ${moment(lease.untilAtMs, nowMs)}`}. Whoever
        asks for the same step meanwhile runs nothing.
      </p>
      <Notes instanceId={instance.view.instanceId} about={seq} />
    </section>
  );
};
