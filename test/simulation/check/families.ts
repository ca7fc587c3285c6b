/**
 * Families, judged by what their chains say and by what was so in the world: which elements a parent lets begin, what it says of
 * them, and when it closes its section.
 */
import type { Entry, EntryOf } from '../../../src/engine/index.ts';
import {
  ancestorsOf,
  childId,
  childOf,
  earlierOf,
  entriesOf,
  goodEnd,
  isRun,
  isStopped,
  leftIn,
  mayClose,
  notCompletedIn,
  openSection,
  placeOf,
  runOf,
  type Section,
  sectionAt,
  unbegunIn,
  unfinishedIn,
} from '../kin.ts';
import { takenBackBy } from '../way.ts';
import { headOf, must, parentOf, type World } from '../world.ts';
import { checkTakenBackOnce } from './endings.ts';
import { isGood } from './ends.ts';
import { checkGoingOn, watchGoingOn } from './goingOn.ts';
import { toldText } from './outputs.ts';
import type { Oracle, Reading } from './reading.ts';
import { same } from './same.ts';
import { citedIn } from './witness.ts';
import { isBy, writerOf } from './writer.ts';

const sectionIn = (entries: Entry[], seq: number, until?: number): Section => {
  const section = sectionAt(entries, seq, until);
  must(section !== undefined, 'family', `seq ${seq} opens no section`);
  return section;
};

/** Whether nothing of what an entry waits for is under way, before the entry `until` and with it. */
export const isEmpty = ({ entries }: Pick<Oracle, 'entries'>, seq: number, until: number): boolean => {
  const section = sectionAt(entries, seq, until + 1);
  return section === undefined || unfinishedIn(section).length === 0;
};

/** Nothing of it begins any more: it was cancelled, or what is at its end was stopped. */
export const isOff = ({ cancelled, ending }: Pick<Reading, 'cancelled' | 'ending'>): boolean =>
  ending === null ? cancelled : ending.isStopped;

/** By the chain alone: what was told, and what may begin by it. */
export const judgeProgress = (oracle: Oracle, reading: Reading, entry: EntryOf<'progress'>): void => {
  const { entries } = oracle;
  const at = `${entry.instanceId} seq ${entry.seq}`;
  must(
    reading.open?.kind === 'waiting' && reading.open.seq === entry.about,
    'family',
    `${at} tells of no open section`,
  );
  const before = sectionIn(entries, entry.about, entry.seq);
  const after = sectionIn(entries, entry.about, entry.seq + 1);
  must(entry.cell === after.opening.cell, 'family', `${at} names ${entry.cell}`);
  const under = new Set(unfinishedIn(before));
  const told = [...entry.ended, ...entry.stuck].map(({ index }) => index);
  must(
    told.every((index) => under.has(index)),
    'family',
    `${at} tells of an element that is not under way`,
  );
  must(new Set(told).size === told.length, 'family', `${at} tells of an element twice`);
  must(
    after.spawned >= before.spawned && after.spawned <= after.count,
    'family',
    `${at} lets begin up to ${after.spawned}`,
  );
  const more = unbegunIn(before) - unbegunIn(after);
  if (more === 0) return;
  const running = unfinishedIn(after).length;
  must(running <= after.max, 'family', `${at} lets ${running} be under way, and max is ${after.max}`);
  must(!isStopped(after), 'family', `${at} lets another begin, and stopAfter ${after.stopAfter} is reached`);
  const { ending } = reading;
  must(!isOff(reading), 'family', `${at} lets another begin after the cancellation`);
  const isStepped = ending === null || ending.as === 'completed' ? reading.drive !== 'auto' : ending.isManual;
  must(!isStepped || more === 1, 'family', `${at} lets ${more} begin at once in drive manual`);
  const epoch = writerOf(oracle, entry)?.process.epoch ?? 0;
  must(
    reading.epoch >= epoch,
    'epoch',
    `${at} lets another begin in a held run of epoch ${reading.epoch}, not ${epoch}`,
  );
};

type Element = { item: unknown; status: string; output: unknown };

const endedAs = (child: World | undefined): string => (child && headOf(child)?.state.ended) ?? 'not_begun';

/** The text of the `output` of the simulation's sections, as the child's own chain has it. */
const shown = (child: World, source: string): unknown => {
  const [, name = '', wanted] = /^outputs\.(\w+)\.good == (\w+)$/.exec(source) ?? [];
  const own = entriesOf(child).findLast(
    (one) => (one.kind === 'outcome' || one.kind === 'resolved') && one.cell === name && one.then === 'next',
  );
  const entry = own ?? citedIn(child, name);
  const text = entry !== undefined && 'output' in entry ? toldText(child, entry.output) : null;
  const value = text === null ? undefined : (JSON.parse(text) as { good?: unknown }).good;
  return JSON.stringify(value) === wanted;
};

/** Whether of some output only a beginning stands: nothing is shown then that could rest on it. */
const isCutIn = (facets: World[]): boolean =>
  facets.flatMap(entriesOf).some((entry) => 'output' in entry && entry.output?.kind === 'truncated');

/** A section closes when it may, and says of each element what that one's own chain says. */
export const judgeClosed = (oracle: Oracle, { seq }: EntryOf<'waiting'>, entry: EntryOf<'outcome'>): void => {
  const { world, entries } = oracle;
  const at = `${entry.instanceId} seq ${entry.seq}`;
  const section = sectionIn(entries, seq, entry.seq);
  must(mayClose(section), 'family', `${at} closes a section of which ${unfinishedIn(section)} are under way`);
  const children = Array.from({ length: section.count }, (_, index) => {
    const own = childOf(world, section, index);
    const [cited] = section.ended.has(index) ? earlierOf(world, section, index) : [];
    return own ?? cited;
  });
  const cited = new Set(sectionIn(entries, seq, seq + 1).ended.keys());
  const isGone = (index: number): boolean => section.undoes !== undefined && cited.has(index);
  const endOf = (index: number): string => (isGone(index) ? 'rolled_back' : endedAs(children[index]));
  const completed = children.filter((_, index) => endOf(index) === goodEnd(section)).length;
  const all = completed === section.count;
  const isDone = all || section.undoes !== undefined;
  must((entry.status === 'completed') === isDone, 'family', `${at} is ${entry.status}, and ${completed} completed`);
  must((entry.error === null) === all, 'family', `${at} says ${entry.error?.code}, and ${completed} completed`);
  if (entry.output?.kind === 'truncated') return;
  const told = JSON.parse(toldText(world, entry.output) ?? 'null') as Element[];
  must(told.length === section.count, 'family', `${at} tells of ${told.length} elements of ${section.count}`);
  const items = itemsOf(world, section);
  const body = world.version.runbook.cells.find(({ name }) => name === section.opening.cell)?.body;
  told.forEach(({ item, status, output }, index) => {
    const child = children[index];
    const part = body?.kind === 'each' ? (body.parts?.[index] ?? body) : body?.kind === 'run' ? body : undefined;
    const source = part?.output?.source;
    must(same(item, items[index]), 'family', `${at} tells of another element ${index}`);
    must(status === endOf(index), 'family', `${at} says that element ${index} is ${status}, and it is ${endOf(index)}`);
    if (source === undefined || child === undefined || status !== 'completed') {
      must(output === null, 'family', `${at} shows ${JSON.stringify(output)} of element ${index}`);
      return;
    }
    const isUnread = output !== null && typeof output === 'object' && isCutIn([child, world, ...ancestorsOf(world)]);
    // A consistent read that missed the newest entry, which none does, missed an output.
    const isStale = writerOf(oracle, entry)?.struck.includes('staleRead') === true;
    must(isUnread || isStale || output === shown(child, source), 'family', `${at} shows ${output} of element ${index}`);
  });
};

const itemsOf = (world: World, { opening }: Section): unknown[] =>
  JSON.parse(toldText(world, opening.each?.items) ?? '[]') as unknown[];

/** All of its cells that have an undo which began at its end were taken back by that, and nothing else of it stays. */
const isTakenBack = (facet: World): boolean => {
  const entries = entriesOf(facet);
  const ending = entries.find(({ kind }) => kind === 'ending');
  if (headOf(facet)?.state.ended === 'rolled_back') return true;
  if (ending?.kind !== 'ending' || ending.undos === 0 || ending.stays.length > 0) return false;
  return ending.cells
    .slice(0, ending.undos)
    .every((at) =>
      entries.some(
        (one) =>
          (one.kind === 'outcome' || one.kind === 'resolved') && one.index === at && one.then === 'next' && isGood(one),
      ),
    );
};

/** Whoever stops its end in doubt lets that go. */
const isLetGo = (facet: World): boolean =>
  entriesOf(facet).some((entry) => entry.kind === 'cancelled' && entry.stopsCleanup === true);

/** As a section is opened: it cites those elements, and no others, that completed in a visit before. */
const watchOpening = (world: World, entry: EntryOf<'waiting'>): void => {
  if (entry.each === undefined) return;
  const section = sectionIn(entriesOf(world), entry.seq);
  const isMissed = world.calls.find((one) => isBy(one, entry))?.struck.includes('staleRead') === true;
  for (let index = 0; index < section.count; index += 1) {
    const [before] = earlierOf(world, section, index);
    const is = endedAs(before);
    const at = `${world.instanceId} seq ${entry.seq}`;
    const isCited = section.undoes === undefined ? is === 'completed' : before === undefined || isTakenBack(before);
    // A read that missed how an element came to its end, which none does, lets that be gone through: it finds nothing left to do.
    const isStale = section.undoes !== undefined && isCited && isMissed;
    must(section.ended.has(index) === isCited || isStale, 'family', `${at}: element ${index} is ${is} before it`);
    must(
      section.undoes === undefined || before === undefined || headOf(before)?.state.ended != null,
      'doubt',
      `${at} takes back element ${index}, which has not ended`,
    );
    must(
      section.undoes === undefined ||
        before === undefined ||
        headOf(before)?.state.halted?.doubt !== true ||
        isLetGo(before),
      'doubt',
      `${at} takes back element ${index}, which is in doubt`,
    );
  }
};

/**
 * Of the cells of an element, what stands done after these went through it, the oldest first. What is at the end of an element belongs to
 * that one, and the next comes to an end of its own; what was taken back may be done again, and then taken back again.
 */
const doneBy = (went: readonly World[]): Set<string> => {
  const done = new Set<string>();
  for (const one of went) {
    const { cells } = one.version.runbook;
    for (const entry of entriesOf(one)) {
      if ((entry.kind !== 'outcome' && entry.kind !== 'resolved') || entry.then !== 'next') continue;
      const { cleanup } = cells.find(({ name }) => name === entry.cell) ?? {};
      if (cleanup !== undefined && 'on' in cleanup) continue;
      done.add(entry.cell);
      if (cleanup !== undefined && 'undo' in cleanup && isGood(entry)) done.delete(cleanup.undo);
      for (const cell of cells) if (takenBackBy(cell) === entry.cell) done.delete(cell.name);
    }
    if (isTakenBack(one)) done.clear();
  }
  return done;
};

/** Whether an element goes on from one of another run, whose continuation somebody gave a reason for. */
const isReasoned = (facet: World): boolean => {
  const first = facet.chain[0]?.entry;
  const continues = first?.kind === 'started' ? first.continues : null;
  const before = continues == null ? undefined : facet.facets.get(continues.instanceId);
  const rootOf = (one: World): World | undefined => ancestorsOf(one).at(-1);
  return before !== undefined && rootOf(before) !== rootOf(facet) && (continues?.reason ?? '') !== '';
};

/** No cell of an element that was gone through in a visit is begun in a later one, or in a later run without a reason. */
const checkAgain = (facet: World): void => {
  const first = facet.chain[0]?.entry;
  const parent = first?.kind === 'started' ? first.parent : undefined;
  const above = parent && facet.facets.get(parent.instanceId);
  if (parent === undefined || above === undefined || isReasoned(facet)) return;
  const section = sectionIn(entriesOf(above), parent.seq);
  const done = doneBy(earlierOf(above, section, parent.index).toReversed());
  const { cells } = facet.version.runbook;
  for (const { seq } of facet.begins) {
    const entry = facet.chain[seq]?.entry;
    const name = entry?.kind === 'reserved' ? entry.cell : entry?.kind === 'outcome' ? entry.reserve?.cell : undefined;
    must(name === undefined || !done.has(name), 'family', `${facet.instanceId} begins ${name} again`);
    // What is done anew may be taken back anew.
    for (const cell of cells) if (takenBackBy(cell) === name) done.delete(cell.name);
  }
};

/** What the world had before: of which children it was so when the newest entry of the parent was written, and still is. */
const standing = (world: World, section: Section, sinceMs: number): number =>
  unfinishedIn(section).filter((index) => {
    const child = childOf(world, section, index);
    const last = child?.chain.at(-1);
    if (last === undefined || last.landedAtMs > sinceMs) return false;
    const { halted, ended } = last.entry.state;
    return halted !== null || (ended !== null && ended !== goodEnd(section));
  }).length;

/** Who takes something back does it with the parameters by which it was done; of others an element has none, and a run those that its cell gives it. */
const ownParams = ({ facets }: World, { parent, undoes, continues }: EntryOf<'started'>) => {
  const done = facets.get(continues?.instanceId ?? '')?.chain[0]?.entry;
  if (undoes === true && done?.kind === 'started') return done.params;
  if (parent === undefined) return {};
  const { instanceId, cell, seq, index } = parent;
  const above = facets.get(instanceId);
  const body = above?.version.runbook.cells.find(({ name }) => name === cell)?.body;
  if (above === undefined || body?.kind !== 'run' || body.params.name === undefined) return {};
  const item = itemsOf(above, sectionIn(entriesOf(above), seq))[index] as { name: string };
  return { name: item.name };
};

/** A run whose runbook says `unique` has that id, by the entry that stands there, which names it or what it was in an earlier visit. */
const checkId = (world: World, { params, instanceId, parent, undoes, continues }: EntryOf<'started'>): void => {
  if (!isRun(world) || world.version.runbook.unique === null || parent === undefined) return;
  const slots = [...world.facets.values()].flatMap((facet) => {
    const first = facet.chain[0]?.entry;
    const isOf = facet.instanceId === `deploy.${params.name}` || facet.instanceId.startsWith(`deploy.${params.name}.`);
    return isOf && first?.kind === 'cancelled' && first.runsAs !== undefined ? [first.runsAs] : [];
  });
  const of = undoes === true ? continues?.instanceId : instanceId;
  const named = of === undefined ? undefined : parentOf(of);
  const ids = Array.from({ length: named?.visit ?? 0 }, (_, visit) =>
    childId(parent.instanceId, named?.cell ?? '', visit + 1, parent.index),
  );
  must(
    slots.some((id) => ids.includes(id)),
    'unique',
    `${instanceId} begins, and its id is that of ${slots}`,
  );
};

/** As a child's first entry lands: its beginning stands in its parent's chain, and the section is open. */
const watchFirst = (world: World, entry: Entry): void => {
  const named = parentOf(world.instanceId);
  const at = `${world.instanceId} seq ${entry.seq} (${entry.kind})`;
  if (entry.kind === 'started' && entry.parent !== undefined) {
    const { instanceId, cell, index } = entry.parent;
    const visit = parentOf(world.instanceId)?.visit ?? 1;
    must(
      world.instanceId === childId(instanceId, cell, visit, index),
      'family',
      `${at} is element ${index} of ${cell}`,
    );
    must(same(entry.params, ownParams(world, entry)), 'family', `${at} has parameters of its own`);
    checkId(world, entry);
  }
  if (named === undefined) return;
  const parent = world.facets.get(named.instanceId);
  const state = parent && headOf(parent)?.state;
  const section = parent && state && openSection(parent, state);
  must(
    parent !== undefined && state !== undefined && section !== undefined,
    'family',
    `${at} begins, and no section is open`,
  );
  must(
    section.opening.cell === named.cell && section.opening.visit === named.visit,
    'family',
    `${at} begins, and ${section.opening.cell} is open`,
  );
  must(!section.ended.has(named.index), 'family', `${at} begins, and it completed before`);
  const place = placeOf(section, named.index);
  must(place < section.spawned, 'family', `${at} begins, and its parent lets only ${section.spawned} begin`);
  must(entry.kind !== 'cancelled' || state.cancelled !== null, 'family', `${at}, and its parent is not cancelled`);
  if (entry.kind !== 'started') return;
  must(
    entry.parent?.seq === section.opening.seq,
    'family',
    `${at} says that seq ${entry.parent?.seq} opened its section`,
  );
  must(entry.epoch <= state.epoch, 'epoch', `${at} is of epoch ${entry.epoch}, and its parent of ${state.epoch}`);
  const [before] = earlierOf(parent, section, named.index);
  must(
    (entry.undoes === true) === (section.undoes !== undefined),
    'family',
    `${at} is begun to take back: ${entry.undoes}`,
  );
  const goesOn = before !== undefined && headOf(before)?.state.ended !== 'rolled_back';
  must(
    (entry.continues?.instanceId ?? null) === (goesOn ? before.instanceId : null),
    'family',
    `${at} goes on from ${entry.continues?.instanceId}, and ${before?.instanceId} went through it last`,
  );
};

/** As a parent tells of its children: it is so, or was at the entry that it names. */
const watchProgress = (world: World, entry: EntryOf<'progress'>): void => {
  const entries = entriesOf(world);
  const section = sectionIn(entries, entry.about);
  const at = `${world.instanceId} seq ${entry.seq}`;
  for (const { index, as } of entry.ended) {
    const is = endedAs(childOf(world, section, index));
    must(is === as, 'family', `${at} says that element ${index} ${as}, and it is ${is}`);
  }
  for (const { index, seq } of entry.stuck) {
    const state = childOf(world, section, index)?.chain[seq]?.entry.state;
    const open = state?.open;
    const doubt = open?.kind === 'reserved' && entry.atMs >= open.deadlineAtMs + world.graceMs;
    must(
      state?.halted != null || doubt,
      'family',
      `${at} says that element ${index} stands at ${seq}, and it does not`,
    );
  }
  const before = sectionIn(entries, entry.about, entry.seq);
  if (entry.spawned === before.spawned) return;
  // Whoever puts an entry has read the children since it knew the one before it.
  const call = world.calls.find((one) => isBy(one, entry));
  if (call?.struck.includes('staleRead')) return;
  const sinceMs = world.chain[entry.seq - 1]?.landedAtMs ?? 0;
  const stood = standing(world, before, sinceMs) + notCompletedIn(before);
  must(stood < section.stopAfter, 'family', `${at} lets another begin, and ${stood} had been given up or stood`);
};

/** Called for every entry as it lands. */
export const watchFamily = (world: World, entry: Entry): void => {
  watchGoingOn(world, entry);
  if (entry.seq === 0) watchFirst(world, entry);
  if (entry.kind === 'progress') watchProgress(world, entry);
  if (entry.kind === 'waiting') watchOpening(world, entry);
};

/** The elements that a child is begun for, by their names. */
const elementsOf = (world: World): Record<string, unknown> => {
  const first = world.chain[0]?.entry;
  const parent = first?.kind === 'started' ? first.parent : undefined;
  const above = parent && world.facets.get(parent.instanceId);
  if (parent === undefined || above === undefined) return {};
  const body = above.version.runbook.cells.find(({ name }) => name === parent.cell)?.body;
  if (body?.kind === 'run') return {};
  must(body?.kind === 'each', 'family', `${world.instanceId} is a child of ${parent.cell}, which is no section`);
  const items = itemsOf(above, sectionIn(entriesOf(above), parent.seq));
  return { ...elementsOf(above), [body.as]: items[parent.index], index: parent.index };
};

/** Each body saw the element that its child stands for; a child that was told not to begin did not; none is without a spawn. */
export const checkFamilies = (world: World): void => {
  checkGoingOn(world);
  checkTakenBackOnce([...world.facets.values()]);
  for (const facet of world.facets.values()) {
    const { instanceId, chain, begins } = facet;
    const [first] = chain;
    const parent = parentOf(instanceId);
    if (parent === undefined || first === undefined) continue;
    const isFenced = first.entry.kind === 'cancelled';
    must(!isFenced || (chain.length === 1 && begins.length === 0), 'family', `${instanceId} was not to begin, and did`);
    checkAgain(facet);
    const each = runOf(facet) === facet ? undefined : elementsOf(facet);
    for (const begin of begins)
      must(
        same(begin.each ?? null, each ?? null),
        'family',
        `${instanceId} seq ${begin.seq} saw ${JSON.stringify(begin.each)}`,
      );
  }
};

/** Once the schedule has had its say: it goes on by itself with every section that a person does not have to go on with. */
export const checkLeft = (world: World): void => {
  for (const facet of world.facets.values()) {
    const state = headOf(facet)?.state;
    const section = state && openSection(facet, state);
    if (state === undefined || section === undefined || state.epoch < world.epoch) continue;
    if (facet.unlookedAfter || unfinishedIn(section).some((index) => childOf(facet, section, index)?.unlookedAfter))
      continue;
    const { own, untold } = leftIn(facet, state, section);
    const what = own ? 'something is left to do' : `it was not told of ${untold.map(({ instanceId }) => instanceId)}`;
    must(!own && untold.length === 0, 'progress', `${facet.instanceId} stands in ${section.opening.cell}, and ${what}`);
  }
};
