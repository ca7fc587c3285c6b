/** Going on with a run, and ending it: what may still run is said before, and after. */
import { useState } from 'preact/hooks';
import { call, type Instance, type Version } from '../api.ts';
import { May } from '../me.tsx';
import { useNow } from '../poll.ts';
import { moment, statusText } from '../text.ts';
import type { Acting } from './acting.ts';
import { Deed } from './deed.tsx';
import { leftText } from './leftText.ts';

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

const cancel = (instanceId: string, reason: string, undo: boolean, expectedSeq: number) =>
  call('cancel', { path: { instanceId }, body: { reason, expectedSeq, ...(undo ? { undo } : {}) } });

type Props = { instance: Instance; version: Version; acting: Acting };

const Cancel = ({ instance, version, acting }: Props) => {
  const [takesBack, setTakesBack] = useState(false);
  const nowMs = useNow();
  const { instanceId, seq } = instance.view;
  const hasUndo = version.runbook.cells.some(({ cleanup }) => cleanup !== undefined && 'undo' in cleanup);
  return (
    <Deed
      title="Cancel the run"
      button={`Cancel ${instanceId}`}
      acting={acting}
      does={async (reason) => {
        const left = await cancel(instanceId, reason, takesBack, seq);
        return `Cancelled: nothing more of its way begins.${leftText(left)}`;
      }}
    >
      <StillRuns instance={instance} nowMs={nowMs} />
      {hasUndo ? (
        <label class="way">
          <input type="checkbox" checked={takesBack} onChange={(event) => setTakesBack(event.currentTarget.checked)} />
          <span>Take back what was done first, the last first</span>
        </label>
      ) : null}
    </Deed>
  );
};

const list = (names: string[]): string => names.join(', ') || 'nothing';

const Undo = ({ instance, acting }: Omit<Props, 'version'>) => {
  const { ending, view } = instance;
  if (view.status !== 'halted' || ending?.stands !== 'ahead') return null;
  return (
    <Deed
      title="Give it up, and take back what it did"
      button="Take it back"
      acting={acting}
      does={async (reason) => {
        await call('undo', { path: { instanceId: view.instanceId }, body: { reason, expectedSeq: view.seq } });
        return 'Given up: what it did is taken back, the last first.';
      }}
    >
      <p>
        Taken back: {list(ending.takesBack)}.
        {ending.stays.length === 0 ? '' : ` Stays as it is: ${list(ending.stays)}.`}
      </p>
    </Deed>
  );
};

/** For whoever has put things back by hand, or must not have the rest of it run. */
const Stop = ({ instance, acting }: Omit<Props, 'version'>) => {
  const nowMs = useNow();
  const { ending, view, head } = instance;
  const { instanceId, seq: expectedSeq } = view;
  if (ending === null || head.state.ending === undefined || ending.stopped) return null;
  return (
    <Deed
      title="Stop what is gone through at its end"
      button={`Stop the end of ${instanceId}`}
      acting={acting}
      does={async (reason) => {
        const body = { reason, stopCleanup: true, expectedSeq };
        const left = await call('cancel', { path: { instanceId }, body });
        return `Stopped: nothing more of its end begins. Stays as it is: ${list(left.stays)}.${leftText(left)}`;
      }}
    >
      <p>
        Not gone through any more: {list(ending.left)}. What that would take back stays as it is, and somebody has to
        look after it. The run ends {statusText(ending.as)} all the same.
      </p>
      <StillRuns instance={instance} nowMs={nowMs} />
    </Deed>
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
        <Stop instance={instance} acting={acting} />
        {instance.head.state.cancelled === null && instance.head.state.ending === undefined ? (
          <Cancel {...props} />
        ) : null}
      </May>
    </div>
  );
};
