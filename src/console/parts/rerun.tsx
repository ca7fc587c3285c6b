/** Starting a run once more with its parameters: with which version that would be now, and what differs from the one it had. */
import { useState } from 'preact/hooks';
import { type Entry, type Instance, newestVersionOf } from '../api.ts';
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

type Props = { instance: Instance; entries: Entry[]; acting: Acting };
export const Rerun = ({ instance, entries, acting }: Props) => {
  const { instanceId, runbookId, version, status } = instance.view;
  const { state } = instance.head;
  const [later, setLater] = useState(0);
  const { data } = useOnce(`rerun ${runbookId}`, async () =>
    isElement(instanceId) ? undefined : await newestVersionOf(runbookId),
  );
  const mayStart = useMay('start');
  if (isElement(instanceId)) return null;
  const newest = data === undefined ? undefined : Math.max(data, later);
  return (
    <>
      {!mayStart || newest === undefined ? null : (
        <p class="small rerun">
          <Link to={startPath(runbookId, { like: instanceId })}>Start another one like it</Link>, with version {newest}
          {newest === version ? '' : ' ('}
          {newest === version ? null : (
            <>
              this run has version {version}:{' '}
              <Link to={runbookPath(runbookId, { from: version, to: newest })}>what differs</Link>)
            </>
          )}
          .
        </p>
      )}
      {mayContinue.includes(status) && (isOver(status) || (state.ending ?? state.owes) === undefined) ? (
        <GoOn instance={instance} entries={entries} acting={acting} onNewest={setLater} />
      ) : null}
    </>
  );
};
