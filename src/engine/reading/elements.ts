/** The elements of a section that began, whatever became of the section since. Reads only. */
import type { Engine } from '../call/call.ts';
import { readJournal } from '../call/journal.ts';
import { createSectionsBegun } from '../model/begun.ts';
import { childId } from '../model/family.ts';
import type { RunEnd } from '../model/runEnd.ts';
import { itemsIn, type Opening } from '../waiting/openings.ts';

/** `as`: how it ended, as its parent saw; `null`: it did not. `begun`: whether it has ended or has a view; one that waits for a lock has none yet. */
export type ElementBegun = { index: number; item: unknown; instanceId: string; as: RunEnd | null; begun: boolean };

/**
 * Those that may have begun, in the order of the list, each as it began last: a section that is gone through again goes over the
 * same list, and what completed before begins no more.
 * @returns none where the cell never opened a section
 */
export const elementsBegun = async (engine: Engine, instanceId: string, cell: string): Promise<ElementBegun[]> => {
  const journal = createSectionsBegun();
  let opening: Opening | undefined;
  for await (const { entry } of readJournal(engine, instanceId)) {
    journal.add(entry);
    if (entry.kind === 'waiting' && entry.cell === cell && entry.each !== undefined) opening = entry;
  }
  if (opening === undefined) return [];
  const items = await itemsIn(engine, opening);
  const found = new Map<number, Omit<ElementBegun, 'begun'>>();
  for (const { visit, begun, ended, ...section } of journal.sections()) {
    if (section.cell !== cell) continue;
    const ends = new Map(ended.map(({ index, as }) => [index, as]));
    for (const index of begun) {
      const id = childId({ instanceId, cell, index }, visit, engine.sha256);
      found.set(index, { index, item: items[index] ?? null, instanceId: id, as: ends.get(index) ?? null });
    }
  }
  const all = [...found.values()].sort((a, b) => a.index - b.index);
  const open = all.filter(({ as }) => as === null).map((one) => one.instanceId);
  const there = new Set((await engine.views.getEach(open)).map((view) => view.instanceId));
  return all.map((one) => ({ ...one, begun: one.as !== null || there.has(one.instanceId) }));
};
