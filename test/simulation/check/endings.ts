/**
 * Ends of runs, in words of our own: when the way is over, what is taken back and gone through then, and how the run has ended.
 * What began and what completed is read anew from the journals of a run and of those that it goes on from, and held against the
 * witness.
 */
import type { Cancelled, Cell, Entry, EntryOf, RunEnd, WayEnd } from '../../../src/engine/index.ts';
import { ancestorsOf, entriesOf, sectionAt } from '../kin.ts';
import { leavesTraces, takenBackBy, wayOf } from '../way.ts';
import { type Call, headOf, must, type World } from '../world.ts';
import { isGood } from './ends.ts';
import type { Oracle, Reading } from './reading.ts';
import { same } from './same.ts';
import { writerOf } from './writer.ts';

export type Owed = { as: WayEnd; undo: boolean };
export type AtEnd = {
  as: WayEnd;
  todo: Set<number>;
  /** Cells that began and leave traces. */
  begun: string[];
  /** It is begun only to take back. */
  isBegunFor: boolean;
  /** Cells whose undo completed. */
  takenBack: Set<string>;
  /** Of something that is taken back another time stays. */
  isTwice: boolean;
  isManual: boolean;
  isStopped: boolean;
};

/** `seen`: it happened, or may have, as far as anybody has found out. */
type Visit = { key: string; done: boolean; begun: boolean; seen: boolean };
type Past = { done: boolean; begun: boolean; visits: Visit[] };

const pastIn = (entries: readonly Entry[]): Map<string, Past> => {
  const past = new Map<string, Past>();
  const of = (cell: string): Past => {
    const known = past.get(cell) ?? { done: false, begun: false, visits: [] };
    past.set(cell, known);
    return known;
  };
  const reserve = ({ cell, key }: { cell: string; key: string }): void => {
    const { visits } = of(cell);
    if (visits.at(-1)?.key !== key) visits.push({ key, done: false, begun: false, seen: false });
  };
  const leave = (cell: string, done: boolean, seen = done): void => {
    const known = of(cell);
    known.begun = true;
    known.done ||= done;
    const visit = known.visits.at(-1);
    if (visit !== undefined) Object.assign(visit, { begun: true, done: visit.done || done, seen: visit.seen || seen });
  };
  const deny = (cell: string): void => {
    const visit = of(cell).visits.at(-1);
    if (visit !== undefined && !visit.done) visit.seen = false;
  };
  for (const entry of entries) {
    if (entry.kind === 'reserved') reserve(entry);
    if (entry.kind === 'waiting' && entry.each !== undefined) leave(entry.cell, false);
    if (entry.kind === 'resolved' && entry.verdict === 'succeeded') leave(entry.cell, true);
    else if (entry.kind === 'resolved' && (entry.verdict === 'failed' || entry.closedBy === 'probe')) deny(entry.cell);
    if (entry.kind !== 'outcome') continue;
    const { closes, status, closedBy, unbegun } = entry;
    const isNothing = status === 'never' || unbegun === true || (status === 'abandoned' && closedBy === 'probe');
    if (closes !== null && !isNothing) leave(entry.cell, status === 'completed', status !== 'failed');
    const isDenied = (status === 'abandoned' && closedBy === 'probe') || (status === 'failed' && closedBy === 'person');
    if (isDenied) deny(entry.cell);
    if (entry.reserve !== undefined) reserve(entry.reserve);
  }
  return past;
};

/** The journals of a run and of those that it goes on from, the newest first, as far as what they did of a cell was not taken back. */
const lineOf = (world: World, entries: readonly Entry[], name: string): (readonly Entry[])[] => {
  const [first] = entries;
  const continues = first?.kind === 'started' ? first.continues : null;
  const earlier = continues === null ? undefined : world.facets.get(continues.instanceId);
  if (earlier === undefined || continues?.states?.[name] === 'taken_back') return [entries];
  return [entries, ...lineOf(earlier, entriesOf(earlier), name)];
};

/** `times`: by how many keys it happened, or may have. */
type Known = { done: boolean; begun: boolean; key: string | null; times: number };

const keyOf = (visits: readonly Visit[]): string | null =>
  (visits.findLast(({ done }) => done) ?? visits.findLast(({ begun }) => begun))?.key ?? null;

/** What is known of a cell: done here, or cited of a run in which it was done; begun anywhere. */
const knownOf = (world: World, entries: readonly Entry[], { name, index }: Cell): Known => {
  const [own, ...before] = lineOf(world, entries, name).map((run) => pastIn(run).get(name));
  const [first] = entries;
  const { index: from = 0, states = {} } = (first?.kind === 'started' && first.continues) || {};
  const end = states[name] ?? 'completed';
  const isCited = index < from && (end === 'completed' || end === 'unexpected');
  const earlier = before.find((past) => past?.done) ?? before.find((past) => past?.begun);
  const done = own?.done === true || (isCited && before.some((past) => past?.done));
  const begun = own?.begun === true || before.some((past) => past?.begun);
  const key = keyOf(own?.visits ?? []) ?? keyOf(earlier?.visits ?? []);
  const times = [own, ...before].flatMap((past) => past?.visits ?? []).filter(({ seen }) => seen).length;
  return { done, begun, key, times };
};

/** What takes a cell back began by the key that it would have now, in a run before this one: it is not begun again. */
const isTried = (world: World, entries: readonly Entry[], name: string, by: Cell, key: string | null): boolean =>
  lineOf(world, entries, name)
    .slice(1)
    .some((run) => {
      const ending = run.find(({ kind }) => kind === 'ending');
      return ending?.kind === 'ending' && ending.keys[name] === (key ?? undefined) && pastIn(run).get(by.name)?.begun;
    });

/** What takes a section back was opened in a run before this one, for the newest entry that opened the section. */
const isSectionTried = (world: World, entries: readonly Entry[], name: string, by: Cell): boolean => {
  const line = lineOf(world, entries, name);
  const openings = line.flatMap((run) => run.findLast((one) => one.kind === 'waiting' && one.cell === name) ?? []);
  const [newest] = openings;
  return line.some((run) =>
    run.some((one) => {
      const undoes = one.kind === 'waiting' && one.cell === by.name ? one.each?.undoes : undefined;
      return undoes !== undefined && undoes.instanceId === newest?.instanceId && undoes.seq === newest.seq;
    }),
  );
};

/** In how many runs of the line a section was opened, without those with all of whose elements another goes on. */
const timesOpened = (world: World, entries: readonly Entry[], name: string): number => {
  const openings = lineOf(world, entries, name).flatMap((run) =>
    run.flatMap((one) => (one.kind === 'waiting' && one.cell === name && one.each !== undefined ? [one] : [])),
  );
  const carried = openings.flatMap(({ each }) => (each?.after?.left === 0 ? [each.after.instanceId] : []));
  return new Set(openings.map(({ instanceId }) => instanceId).filter((id) => !carried.includes(id))).size;
};

/** Of a step that failed: its cell and seq, and how. */
const judgeFailure = (oracle: Oracle, reading: Reading, entry: EntryOf<'ending'>): void => {
  const { failed } = entry;
  const at = `seq ${entry.seq}`;
  const { halted } = reading;
  if (entry.as !== 'failed' || halted === null) {
    must(failed === null, 'end', `${at} names a failure of ${failed?.cell}`);
    return;
  }
  const cell = oracle.world.version.runbook.cells[reading.next]?.name;
  const how = reading.hasCompleted ? 'unexpected' : 'failed';
  const right = failed?.cell === cell && failed?.seq === halted.seq && failed?.how === how;
  must(right, 'end', `${at} says that ${failed?.cell} ${failed?.how}, and ${cell} ${how} at ${halted.seq}`);
  const last = oracle.entries.slice(0, entry.seq).findLast(({ kind }) => kind === 'outcome' || kind === 'resolved');
  const code = last?.kind === 'outcome' ? (last.error?.code ?? 'cell.unexpected') : 'cell.declared';
  must(failed?.code === code, 'end', `${at} says ${failed?.code}, and it was ${code}`);
};

/** It takes an element back in the end of a run that is stepped through. */
const isSteppedIn = ({ world, entries }: Oracle): boolean => {
  const first = entries[0];
  const above = first?.kind === 'started' && first.undoes === true && world.facets.get(first.parent?.instanceId ?? '');
  return above !== undefined && above !== false && headOf(above)?.state.ending?.manual === true;
};

/** Whether the way is over, and by whose word. */
const judgeWayOver = (oracle: Oracle, reading: Reading, entry: EntryOf<'ending'>): { undo: boolean } => {
  const at = `seq ${entry.seq}`;
  const { owes, halted, open, ending, cancelled, epoch, drive } = reading;
  must(open === null && ending === null, 'I6', `${at} ends the way while something is open, or a second time`);
  must(halted?.doubt !== true, 'doubt', `${at} ends the way while ${halted?.seq} is in doubt`);
  const writer = writerOf(oracle, entry);
  const { onFailure } = oracle.world.version.runbook;
  const isPerson = writer?.what === 'undo';
  const { by, reason } = entry.began;
  if (!isPerson) {
    const current = writer?.process.epoch ?? 0;
    must(epoch >= current, 'epoch', `${at} ends the way of a held run of epoch ${epoch}, not ${current}`);
    must((entry.manual === true) === isSteppedIn(oracle), 'end', `${at} is stepped through by nobody's word`);
  }
  if (owes !== null) {
    must(entry.as === owes.as, 'end', `${at} ends as ${entry.as}, and the way is over as ${owes.as}`);
    must(!isPerson, 'end', `${at} takes back what is over already`);
    const told = oracle.entries.slice(0, entry.seq).find(({ kind }) => kind === 'cancelled');
    const isBegunFor = oracle.entries[0]?.kind === 'started' && oracle.entries[0].undoes === true;
    const grounds = { completed: 'its last cell', failed: isBegunFor ? 'its parent' : 'as=failed', cancelled: '' };
    const wanted = told?.kind === 'cancelled' ? [told.by.actor, told.reason] : [grounds[owes.as], null];
    must(same([by, reason], wanted), 'end', `${at} says that ${by} began it: ${reason}`);
    const scheduled = writer?.what === 'advance' && writer.actor === 'schedule';
    const isLeft = entry.as === 'completed' && drive === 'manual' && scheduled;
    must(!isLeft, 'end', `${at} goes on by itself in drive manual`);
    return { undo: owes.undo };
  }
  must(halted !== null && !cancelled, 'end', `${at} ends a way that is not over`);
  must(entry.as === 'failed', 'end', `${at} ends as ${entry.as}, and it failed`);
  must(isPerson || onFailure !== undefined, 'end', `${at} gives up, and nobody said so`);
  must(isPerson ? by === entry.by.actor && reason !== null : by === 'onFailure', 'end', `${at} was begun by ${by}`);
  return { undo: isPerson || onFailure === 'undo' };
};

const isAt = ({ cleanup }: Cell, as: WayEnd): boolean => {
  if (cleanup === undefined || !('on' in cleanup)) return false;
  if (cleanup.on === 'always') return true;
  return as === (cleanup.on === 'failure' ? 'failed' : 'cancelled');
};

/** What the witness saw to happen in a cell of a run, by the entry. */
const happened = ({ begins }: World, name: string, before: number): boolean =>
  begins.some(({ cell, seq, effectAtMs }) => cell === name && seq < before && effectAtMs !== null);

/** The entry says exactly what is to be gone through: what was done is taken back, the newest first; then the sections of that end. */
export const judgeEnding = (oracle: Oracle, reading: Reading, entry: EntryOf<'ending'>): void => {
  const { world } = oracle;
  const at = `seq ${entry.seq}`;
  const { cells } = world.version.runbook;
  const { undo } = judgeWayOver(oracle, reading, entry);
  judgeFailure(oracle, reading, entry);
  const way = cells.slice(0, wayOf(cells));
  const entries = oracle.entries.slice(0, entry.seq);
  const isTaken = (cell: Cell): number | undefined => {
    const by = cells.find((one) => takenBackBy(one) === cell.name);
    if (!undo || by === undefined) return undefined;
    const { done, begun, key } = knownOf(world, entries, cell);
    // Of one that was never opened, and that a person declared done, there is nothing to take back.
    if (by.body.kind === 'each' || by.body.kind === 'run') {
      const isOpened = timesOpened(world, entries, cell.name) > 0;
      return isOpened && !isSectionTried(world, entries, cell.name, by) ? by.index : undefined;
    }
    if (isTried(world, entries, cell.name, by, key)) return undefined;
    const ofBegun = by.cleanup !== undefined && 'of' in by.cleanup && by.cleanup.of === 'begun';
    return done || (begun && ofBegun) ? by.index : undefined;
  };
  const undos = way.toReversed().flatMap((cell) => isTaken(cell) ?? []);
  const first = entries[0];
  const isBegunFor = first?.kind === 'started' && first.undoes === true;
  const sections = isBegunFor ? [] : cells.filter((cell) => isAt(cell, entry.as)).map(({ index }) => index);
  const wanted = [...undos, ...sections];
  must(same(entry.cells, wanted), 'end', `${at} goes through ${entry.cells}, not ${wanted}`);
  must(entry.undos === undos.length, 'end', `${at} takes ${entry.undos} back, not ${undos.length}`);
  const takes = way.filter((cell) => isTaken(cell) !== undefined);
  const keys = takes.flatMap((cell) => {
    const { key } = knownOf(world, entries, cell);
    return key === null ? [] : [[cell.name, key]];
  });
  must(same(entry.keys, Object.fromEntries(keys)), 'end', `${at} has the keys ${JSON.stringify(entry.keys)}`);
  const begun = way.filter((cell) => leavesTraces(cell) && knownOf(world, entries, cell).begun).map(({ name }) => name);
  // What was done as it was meant stays, and is not told of.
  const isTwice = (cell: Cell): boolean =>
    knownOf(world, entries, cell).times > 1 || timesOpened(world, entries, cell.name) > 1;
  const left = begun.filter((name) => !takes.some((cell) => cell.name === name && !isTwice(cell)));
  const stays = entry.as === 'completed' ? [] : left;
  must(same(entry.stays, stays), 'end', `${at} says that ${entry.stays} stays, and that is ${stays}`);
  judgeSeen(oracle, entry, undos);
  const stands = way[reading.next]?.name;
  const completed = entries.findLast(
    (one) => one.kind === 'outcome' && one.cell === stands && one.closes !== null && one.status === 'completed',
  );
  const stood = stands === undefined || completed === undefined ? null : { cell: stands, seq: completed.seq };
  must(entry.as === 'completed' || same(entry.stood, stood), 'end', `${at} says that ${entry.stood?.seq} stands`);
  const ends = way.slice(reading.next).map(({ name }) => [name, 'not_reached'] as const);
  for (const [name, end] of ends) reading.ends.set(name, end);
  if (entry.failed !== null) reading.ends.set(entry.failed.cell, entry.failed.how);
  reading.next = Math.max(reading.next, wanted[0] ?? way.length);
  Object.assign(reading, { halted: null, owes: null, permission: null, dueAtMs: null });
  reading.ending = {
    as: entry.as,
    todo: new Set(wanted),
    begun,
    isBegunFor,
    takenBack: new Set(),
    isTwice: takes.some(isTwice),
    isManual: entry.manual === true,
    isStopped: false,
  };
};

/** What really happened and can be taken back is, unless somebody who looked said that it did not happen. */
const judgeSeen = ({ world, entries }: Oracle, entry: EntryOf<'ending'>, undos: number[]): void => {
  const { clockFarOff, frozen, thawed, operatorRace, childOutlives, restore } = world.faults;
  // What acts behind its time acts unseen.
  if (clockFarOff + frozen + thawed + operatorRace + childOutlives + restore > 0 || undos.length === 0) return;
  const { cells } = world.version.runbook;
  for (const by of cells) {
    const name = takenBackBy(by);
    const { cleanup } = by;
    if (name === undefined || cleanup === undefined || !('of' in cleanup) || cleanup.of !== 'begun') continue;
    const denied = entries.some(
      (one) => one.kind === 'outcome' && one.cell === name && one.status === 'abandoned' && one.closedBy === 'probe',
    );
    const is = denied || undos.includes(by.index) || !happened(world, name, entry.seq);
    must(is, 'end', `seq ${entry.seq} does not take back ${name}, which happened`);
  }
};

/** What is reserved, waits, or is closed at once, is of the way while that goes on, and of the end from then on. */
export const judgeTurn = (
  { cancelled, owes, ending, next }: Reading,
  { cells }: { cells: readonly Cell[] },
  at: string,
) => {
  if (ending !== null) {
    must(
      !ending.isStopped && ending.todo.has(next),
      'I6',
      `${at} begins ${cells[next]?.name}, which is not of the end`,
    );
    return;
  }
  must(!cancelled && owes === null, 'I6', `${at} begins something after the cancellation, or when the way is over`);
  must(cells[next]?.cleanup === undefined, 'I6', `${at} begins ${cells[next]?.name} on the way`);
};

/** A cell of the end was gone through. */
export const takeBack = (
  { ending, ends }: Reading,
  cell: Cell,
  entry: EntryOf<'outcome'> | EntryOf<'resolved'>,
): void => {
  const name = takenBackBy(cell);
  if (ending === null || name === undefined || !isGood(entry)) return;
  ending.takenBack.add(name);
  ends.set(name, 'taken_back');
};

/** The cell after it that is gone through. */
export const nextOf = ({ ending }: Reading, after: number): number =>
  Math.min(...[...(ending?.todo ?? [])].filter((index) => index >= after), Number.POSITIVE_INFINITY);

const endedAs = ({ as, begun, takenBack, isTwice, isStopped, isBegunFor }: AtEnd): RunEnd => {
  const isWhole = !isTwice && (takenBack.size > 0 || isBegunFor) && begun.every((name) => takenBack.has(name));
  if (as === 'failed') return isWhole && !isStopped ? 'rolled_back' : 'failed';
  return isStopped ? 'cancelled' : as;
};

/** The way is over: something is gone through first, or the run has ended. */
export const overAs = (reading: Reading, cells: readonly Cell[], as: WayEnd): void => {
  if (cells.some((cell) => isAt(cell, as))) reading.owes = { as, undo: false };
  else reading.ended = as;
};

export const settle = (reading: Reading, cells: readonly Cell[]): void => {
  const { open, owes, ending, cancelled, next } = reading;
  if (open !== null || owes !== null) return;
  if (ending !== null) {
    if (!ending.isStopped && nextOf(reading, next) !== Number.POSITIVE_INFINITY) return;
    // What was stopped in doubt is in doubt for good.
    if (reading.halted?.doubt !== true) reading.halted = null;
    reading.ended = endedAs(ending);
  } else if (cancelled) reading.ended = 'cancelled';
  else if (next === wayOf(cells)) overAs(reading, cells, 'completed');
};

/** An element is not left in doubt, or under way, where it may be taken back later, or where its parent goes through something after it. */
const judgeSettles = (
  oracle: Oracle,
  reading: Reading,
  entry: EntryOf<'cancelled'>,
  writer: Call | undefined,
): void => {
  const { world, entries } = oracle;
  const first = entries[0];
  const parent = first?.kind === 'started' ? first.parent : undefined;
  const isUnsettled =
    reading.open?.kind === 'reserved' ||
    reading.halted?.doubt === true ||
    (reading.open !== null && sectionAt(entries, reading.open.seq) !== undefined);
  const isOwn = writer?.what === 'cancel' && writer.about === world.instanceId;
  const told = parent && world.facets.get(parent.instanceId)?.chain.find(({ entry: one }) => one.kind === 'cancelled');
  const isAfter = told !== undefined && told.entry.state.owes !== undefined;
  const isToBe = isOwn ? world.version.runbook.cells.some((cell) => takenBackBy(cell) !== undefined) : isAfter;
  const right = parent !== undefined && isUnsettled && isToBe && entry.undo !== true && entry.continuedAs === undefined;
  must((entry.settles === true) === right, 'doubt', `seq ${entry.seq} ${entry.settles ? 'keeps' : 'leaves'} a doubt`);
};

/** Who continues a run takes over what it owes: nothing is gone through in it. */
export const judgeCancelled = (oracle: Oracle, reading: Reading, entry: EntryOf<'cancelled'>): void => {
  const at = `seq ${entry.seq}`;
  const { ending } = reading;
  const { cells } = oracle.world.version.runbook;
  const writer = writerOf(oracle, entry);
  const [around] = ancestorsOf(oracle.world);
  const isLeft = writer?.what === 'startContinued';
  // What goes on elsewhere takes its elements with it, whoever tells them.
  const carried = around?.chain.find(({ entry: one }) => one.kind === 'cancelled');
  const as = carried?.entry.kind === 'cancelled' ? carried.entry.continuedAs : undefined;
  const isBefore = (oracle.world.chain[entry.seq]?.landedAtMs ?? 0) < (carried?.landedAtMs ?? Number.POSITIVE_INFINITY);
  const isAlone = isBefore || (writer?.what === 'cancel' && writer.about === oracle.world.instanceId);
  const isCarried = entry.continuedAs === as || (isAlone && entry.continuedAs === undefined);
  const right = around === undefined ? (entry.continuedAs !== undefined) === isLeft : isCarried;
  must(right, 'I6', `${at} goes on elsewhere as ${entry.continuedAs}, and what is around it as ${as}`);
  if (ending !== null) {
    must(entry.stopsCleanup === true && !ending.isStopped, 'I6', `${at} cancels what is at its end already`);
    ending.isStopped = true;
  } else {
    must(!reading.cancelled, 'I6', `${at} cancels a second time`);
    must(entry.stopsCleanup === undefined, 'I6', `${at} stops an end that has not begun`);
    reading.owes = null;
    judgeSettles(oracle, reading, entry, writer);
    const isOwed = entry.undo === true || entry.settles === true || cells.some((cell) => isAt(cell, 'cancelled'));
    if (isOwed && entry.continuedAs === undefined) {
      reading.owes = { as: 'cancelled', undo: entry.undo === true };
      if (reading.halted?.doubt !== true) reading.halted = null;
    }
  }
  reading.cancelled = true;
};

/** Whoever stops an end is told all that stays. */
export const judgeStays = ({ entries, world }: Oracle, call: Call, { view, stays }: Cancelled): void => {
  const stop = entries.slice(0, view.seq + 1).findLast(({ kind }) => kind === 'cancelled');
  const ending = entries.find(({ kind }) => kind === 'ending');
  if (ending?.kind !== 'ending' || stop === undefined) return;
  const { cells } = world.version.runbook;
  // Passed over or failed it took nothing back.
  const back = new Set(
    entries.flatMap((one) =>
      (one.kind === 'outcome' || one.kind === 'resolved') && one.then === 'next' && one.seq < stop.seq && isGood(one)
        ? [one.index]
        : [],
    ),
  );
  const left = ending.cells
    .filter((index) => !back.has(index))
    .flatMap((index) => takenBackBy(cells[index] as Cell) ?? []);
  const right = [...new Set([...ending.stays, ...left])].sort();
  must(same([...stays].sort(), right), 'I10', `${call.id} was told that ${stays} stays, and that is ${right}`);
};

/** By which key that was done which a cell takes back. */
export const originalKeyOf = (entries: readonly Entry[], { cells }: { cells: readonly Cell[] }, name: string) => {
  const cell = cells.find((one) => one.name === name);
  const ending = entries.find(({ kind }) => kind === 'ending');
  const of = cell === undefined ? undefined : takenBackBy(cell);
  return of === undefined || ending?.kind !== 'ending' ? undefined : ending.keys[of];
};

/** Whether what takes a cell back began, by the journal, or happened, as the witness saw it. */
const isBackBegun = (facet: World, { name }: Cell): boolean => {
  const { clockFarOff, frozen, thawed, operatorRace, childOutlives, restore, probeUnsure } = facet.faults;
  if (pastIn(entriesOf(facet)).get(name)?.begun === true) return true;
  // What acts behind its time acts unseen.
  const isSeen = clockFarOff + frozen + thawed + operatorRace + childOutlives + restore + probeUnsure === 0;
  return isSeen && happened(facet, name, facet.chain.length);
};

/** What was done under one key is taken back once: by whichever run or element, no other begins that again. */
export const checkTakenBackOnce = (facets: readonly World[]): void => {
  const taken = new Map<string, string>();
  for (const facet of facets) {
    const { instanceId, version } = facet;
    const ending = entriesOf(facet).find(({ kind }) => kind === 'ending');
    if (ending?.kind !== 'ending') continue;
    for (const cell of version.runbook.cells) {
      const name = takenBackBy(cell);
      const key = name === undefined ? undefined : ending.keys[name];
      if (key === undefined || !isBackBegun(facet, cell)) continue;
      const before = taken.get(key);
      must(before === undefined, 'I5', `${instanceId} takes back what ${before} has taken back: ${key}`);
      taken.set(key, instanceId);
    }
  }
};

/** Rolled back is only a run of which all that really happened was taken back, as far as anybody could know. */
export const checkRolledBack = ({ world, entries }: Oracle, { ended, ending }: Reading): void => {
  if (ended !== 'rolled_back' || ending === null) return;
  const { cells } = world.version.runbook;
  const { clockFarOff, frozen, thawed, operatorRace, childOutlives, restore } = world.faults;
  if (clockFarOff + frozen + thawed + operatorRace + childOutlives + restore > 0) return;
  for (const { name } of cells.slice(0, wayOf(cells)).filter(leavesTraces)) {
    const denied = entries.some(
      (one) => one.kind === 'outcome' && one.cell === name && one.status === 'abandoned' && one.closedBy === 'probe',
    );
    const is = denied || ending.takenBack.has(name) || !happened(world, name, entries.length);
    must(is, 'end', `${world.instanceId} was rolled back, and what ${name} did stands`);
  }
};
