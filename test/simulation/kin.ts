/** Parents and children: what a parent's chain says of its section, read in words of the simulation's own. */
import type { Entry, EntryOf, RunEnd, State } from '../../src/engine/index.ts';
import { headOf, parentOf, viewRow, type World } from './world.ts';

export type Section = {
  opening: EntryOf<'waiting'>;
  count: number;
  max: number;
  stopAfter: number;
  spawned: number;
  /** Those of earlier visits too, which completed there and are not begun again. */
  ended: Map<number, RunEnd>;
  /** Those that stand halted or in doubt, as it was told last, and at which of their entries. */
  stuck: Map<number, number>;
};

/** The section that an entry opened, after all that was told of it; `undefined`: it opened none. */
export const sectionAt = (entries: readonly Entry[], seq: number, until = entries.length): Section | undefined => {
  const opening = entries[seq];
  if (opening?.kind !== 'waiting' || opening.each === undefined) return undefined;
  const { count, max, stopAfter } = opening.each;
  const bits = Buffer.from(opening.each.cited ?? '', 'base64');
  const cited = Array.from({ length: count }, (_, index) => index).filter(
    (index) => ((bits[Math.floor(index / 8)] ?? 0) >> (index % 8)) % 2 === 1,
  );
  const ended = new Map(cited.map((index) => [index, 'completed' as RunEnd]));
  const section: Section = { opening, count, max, stopAfter, spawned: 0, ended, stuck: new Map() };
  for (const entry of entries.slice(seq, until)) {
    if (entry.kind !== 'progress' || entry.about !== seq) continue;
    section.spawned = entry.spawned;
    for (const { index, as } of entry.ended) section.ended.set(index, as);
    section.stuck = new Map(entry.stuck.map((one) => [one.index, one.seq]));
  }
  return section;
};

export const unfinishedIn = ({ spawned, ended }: Section): number[] =>
  Array.from({ length: spawned }, (_, index) => index).filter((index) => !ended.has(index));

export const notCompletedIn = ({ ended }: Section): number =>
  [...ended.values()].filter((as) => as !== 'completed').length;

/** Whether so many were given up, or stand, that no more begin. */
export const isStopped = (section: Section): boolean =>
  notCompletedIn(section) + section.stuck.size >= section.stopAfter;

/** How many of those that may not begin yet did not complete before. */
export const unbegunIn = ({ spawned, count, ended }: Section): number =>
  Array.from({ length: count }, (_, index) => index).filter((index) => index >= spawned && !ended.has(index)).length;

const roomIn = (section: Section): number =>
  isStopped(section) ? 0 : Math.min(unbegunIn(section), section.max - unfinishedIn(section).length);

/** Whether it may close: nothing is under way, and nothing more may begin for good. */
export const mayClose = (section: Section): boolean =>
  unfinishedIn(section).length === 0 && (unbegunIn(section) === 0 || notCompletedIn(section) >= section.stopAfter);

export const childId = (parent: string, cell: string, visit: number, index: number): string =>
  `${parent}~${cell}${visit === 1 ? '' : `-${visit}`}.${index}`;

/** Who stands for an element in a visit of its section. */
export const childOf = ({ facets }: World, { opening }: Section, index: number): World | undefined =>
  facets.get(childId(opening.instanceId, opening.cell, opening.visit, index));

/** Who went through an element in the visits before this one, the newest first. */
export const earlierOf = ({ facets }: World, { opening }: Section, index: number): World[] =>
  Array.from({ length: opening.visit - 1 }, (_, ago) => opening.visit - 1 - ago)
    .flatMap((visit) => facets.get(childId(opening.instanceId, opening.cell, visit, index)) ?? [])
    .filter((facet) => facet.chain[0]?.entry.kind === 'started');

/** The parent of an instance, and the parent of that, and so on. */
export const ancestorsOf = (world: World): World[] => {
  const parent = parentOf(world.instanceId);
  const facet = parent && world.facets.get(parent.instanceId);
  return facet === undefined ? [] : [facet, ...ancestorsOf(facet)];
};

export const entriesOf = ({ chain }: Pick<World, 'chain'>): Entry[] => chain.map(({ entry }) => entry);

/** The section that stands open. */
export const openSection = (world: World, { open }: State): Section | undefined =>
  open?.kind === 'waiting' ? sectionAt(entriesOf(world), open.seq) : undefined;

/** Whether an instance stands halted or in doubt, by what its chain says without a look at the time. */
const isStanding = (facet: World | undefined): boolean => {
  const state = facet && headOf(facet)?.state;
  return state?.halted != null;
};

/**
 * What is left to be done in an open section: by whoever looks at the parent (`own`), and of which children it has not been told
 * what they came to.
 */
export const leftIn = (world: World, state: State, section: Section): { own: boolean; untold: World[] } => {
  const children = unfinishedIn(section).map((index) => ({ index, facet: childOf(world, section, index) }));
  const stateOf = (facet: World | undefined) => facet && headOf(facet)?.state;
  const unbegun = children.some(({ facet }) => stateOf(facet) === undefined);
  // How many stand is what counts: one more and one less is nothing new.
  const stillStands = (index: number, facet: World | undefined): boolean =>
    isStanding(facet) || (facet?.chain.length ?? 0) - 1 === section.stuck.get(index);
  const isTold = children.filter(({ index, facet }) => stillStands(index, facet)).length === section.stuck.size;
  const untold = children.filter(({ index, facet }) => {
    const child = stateOf(facet);
    if (child === undefined) return false;
    if (child.ended !== null) return true;
    return state.cancelled === null && !isTold && isStanding(facet) && !section.stuck.has(index);
  });
  const facets = untold.flatMap(({ facet }) => facet ?? []);
  if (state.cancelled !== null) {
    // One that is at its own end goes through that.
    const spared = children.some(({ facet }) => {
      const child = stateOf(facet);
      return child?.cancelled === null && child.ending === undefined;
    });
    return { own: unbegun || spared, untold: facets };
  }
  const goesOn = state.drive === 'auto' && roomIn(section) > 0;
  return { own: unbegun || goesOn || mayClose(section), untold: facets };
};

/** Whether a section may stand as it stands, once everybody has looked: nothing is left to do, and more may not begin. */
export const mayRest = (world: World, state: State, section: Section): boolean => {
  const { own, untold } = leftIn(world, state, section);
  if (own || untold.length > 0) return false;
  if (state.cancelled !== null) return true;
  const standing = unfinishedIn(section).filter((index) => {
    const facet = childOf(world, section, index);
    return isStanding(facet) || (facet && headOf(facet)?.state.open?.kind) === 'reserved';
  });
  return standing.length === section.stuck.size && roomIn(section) === 0;
};

export const isDue = (facet: World): boolean => viewRow(facet)?.dueAtMs !== undefined;

/** A mark that is missing for what explains it: a clock that is off, a freeze, the loss of views. */
export const isExcused = (facet: World): boolean => facet.unlookedAfter;

/** An instance, with the children of its sections, and theirs. */
export const familyOf = (world: World): World[] => [
  world,
  ...[...world.facets.values()].filter(({ instanceId }) => instanceId.startsWith(`${world.instanceId}~`)),
];
