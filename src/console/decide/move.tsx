/** Going on with a run, and ending it: what may still run is said before, and after. */
import { useState } from 'preact/hooks';
import { call, type Instance, type Version } from '../api.ts';
import { May } from '../me.tsx';
import { useNow } from '../poll.ts';
import { moment, stamp, statusText } from '../text.ts';
import type { Acting } from './acting.ts';
import { Words } from './reason.tsx';

const ends = ['completed', 'failed', 'rolled_back', 'cancelled'];
export const isOver = (status: string): boolean => ends.includes(status);

/** What a cancellation does not stop. */
const StillRuns = ({ instance, nowMs }: { instance: Instance; nowMs: number }) => {
  const { open } = instance.head.state;
  const { waits } = instance;
  if (open?.kind === 'reserved')
    return (
      <p>
        <strong>{open.cell} may still run</strong>, until {moment(open.lease?.untilAtMs ?? open.deadlineAtMs, nowMs)}:
        cancelling does not stop what it has begun.
      </p>
    );
  if (waits?.kind === 'each' && waits.underWay > 0)
    return (
      <p>
        <strong>{waits.underWay} elements are under way</strong>: they are cancelled too, and a step in one of them may
        still run until its deadline.
      </p>
    );
  return <p>Nothing of it runs at this moment.</p>;
};

type Answer = Awaited<ReturnType<typeof cancel>>;
const cancel = (instanceId: string, reason: string, undo: boolean, expectedSeq: number) =>
  call('cancel', { path: { instanceId }, body: { reason, expectedSeq, ...(undo ? { undo } : {}) } });

const cancelledText = ({ mayStillRun, elements, unreached }: Answer): string => {
  const own =
    mayStillRun === null ? '' : ` ${mayStillRun.cell} may still run until ${stamp(mayStillRun.deadlineAtMs)}.`;
  const others = elements.length === 0 ? '' : ` So may a step in ${elements.length} of its elements.`;
  const untold = unreached.length === 0 ? '' : ` ${unreached.length} elements were not told yet.`;
  return `Cancelled: nothing more of its way begins.${own}${others}${untold}`;
};

type Props = { instance: Instance; version: Version; acting: Acting };

const Cancel = ({ instance, version, acting }: Props) => {
  const [reason, setReason] = useState('');
  const [takesBack, setTakesBack] = useState(false);
  const nowMs = useNow();
  const { instanceId, seq } = instance.view;
  const hasUndo = version.runbook.cells.some(({ cleanup }) => cleanup !== undefined && 'undo' in cleanup);
  const submit = (event: Event): void => {
    event.preventDefault();
    void acting.act(async () => cancelledText(await cancel(instanceId, reason, takesBack, seq)));
  };
  return (
    <details class="cancel">
      <summary>Cancel the run</summary>
      <form onSubmit={submit}>
        <StillRuns instance={instance} nowMs={nowMs} />
        <fieldset disabled={acting.isBusy}>
          <legend class="hidden">Cancel</legend>
          {hasUndo ? (
            <label class="way">
              <input
                type="checkbox"
                checked={takesBack}
                onChange={(event) => setTakesBack(event.currentTarget.checked)}
              />
              <span>Take back what was done first, the last first</span>
            </label>
          ) : null}
          <Words label="Why? It stands in the journal." value={reason} onInput={setReason} required />
          <p>
            <button type="submit" class="danger">
              Cancel {instanceId}
            </button>
          </p>
        </fieldset>
      </form>
    </details>
  );
};

const Undo = ({ instance, acting }: Omit<Props, 'version'>) => {
  const [reason, setReason] = useState('');
  const { ending, view } = instance;
  if (view.status !== 'halted' || ending?.stands !== 'ahead') return null;
  return (
    <details class="cancel">
      <summary>Give it up, and take back what it did</summary>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void acting.act(async () => {
            await call('undo', { path: { instanceId: view.instanceId }, body: { reason, expectedSeq: view.seq } });
            return 'Given up: what it did is taken back, the last first.';
          });
        }}
      >
        <p>
          Taken back: {ending.takesBack.join(', ') || 'nothing'}.
          {ending.stays.length === 0 ? '' : ` Stays as it is: ${ending.stays.join(', ')}.`}
        </p>
        <fieldset disabled={acting.isBusy}>
          <legend class="hidden">Give it up</legend>
          <Words label="Why? It stands in the journal." value={reason} onInput={setReason} required />
          <p>
            <button type="submit" class="danger">
              Take it back
            </button>
          </p>
        </fieldset>
      </form>
    </details>
  );
};

/** Whether an advance could do anything: what is in doubt, halted or open waits for other things. */
const mayAdvance = ({ view, waits, held }: Instance): boolean => {
  if (held || isOver(view.status)) return false;
  if (view.status === 'ready') return true;
  return view.status === 'waiting' && waits !== null && waits.kind !== 'manual' && waits.kind !== 'approve';
};

export const Move = (props: Props) => {
  const { instance, acting } = props;
  const { instanceId, seq, status, cell } = instance.view;
  if (isOver(status) || status === 'broken') return null;
  const advance = (): void =>
    void acting.act(async () => {
      const { result } = await call('advance', { path: { instanceId }, body: { expectedSeq: seq } });
      return `Advanced: ${statusText(result)}.`;
    });
  const run = (): void =>
    void acting.act(async () => {
      const { result } = await call('run', { path: { instanceId }, body: { expectedSeq: seq } });
      return `It goes on by itself from now on: ${statusText(result)}.`;
    });
  return (
    <div class="move">
      <May does="run" what="Going on with it, or ending it,">
        {mayAdvance(instance) ? (
          <p class="buttons">
            {status === 'waiting' && instance.head.state.drive === 'auto' ? null : (
              <button type="button" class="main" disabled={acting.isBusy} onClick={run}>
                Run to its end
              </button>
            )}
            <button type="button" disabled={acting.isBusy} onClick={advance}>
              {status === 'waiting' ? 'Look now' : `Advance: ${cell ?? 'its end'}`}
            </button>
          </p>
        ) : null}
        <Undo instance={instance} acting={acting} />
        {instance.head.state.cancelled === null && instance.head.state.ending === undefined ? (
          <Cancel {...props} />
        ) : null}
      </May>
    </div>
  );
};
