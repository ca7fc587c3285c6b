/** What a start would do: every cell in its section, over which elements, who is asked, and what takes back what. */
import type { BodyOf } from '../../contract/index.ts';
import { Link, runbookPath } from '../route.tsx';
import { duration, harmless, plural } from '../text.ts';
import { Long } from './code.tsx';

export type Plan = BodyOf<'plan'>;
type Planned = Plan['cells'][number];
type Failing = Pick<Plan, 'onFailure' | 'path' | 'stays'>;

const onCut: Record<string, string> = {
  hold: 'a person decides',
  retry: 'it is tried again',
  probe: 'its probe decides',
  continue: 'the run goes on',
};

const overText = ({ each, run, cleanup }: Planned): string | undefined => {
  const over = each ?? run;
  if (over === null) return undefined;
  if (cleanup !== undefined) return `the last first, ${over.max} at a time`;
  if (run !== null && run.as === null) return 'once';
  const what =
    each?.parts == null ? `once for every ${over.as}` : `its parts beside each other: ${each.parts.join(', ')}`;
  return `${what}, ${over.max} at a time; no more begin after ${over.stopAfter} that failed or need somebody`;
};

const policyOf = (cell: Planned): string => {
  if (cell.kind === 'assert') return 'no effects; halts unless all hold';
  if (cell.kind === 'end') return 'no effects; ends the run';
  const over = overText(cell);
  if (over !== undefined) return over;
  if (cell.sectionCells !== null)
    return `a section of ${plural(cell.sectionCells, 'cell')}, passed over unless this holds`;
  if (cell.waits !== null) return cell.waits;
  const again = cell.retries > 0 ? `${plural(cell.retries, 'more attempt')}, then ` : '';
  return `${duration(cell.timeoutMs)} at most; fails: ${again}${cell.optional ? 'forgiven' : 'halts'}; cut off: ${onCut[cell.interrupted] ?? cell.interrupted}`;
};

const onEnds = { failure: 'after a failure', cancel: 'once it is cancelled', always: 'at every end' } as const;
const endOf = ({ cleanup, undoneBy, hasEffects }: Planned, hasEnds: boolean): string | undefined => {
  if (cleanup !== undefined && 'on' in cleanup) return `passed over on the way, gone through ${onEnds[cleanup.on]}`;
  if (cleanup !== undefined)
    return `takes ${cleanup.undo} back${cleanup.of === 'begun' ? ', also where it only began' : ''}`;
  if (undoneBy !== null)
    return `taken back by ${undoneBy.cell}${undoneBy.of === 'begun' ? ', also where it only began' : ''}`;
  return hasEnds && hasEffects ? 'nothing takes it back' : undefined;
};

const failureOf = {
  ask: 'halts, and a person is asked',
  undo: 'gives the run up by itself',
  end: 'ends it as it stands',
};
const failingText = ({ onFailure, path, stays }: Failing): string =>
  `${failureOf[onFailure]}; gone through for it: ${path.join(', ') || 'nothing'}.${
    stays.length === 0 ? '' : ` Stays as it is: ${stays.join(', ')}.`
  }`;

const asks = (cell: Planned): boolean => cell.kind === 'approve' || cell.kind === 'manual';

const Run = ({ run }: { run: NonNullable<Planned['run']> }) => (
  <>
    <p>
      Runs{' '}
      <Link to={runbookPath(run.runbookId, run.version === null ? {} : { version: run.version })}>
        {harmless(run.title ?? run.runbookId)}
      </Link>
      {run.version === null ? '' : `, version ${run.version}`}.
    </p>
    {run.newest === null || run.version === null ? null : (
      <p class="notice warn">
        Version {run.newest} of {harmless(run.runbookId)} is newer than what runs:{' '}
        <Link to={runbookPath(run.runbookId, { from: run.version, to: run.newest })}>what differs</Link>.
      </p>
    )}
    {Object.entries(run.params).map(([name, value]) => (
      <p key={name} class="small">
        {harmless(name)} = <code>{harmless(value)}</code>
      </p>
    ))}
    {run.cells === null ? null : (
      <details>
        <summary>{plural(run.cells.length, 'cell')} of it</summary>
        <Cells cells={run.cells} />
      </details>
    )}
  </>
);

const depthMax = 4;

const Cell = ({ cell, hasEnds }: { cell: Planned; hasEnds: boolean }) => {
  const end = endOf(cell, hasEnds);
  const isList = cell.each !== null || cell.run?.as != null;
  return (
    <li class={`planned depth${Math.min(cell.within.length, depthMax)}${asks(cell) ? ' asks' : ''}`}>
      <p class="cell-head">
        <strong>{cell.name}</strong> <span class="kind">{cell.kind}</span>
        {cell.part === null ? null : <span class="small">in {cell.part}</span>}
        <span class={asks(cell) ? 'small' : 'small quiet'}>{harmless(policyOf(cell))}</span>
      </p>
      {end === undefined ? null : <p class="small">{end}</p>}
      {cell.each === null || cell.each.path.length === 0 ? null : (
        <p class="small">A failure in an element {failingText(cell.each)}</p>
      )}
      {cell.when === null ? null : (
        <p class="small">
          only when <code>{harmless(cell.when)}</code>
        </p>
      )}
      {cell.expect.map((source) => (
        <p key={source} class="small">
          expects <code>{harmless(source)}</code>
        </p>
      ))}
      {cell.run === null ? null : <Run run={cell.run} />}
      {cell.input === '' ? null : (
        <details open={isList}>
          <summary>{isList ? 'Over' : 'What it does'}</summary>
          <Long text={cell.input} label={`Text of ${cell.name}`} />
        </details>
      )}
    </li>
  );
};

const Cells = ({ cells }: { cells: readonly Planned[] }) => {
  const hasEnds = cells.some(({ cleanup }) => cleanup !== undefined);
  return (
    <ol class="tree">
      {cells.map((cell) => (
        <Cell key={cell.name} cell={cell} hasEnds={hasEnds} />
      ))}
    </ol>
  );
};

export const PlanShown = ({ plan }: { plan: Plan }) => (
  <>
    <ul class="checks">
      {plan.instanceId === null ? null : (
        <li>
          Its id follows from its parameters: <code>{harmless(plan.instanceId)}</code>. There is one such run.
        </li>
      )}
      {plan.concurrency === null ? null : (
        <li>
          One unfinished run at a time for <code>{harmless(plan.concurrency)}</code>.
        </li>
      )}
      {plan.notify === null ? null : (
        <li>
          When it needs somebody: <code>{harmless(plan.notify)}</code>.
        </li>
      )}
      {plan.path.length > 0 || plan.onFailure !== 'ask' ? <li>A failure {failingText(plan)}</li> : null}
    </ul>
    <Cells cells={plan.cells} />
  </>
);
