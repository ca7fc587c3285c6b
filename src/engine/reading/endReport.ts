/** What is gone through at the end of a run, as people are told: while it is, afterwards, and before a person decides. */
import { type Call, stateOf } from '../call/call.ts';
import { endingOf } from '../call/ending.ts';
import type { EntryOf } from '../model/entries.ts';
import { wayOf } from '../model/levels.ts';
import type { Runbook } from '../model/runbook.ts';
import type { WayEnd } from '../model/runEnd.ts';
import { isAtEndOf } from '../rules/going.ts';

export type EndReport = {
  /** `ahead`: the way is over, and nothing of it has begun; or so it would be for the failure that the run stands at, or may. */
  stands: 'ahead' | 'under way' | 'over';
  as: WayEnd;
  began: EntryOf<'ending'>['began'];
  failed: EntryOf<'ending'>['failed'];
  /** Cells that are taken back, the last first. */
  takesBack: string[];
  /** Cells of sections with `on` that are gone through after that. */
  then: string[];
  /** Of these, what has been. */
  takenBack: string[];
  /** Cells with effects that began, and that stay as they are: nothing takes them back, or what does has not. */
  stays: string[];
  /** Of these, what stays since a person passed over what takes it back. */
  skipped: { cell: string; by: string; reason: string }[];
  /** Of what is gone through: what has not been yet. */
  left: string[];
  /** By a person's steps alone. */
  manual: boolean;
  /** By a person: nothing more of it begins. */
  stopped: boolean;
};

const told = (
  { cells }: Runbook,
  said: Pick<EntryOf<'ending'>, 'as' | 'began' | 'failed' | 'cells' | 'undos' | 'stays' | 'manual'>,
  left: number[],
): Omit<EndReport, 'stands' | 'stopped' | 'skipped'> => {
  const { as, began, failed, stays, manual } = said;
  const at = (indexes: number[]) => indexes.flatMap((index) => cells[index] ?? []);
  const undone = (indexes: number[]): string[] =>
    at(indexes).flatMap(({ cleanup }) => (cleanup !== undefined && 'undo' in cleanup ? [cleanup.undo] : []));
  return {
    as,
    began,
    failed,
    takesBack: undone(said.cells.slice(0, said.undos)),
    takenBack: [],
    then: at(said.cells.slice(said.undos)).map(({ name }) => name),
    stays,
    left: at(left).map(({ name }) => name),
    manual: manual === true,
  };
};

/**
 * Costs a reading of the journal where the run stands at a step that failed, or may have.
 * @param takenBack names of the cells whose undo completed
 * @param skipped those whose undo a person passed over
 */
export const endReport = async (
  call: Call,
  takenBack: ReadonlySet<string>,
  skipped: EndReport['skipped'],
): Promise<EndReport | null> => {
  const { runbook, engine, instanceId } = call;
  const state = stateOf(call);
  const { ending, ended, halted, open, owes, cancelled } = state;
  if (ending !== undefined) {
    const entry = (await engine.journal.entry(instanceId, ending.seq))?.entry;
    if (entry?.kind !== 'ending') return null;
    const left = entry.cells.filter((index) => index >= state.next && isAtEndOf(state, index));
    const said = told(runbook, entry, left);
    const isLeft = (cell: string): boolean =>
      left.some((index) => {
        const cleanup = runbook.cells[index]?.cleanup;
        return cleanup !== undefined && 'undo' in cleanup && cleanup.undo === cell;
      });
    const isStopped = ending.stopped === true;
    const kept = said.takesBack.filter((cell) => !takenBack.has(cell) && (isStopped || !isLeft(cell)));
    return {
      ...said,
      stands: ended === null ? 'under way' : 'over',
      takenBack: said.takesBack.filter((cell) => takenBack.has(cell)),
      stays: [...new Set([...said.stays, ...kept])],
      skipped: skipped.filter(({ cell }) => kept.includes(cell)),
      stopped: isStopped,
    };
  }
  const isUnsettled = open?.kind === 'reserved' || halted?.doubt === true;
  if (ended !== null || wayOf(runbook.cells) === runbook.cells.length) return null;
  const isAsked = owes === undefined && cancelled === null && (isUnsettled || halted !== null);
  if (!isAsked && (owes === undefined || isUnsettled)) return null;
  const { as, undo } = owes ?? { as: 'failed', undo: runbook.onFailure !== 'end' };
  const said = await endingOf(call, { as, undo: undo === true });
  return { ...told(runbook, said, said.cells), stands: 'ahead', skipped: [], stopped: false };
};
