/**
 * What a child sees of its parent. It copies nothing: parameters, element and earlier outputs are read through the entry that
 * opened the section, which never changes.
 */
import { brokenAt } from '../model/chain.ts';
import { type EntryOf, type Standing, startersOf } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';
import type { Parent } from '../model/family.ts';
import { type Cell, type EachBody, elementOf, type Runbook } from '../model/runbook.ts';
import type { Ports } from '../ports.ts';
import { textOf } from './texts.ts';

/** What the children of one section share; immutable, so it is read once. */
export type Household = {
  /** The parent's first entry, as its own cells see it. */
  started: EntryOf<'started'>;
  /** The parent's runbook, and its section. */
  runbook: Runbook;
  section: Cell & { body: EachBody };
  /** The entry that opened the section. */
  opening: Standing;
  items: unknown[];
  /** Of the parent, where that is a child itself. */
  kin: Kin | null;
};

export type Kin = {
  parent: Parent;
  household: Household;
  /** The element and its index, as expressions see them. */
  item: unknown;
  index: number;
  /** The call at hand is the parent's own: it looks by itself. */
  isWatched: boolean;
};

/** The engine's ports and its memory: `started` entries, and those that opened a section, are immutable, so they are read once. */
export type Engine = Ports & { startedOf: Map<string, EntryOf<'started'>>; homeOf: Map<string, Household> };

const startedKeptMax = 1_000;
const householdsKeptMax = 20;

export const keepStarted = ({ startedOf }: Engine, started: EntryOf<'started'>): void => {
  if (startedOf.size >= startedKeptMax) startedOf.clear();
  startedOf.set(started.instanceId, started);
};

export const loadStarted = async (engine: Engine, instanceId: string, read?: Standing): Promise<EntryOf<'started'>> => {
  const kept = engine.startedOf.get(instanceId);
  if (kept !== undefined) return kept;
  const first = read ?? (await engine.journal.entry(instanceId, 0));
  if (first?.entry.kind !== 'started') {
    throw new PawlError('instance.unknown', `Instance ${instanceId} never started; start it with \`pawl start\`.`, {
      instanceId,
    });
  }
  keepStarted(engine, first.entry);
  return first.entry;
};

const broken = (parent: Parent, why: string): never => {
  throw brokenAt(parent.instanceId, parent.seq, why);
};

/** The household of a section that stands open, or stood. @throws PawlError `journal.broken` */
export const householdOf = async (engine: Engine, parent: Omit<Parent, 'index'>): Promise<Household> => {
  const key = `${parent.instanceId}#${parent.seq}`;
  const kept = engine.homeOf.get(key);
  if (kept !== undefined) return kept;
  const { instanceId, seq, cell } = parent;
  const own = await loadStarted(engine, instanceId);
  const above = own.parent === undefined ? null : await kinOf(engine, own.parent);
  const version = await engine.versions.get(own.runbookId, own.version);
  if (version === undefined)
    throw new PawlError('journal.broken', `Version ${own.version} of ${own.runbookId} is missing.`, { instanceId });
  const runbook = above?.runbook ?? version.runbook;
  const section = runbook.cells.find(({ name }) => name === cell);
  const opening = await engine.journal.entry(instanceId, seq);
  const { entry } = opening ?? {};
  if (opening === undefined || entry?.kind !== 'waiting' || entry.each === undefined || section?.body.kind !== 'each')
    return broken({ ...parent, index: 0 }, 'a child says that it opened a section, and it did not');
  const text = await textOf(engine, entry.each.items);
  const items = engine.authoring.parseJson(text ?? '[]') as unknown[];
  const household: Household = {
    started: above === null ? own : { ...own, params: above.started.params, by: above.started.by },
    runbook,
    section: section as Household['section'],
    opening,
    items,
    kin: above?.kin ?? null,
  };
  if (engine.homeOf.size >= householdsKeptMax) engine.homeOf.clear();
  engine.homeOf.set(key, household);
  return household;
};

/** A child's part of it: its runbook is the section, or a part of that, its parameters and its starter are the parent's. */
export const kinOf = async (
  engine: Engine,
  parent: Parent,
  isWatched = false,
): Promise<{ kin: Kin; started: EntryOf<'started'>; runbook: Runbook }> => {
  const household = await householdOf(engine, parent);
  const { started, runbook, section, items } = household;
  const { index } = parent;
  if (index >= items.length) broken(parent, `a child says that it is element ${index}, and there is none`);
  return {
    kin: { parent, household, item: items[index], index, isWatched },
    started,
    runbook: { ...elementOf(runbook, section.body, index), unique: null, concurrency: null },
  };
};

/** The names by which its expressions know the elements around them, the outermost first. */
export const namesIn = (kin: Kin | null): Record<string, unknown> => {
  if (kin === null) return {};
  const { household, item, index } = kin;
  return { ...namesIn(household.kin), [household.section.body.as]: item, index };
};

/** How the household's parent reads: as it was when the section opened. */
export const readerOf = ({ household }: Kin, engine: Engine) => {
  const { started, runbook, opening, kin, section } = household;
  return { engine, started, runbook, chain: { head: opening }, family: kin, before: section.index };
};

/** Who started the run, or one that it continues; of a child, its parent's. */
export const startersIn = ({ started, family }: { started: EntryOf<'started'>; family: Kin | null }): string[] => [
  ...startersOf(started),
  ...(family === null ? [] : startersIn({ started: family.household.started, family: family.household.kin })),
];
