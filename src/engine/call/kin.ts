/**
 * What a child sees of its parent. An element copies nothing: parameters, element and earlier outputs are read through the entry that
 * opened the section, which never changes. A run of another runbook sees nothing of its parent; who started that one started it.
 */

import { familyBody } from '../model/cellNature.ts';
import { brokenAt } from '../model/chain.ts';
import { type EntryOf, type Standing, startersOf } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';
import type { Parent } from '../model/family.ts';
import { elementOf } from '../model/levels.ts';
import { type Cell, type Runbook, runsOnce, type Version } from '../model/runbook.ts';
import type { Ports } from '../ports.ts';
import { textOf } from './texts.ts';

/** What the children of one section share; immutable, so it is read once. */
export type Household = {
  /** The parent's first entry, as its own cells see it. */
  started: EntryOf<'started'>;
  /** The parent's runbook, and its section. */
  runbook: Runbook;
  section: Cell & { body: NonNullable<ReturnType<typeof familyBody>> };
  /** The entry that opened the section. */
  opening: Standing;
  items: unknown[];
  /** Of runs: the parameters of each, as they were checked before the first one began. */
  params: Record<string, unknown>[];
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
    const runsAs = first?.entry.kind === 'cancelled' ? first.entry.runsAs : undefined;
    const next = runsAs === undefined ? 'start it with `pawl start`' : `it runs as ${runsAs}`;
    throw new PawlError('instance.unknown', `Instance ${instanceId} never started; ${next}.`, { instanceId });
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
  const kin = own.parent === undefined ? null : await kinOf(engine, own.parent);
  const version = await engine.versions.get(own.runbookId, own.version);
  if (version === undefined)
    throw new PawlError('journal.broken', `Version ${own.version} of ${own.runbookId} is missing.`, { instanceId });
  const runbook = runbookIn(version, kin);
  const section = runbook.cells.find(({ name }) => name === cell);
  const opening = await engine.journal.entry(instanceId, seq);
  const { entry } = opening ?? {};
  const isSection = entry?.kind === 'waiting' && section !== undefined && familyBody(section) !== undefined;
  if (opening === undefined || !isSection || entry.each === undefined)
    return broken({ ...parent, index: 0 }, 'a child says that it opened a section, and it did not');
  const items = await textOf(engine, entry.each.items);
  const params = await textOf(engine, entry.each.params ?? null);
  const household: Household = {
    started: asSeen(own, kin),
    runbook,
    section: section as Household['section'],
    opening,
    items: engine.authoring.parseJson(items ?? '[]') as unknown[],
    params: JSON.parse(params ?? '[]') as Household['params'],
    kin,
  };
  if (engine.homeOf.size >= householdsKeptMax) engine.homeOf.clear();
  engine.homeOf.set(key, household);
  return household;
};

/** A child's part of it. */
export const kinOf = async (engine: Engine, parent: Parent): Promise<Kin> => {
  const household = await householdOf(engine, parent);
  const { index } = parent;
  if (index >= household.items.length) broken(parent, `a child says that it is element ${index}, and there is none`);
  if ((parent.run === true) !== isRun({ household })) broken(parent, 'a child says that it is another sort of element');
  return { parent, household, item: household.items[index], index, isWatched: false };
};

/** Whether a child is a run of another runbook. */
export const isRun = ({ household }: Pick<Kin, 'household'>): boolean => household.section.body.kind === 'run';

/** What a child sees around it: a run of another runbook nothing, as any run. */
export const seenBy = (family: Kin | null): Kin | null => (family === null || isRun(family) ? null : family);

/** The first entry of an instance, as its cells see it: of an element parameters are its parent's, and of any child who started it. */
export const asSeen = (own: EntryOf<'started'>, kin: Kin | null): EntryOf<'started'> => {
  if (kin === null) return own;
  const { params, by } = kin.household.started;
  return isRun(kin) ? { ...own, by } : { ...own, params, by };
};

/** What an instance goes through: its version, or of an element the section, or a part of that. */
export const runbookIn = ({ runbook: own }: Pick<Version, 'runbook'>, kin: Kin | null): Runbook => {
  if (kin === null) return own;
  const { runbook, section } = kin.household;
  if (section.body.kind === 'run') return own;
  return { ...elementOf(runbook, section.body, kin.index), unique: null, concurrency: null };
};

/** Whether a child is the one run of a cell that goes over no list: it has neither a name nor an index of its own. */
const isOnce = ({ household: { section } }: Kin): boolean => section.body.kind === 'run' && runsOnce(section.body);

const listedAround = (kin: Kin | null): Kin | null =>
  kin !== null && isOnce(kin) ? listedAround(kin.household.kin) : kin;

/** The element that people know an instance by: the nearest of a list, else the runbook that runs. */
export const itemAround = (kin: Kin | null): unknown => (listedAround(kin) ?? kin)?.item ?? null;

/** The names of the elements around an instance, the outermost first. @param next what is around one */
const namesThrough = (kin: Kin | null, next: (kin: Kin | null) => Kin | null): Record<string, unknown> => {
  if (kin === null) return {};
  const { household, item, index } = kin;
  const around = namesThrough(next(household.kin), next);
  return isOnce(kin) ? around : { ...around, [household.section.body.as]: item, index };
};

/** The names by which its expressions know the elements around them. */
export const namesIn = (kin: Kin | null): Record<string, unknown> => namesThrough(seenBy(kin), seenBy);

/** The same, and of what is around the runs that it stands in: for people. */
export const namesAround = (kin: Kin | null): Record<string, unknown> => namesThrough(kin, (one) => one);

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

/** Whose `notify` tells people that one of them is needed: its own runbook's, else that of the nearest run around it. */
export const notifierOf = (of: {
  runbook: Runbook;
  started: EntryOf<'started'>;
  family: Kin | null;
}): { runbook: Runbook; started: EntryOf<'started'> } | undefined => {
  if (of.runbook.notify !== undefined) return of;
  if (of.family === null) return undefined;
  const { runbook, started, kin } = of.family.household;
  return notifierOf({ runbook, started, family: kin });
};
