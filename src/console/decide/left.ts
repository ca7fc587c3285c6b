/** What a run left behind, for one that goes on from it: where that would begin, and whether somebody has begun it already. */
import { call, type Entry, type EntryOf, type Instance, Refused } from '../api.ts';

/** Of cells before the one that it left off at: what would have to be done anew all the same. */
const undone = ['pending', 'next', 'taken back', 'not reached'];

/**
 * As the service counts: also a cell that nobody knows the end of was gone through where the run went on after it, and to begin with
 * it would be to do it again.
 */
const goneThrough = ({ cells, head: { state } }: Instance): string[] =>
  cells
    .slice(0, state.ending?.at ?? state.next)
    .filter((cell) => !undone.includes(cell.state))
    .map(({ name }) => name);

/**
 * @param names the cells of the version that goes on, without those at its end
 * @returns the first that was not gone through. `undefined` where that cannot be told: all were, or it is new, and one that was done has
 *   no such name any more. It may be that one.
 */
export const leftUndone = (instance: Instance, names: readonly string[]): string | undefined => {
  const gone = goneThrough(instance);
  const first = names.find((name) => !gone.includes(name));
  const isNew = instance.cells.every(({ name }) => name !== first);
  return isNew && gone.some((name) => !names.includes(name)) ? undefined : first;
};

/** The id that goes on from it: as its journal says; else the one that the service would take, if nothing else has it. */
export const nextIdOf = (instanceId: string, entries: readonly Entry[]): string => {
  const isCancelled = (entry: Entry): entry is EntryOf<'cancelled'> => entry.kind === 'cancelled';
  const said = entries.filter(isCancelled).find(({ continuedAs }) => continuedAs !== undefined)?.continuedAs;
  const [first] = entries;
  const [, base, n] = /^(.+)\.(\d+)$/.exec(instanceId) ?? [];
  if (said !== undefined) return said;
  const isContinuation = first?.kind === 'started' && first.continues !== null;
  return isContinuation && base !== undefined ? `${base}.${Number(n) + 1}` : `${instanceId}.2`;
};

/** @returns `next` where it is a run that goes on from this one; `null`: there is none, or it is something else */
export const goesOnAs = async (instanceId: string, next: string): Promise<string | null> => {
  try {
    const { entries } = await call('journal', { path: { instanceId: next }, query: { limit: 1 } });
    const [first] = entries;
    return first?.kind === 'started' && first.continues?.instanceId === instanceId ? next : null;
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return null;
    throw error;
  }
};
