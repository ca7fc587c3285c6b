/**
 * Looking at an open section with `each`: what its children have come to stands in the parent's chain before more of them begin.
 * Whoever looks also begins those that may, carries a cancellation, a drive and an epoch into them, and drives them as far as this
 * call may. What is decided rests on the chain alone: a caller that loses a slot begins anew.
 */
import { type Call, graceOf, stateOf } from '../call/call.ts';
import { type Advancing, wishOf } from '../call/progress.ts';
import type { EntryBody } from '../model/entries.ts';
import { isPawlError, PawlError } from '../model/errors.ts';
import { type Family, isOver, roomIn, spawnedWith, unfinishedIn, withEnds } from '../model/family.ts';
import { limits } from '../model/limits.ts';
import { settleAll } from '../model/settleAll.ts';
import type { Waiting } from '../model/state.ts';
import { goesByItself } from '../rules/decide.ts';
import { isCalledOff } from '../rules/going.ts';
import { doubtDueAtMs, statusOf } from '../rules/view.ts';
import { beginElement } from './beginElement.ts';
import {
  cancelElement,
  carriedInto,
  continuedAs,
  type Element,
  openElement,
  readElement,
  releaseElement,
} from './elements.ts';
import type { Deferred } from './kind.ts';

/** `again`: another caller was first, or the run has ended: decide anew. `over`: nothing is under way, and nothing more begins. */
export type FamilyLook = { kind: 'again' } | { kind: 'over' } | { kind: 'waits' } | Deferred;

type Look = {
  call: Call;
  open: Waiting;
  advancing: Advancing | undefined;
  /** What is known of those that were not seen ended in the chain. */
  known: Map<number, Element>;
  running: Map<number, Promise<void>>;
  /** Nothing more can be done for them in this call. */
  left: Set<number>;
  /** Of those that could go on: when, or where this call has no time for it. */
  deferred: Deferred | null;
  /** This call has told some of a cancellation. */
  hasTold: boolean;
  /** Why one could not be driven, and it is not known how it stands. */
  failed: { error: unknown } | null;
};

export const openFamily = (call: Call, { seq }: Waiting): Family | undefined => {
  const { open } = stateOf(call);
  return open?.kind === 'waiting' && open.seq === seq ? open.family : undefined;
};

/** How many may begin now: none by the schedule in drive `manual`, one at a time by a person there. */
const allowedNow = ({ call, advancing, running }: Look, family: Family): number => {
  const state = stateOf(call);
  const isHeld = state.epoch < call.engine.deployment.epoch;
  if (advancing === undefined || isCalledOff(state) || isHeld) return 0;
  const { reservationsLeft, endAtMs } = wishOf(advancing);
  if (reservationsLeft < 1 || call.engine.clock.nowMs() >= endAtMs) return 0;
  if (goesByItself(state)) return Math.min(roomIn(family), limits.elementsAtOnceMax - running.size);
  return advancing.request.explicit === false ? 0 : Math.min(1, roomIn(family));
};

/** Halted, or in doubt: also where its holder is gone and nothing says so yet. */
const isStuck = (call: Call, { state, isBroken }: Element): boolean => {
  if (isBroken === true) return true;
  if (state === null) return false;
  const status = statusOf(state, call.engine.clock.nowMs(), graceOf(call.engine, state));
  return status === 'halted' || status === 'in_doubt';
};

/**
 * Which runs cannot begin for their locks, where that is another number than the chain knows; `undefined`: it is none, or this look has
 * not tried all of them yet.
 */
const lockedOf = (
  elements: readonly Element[],
  { locked = 0 }: Family,
): { index: number; holder: string }[] | undefined => {
  const unbegun = elements.filter(({ state, isBroken }) => state === null && isBroken !== true);
  const held = unbegun.flatMap(({ index, holder }) => (holder === undefined ? [] : [{ index, holder }]));
  return held.length === unbegun.length && held.length !== locked ? held : undefined;
};

/** What this look adds to the chain; `undefined`: nothing. */
const progressOf = (look: Look, family: Family): EntryBody | undefined => {
  const { call, open, known } = look;
  const elements = [...known.values()].sort((a, b) => a.index - b.index);
  const ended = elements.flatMap(({ index, state }) => (state?.ended == null ? [] : [{ index, as: state.ended }]));
  const stuck = elements.filter((one) => isStuck(call, one)).map(({ index, seq }) => ({ index, seq }));
  const seen = withEnds(family, ended, stuck.length);
  const more = allowedNow(look, seen);
  const locked = isCalledOff(stateOf(call)) ? undefined : lockedOf(elements, family);
  if (more === 0 && ended.length === 0 && seen.stuck === family.stuck && locked === undefined) return undefined;
  const { next: index } = stateOf(call);
  const about = { about: open.seq, index, cell: open.cell };
  const told = locked === undefined ? {} : { locked };
  return { kind: 'progress', ...about, ended, stuck, ...told, spawned: spawnedWith(seen, more) };
};

/** Whether all were read: a command that carries a cancellation out ends in time, and whoever looks next reads the others. */
const readUnfinished = async ({ call, open, known, advancing }: Look, family: Family): Promise<boolean> => {
  const missing = unfinishedIn(family).filter((index) => !known.has(index));
  const isLast = (): boolean => advancing === undefined && isCalledOff(stateOf(call)) && isLate(call);
  const read = await inPages(missing, (index) => readElement(call, open, index), isLast);
  for (const element of read) known.set(element.index, element);
  return read.length === missing.length;
};

/**
 * Before more begin: how those stand that this call does not drive. What was read of them may be older than the head, and whoever
 * gave up, halted or is in doubt since keeps others from beginning. Those that this call began and has not come to yet are nobody
 * else's: their marks are not due.
 */
const readAgain = async ({ call, open, known, running }: Look): Promise<void> => {
  const others = [...known.values()].filter(
    ({ index, state, call: begun }) => !running.has(index) && state?.ended === null && begun === undefined,
  );
  for (const element of await inPages(others, ({ index }) => readElement(call, open, index)))
    known.set(element.index, element);
};

/** The time of a call is over. */
export const isLate = ({ engine, endAtMs }: Call): boolean => engine.clock.nowMs() >= endAtMs;

/** So many at a time; the first of them, and others as long as there is time. */
export const inPages = async <T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
  isLast = (): boolean => false,
): Promise<R[]> => {
  const done: R[] = [];
  for (let at = 0; at < items.length && (at === 0 || !isLast()); at += limits.elementsAtOnceMax)
    done.push(...(await settleAll(items.slice(at, at + limits.elementsAtOnceMax).map(work))));
  return done;
};

/** Still to be begun, or to be told that their run is cancelled. */
export const isToBeCarried = (call: Call, open: Waiting, { state, isBroken }: Element): boolean => {
  if (isBroken === true) return false;
  return state === null || (isCalledOff(stateOf(call)) && carriedInto(call, open, state) !== undefined);
};

/**
 * Begins those without a first entry; in a run that is cancelled each is told so instead. What this call has no time for, whoever looks
 * next does.
 */
const carryOut = async (look: Look): Promise<void> => {
  const { call, open, known } = look;
  const isOff = isCalledOff(stateOf(call));
  // Who advances it tells some in any case, so that looks come to an end; a command has to answer.
  if (isOff && isLate(call) && (look.hasTold || look.advancing === undefined)) return;
  look.hasTold = isOff;
  const todo = [...known.values()].filter((one) => isToBeCarried(call, open, one));
  const goesOn = isOff && todo.length > 0 ? await continuedAs(call) : {};
  const said = { reason: `with its parent ${call.instanceId}`, ...goesOn };
  const done = await inPages(
    todo,
    (one) => (isOff ? cancelElement(call, open, one, said) : beginElement(call, open, one)),
    () => isOff && isLate(call),
  );
  for (const element of done) known.set(element.index, element);
};

/** The first of them to go on; a call that has more time goes on at once. */
const sooner = (one: Deferred | null, { untilMs, why }: Omit<Deferred, 'kind'>): Deferred =>
  one !== null && one.untilMs <= untilMs ? one : { kind: 'deferred', untilMs, why };

/** More could begin, and this call has no time for them. */
const isShort = ({ call, advancing }: Look, family: Family): boolean => {
  const state = stateOf(call);
  if (advancing === undefined || isCalledOff(state) || advancing.request.signal?.aborted) return false;
  const { reservationsLeft, endAtMs, explicit } = wishOf(advancing);
  const may = reservationsLeft >= 1 && (explicit || goesByItself(state));
  return may && roomIn(family) > 0 && call.engine.clock.nowMs() >= endAtMs;
};

/** Advances one child as far as this call may. */
const drive = async (look: Look, advancing: Advancing, element: Element): Promise<void> => {
  const { call, known, left } = look;
  const { engine, by, endAtMs } = call;
  const { drive: wanted, epoch } = stateOf(call);
  const { index, instanceId } = element;
  const { reservationsLeft } = wishOf(advancing);
  const { signal, explicit = true } = advancing.request;
  left.add(index);
  try {
    const child = element.call ?? (await openElement(call, instanceId));
    if (stateOf(child).epoch < epoch) await releaseElement(child, epoch);
    const answer = await advancing.drive(
      engine,
      instanceId,
      {
        by,
        budgetMs: Math.max(0, endAtMs - engine.clock.nowMs()),
        maxCells: reservationsLeft,
        explicit,
        drive: wanted,
        ...(signal === undefined ? {} : { signal }),
      },
      child,
    );
    for (let count = 0; count < answer.reserved; count += 1) advancing.progress.reserved();
    known.set(index, { index, instanceId, seq: answer.view.seq, state: answer.state });
    if (answer.stop.result === 'deferred') look.deferred = sooner(look.deferred, answer.stop);
  } catch (error) {
    // Its journal is broken: it says so itself.
    if (!isPawlError(error, 'journal.broken')) throw error;
    known.set(index, { ...element, isBroken: true });
  }
};

/** One that was cancelled still goes through what is at its end. */
const canRun = ({ state }: Element): boolean => {
  if (state === null || state.ended !== null) return false;
  return !isCalledOff(state) || state.owes !== undefined;
};

/** What is locked out wakes nobody when it may begin: it is looked at again, ever more rarely. */
const lookAgainAtLocks = (look: Look, { locked }: Family): void => {
  const { call, open } = look;
  if (locked === undefined || isCalledOff(stateOf(call))) return;
  const nowMs = call.engine.clock.nowMs();
  const againAtMs = doubtDueAtMs(call.chain.head.entry.atMs, nowMs);
  const untilMs = open.dueAtMs !== null && nowMs < open.dueAtMs ? Math.min(againAtMs, open.dueAtMs) : againAtMs;
  look.deferred = sooner(look.deferred, { untilMs, why: 'backoff' });
};

/** Drives as many as fit; with a limit of reservations, one after the other. */
const fill = (look: Look, family: Family): void => {
  const { advancing, known, running, left } = look;
  if (advancing === undefined || advancing.request.signal?.aborted) return;
  const { reservationsLeft } = wishOf(advancing);
  const atOnce = Number.isFinite(reservationsLeft) ? 1 : limits.elementsAtOnceMax;
  for (const index of unfinishedIn(family)) {
    const element = known.get(index);
    if (running.size >= atOnce || wishOf(advancing).reservationsLeft < 1) return;
    if (element === undefined || left.has(index) || !canRun(element)) continue;
    const done = drive(look, advancing, element)
      .catch((error: unknown) => {
        look.failed ??= { error };
      })
      .finally(() => running.delete(index));
    running.set(index, done);
  }
};

const spawnsMore = (body: EntryBody | undefined, { spawned }: Family): boolean =>
  body?.kind === 'progress' && body.spawned > spawned;

const step = async (look: Look): Promise<FamilyLook | undefined> => {
  const { call, open, known, running } = look;
  if (look.failed !== null) throw look.failed.error;
  const family = openFamily(call, open);
  if (family === undefined) return { kind: 'again' };
  const unfinished = new Set(unfinishedIn(family));
  for (const index of known.keys()) if (!unfinished.has(index)) known.delete(index);
  if (!(await readUnfinished(look, family)))
    return { kind: 'deferred', untilMs: call.engine.clock.nowMs(), why: 'budget' };
  const isOff = isCalledOff(stateOf(call));
  // Who may begin does so first, and who cannot is told with the others: neither is seen by reading it.
  if (!isOff) await carryOut(look);
  if (spawnsMore(progressOf(look, family), family)) await readAgain(look);
  const body = progressOf(look, family);
  if (body !== undefined) return (await call.chain.append(() => body)) === undefined ? { kind: 'again' } : undefined;
  const before = [...known.values()];
  if (isOff) await carryOut(look);
  if (before.some((one) => known.get(one.index) !== one && known.get(one.index)?.state?.ended != null))
    return undefined;
  if (isOver(family) && !isCalledOff(stateOf(call))) return { kind: 'over' };
  if (isCalledOff(stateOf(call)) && [...known.values()].some((one) => isToBeCarried(call, open, one)))
    look.deferred = { kind: 'deferred', untilMs: call.engine.clock.nowMs(), why: 'budget' };
  lookAgainAtLocks(look, family);
  fill(look, family);
  if (running.size === 0) {
    const nowMs = call.engine.clock.nowMs();
    return (
      (isShort(look, family) ? sooner(look.deferred, { untilMs: nowMs, why: 'budget' }) : look.deferred) ?? {
        kind: 'waits',
      }
    );
  }
  await Promise.race(running.values());
  return undefined;
};

/** I10: whoever asked for the parent is told that id: an element may not have begun. */
const asOfParent = ({ instanceId }: Call, error: unknown): unknown => {
  if (!isPawlError(error, 'store.unavailable')) return error;
  return new PawlError(error.code, error.message, { ...error.details, instanceId }, error.cause);
};

export const lookAtFamily = async (call: Call, open: Waiting, advancing?: Advancing): Promise<FamilyLook> => {
  const look: Look = {
    call,
    open,
    advancing,
    known: new Map(),
    running: new Map(),
    left: new Set(),
    deferred: null,
    hasTold: false,
    failed: null,
  };
  try {
    for (;;) {
      const found = await step(look);
      // Where it had no time for some it stays due.
      const isLookedAt = found?.kind === 'waits' || (found?.kind === 'deferred' && found.why !== 'budget');
      if (isLookedAt) call.mark.looked(call.chain.head.entry.seq);
      if (found !== undefined) return found;
    }
  } catch (error) {
    throw asOfParent(call, error);
  } finally {
    // Nothing of this call goes on behind its answer.
    await settleAll([...look.running.values()]);
  }
};
