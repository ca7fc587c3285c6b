/** Starting a run once more with its parameters: with which version that would be now, and what differs from the one it had. */
import { type Instance, newestVersionOf } from '../api.ts';
import type { Acting } from '../decide/acting.ts';
import { GoOn } from '../decide/goOn.tsx';
import { isOver } from '../decide/move.tsx';
import { useMay } from '../me.tsx';
import { useOnce } from '../once.ts';
import { Link, runbookPath, startPath } from '../route.tsx';

/** An element is begun by its parent alone. */
const isElement = (instanceId: string): boolean => instanceId.includes('~');
/** Once what is at its end has been gone through, or stopped. */
const mayContinue = ['halted', 'cancelled'];

export const Rerun = ({ instance, acting }: { instance: Instance; acting: Acting }) => {
  const { instanceId, runbookId, version, status } = instance.view;
  const { state } = instance.head;
  const { data } = useOnce(`rerun ${runbookId}`, async () =>
    isElement(instanceId) ? undefined : await newestVersionOf(runbookId),
  );
  if (!useMay('start') || data === undefined) return null;
  return (
    <>
      <p class="small rerun">
        <Link to={startPath(runbookId, { like: instanceId })}>Start another one like it</Link>, with version {data}
        {data === version ? '' : ' ('}
        {data === version ? null : (
          <>
            this run has version {version}:{' '}
            <Link to={runbookPath(runbookId, { from: version, to: data })}>what differs</Link>)
          </>
        )}
        .
      </p>
      {mayContinue.includes(status) && (isOver(status) || (state.ending ?? state.owes) === undefined) ? (
        <GoOn instance={instance} newest={data} acting={acting} />
      ) : null}
    </>
  );
};
