/** Where a section was opened before: in a run, or in one that it goes on from. */
import { type Call, openCall, stateOf } from '../call/call.ts';
import { readJournal } from '../call/journal.ts';
import { type Household, householdOf, loadStarted } from '../call/kin.ts';
import { familyBody } from '../model/cellNature.ts';
import type { EntryOf } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';

type Engine = Call['engine'];
export type Opening = EntryOf<'waiting'>;

/** @throws PawlError `journal.broken` where another entry stands there */
export const openingAt = async (
  engine: Engine,
  { instanceId, seq }: { instanceId: string; seq: number },
): Promise<Opening> => {
  const entry = (await engine.journal.entry(instanceId, seq))?.entry;
  if (entry?.kind === 'waiting' && entry.each !== undefined) return entry;
  throw new PawlError('journal.broken', `Entry ${seq} of ${instanceId} is no section.`, { instanceId });
};

/** The newest entry by which a run opened a section. */
export const lastOpening = async (engine: Engine, instanceId: string, cell: string): Promise<Opening | undefined> => {
  let found: Opening | undefined;
  for await (const { entry } of readJournal(engine, instanceId))
    if (entry.kind === 'waiting' && entry.cell === cell && entry.each !== undefined) found = entry;
  return found;
};

/** The same of the run, or else of the newest that it goes on from and that opened it. */
export const lastOpeningInLine = async ({ engine, instanceId }: Call, cell: string): Promise<Opening> => {
  for (let id: string | undefined = instanceId; id !== undefined; ) {
    const found = await lastOpening(engine, id, cell);
    if (found !== undefined) return found;
    id = (await loadStarted(engine, id)).continues?.instanceId;
  }
  throw new PawlError('journal.broken', `Section ${cell} of ${instanceId} was never opened.`, { instanceId });
};

/**
 * How a run opened the section that it was left at, or an earlier one did that went on there. `undefined`: it left off elsewhere; or
 * something of that section was taken back, and what is left of its elements is not told by these alone.
 */
export const leftOpen = async (call: Call, cell: string): Promise<Opening | undefined> => {
  const { engine, instanceId, by, endAtMs, runbook, started } = call;
  const { ending, next } = stateOf(call);
  const stood = runbook.cells[ending?.at ?? next];
  if (stood?.name !== cell || familyBody(stood) === undefined) return undefined;
  const isUndo = (name: string): boolean =>
    runbook.cells.some((one) => one.name === name && familyBody(one)?.undoes === cell);
  let found: Opening | undefined;
  for await (const { entry } of readJournal(engine, instanceId)) {
    if (entry.kind !== 'waiting' || entry.each === undefined) continue;
    if (isUndo(entry.cell)) return undefined;
    if (entry.cell === cell) found = entry;
  }
  const { continues } = started;
  if (found !== undefined || continues?.at !== cell) return found;
  return await leftOpen(await openCall(engine, continues.instanceId, by, { endAtMs }), cell);
};

/** The run that opened a section, and those whose elements it goes on with. */
export const runsOf = async (engine: Engine, opening: Opening): Promise<string[]> => {
  const { after } = opening.each ?? {};
  const earlier = after === undefined ? [] : await runsOf(engine, await openingAt(engine, after));
  return [opening.instanceId, ...earlier];
};

const indexes = new WeakMap<Household, Map<string, number>>();

/** Which element of a section has a value. */
const indexOf = async (engine: Engine, opening: Opening, item: unknown): Promise<number | undefined> => {
  const household = await householdOf(engine, opening);
  const known =
    indexes.get(household) ?? new Map(household.items.map((one, index) => [engine.canonical(one), index] as const));
  indexes.set(household, known);
  return known.get(engine.canonical(item));
};

/** The newest opening that had an element of a value: this one, or one whose elements it goes on with. */
export const openingWith = async (
  engine: Engine,
  opening: Opening,
  item: unknown,
): Promise<{ opening: Opening; index: number } | undefined> => {
  const index = await indexOf(engine, opening, item);
  if (index !== undefined) return { opening, index };
  const { after } = opening.each ?? {};
  return after === undefined ? undefined : await openingWith(engine, await openingAt(engine, after), item);
};

/** The values that a section goes over. */
export const itemsIn = async (engine: Engine, opening: Opening): Promise<unknown[]> =>
  (await householdOf(engine, opening)).items;
