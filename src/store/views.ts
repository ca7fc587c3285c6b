/**
 * Views on DynamoDB. An older view never replaces a newer one (`revision` is the seq of the head it was made from), and the
 * due mark that stands in the same item (`marks.ts`) comes down only where nothing else may still need it.
 */
import * as z from 'zod';
import { limits, PawlError, settleAll, type View, type Views, viewStatuses } from '../engine/index.ts';
import { type Access, getEach, getItem, type Item, queryItems, type RawItem, updateView } from './access.ts';
import { saving } from './conditions.ts';
import { shardOf } from './items.ts';

/** Partitions of a list, per status (and runbook). One takes 1000 writes a second; a change of status costs two. */
const listShards = 4;
const dueShards = limits.dueShards;

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
  dueAtMs: z.number().optional(),
  startedAtMs: z.number(),
  updatedAtMs: z.number(),
  startedBy: z.string(),
  params: z.string(),
  waitsFor: z.string().nullable(),
  headHash: z.string(),
});
/** An item that only `arm` has written, or that cannot be read, is no view: it can be made again from the journal. */
const decode = (item: RawItem | undefined): View | undefined => {
  const parsed = viewItem.safeParse(item);
  if (!parsed.success) return undefined;
  const { revision, dueAtMs, ...rest } = parsed.data;
  return { ...rest, seq: revision, dueAtMs: dueAtMs ?? null };
};

/** Lists are read from keys alone: what an index does not hold, no write has to pay for twice. */
const indexItem = z.object({ newest: z.string() });

/** Unique and in order of time, so it names a place in every partition of a list. 13 digits last until the year 2286. */
const newestOf = (view: View): string => `${String(view.startedAtMs).padStart(13, '0')}/${view.instanceId}`;

const valuesOf = (view: View): Item => {
  const { seq, dueAtMs: _, ...rest } = view;
  const shard = shardOf(view.instanceId, listShards);
  return {
    ...rest,
    revision: seq,
    statusShard: `${view.status}#${shard}`,
    runbookShard: `${view.runbookId}#${view.status}#${shard}`,
    newest: newestOf(view),
    dueShard: shardOf(view.instanceId, dueShards),
  };
};

type Filter = Parameters<Views['list']>[0];

const cursorSchema = z.strictObject({
  before: z.string().regex(/^\d{13}\/[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/),
  runbookId: z.string().nullable(),
  status: z.enum(viewStatuses).nullable(),
});
type Cursor = z.infer<typeof cursorSchema>;

const encodeCursor = (cursor: Cursor): string => Buffer.from(JSON.stringify(cursor)).toString('base64url');

/** The place to go on from. Taken only as it was given out, and only for the list it was given out for. */
const placeOf = (filter: Filter): string | undefined => {
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
    cursor.status === (filter.status ?? null);
  if (cursor !== undefined && fits) return cursor.before;
  throw new PawlError('request.invalid', 'The page mark `next` is not one of this list: begin with the first page.');
};

export const createViews = (access: Access): Views => {
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

    async list(filter) {
      const limit = Math.min(Math.max(1, filter.limit), limits.pageMax);
      const before = placeOf(filter);
      const prefix = filter.runbookId === undefined ? '' : `${filter.runbookId}#`;
      const partitions = (filter.status === undefined ? viewStatuses : [filter.status]).flatMap((status) =>
        Array.from({ length: listShards }, (_, shard) => `${prefix}${status}#${shard}`),
      );
      // One more than asked for tells whether there is a next page.
      const query = {
        index: prefix === '' ? ('byStatus' as const) : ('byRunbook' as const),
        descending: true,
        limit: limit + 1,
        ...(before === undefined ? {} : { before }),
      };
      const keys = await settleAll(partitions.map((partition) => queryItems(access, 'views', { ...query, partition })));
      // A view that changes its status in between may show in two partitions: the index lags.
      const places = [...new Set(keys.flat().map((item) => indexItem.parse(item).newest))].sort().reverse();
      const page = places.slice(0, limit);
      const last = page.at(-1);
      const next =
        places.length > limit && last !== undefined
          ? encodeCursor({ before: last, runbookId: filter.runbookId ?? null, status: filter.status ?? null })
          : null;
      const ids = page.map((newest) => newest.slice(newest.indexOf('/') + 1));
      const byId = new Map((await views.getEach(ids)).map((view) => [view.instanceId, view]));
      // By the time it is read it may be of another status.
      const found = ids
        .flatMap((instanceId) => byId.get(instanceId) ?? [])
        .filter((view) => (filter.status ?? view.status) === view.status);
      return { views: found, next };
    },
  };
  return views;
};
