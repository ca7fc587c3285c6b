/** Whether the place that an instance waits for has anybody: one read of the heartbeats, and only where it waits for one. */
import { type Manned, mannedAt, withLacking } from '../contract/index.ts';
import { allCells, isPawlError, type Needs, type View } from '../engine/index.ts';
import type { OperationDeps } from './apiDeps.ts';

type Deps = Pick<OperationDeps, 'workers' | 'clock'> & {
  engine: Pick<OperationDeps['engine'], 'here'>;
  /** Without them it is not told what the workers there lack. */
  runbooks?: OperationDeps['runbooks'];
};

/** Home has a schedule, and whoever asks where its cells run can run them. */
const waitsElsewhere = ({ place, dueAtMs }: View, { engine: { here } }: Deps): boolean =>
  dueAtMs !== null && place !== here.home && place !== here.place;

const needsOf = async ({ runbooks }: Deps, { runbookId, version, cell }: View): Promise<Needs | undefined> => {
  const found = await runbooks?.get(runbookId, version);
  return found && allCells(found.runbook.cells).find(({ name }) => name === cell)?.needs;
};

/** Of the place that it is due at; `null` where that is no other than home and this one, and where the store does not tell: nothing rests on it. */
export const mannedFor = async (deps: Deps, view: View): Promise<Manned | null> => {
  if (!waitsElsewhere(view, deps)) return null;
  const { workers, clock } = deps;
  try {
    const found = await workers.list(view.place);
    const manned = mannedAt(view.place, found.workers, clock.nowMs());
    const lacks = found.workers.some((worker) => worker.place === view.place && worker.lacks.length > 0);
    const needs = lacks ? await needsOf(deps, view) : undefined;
    return needs === undefined ? manned : withLacking(manned, found.workers, needs, clock.nowMs());
  } catch (error) {
    if (isPawlError(error)) return null;
    throw error;
  }
};
