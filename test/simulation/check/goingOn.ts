/**
 * A run of a family that goes on from another, judged by what was so in the world when its first entry landed, and by what was done in
 * any run of the line: nothing is left in doubt or under way, and nothing happens twice that nobody gave a reason for.
 */
import { type Entry, type EntryOf, natureOf } from '../../../src/engine/index.ts';
import { childOf, entriesOf, familyOf, sectionAt, unfinishedIn } from '../kin.ts';
import { leavesTraces } from '../way.ts';
import { headOf, must, parentOf, type World } from '../world.ts';

const startedOf = ({ chain }: World): EntryOf<'started'> | undefined => {
  const first = chain[0]?.entry;
  return first?.kind === 'started' ? first : undefined;
};

/** The run that a run goes on from; an element is no run. */
const beforeIt = (world: World): World | undefined => {
  const continues = startedOf(world)?.continues;
  return parentOf(world.instanceId) === undefined && continues != null
    ? world.facets.get(continues.instanceId)
    : undefined;
};

/** As the first entry of a run lands that goes on: what it leaves has ended, with all its elements, and of none is it unknown. */
export const watchGoingOn = (world: World, entry: Entry): void => {
  if (entry.seq !== 0 || entry.kind !== 'started' || entry.continues === null) return;
  const before = beforeIt(world);
  if (before === undefined) return;
  const at = `${world.instanceId} goes on from ${before.instanceId}`;
  for (const facet of familyOf(before)) {
    const head = headOf(facet);
    if (head === undefined) continue;
    must(head.state.ended !== null, 'continue', `${at}, and ${facet.instanceId} has not ended`);
  }
  const head = headOf(before);
  must(head?.state.ended !== 'completed', 'continue', `${at}, which completed`);
  must(head?.seq === entry.continues.seq, 'continue', `${at} at seq ${entry.continues.seq}, and that has ${head?.seq}`);
  const opened = entriesOf(before).findLast((one) => one.kind === 'waiting' && one.each !== undefined);
  const section = opened && sectionAt(entriesOf(before), opened.seq);
  if (section === undefined || head === undefined) return;
  // Whoever may begin has its first slot taken.
  for (const index of unfinishedIn(section))
    must(
      (childOf(before, section, index)?.chain.length ?? 0) > 0,
      'continue',
      `${at}, and element ${index} may begin there`,
    );
  if (section.opening.cell !== entry.continues.at) return;
  for (let index = 0; index < section.count; index += 1) {
    const child = childOf(before, section, index);
    const family = child === undefined ? [] : familyOf(child);
    const doubtful = family.find((one) => headOf(one)?.state.halted?.doubt === true);
    must(doubtful === undefined, 'doubt', `${at}, and ${doubtful?.instanceId} ended in doubt`);
  }
};

/** Where in the family of its run an instance stands, the same in every run of the line. */
const placeIn = (run: World, { instanceId }: World): string =>
  instanceId.slice(run.instanceId.length).replaceAll(/-\d+(?=\.)/g, '');

const isDone = (entry: Entry): entry is EntryOf<'outcome'> | EntryOf<'resolved'> =>
  (entry.kind === 'outcome' || entry.kind === 'resolved') && entry.then === 'next';

/** A cell that was skipped, or let go by somebody, did nothing. */
const isForWorld = (entry: EntryOf<'outcome'> | EntryOf<'resolved'>): boolean =>
  entry.kind === 'resolved' ? entry.verdict === 'succeeded' : entry.closes !== null;

/** What was done of the way of an instance, for the world, and was not taken back. */
const doneIn = (facet: World): string[] => {
  if (headOf(facet)?.state.ended === 'rolled_back') return [];
  const entries = entriesOf(facet);
  const isGone = (name: string): boolean =>
    entries.some(
      (one) =>
        'cell' in one &&
        facet.version.runbook.cells.some(
          (cell) =>
            cell.name === one.cell &&
            cell.cleanup !== undefined &&
            'undo' in cell.cleanup &&
            cell.cleanup.undo === name,
        ),
    );
  return facet.version.runbook.cells
    .filter((cell) => cell.cleanup === undefined && natureOf(cell) === 'effect' && leavesTraces(cell))
    .filter(({ name }) => !isGone(name) && entries.some((one) => isDone(one) && one.cell === name && isForWorld(one)))
    .map(({ name }) => name);
};

/** Without a reason nothing that was done in a run of the line, by it or by an element of it, is begun again in one that goes on from it. */
export const checkGoingOn = (world: World): void => {
  for (const run of world.facets.values()) {
    const before = beforeIt(run);
    if (before === undefined || (startedOf(run)?.continues?.reason ?? '') !== '') continue;
    const done = new Map(familyOf(before).map((facet) => [placeIn(before, facet), facet]));
    for (const facet of familyOf(run)) {
      const earlier = done.get(placeIn(run, facet));
      const names = new Set(earlier === undefined ? [] : doneIn(earlier));
      for (const { cell, seq } of facet.begins)
        must(
          !names.has(cell),
          'continue',
          `${facet.instanceId} begins ${cell} at seq ${seq}, which was done in ${earlier?.instanceId}`,
        );
    }
  }
};
