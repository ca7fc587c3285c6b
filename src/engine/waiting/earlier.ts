/** What went through an element before: in an earlier visit of its section, in a run that is gone on from, or what is taken back of it. */
import type { Call } from '../call/call.ts';
import { stateOf } from '../call/call.ts';
import { type Cited, type Past, pastOf, satisfiedIn } from '../call/cited.ts';
import type { EntryOf, Standing } from '../model/entries.ts';
import { isPawlError, PawlError } from '../model/errors.ts';
import { childId } from '../model/family.ts';
import { wayOf } from '../model/levels.ts';
import type { Cell, Runbook } from '../model/runbook.ts';
import type { State, Waiting } from '../model/state.ts';
import { openElement } from './elements.ts';
import { waitingEntry } from './kind.ts';
import { itemsIn, type Opening, openingAt, openingWith } from './openings.ts';

/** An element as an earlier visit of its section left it, or the section that is taken back. */
export type Earlier = {
  instanceId: string;
  /** `null`: its newest entry cannot be read. */
  state: State | null;
  /** It was ended since its journal was broken: what it did is not known. */
  isBroken: boolean;
};

/** Its newest entry, if that can be read: the journal of one element says nothing of the others. */
const headOf = async ({ journal }: Call['engine'], instanceId: string): Promise<Standing | 'broken' | undefined> =>
  await journal.head(instanceId).catch((error: unknown) => {
    if (!isPawlError(error, 'journal.broken')) throw error;
    return 'broken' as const;
  });

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
    const head = await headOf(engine, id);
    if (head === 'broken') return { instanceId: id, state: null, isBroken: false };
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

/** What was gone through of an element before, and is gone on from. */
export type Left = { call: Call; cited: Cited; past: Past };

/**
 * Reads that whole, before anything of the one that goes on from it is written. `null`: it begins anew.
 * @throws PawlError `store.unavailable` where a read missed how it ended: it may have done more
 */
const readLeft = async (call: Call, { instanceId }: Earlier): Promise<Left | null> => {
  const child = await openElement(call, instanceId);
  const { ended } = stateOf(child);
  if (ended === 'rolled_back') return null;
  if (ended !== null) return { call: child, cited: await satisfiedIn(child), past: await pastOf(child) };
  const message = `The store told of ${instanceId} without the entry that ended it; ask again for the run that goes on from it.`;
  throw new PawlError('store.unavailable', message, { instanceId });
};

/** `broken`: it cannot be read, and either stands so, or was ended for it by a person. */
export type Before = { kind: 'none' } | { kind: 'left'; left: Left } | { kind: 'broken'; by: string; isEnded: boolean };

/** What an element that has not begun goes on from. */
export const beforeElement = async (call: Call, open: Waiting, index: number): Promise<Before> => {
  const { each } = await waitingEntry(call, open);
  if (each?.undoes === undefined && each?.cited === undefined) return { kind: 'none' };
  const earlier = await earlierElement(call, open, index);
  if (earlier === null) return { kind: 'none' };
  const { instanceId: by, isBroken: isEnded } = earlier;
  if (isEnded) return { kind: 'broken', by, isEnded };
  try {
    const left = await readLeft(call, earlier);
    return left === null ? { kind: 'none' } : { kind: 'left', left };
  } catch (error) {
    // The run's own journal is another matter: nothing goes on in that.
    if (!isPawlError(error, 'journal.broken') || error.details.instanceId === call.instanceId) throw error;
    return { kind: 'broken', by, isEnded };
  }
};

/** How an element goes on from that. */
export const continuesOf = (
  { started }: Call,
  { call: child, cited: { outputs, states }, past }: Left,
  open: Waiting,
  { cells }: Runbook,
): NonNullable<EntryOf<'started'>['continues']> => {
  const isUndo = open.family?.undoes === true;
  const first = isUndo ? undefined : firstLeft({ cells }, past, { states });
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
