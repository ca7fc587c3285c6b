/** How the runs of one version went: their ends from the views, and how long their cells took from the newest of their journals. */
import type { BodyOf } from '../contract/index.ts';
import { type Entry, isChild, isPawlError, isRunEnd, limits, type View } from '../engine/index.ts';
import type { OperationDeps } from './apiDeps.ts';

type Statistics = BodyOf<'statistics'>;
type Times = Statistics['runTimes'];
type Deps = Pick<OperationDeps, 'engine'>;

/** The smallest time that so large a share of them does not exceed. */
const rankOf = (sorted: readonly number[], share: number): number | null =>
  sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;

export const timesOf = (times: readonly number[]): Times => {
  const sorted = times.toSorted((a, b) => a - b);
  return { count: sorted.length, medianMs: rankOf(sorted, 0.5), p90Ms: rankOf(sorted, 0.9) };
};

type Tally = { timesMs: number[]; failed: number; doubts: number };
type Cells = Map<string, Tally>;
const tallyOf = (cells: Cells, name: string): Tally => {
  const tally = cells.get(name) ?? { timesMs: [], failed: 0, doubts: 0 };
  cells.set(name, tally);
  return tally;
};

/** Somebody else than its holder said how the step ended, or its holder did not know. */
const wasInDoubt = ({ status, closedBy }: Extract<Entry, { kind: 'outcome' }>, isStep: boolean): boolean =>
  status === 'unknown' || (isStep && closedBy !== 'holder');

/** Adds what a journal tells of its cells. @returns whether any of its steps was in doubt */
export const addJournal = (cells: Cells, entries: readonly Entry[]): boolean => {
  const waitedAtMs = new Map<number, number>();
  const steps = new Set<number>();
  let isDoubtful = false;
  for (const entry of entries) {
    if (entry.kind === 'waiting') waitedAtMs.set(entry.seq, entry.atMs);
    if (entry.kind === 'reserved') steps.add(entry.seq);
    if (entry.kind !== 'outcome') continue;
    // The next cell's reservation stands in the same entry.
    if (entry.reserve !== undefined) steps.add(entry.seq);
    const { closes, cell, status, durationMs, atMs } = entry;
    if (closes === null) continue;
    const isStep = steps.has(closes);
    const tally = tallyOf(cells, cell);
    if (wasInDoubt(entry, isStep)) {
      tally.doubts += 1;
      isDoubtful = true;
    } else if (status === 'failed') tally.failed += 1;
    else if (status === 'completed') tally.timesMs.push(isStep ? durationMs : atMs - (waitedAtMs.get(closes) ?? atMs));
  }
  return isDoubtful;
};

const readEntries = async ({ engine }: Deps, instanceId: string): Promise<Entry[]> => {
  const entries: Entry[] = [];
  while (entries.length < limits.statisticsEntriesMax) {
    const page = await engine.journal(instanceId, entries.at(-1)?.seq ?? -1, limits.pageMax);
    entries.push(...page.map(({ entry }) => entry));
    if (page.length < limits.pageMax) break;
  }
  return entries;
};

/** Journal by journal. One that cannot be read is left out, and told; a store that is away hides all of them. */
const readJournals = async (deps: Deps, views: readonly View[]) => {
  const cells: Cells = new Map();
  let [read, doubtful, cut, unreadable] = [0, 0, 0, 0];
  for (const { instanceId, seq } of views) {
    try {
      const entries = await readEntries(deps, instanceId);
      read += 1;
      if ((entries.at(-1)?.seq ?? -1) < seq) cut += 1;
      if (addJournal(cells, entries)) doubtful += 1;
    } catch (error) {
      if (!isPawlError(error) || error.code === 'store.unavailable') throw error;
      unreadable += 1;
    }
  }
  return { cells, journals: { read, doubtful, cut, unreadable } };
};

export const statisticsOf = async (deps: Deps, runbookId: string, version: number): Promise<Statistics> => {
  const where = async (view: View): Promise<boolean> => view.version === version && !isChild(view.instanceId);
  const page = await deps.engine.list({ runbookId, where, limit: limits.statisticsRunsMax });
  const { views } = page;
  const byStatus = new Map<View['status'], number>();
  for (const { status } of views) byStatus.set(status, (byStatus.get(status) ?? 0) + 1);
  const ended = views.filter(({ status }) => isRunEnd(status));
  const { cells, journals } = await readJournals(deps, views.slice(0, limits.statisticsJournalsMax));
  return {
    runbookId,
    version,
    runs: views.length,
    atLeast: page.next !== null || page.atLeast,
    byStatus: [...byStatus].map(([status, count]) => ({ status, count })),
    ended: ended.length,
    completed: byStatus.get('completed') ?? 0,
    runTimes: timesOf(ended.map(({ startedAtMs, updatedAtMs }) => updatedAtMs - startedAtMs)),
    journals,
    cells: [...cells].map(([name, { timesMs, ...rest }]) => ({ name, ...rest, ...timesOf(timesMs) })),
  };
};
