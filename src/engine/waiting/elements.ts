/** The children of an open section: looked at, opened, cancelled, kept from beginning. */
import { type Call, openCall, openChain, saveView, stateOf } from '../call/call.ts';
import { changeIn } from '../call/change.ts';
import type { Kin } from '../call/kin.ts';
import type { EntryOf } from '../model/entries.ts';
import { isPawlError, PawlError } from '../model/errors.ts';
import { childId, type Parent } from '../model/family.ts';
import type { State, Waiting } from '../model/state.ts';
import { type CancelRequest, cancelling } from './cancelling.ts';

/**
 * `state`: `null` where it has no first entry yet, or none that can be trusted. `isBroken`: its journal is, or that of the one that it
 * would take back or go on from; it stands until somebody restores or cancels that, and the others go on. `holder`: who has the lock without which it cannot begin, as this caller found. `call`: of
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

/** As its parent's caller holds it. */
export const watched = (kin: Kin | null): Kin | null => (kin === null ? null : { ...kin, isWatched: true });

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
export const firstChain = async ({ engine, by, endAtMs }: Call, instanceId: string, runbookId: string) => {
  const token = engine.random.token();
  const opened = openChain(engine, { instanceId, runbookId, token, by, endAtMs }, null);
  await opened.mark.arm();
  return { token, ...opened };
};

export const unanswered = (instanceId: string, cause: unknown): never => {
  const message = `The store gave no answer to the beginning of ${instanceId}; ask again for its parent.`;
  throw new PawlError('store.unavailable', message, { instanceId }, cause);
};

/** Takes the first slot of a child that is not to begin any more: a starter that thaws finds it taken. */
export const forbidElement = async (
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
