/**
 * Views on DynamoDB. An older view never replaces a newer one (`revision` is the seq of the head it was made from), and the
 * due mark that stands in the same item (`marks.ts`) comes down only where nothing else may still need it.
 */
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import {
  isChild,
  limits,
  PawlError,
  settleAll,
  type View,
  type Views,
  viewStatuses,
  waitsForElements,
  workerAt,
} from '../engine/index.ts';
import { type Access, getEach, getItem, type Item, queryItems, type RawItem, updateView } from './access.ts';
import { saving } from './conditions.ts';
import { duePartition, shardOf } from './items.ts';

/** Partitions of a list, per status (and runbook). One takes 1000 writes a second; a change of status costs two. */
const listShards = 4;

const viewItem = z.object({
  instanceId: z.string(),
  revision: z.int(),
  status: z.enum(viewStatuses),
  runbookId: z.string(),
  version: z.int(),
  cell: z.string().nullable(),
  cellsDone: z.int(),
  cells: z.int(),
  drive: z.enum(['auto', 'manual']),
  place: z.string(),
  dueAtMs: z.number().optional(),
  startedAtMs: z.number(),
  updatedAtMs: z.number(),
  startedBy: z.string(),
  params: z.string(),
  waitsFor: z.string().nullable(),
  headHash: z.string(),
});
/** An element that a person may have to look at. One that waits for its own elements is none: these are. */
const mayNeedSomebody: readonly View['status'][] = ['halted', 'in_doubt', 'waiting', 'broken'];
const isListed = (view: View): boolean =>
  !isChild(view.instanceId) || (mayNeedSomebody.includes(view.status) && !waitsForElements(view));

/** `waitsFor` of a view that waits for a worker of its place, which has a field of its own. */
const forPlace = '@';

/** An item that only `arm` has written, or that cannot be read, is no view: it can be made again from the journal. */
const decode = (item: RawItem | undefined): View | undefined => {
  const parsed = viewItem.safeParse(item);
  if (!parsed.success) return undefined;
  const { revision, dueAtMs, ...rest } = parsed.data;
  const waitsFor = rest.waitsFor === forPlace ? workerAt(rest.place) : rest.waitsFor;
  return { ...rest, waitsFor, seq: revision, dueAtMs: dueAtMs ?? null };
};

/** Lists are read from keys alone: what an index does not hold, no write has to pay for twice. */
const indexItem = z.object({ newest: z.string() });

/** Unique and in order of time, so it names a place in every partition of a list. 13 digits last until the year 2286. */
const newestOf = (view: View): string => `${String(view.startedAtMs).padStart(13, '0')}/${view.instanceId}`;

const valuesOf = (view: View): Item => {
  const { seq, dueAtMs: _, ...rest } = view;
  const shard = shardOf(view.instanceId, listShards);
  // Its run stands for an element that nobody has to look at.
  const listed = isListed(view) ? view.status : `~${view.status}`;
  return {
    ...rest,
    waitsFor: view.waitsFor === workerAt(view.place) ? forPlace : view.waitsFor,
    revision: seq,
    statusShard: `${listed}#${shard}`,
    runbookShard: `${view.runbookId}#${listed}#${shard}`,
    newest: newestOf(view),
    dueShard: duePartition(view.place, view.instanceId),
  };
};

type Walked = Parameters<Views['lists']>[0];
type Kind = { limit: number; where?(view: View): Promise<boolean> };
type List = Awaited<ReturnType<Views['list']>>;

const cursorSchema = z.strictObject({
  before: z.string().regex(/^\d{13}\/[A-Za-z0-9~][A-Za-z0-9._~-]{0,127}$/),
  runbookId: z.string().nullable(),
  statuses: z.array(z.enum(viewStatuses)).nullable(),
});
type Cursor = z.infer<typeof cursorSchema>;

const encodeCursor = (cursor: Cursor): string => Buffer.from(JSON.stringify(cursor)).toString('base64url');

/** In one order, whatever order they were asked for in. */
const statusesOf = ({ statuses }: Walked): View['status'][] | null =>
  statuses === undefined ? null : viewStatuses.filter((status) => statuses.includes(status));

/** The place to go on from. Taken only as it was given out, and only for the list it was given out for. */
const placeOf = (filter: Walked): string | undefined => {
  if (filter.next === undefined) return undefined;
  let cursor: Cursor | undefined;
  try {
    cursor = cursorSchema.parse(JSON.parse(Buffer.from(filter.next, 'base64url').toString()));
  } catch {
    cursor = undefined;
  }
  const fits =
    cursor !== undefined &&
    encodeCursor(cursor) === filter.next &&
    cursor.runbookId === (filter.runbookId ?? null) &&
    isDeepStrictEqual(cursor.statuses, statusesOf(filter));
  if (cursor !== undefined && fits) return cursor.before;
  throw new PawlError('request.invalid', 'The page mark `next` is not one of this list: begin with the first page.');
};

const markOf = (filter: Walked, before: string | undefined): string | null =>
  before === undefined
    ? null
    : encodeCursor({ before, runbookId: filter.runbookId ?? null, statuses: statusesOf(filter) });

/** Before every place of an instance that started then. */
const placeAt = (atMs: number): string => `${String(Math.floor(atMs)).padStart(13, '0')}/`;
const idAt = (newest: string): string => newest.slice(newest.indexOf('/') + 1);

/** Where a list begins: after the page before, or with what started before `untilMs`. */
const startOf = (filter: Walked): string | undefined => {
  const places = [placeOf(filter) ?? [], filter.untilMs === undefined ? [] : placeAt(filter.untilMs)].flat();
  return places.sort()[0];
};

type Counted = Parameters<Views['count']>[0];

/** Places of one status from `before` downwards, down to `sinceMs`, part by part: of each at most so many, newest first. */
const keysOf = (
  access: Access,
  { runbookId, sinceMs }: Counted,
  status: View['status'],
  before: string | undefined,
  limit: number,
): Promise<string[]>[] => {
  const prefix = runbookId === undefined ? '' : `${runbookId}#`;
  const from = sinceMs === undefined ? '' : placeAt(sinceMs);
  const query = {
    index: prefix === '' ? ('byStatus' as const) : ('byRunbook' as const),
    descending: true,
    limit,
    ...(before === undefined ? {} : { before }),
  };
  return Array.from({ length: listShards }, async (_, shard) => {
    const items = await queryItems(access, 'views', { ...query, partition: `${prefix}${status}#${shard}` });
    return items.map((item) => indexItem.parse(item).newest).filter((newest) => newest >= from);
  });
};

/** Places of a list from `before` downwards, down to `sinceMs`: at most so many, newest first. */
const placesBefore = async (
  access: Access,
  filter: Walked,
  before: string | undefined,
  limit: number,
): Promise<string[]> => {
  const keys = await settleAll(
    (statusesOf(filter) ?? viewStatuses).flatMap((status) => keysOf(access, filter, status, before, limit)),
  );
  // A view that changes its status in between may show in two partitions: the index lags.
  return [...new Set(keys.flat())].sort().reverse().slice(0, limit);
};

/** How many a status has, as the index tells. */
const countOf = async (access: Access, filter: Counted, status: View['status']) => {
  const each = limits.listReadMax / listShards;
  const parts = await settleAll(keysOf(access, filter, status, startOf(filter), each));
  const count = parts.reduce((sum, part) => sum + part.length, 0);
  return { status, count, atLeast: parts.some((part) => part.length === each) };
};

export const createViews = (access: Access): Views => {
  /** Every page is read once, whichever of the lists still want more. */
  const walk = async (filter: Walked, kinds: Kind[]): Promise<List[]> => {
    const lists = kinds.map(({ limit, where }) => ({
      where,
      limit: Math.min(Math.max(1, limit), limits.pageMax),
      views: [] as View[],
      told: undefined as List | undefined,
    }));
    const isPlain = lists.every(({ where }) => where === undefined);
    const { statuses = viewStatuses } = filter;
    let before = startOf(filter);
    for (let read = 0; ; ) {
      // Of those that have to be asked about, more are read than are shown.
      const size = isPlain
        ? Math.max(...lists.map(({ limit }) => limit))
        : Math.min(limits.pageMax, limits.listReadMax - read);
      // One more than asked for tells whether there is a next page.
      const places = await placesBefore(access, filter, before, size + 1);
      const page = places.slice(0, size);
      const ids = page.map(idAt);
      const byId = new Map((await views.getEach(ids)).map((view) => [view.instanceId, view]));
      read += page.length;
      before = page.at(-1) ?? before;
      const isLast = places.length <= size;
      const isEnough = isPlain || read >= limits.listReadMax;
      const take = async (list: (typeof lists)[number]): Promise<void> => {
        // By the time it is read it may be of another status.
        const fits = await settleAll(
          ids.map(async (instanceId) => {
            const view = byId.get(instanceId);
            const isWanted = view !== undefined && statuses.includes(view.status);
            return isWanted && ((await list.where?.(view)) ?? true) ? view : undefined;
          }),
        );
        for (const [index, view] of fits.entries()) {
          if (view !== undefined) list.views.push(view);
          if (list.views.length < list.limit || index + 1 >= places.length) continue;
          list.told = { views: list.views, atLeast: false, next: markOf(filter, page[index]) };
          return;
        }
        if (isLast) list.told = { views: list.views, atLeast: false, next: null };
        else if (isEnough) list.told = { views: list.views, atLeast: !isPlain, next: markOf(filter, before) };
      };
      await settleAll(lists.filter(({ told }) => told === undefined).map(take));
      const told = lists.flatMap((list) => list.told ?? []);
      if (told.length === lists.length) return told;
    }
  };

  const views: Views = {
    async save(view, armed) {
      const values = valuesOf(view);
      const { instanceId } = view;
      const { arms, othersUntilMs: others } = armed;
      const soonest = Math.min(view.dueAtMs ?? Infinity, others ?? Infinity);
      if (others === null) {
        const form = view.dueAtMs === null ? saving.aloneIdle : saving.aloneDue;
        if (await updateView(access, instanceId, form, { ...values, due: view.dueAtMs ?? 0, arms })) return;
      } else {
        if (await updateView(access, instanceId, saving.lastSooner, { ...values, due: soonest, others, arms })) return;
        if (await updateView(access, instanceId, saving.lastAsItStands, { ...values, others, arms })) return;
      }
      if (soonest !== Infinity) {
        if (await updateView(access, instanceId, saving.besideSooner, { ...values, due: soonest })) return;
      }
      // What stands is due sooner, or this view is the older one: then it is not missed.
      await updateView(access, instanceId, saving.besideAsItStands, values);
    },

    async get(instanceId) {
      return decode(await getItem(access, 'views', { instanceId }));
    },

    async getEach(instanceIds) {
      const items = await getEach(
        access,
        'views',
        instanceIds.map((instanceId) => ({ instanceId })),
      );
      return items.flatMap((item) => decode(item) ?? []);
    },

    async list({ where, limit, ...filter }) {
      const [list] = await walk(filter, [where === undefined ? { limit } : { limit, where }]);
      assert(list !== undefined, 'one was asked for');
      return list;
    },

    lists: (filter, kinds) => walk(filter, kinds),

    count: (filter) => settleAll(viewStatuses.map((status) => countOf(access, filter, status))),
  };
  return views;
};
