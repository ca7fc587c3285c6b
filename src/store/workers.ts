/**
 * Heartbeats of workers, one item each, `store:workers` / `<place>/<id>` in the table of who waits for claims: the one whose
 * items may be overwritten and deleted. A later beat replaces an earlier one and never the other way round (`about` is
 * when it was seen). No decision of the engine rests on them: they tell people, and an alarm, whether a place has anybody.
 *
 * A place where something was ever due has an item without an id: it may be one that no worker ever served.
 */
import * as z from 'zod';
import { isPlace, limits } from '../engine/index.ts';
import { type Access, deleteItem, overwrite, queryItems, type RawItem } from './access.ts';
import { workersKey } from './claimItems.ts';
import { leaving, subscribing } from './conditions.ts';

const heartbeat = z.object({
  place: z.string(),
  /** `<host>:<pid>-<random>`: no two processes share one. */
  id: z.string(),
  host: z.string(),
  pid: z.int(),
  /** Of Pawl. */
  version: z.string(),
  startedAtMs: z.number(),
  seenAtMs: z.number(),
  /** It ended then, by itself. */
  leftAtMs: z.number().nullable(),
  /** Instances that it goes on with at once, at most and now. */
  concurrency: z.int(),
  running: z.int(),
  /** What cells needed lately and it has not. */
  lacks: z.array(z.string()),
});
export type Heartbeat = z.infer<typeof heartbeat>;

/** `wanted`: places where something was due and nobody was ever seen, and since when. */
export type WorkersFound = { workers: Heartbeat[]; wanted: { place: string; sinceMs: number }[] };

export type Workers = {
  /** Says that it is alive. An older beat changes nothing. */
  beat(worker: Heartbeat): Promise<void>;
  /** Something is due at a place, so that the schedule knows it. The first time counts. */
  want(place: string, nowMs: number): Promise<void>;
  /** In order of places; of one place only where it is given. At most `workersReadMax` are read. */
  list(place?: string): Promise<WorkersFound>;
  /** Forgets one, unless it was seen again since. */
  forget(worker: Pick<Heartbeat, 'place' | 'id' | 'seenAtMs'>): Promise<void>;
};

const keyed = z.object({ waiter: z.string(), about: z.number() });
const beatItem = z.object({ worker: z.string() });
const separator = '/';

const itemOf = (place: string, id: string, atMs: number) => ({
  claimId: workersKey,
  waiter: `${place}${separator}${id}`,
  about: Math.floor(atMs),
});

/** What a newer Pawl writes otherwise is no worker to this one. */
const decode = (item: RawItem): Heartbeat | undefined => {
  const found = beatItem.safeParse(item);
  if (!found.success) return undefined;
  try {
    return heartbeat.safeParse(JSON.parse(found.data.worker)).data;
  } catch {
    return undefined;
  }
};

type Found = { place: string; wantedSinceMs: number } | { place: string; worker: Heartbeat };

/** The table is written by others too. What does not say who it is where it stands is nobody, and hides nobody else. */
const read = (item: RawItem): Found | undefined => {
  const key = keyed.safeParse(item).data;
  const at = key?.waiter.indexOf(separator) ?? -1;
  if (key === undefined || at === -1) return undefined;
  const [place, id] = [key.waiter.slice(0, at), key.waiter.slice(at + 1)];
  if (!isPlace(place)) return undefined;
  if (id === '') return { place, wantedSinceMs: key.about };
  const worker = decode(item);
  return worker?.place === place && worker.id === id ? { place, worker } : undefined;
};

export const createWorkers = (access: Access): Workers => {
  const everything = async (place?: string): Promise<WorkersFound> => {
    // A place's name holds no character below `/`, so nothing of it stands before this.
    const bound = place === undefined ? {} : { after: `${place}.` };
    const query = { partition: workersKey, limit: limits.workersReadMax, ...bound };
    const items = await queryItems(access, 'subscriptions', query);
    const found: WorkersFound = { workers: [], wanted: [] };
    for (const item of items) {
      const one = read(item);
      if (one === undefined || (place !== undefined && one.place !== place)) continue;
      if ('worker' in one) found.workers.push(one.worker);
      else found.wanted.push({ place: one.place, sinceMs: one.wantedSinceMs });
    }
    return found;
  };
  return {
    async beat(worker) {
      const item = { ...itemOf(worker.place, worker.id, worker.seenAtMs), worker: JSON.stringify(worker) };
      await overwrite(access, 'subscriptions', item, subscribing);
    },

    async want(place, nowMs) {
      const { wanted } = await everything(place);
      if (wanted.length === 0) await overwrite(access, 'subscriptions', itemOf(place, '', nowMs), subscribing);
    },

    async list(place) {
      const { workers, wanted } = await everything(place);
      const seen = new Set(workers.map((worker) => worker.place));
      return { workers, wanted: wanted.filter((one) => !seen.has(one.place)) };
    },

    async forget({ place, id, seenAtMs }) {
      await deleteItem(access, 'subscriptions', itemOf(place, id, seenAtMs), leaving);
    },
  };
};
