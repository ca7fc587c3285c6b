/**
 * The children of an open section: looked at, begun, cancelled, driven. A child begins only where its parent's chain says so, by the
 * conditional put of its own first entry: whoever finds one without it puts it, and twice is once.
 */
import { type Call, openCall, openChain, saveView, stateOf } from '../call/call.ts';
import { changeIn } from '../call/change.ts';
import { type Cited, type Past, pastOf, satisfiedIn } from '../call/cited.ts';
import { cellsOf } from '../call/ending.ts';
import { type Kin, keepStarted, kinOf } from '../call/kin.ts';
import type { EntryOf, State, Waiting } from '../model/entries.ts';
import { isPawlError, PawlError } from '../model/errors.ts';
import { childId, type Parent } from '../model/family.ts';
import { type Cell, type Runbook, wayOf } from '../model/runbook.ts';
import { noLacks } from '../rules/view.ts';
import { type CancelRequest, cancelling } from './cancelling.ts';
import { waitingEntry } from './kind.ts';

/** `state`: `null` where it has no first entry yet. `call`: of the caller that began it just now. */
export type Element = { index: number; instanceId: string; seq: number; state: State | null; call?: Call };

const parentOf = ({ instanceId }: Call, { seq, cell }: Waiting, index: number): Parent => ({
  instanceId,
  seq,
  cell,
  index,
});

export const elementId = (call: Call, open: Waiting, index: number): string =>
  childId(parentOf(call, open, index), stateOf(call).visit, call.engine.sha256);

/** An element as an earlier visit of its section left it, or the section that is taken back. */
export type Earlier = {
  instanceId: string;
  state: State;
  /** It was ended since its journal was broken: what it did is not known. */
  isBroken: boolean;
};

/** Who went through an element of a section last, up to a visit; `null`: nobody did. */
export const lastElement = async (
  { engine, instanceId }: Pick<Call, 'engine' | 'instanceId'>,
  { cell }: Pick<Waiting, 'cell'>,
  visit: number,
  index: number,
): Promise<Earlier | null> => {
  for (let one = visit; one > 0; one -= 1) {
    const id = childId({ instanceId, cell, index }, one, engine.sha256);
    const head = await engine.journal.head(id);
    // One that was cancelled before it began went through nothing.
    if (head === undefined) continue;
    const { entry } = head;
    const isBroken = entry.kind === 'cancelled' && entry.broken !== undefined;
    if (isBroken || entry.state.cells > 0) return { instanceId: id, state: entry.state, isBroken };
  }
  return null;
};

/** Who went through an element last, before the section that stands open; `null`: nobody did. */
export const earlierElement = async (call: Call, open: Waiting, index: number): Promise<Earlier | null> => {
  const { engine } = call;
  const { each } = await waitingEntry(call, open);
  if (each?.undoes === undefined) return await lastElement(call, open, stateOf(call).visit - 1, index);
  const { instanceId, seq } = each.undoes;
  const entry = (await engine.journal.entry(instanceId, seq))?.entry;
  if (entry?.kind !== 'waiting') throw new PawlError('journal.broken', `Entry ${seq} of ${instanceId} is no section.`);
  return await lastElement({ engine, instanceId }, entry, entry.visit, index);
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

/** How an element goes on from what was gone through of it before; `null`: it begins anew. */
const continuesOf = async (
  call: Call,
  open: Waiting,
  index: number,
  { cells }: Runbook,
): Promise<EntryOf<'started'>['continues']> => {
  const { each } = await waitingEntry(call, open);
  if (each?.undoes === undefined && each?.cited === undefined) return null;
  const earlier = await earlierElement(call, open, index);
  if (earlier === null || earlier.state.ended === 'rolled_back') return null;
  const child = await openElement(call, earlier.instanceId);
  const { outputs, states } = await satisfiedIn(child);
  const first = each.undoes === undefined ? firstLeft({ cells }, await pastOf(child), { states }) : undefined;
  return {
    instanceId: earlier.instanceId,
    seq: child.chain.head.entry.seq,
    at: first?.name ?? open.cell,
    index: first?.index ?? wayOf(cells),
    reason: null,
    outputs,
    ...(Object.keys(states).length === 0 ? {} : { states }),
    startedBy: [],
  };
};

export const readElement = async (call: Call, open: Waiting, index: number): Promise<Element> => {
  const instanceId = elementId(call, open, index);
  const head = await call.engine.journal.head(instanceId);
  return { index, instanceId, seq: head?.entry.seq ?? 0, state: head?.entry.state ?? null };
};

const watched = (kin: Kin | null): Kin | null => (kin === null ? null : { ...kin, isWatched: true });

/** A call into a child by its parent's caller, who looks by itself: it ends with that, however long it takes to open. */
export const openElement = async ({ engine, by, endAtMs }: Call, instanceId: string): Promise<Call> => {
  const child = await openCall(engine, instanceId, by, { endAtMs });
  return { ...child, family: watched(child.family) };
};

/** The chain of a child that has no entry yet, as far as this caller knows. Armed: whatever is written is looked after. */
const firstChain = async ({ engine, by, endAtMs, started }: Call, instanceId: string) => {
  const token = engine.random.token();
  const opened = openChain(engine, { instanceId, runbookId: started.runbookId, token, by, endAtMs }, null);
  await opened.mark.arm();
  return { token, ...opened };
};

const unanswered = (instanceId: string, cause: unknown): never => {
  const message = `The store gave no answer to the beginning of ${instanceId}; ask again for its parent.`;
  throw new PawlError('store.unavailable', message, { instanceId }, cause);
};

/** Puts the first entry of a child whose beginning stands in the parent's chain. @throws PawlError `store.unavailable` */
export const beginElement = async (call: Call, open: Waiting, { index, instanceId }: Element): Promise<Element> => {
  const { engine, by, endAtMs, started } = call;
  const { drive, epoch } = stateOf(call);
  const parent = parentOf(call, open, index);
  const { kin, started: seen, runbook } = await kinOf(engine, parent);
  const isUndo = kin.household.section.body.undoes !== undefined;
  if (isUndo && (await earlierElement(call, open, index))?.isBroken === true) {
    await forbidElement(call, instanceId, 'What it did cannot be read, so nothing is taken back.');
    return await readElement(call, open, index);
  }
  const { token, chain, mark } = await firstChain(call, instanceId);
  const put = await chain.put({
    kind: 'started',
    runbookId: started.runbookId,
    version: started.version,
    runHash: started.runHash,
    ...cellsOf(runbook),
    params: {},
    drive,
    epoch,
    deployment: started.deployment,
    storeId: started.storeId,
    ...(started.place === undefined ? {} : { place: started.place }),
    lock: null,
    continues: await continuesOf(call, open, index, runbook),
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
    started: { ...own, params: seen.params, by: seen.by },
    runbook,
    chain,
    mark,
    outputs: new Map(),
    lacks: noLacks,
    family: watched(kin),
  };
  return { index, instanceId, seq: 0, state: own.state, call: child };
};

/** Takes the first slot of a child that is not to begin any more: a starter that thaws finds it taken. */
const forbidElement = async (call: Call, instanceId: string, reason: string): Promise<void> => {
  // Its mark goes down with those of all that never began.
  const { chain } = await firstChain(call, instanceId);
  const put = await chain.put({ kind: 'cancelled', reason });
  if (put.kind === 'unknown') unanswered(instanceId, put.cause);
};

/** What a cancellation of the parent is to its children. */
type Carried = Pick<CancelRequest, 'undo' | 'stopCleanup'>;

/** What is still to be carried into a child; `undefined`: nothing. One that is at its own end goes through that, unless its parent's is stopped. */
export const carriedInto = (call: Call, { family }: Waiting, state: State): Carried | undefined => {
  const { owes, ending } = stateOf(call);
  if (state.ended !== null) return undefined;
  if (state.ending !== undefined) {
    const isStopped = ending?.stopped === true && family?.undoes === true;
    return isStopped && state.ending.stopped !== true ? { stopCleanup: true } : undefined;
  }
  if (state.cancelled !== null) return undefined;
  // It takes itself back: so what is in doubt in it is settled first, as in any run.
  return owes?.undo === true ? { undo: true } : {};
};

/** Cancels a child; it ends once nothing of it is open. */
export const cancelElement = async (call: Call, open: Waiting, element: Element, reason: string): Promise<Element> => {
  const { index, instanceId } = element;
  if (element.state === null) await forbidElement(call, instanceId, reason);
  const head = await readElement(call, open, index);
  const how = head.state === null ? undefined : carriedInto(call, open, head.state);
  if (how === undefined) return head;
  const child = await openElement(call, instanceId);
  try {
    await changeIn(child, cancelling(instanceId, { reason, ...how, isCarried: true }));
  } catch (error) {
    // It has ended meanwhile, or goes through what is at its end: so much the better.
    if (!isPawlError(error, 'instance.finished') && !isPawlError(error, 'cancel.refused')) throw error;
  }
  await saveView(child);
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
