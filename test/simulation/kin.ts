/** Parents and children: what a parent's chain says of its section, read in words of the simulation's own. */
import type { Entry, EntryOf, RunEnd, State } from '../../src/engine/index.ts';
import { takenBackBy } from './way.ts';
import { headOf, parentOf, viewRow, type World } from './world.ts';

export type Section = {
  opening: EntryOf<'waiting'>;
  count: number;
  max: number;
  stopAfter: number;
  spawned: number;
  /** Those of earlier visits too, which completed there and are not begun again. */
  ended: Map<number, RunEnd>;
  /** Its elements take back what those of the section did that this entry opened, the last first. */
  undoes?: { instanceId: string; seq: number };
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
  const { undoes } = opening.each;
  const ended = new Map(cited.map((index) => [index, (undoes ? 'rolled_back' : 'completed') as RunEnd]));
  const section: Section = { opening, count, max, stopAfter, spawned: 0, ended, stuck: new Map() };
  if (undoes !== undefined) section.undoes = undoes;
  for (const entry of entries.slice(seq, until)) {
    if (entry.kind !== 'progress' || entry.about !== seq) continue;
    section.spawned = entry.spawned;
    for (const { index, as } of entry.ended) section.ended.set(index, as);
    section.stuck = new Map(entry.stuck.map((one) => [one.index, one.seq]));
  }
  return section;
};

/** Which in the order in which they begin. */
export const placeOf = ({ count, undoes }: Pick<Section, 'count' | 'undoes'>, index: number): number =>
  undoes === undefined ? index : count - 1 - index;

/** How an element ends that did what it was begun for. */
export const goodEnd = ({ undoes }: Pick<Section, 'undoes'>): RunEnd =>
  undoes === undefined ? 'completed' : 'rolled_back';

const indexesIn = ({ count }: Section): number[] => Array.from({ length: count }, (_, index) => index);

export const unfinishedIn = (section: Section): number[] =>
  indexesIn(section).filter((index) => placeOf(section, index) < section.spawned && !section.ended.has(index));

export const notCompletedIn = (section: Section): number =>
  [...section.ended.values()].filter((as) => as !== goodEnd(section)).length;

/** Whether so many were given up, or stand, that no more begin. */
export const isStopped = (section: Section): boolean =>
  notCompletedIn(section) + section.stuck.size >= section.stopAfter;

/** How many of those that may not begin yet did not complete before. */
export const unbegunIn = (section: Section): number =>
  indexesIn(section).filter((index) => placeOf(section, index) >= section.spawned && !section.ended.has(index)).length;

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

/**
 * The run, or the element, that an instance goes on from, where it goes on at a cell that this one was left at. A section of which
 * something was taken back there is begun anew.
 */
const leftAt = ({ facets }: World, instanceId: string, cell: string): World | undefined => {
  const first = facets.get(instanceId)?.chain[0]?.entry;
  const continues = first?.kind === 'started' ? first.continues : null;
  const before = continues?.at === cell ? facets.get(continues.instanceId) : undefined;
  const state = before && headOf(before)?.state;
  const { cells } = before?.version.runbook ?? { cells: [] };
  const back = cells.find((one) => takenBackBy(one) === cell)?.name;
  if (before?.chain.some(({ entry }) => entry.kind === 'waiting' && entry.cell === back)) return undefined;
  return state !== undefined && cells[state.ending?.at ?? state.next]?.name === cell ? before : undefined;
};

/** The newest entry by which an instance opened a section; where it never did, that of the one that it goes on from there. */
const openedIn = (world: World, instanceId: string, cell: string): EntryOf<'waiting'> | undefined => {
  const chain = world.facets.get(instanceId)?.chain ?? [];
  const own = chain.findLast(
    ({ entry }) => entry.kind === 'waiting' && entry.cell === cell && entry.each !== undefined,
  );
  if (own?.entry.kind === 'waiting') return own.entry;
  const before = leftAt(world, instanceId, cell);
  return before && openedIn(world, before.instanceId, cell);
};

/** The section with whose elements one goes on that was opened first in a run which continues another there. */
const wentOnFrom = (world: World, { instanceId, cell }: EntryOf<'waiting'>): EntryOf<'waiting'> | undefined => {
  const before = leftAt(world, instanceId, cell);
  return before && openedIn(world, before.instanceId, cell);
};

/** Who went through an element before this visit, the newest first: in earlier visits, and in runs that this one goes on from. */
export const earlierOf = (world: World, { opening, undoes }: Section, index: number): World[] => {
  const { facets } = world;
  const other = undoes && facets.get(undoes.instanceId)?.chain[undoes.seq]?.entry;
  const from =
    other?.kind === 'waiting' ? { ...other, visits: other.visit } : { ...opening, visits: opening.visit - 1 };
  const line = wentOnFrom(world, from);
  const there = line === undefined ? [] : allOf(world, line, index);
  return [...visitsOf(world, from, from.visits, index), ...there];
};

const allOf = (world: World, opening: EntryOf<'waiting'>, index: number): World[] => {
  const line = wentOnFrom(world, opening);
  return [...visitsOf(world, opening, opening.visit, index), ...(line === undefined ? [] : allOf(world, line, index))];
};

const visitsOf = (
  { facets }: World,
  { instanceId, cell }: Pick<EntryOf<'waiting'>, 'instanceId' | 'cell'>,
  visits: number,
  index: number,
): World[] => {
  const from = { instanceId, cell, visits };
  return Array.from({ length: from.visits }, (_, ago) => from.visits - ago)
    .flatMap((visit) => facets.get(childId(from.instanceId, from.cell, visit, index)) ?? [])
    .filter((facet) => facet.chain[0]?.entry.kind === 'started');
};

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

/** Whether a child is a run of the other runbook: it sees nothing of its parent. */
export const isRun = ({ instanceId, facets }: World): boolean => {
  const parent = parentOf(instanceId);
  const above = parent && facets.get(parent.instanceId);
  return above?.version.runbook.cells.find(({ name }) => name === parent?.cell)?.body.kind === 'run';
};

/** The run that an instance is, or is an element of: whose parameters it has. */
export const runOf = (world: World): World => {
  const parent = parentOf(world.instanceId);
  const above = parent && world.facets.get(parent.instanceId);
  return above === undefined || isRun(world) ? world : runOf(above);
};

const lockOf = ({ chain }: World): string | null => {
  const first = chain[0]?.entry;
  return first?.kind === 'started' ? first.lock : null;
};

/** Whether its elements are runs of the other runbook, or take these back. */
const isOfRun = ({ version }: World, { opening }: Section): boolean =>
  version.runbook.cells.find(({ name }) => name === opening.cell)?.body.kind === 'run';

/** Whether somebody has the lock of the other runbook. */
const isLocked = ({ facets, ran }: World): boolean =>
  ran?.runbook.concurrency != null &&
  [...facets.values()].some((facet) => lockOf(facet) !== null && headOf(facet)?.state.ended === null);

/** Nothing more of it begins: it was cancelled, or what is at its end was stopped. */
const isOff = ({ cancelled, ending }: State): boolean =>
  ending === undefined ? cancelled !== null : ending.stopped === true;

/**
 * What is left to be done in an open section: by whoever looks at the parent (`own`), and of which children it has not been told
 * what they came to.
 */
export const leftIn = (world: World, state: State, section: Section): { own: boolean; untold: World[] } => {
  const children = unfinishedIn(section).map((index) => ({ index, facet: childOf(world, section, index) }));
  const stateOf = (facet: World | undefined) => facet && headOf(facet)?.state;
  const isHeld = isOfRun(world, section) && !isOff(state) && isLocked(world);
  const unbegun = !isHeld && children.some(({ facet }) => stateOf(facet) === undefined);
  // How many stand is what counts: one more and one less is nothing new.
  const stillStands = (index: number, facet: World | undefined): boolean =>
    isStanding(facet) || (facet?.chain.length ?? 0) - 1 === section.stuck.get(index);
  const isTold = children.filter(({ index, facet }) => stillStands(index, facet)).length === section.stuck.size;
  const untold = children.filter(({ index, facet }) => {
    const child = stateOf(facet);
    if (child === undefined) return false;
    if (child.ended !== null) return true;
    return !isOff(state) && !isTold && isStanding(facet) && !section.stuck.has(index);
  });
  const facets = untold.flatMap(({ facet }) => facet ?? []);
  if (isOff(state)) {
    // One that is at its own end goes through that.
    const spared = children.some(({ facet }) => {
      const child = stateOf(facet);
      if (child?.ending !== undefined)
        return section.undoes !== undefined && child.ending.stopped !== true && child.ended === null;
      return child?.cancelled === null;
    });
    return { own: unbegun || spared, untold: facets };
  }
  const isStepped =
    state.ending === undefined || state.ending.as === 'completed' ? state.drive !== 'auto' : state.ending.manual;
  const goesOn = !isStepped && roomIn(section) > 0;
  return { own: unbegun || goesOn || mayClose(section), untold: facets };
};

/** Whether a section may stand as it stands, once everybody has looked: nothing is left to do, and more may not begin. */
export const mayRest = (world: World, state: State, section: Section): boolean => {
  const { own, untold } = leftIn(world, state, section);
  if (own || untold.length > 0) return false;
  if (isOff(state)) return true;
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
