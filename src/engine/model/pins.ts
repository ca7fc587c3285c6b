/** Versions of other runbooks, as a document names them by its `run` cells. */
import { allCells, branchesOf } from './levels.ts';
import { type Cell, type Pin, partsOf, type Runbook, type Version } from './runbook.ts';

/** Without a version its newest. */
export type Named = { runbookId: string; version?: number };
export type Pinned = Pick<Version, 'runbookId' | 'version' | 'runHash' | 'runbook'>;
/** `null`: there is none. `undefined`: nobody looked, as where no store is at hand. */
export type Pins = (named: Named) => Pinned | null | undefined;

/** What a runbook runs, each version once, in the order of its cells. */
export const pinsIn = ({ cells }: Pick<Runbook, 'cells'>): Pin[] => {
  const found = new Map<string, Pin>();
  for (const { body } of allCells(cells))
    if (body.kind === 'run') found.set(`${body.pin.runbookId}@${body.pin.version}`, body.pin);
  return [...found.values()];
};

/** Whether a run of it can be taken back: something in it takes back. */
export const takesBack = ({ cells }: Pick<Runbook, 'cells'>): boolean =>
  cells.some(({ cleanup }) => cleanup !== undefined && 'undo' in cleanup);

/** How deep its sections and those of what it runs are nested. What nobody looked at counts as one level. */
export const depthOf = (cells: readonly Cell[], pins: Pins): number =>
  Math.max(
    0,
    ...cells.map((cell) => {
      const { body, index } = cell;
      const around = branchesOf({ cells: [...cells] }, index).length;
      if (body.kind === 'branch') return around + 1;
      if (body.kind === 'each')
        return around + 1 + Math.max(0, ...partsOf(body).map((one) => depthOf(one.cells, pins)));
      if (body.kind !== 'run') return around;
      const { runbookId, version } = body.pin;
      return around + 1 + depthOf(pins({ runbookId, version })?.runbook.cells ?? [], pins);
    }),
  );

/** Documents with what they run before them. Of two that run each other one has to be published already. */
export const childrenFirst = <T extends { runbookId: string | undefined; runs: readonly Named[] }>(
  documents: readonly T[],
): T[] => {
  const sorted = new Set<T>();
  const entered = new Set<T>();
  const enter = (one: T): void => {
    if (entered.has(one)) return;
    entered.add(one);
    for (const { runbookId, version } of one.runs)
      for (const other of documents) if (version === undefined && other.runbookId === runbookId) enter(other);
    sorted.add(one);
  };
  for (const one of documents) enter(one);
  return [...sorted];
};
