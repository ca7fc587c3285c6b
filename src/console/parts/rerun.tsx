/** Starting a run once more with its parameters: with which version that would be now, and what differs from the one it had. */
import { call, type Instance } from '../api.ts';
import { useMay } from '../me.tsx';
import { useOnce } from '../once.ts';
import { Link, runbookPath, startPath } from '../route.tsx';
import { harmless } from '../text.ts';

/** An element is begun by its parent alone. */
const isElement = (instanceId: string): boolean => instanceId.includes('~');
const mayContinue = ['halted', 'cancelled'];

export const Rerun = ({ view }: Pick<Instance, 'view'>) => {
  const { instanceId, runbookId, version, status, cell } = view;
  const { data } = useOnce(`rerun ${runbookId}`, async () =>
    isElement(instanceId) ? undefined : (await call('runbook', { path: { runbookId } })).version,
  );
  if (!useMay('start') || data === undefined) return null;
  return (
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
      {mayContinue.includes(status) ? (
        <>
          {' '}
          To go on from this one instead, in the version that is the newest then:{' '}
          <code>
            pawl start {harmless(runbookId)} --continue {harmless(instanceId)} --at {cell ?? 'CELL'}
          </code>
        </>
      ) : null}
    </p>
  );
};
