/**
 * The children of an open section: looked at, begun, cancelled, driven. A child begins only where its parent's chain says so, by the
 * conditional put of its own first entry: whoever finds one without it puts it, and twice is once.
 */
import { type Call, openCall, openChain, saveView, stateOf } from '../call/call.ts';
import { changeIn } from '../call/change.ts';
import { type Cited, type Past, pastOf, satisfiedIn } from '../call/cited.ts';
import { cellsOf } from '../call/ending.ts';
import { asSeen, isRun, type Kin, keepStarted, kinOf, runbookIn } from '../call/kin.ts';
import type { EntryOf } from '../model/entries.ts';
import { isPawlError, PawlError } from '../model/errors.ts';
import { childId, type Parent } from '../model/family.ts';
import type { Failure } from '../model/fields.ts';
import { wayOf } from '../model/levels.ts';
import type { Cell, Runbook, Version } from '../model/runbook.ts';
import type { State, Waiting } from '../model/state.ts';
import { noLacks } from '../rules/view.ts';
import { type CancelRequest, cancelling } from './cancelling.ts';
import { waitingEntry } from './kind.ts';
import { itemsIn, type Opening, openingAt, openingWith } from './openings.ts';
import { admit, hasIdOf, pinnedVersion } from './runs.ts';

/**
 * `state`: `null` where it has no first entry yet, or none that can be trusted. `isBroken`: its journal is, and it stands until somebody
 * restores or cancels it; the others go on. `holder`: who has the lock without which it cannot begin, as this caller found. `call`: of
 * the caller that began it just now.
 */
export type Element = {
  index: number;
  instanceId: string;
  seq: number;
  state: State | null;
  isBroken?: true;
  holder?: string;
  call?: Call;
};

export const parentOf = ({ instanceId, runbook }: Call, { seq, cell }: Waiting, index: number): Parent => {
  const isOfRun = runbook.cells.find(({ name }) => name === cell)?.body.kind === 'run';
  return { instanceId, seq, cell, index, ...(isOfRun ? { run: true as const } : {}) };
};

export const elementId = (call: Call, open: Waiting, index: number): string =>
  childId(parentOf(call, open, index), stateOf(call).visit, call.engine.sha256);

/** An element as an earlier visit of its section left it, or the section that is taken back. */
export type Earlier = {
  instanceId: string;
  state: State;
  /** It was ended since its journal was broken: what it did is not known. */
  isBroken: boolean;
};

/** Who went through an element of a section last, up to a visit, or in a run that it goes on from; `null`: nobody did. */
export const lastElement = async (
  engine: Call['engine'],
  opening: Opening,
  index: number,
  visit = opening.visit,
): Promise<Earlier | null> => {
  const { instanceId, cell, each } = opening;
  for (let one = visit; one > 0; one -= 1) {
    const id = childId({ instanceId, cell, index }, one, engine.sha256);
    const head = await engine.journal.head(id);
    // One that was cancelled before it began went through nothing.
    if (head === undefined) continue;
    const { entry } = head;
    const isBroken = entry.kind === 'cancelled' && entry.broken !== undefined;
    if (isBroken || entry.state.cells > 0) return { instanceId: id, state: entry.state, isBroken };
  }
  if (each?.after === undefined) return null;
  const item = (await itemsIn(engine, opening))[index];
  const before = await openingWith(engine, await openingAt(engine, each.after), item);
  return before === undefined ? null : await lastElement(engine, before.opening, before.index);
};

/** Who went through an element last, before the section that stands open; `null`: nobody did. */
export const earlierElement = async (call: Call, open: Waiting, index: number): Promise<Earlier | null> => {
  const { engine } = call;
  const opening = await waitingEntry(call, open);
  const { undoes } = opening.each ?? {};
  if (undoes === undefined) return await lastElement(engine, opening, index, opening.visit - 1);
  return await lastElement(engine, await openingAt(engine, undoes), index);
};

/** The cell at which an element goes on that was left; `undefined`: it is past all of them. An `end` that ended it is judged anew. */
export const firstLeft = (
  { cells }: Pick<Runbook, 'cells'>,
  { done }: Pick<Past, 'done'>,
  { states }: Pick<Cited, 'states'>,
): Cell | undefined => {
  const isPast = ({ name, body }: Cell): boolean => body.kind !== 'end' || states[name] === 'skipped';
  const names = new Set(done.filter(isPast).map(({ name }) => name));
  return cells.slice(0, wayOf(cells)).find(({ name }) => !names.has(name));
};

/**
 * What was gone through of an element before, and is gone on from; `null`: it begins anew.
 * @throws PawlError `store.unavailable` where a read missed how it ended: it may have done more
 */
const leftOf = async (call: Call, open: Waiting, index: number): Promise<Call | null> => {
  const { each } = await waitingEntry(call, open);
  if (each?.undoes === undefined && each?.cited === undefined) return null;
  const earlier = await earlierElement(call, open, index);
  if (earlier === null) return null;
  const child = await openElement(call, earlier.instanceId);
  const { ended } = stateOf(child);
  if (ended !== null) return ended === 'rolled_back' ? null : child;
  const { instanceId } = earlier;
  const message = `The store told of ${instanceId} without the entry that ended it; ask again for the run that goes on from it.`;
  throw new PawlError('store.unavailable', message, { instanceId });
};

/** How an element goes on from that. */
const continuesOf = async (
  { started }: Call,
  child: Call,
  open: Waiting,
  { cells }: Runbook,
): Promise<NonNullable<EntryOf<'started'>['continues']>> => {
  const { outputs, states } = await satisfiedIn(child);
  const isUndo = open.family?.undoes === true;
  const first = isUndo ? undefined : firstLeft({ cells }, await pastOf(child), { states });
  return {
    instanceId: child.instanceId,
    seq: child.chain.head.entry.seq,
    at: first?.name ?? open.cell,
    index: first?.index ?? wayOf(cells),
    reason: started.continues?.reason ?? null,
    outputs,
    ...(Object.keys(states).length === 0 ? {} : { states }),
    startedBy: [],
  };
};

export const readElement = async (call: Call, open: Waiting, index: number): Promise<Element> => {
  const instanceId = elementId(call, open, index);
  try {
    const head = await call.engine.journal.head(instanceId);
    return { index, instanceId, seq: head?.entry.seq ?? 0, state: head?.entry.state ?? null };
  } catch (error) {
    if (!isPawlError(error, 'journal.broken')) throw error;
    return { index, instanceId, seq: 0, state: null, isBroken: true };
  }
};

const watched = (kin: Kin | null): Kin | null => (kin === null ? null : { ...kin, isWatched: true });

/** A call into a child by its parent's caller, who looks by itself: it ends with that, however long it takes to open. */
export const openElement = async ({ engine, by, endAtMs }: Call, instanceId: string): Promise<Call> => {
  const child = await openCall(engine, instanceId, by, { endAtMs });
  return { ...child, family: watched(child.family) };
};

/** The same; `undefined`: its journal is broken. */
export const openUnbroken = async (call: Call, instanceId: string): Promise<Call | undefined> =>
  await openElement(call, instanceId).catch((error: unknown) => {
    if (!isPawlError(error, 'journal.broken')) throw error;
    return undefined;
  });

/** The chain of a child that has no entry yet, as far as this caller knows. Armed: whatever is written is looked after. */
const firstChain = async ({ engine, by, endAtMs }: Call, instanceId: string, runbookId: string) => {
  const token = engine.random.token();
  const opened = openChain(engine, { instanceId, runbookId, token, by, endAtMs }, null);
  await opened.mark.arm();
  return { token, ...opened };
};

const unanswered = (instanceId: string, cause: unknown): never => {
  const message = `The store gave no answer to the beginning of ${instanceId}; ask again for its parent.`;
  throw new PawlError('store.unavailable', message, { instanceId }, cause);
};

type Own = Pick<EntryOf<'started'>, 'runbookId' | 'version' | 'runHash' | 'params' | 'lock'>;
type Beginning =
  | { kind: 'begins'; own: Own; runbook: Runbook }
  | Exclude<Awaited<ReturnType<typeof admit>>, { kind: 'begins' }>;

/** What a run begins with: its own version and parameters, or those of the one that it goes on from; and its lock. */
const runOf = async (
  call: Call,
  open: Waiting,
  { instanceId, index }: Element,
  kin: Kin,
  left: Call | null,
): Promise<Beginning> => {
  const { body } = kin.household.section;
  if (body.kind !== 'run') throw new PawlError('journal.broken', `Cell ${open.cell} runs no runbook.`, { instanceId });
  const isUndo = body.undoes !== undefined;
  // What is taken back is so by the version, and with the parameters, by which it was done; what is gone on with, by those of this run.
  const found: Version | Failure | undefined =
    isUndo && left !== null
      ? await call.engine.versions.get(left.started.runbookId, left.started.version)
      : await pinnedVersion(call, body.pin);
  if (found === undefined || 'code' in found)
    return { kind: 'refused', why: found ?? { code: 'run.version', message: 'Its version is missing.' } };
  const { runbookId, version, runHash, runbook } = found;
  const params = (isUndo ? left?.started.params : kin.household.params[index]) ?? {};
  const { visit } = stateOf(call);
  // Who goes on from a run of that id has it already.
  const continues = left !== null && hasIdOf(call, left, { runbook, params });
  const admitted = await admit(call, open, visit, { instanceId, kin, runbook, params, continues });
  if (admitted.kind !== 'begins') return admitted;
  return { kind: 'begins', own: { runbookId, version, runHash, params, lock: admitted.lock }, runbook };
};

/** An element of a section copies nothing of its parent's. */
const elementIn = ({ started, runbook }: Call, kin: Kin): Beginning => {
  const { runbookId, version, runHash } = started;
  return {
    kind: 'begins',
    own: { runbookId, version, runHash, params: {}, lock: null },
    runbook: runbookIn({ runbook }, kin),
  };
};

/** Puts the first entry of a child whose beginning stands in the parent's chain. @throws PawlError `store.unavailable` */
export const beginElement = async (call: Call, open: Waiting, element: Element): Promise<Element> => {
  const { engine, by, endAtMs, started } = call;
  const { index, instanceId } = element;
  const { drive, epoch } = stateOf(call);
  const parent = parentOf(call, open, index);
  const kin = await kinOf(engine, parent);
  const isUndo = kin.household.section.body.undoes !== undefined;
  if (isUndo && (await earlierElement(call, open, index))?.isBroken === true) {
    await forbidElement(call, instanceId, { reason: 'What it did cannot be read, so nothing is taken back.' });
    return await readElement(call, open, index);
  }
  const left = await leftOf(call, open, index);
  const beginning = isRun(kin) ? await runOf(call, open, element, kin, left) : elementIn(call, kin);
  if (beginning.kind === 'locked') return { ...element, holder: beginning.holder };
  if (beginning.kind === 'refused') {
    await forbidElement(call, instanceId, { reason: beginning.why.message, refused: beginning.why });
    return await readElement(call, open, index);
  }
  const { own: its, runbook } = beginning;
  const { token, chain, mark } = await firstChain(call, instanceId, its.runbookId);
  const put = await chain.put({
    kind: 'started',
    ...its,
    ...cellsOf(runbook),
    ...(stateOf(call).people === 2 || engine.deployment.decidePeople === 2 ? { people: 2 as const } : {}),
    drive,
    epoch,
    deployment: started.deployment,
    storeId: started.storeId,
    ...(started.place === undefined ? {} : { place: started.place }),
    continues: left === null ? null : await continuesOf(call, left, open, runbook),
    ...(isUndo ? { undoes: true as const } : {}),
    parent,
  });
  if (put.kind === 'unknown') return unanswered(instanceId, put.cause);
  if (put.kind === 'conflict') return await readElement(call, open, index);
  const own = put.standing.entry as EntryOf<'started'>;
  keepStarted(engine, own);
  const child: Call = {
    engine,
    instanceId,
    token,
    by,
    endAtMs,
    started: asSeen(own, kin),
    runbook,
    chain,
    mark,
    outputs: new Map(),
    lacks: noLacks,
    claimed: null,
    family: watched(kin),
  };
  // With nothing left to do it has ended as it begins, and nobody comes to it any more.
  if (own.state.ended !== null) await saveView(child);
  return { index, instanceId, seq: 0, state: own.state, call: child };
};

/** Takes the first slot of a child that is not to begin any more: a starter that thaws finds it taken. */
const forbidElement = async (
  call: Call,
  instanceId: string,
  why: Pick<EntryOf<'cancelled'>, 'reason' | 'refused'>,
): Promise<void> => {
  // Its mark goes down with those of all that never began.
  const { chain } = await firstChain(call, instanceId, call.started.runbookId);
  const put = await chain.put({ kind: 'cancelled', ...why });
  if (put.kind === 'unknown') unanswered(instanceId, put.cause);
};

/** What a cancellation of the parent is to its children. */
type Carried = Pick<CancelRequest, 'undo' | 'stopCleanup' | 'settles' | 'continuedAs'>;

/** What is still to be carried into a child; `undefined`: nothing. One that is at its own end goes through that, unless its parent's is stopped. */
export const carriedInto = (call: Call, { family }: Waiting, state: State): Carried | undefined => {
  const { owes, ending } = stateOf(call);
  if (state.ended !== null) return undefined;
  if (state.ending !== undefined) {
    const isStopped = ending?.stopped === true && family?.undoes === true;
    return isStopped && state.ending.stopped !== true ? { stopCleanup: true } : undefined;
  }
  if (state.cancelled !== null) return undefined;
  // It takes itself back: so what is in doubt in it is settled first, as in any run. And so it is before anything else at its parent's end.
  if (owes?.undo === true) return { undo: true };
  return owes === undefined ? {} : { settles: true };
};

/** The run that goes on from one that is cancelled, and from its elements: what they owe passes on to that. */
export const continuedAs = async ({ engine, instanceId, chain }: Call): Promise<Pick<Carried, 'continuedAs'>> => {
  const { cancelled } = chain.head.entry.state;
  const entry = cancelled === null ? undefined : (await engine.journal.entry(instanceId, cancelled))?.entry;
  return entry?.kind === 'cancelled' && entry.continuedAs !== undefined ? { continuedAs: entry.continuedAs } : {};
};

/** Cancels a child; it ends once nothing of it is open. */
export const cancelElement = async (
  call: Call,
  open: Waiting,
  element: Element,
  said: Pick<CancelRequest, 'reason' | 'continuedAs'>,
): Promise<Element> => {
  const { reason } = said;
  const { index, instanceId } = element;
  if (element.state === null) await forbidElement(call, instanceId, { reason });
  const head = await readElement(call, open, index);
  const how = head.state === null ? undefined : carriedInto(call, open, head.state);
  if (how === undefined) return head;
  let child: Call;
  try {
    child = await openElement(call, instanceId);
    await changeIn(child, cancelling(instanceId, { ...said, ...how, isCarried: true })).catch((error: unknown) => {
      // It has ended meanwhile, or goes through what is at its end: so much the better.
      if (!isPawlError(error, 'instance.finished') && !isPawlError(error, 'cancel.refused')) throw error;
    });
    await saveView(child);
  } catch (error) {
    // Nothing runs in it. Who ends it says so: what it did may be read again once it is restored.
    if (!isPawlError(error, 'journal.broken')) throw error;
    return { ...head, isBroken: true };
  }
  return { index, instanceId, seq: child.chain.head.entry.seq, state: stateOf(child), call: child };
};

/** Carries an epoch that was released into a child. */
export const releaseElement = async (child: Call, epoch: number): Promise<void> => {
  await changeIn(child, {
    prepare: () => undefined,
    decide: (state) =>
      state.epoch < epoch && state.ended === null
        ? { kind: 'control', epoch, reason: 'released with its parent' }
        : null,
  });
};
