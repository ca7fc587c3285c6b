/**
 * Due marks on DynamoDB, in the items of the views. Two of them decide when the tick looks at an instance: `dueAtMs`, and
 * `armedUntilMs`: until then a writer that armed may still be writing. What has to hold, whichever writer is late or dies:
 *
 * - arm never makes it due later, save only when nothing else armed: `arms` unchanged and no other arm running.
 * - wake counts as an arm, though it announces no writer: a caller that armed before it leaves the mark as it stands.
 *
 * The due mark of a thing that is not an instance (`wake:<claimId>`) is armed and settled in the same table, never
 * saved: an item without `revision` is no view. Instance ids hold no `:`, so the two never meet.
 *
 * So a mark that is too early is possible, and costs one look; a mark that is too late or missing is not.
 */
import * as z from 'zod';
import { type Armed, limits, type Marks, PawlError } from '../engine/index.ts';
import { type Access, getEach, getItem, queryPage, type RawItem, updateView } from './access.ts';
import { arming, dropping, forgetting, holding, settling, waking } from './conditions.ts';
import { duePartition, dueShardOf } from './items.ts';

/** Each failed form tells what stands, so a further one is needed only when another writer came in between. */
const formsMax = 50;

const markItem = z.object({
  dueAtMs: z.number().optional(),
  armedUntilMs: z.number().optional(),
  arms: z.int().optional(),
  revision: z.int().optional(),
  headHash: z.string().optional(),
});

/** The index `due` projects its keys only. */
const dueItem = z.object({ instanceId: z.string(), dueAtMs: z.number() });

const inDemand = (instanceId: string): PawlError =>
  new PawlError('store.unavailable', `The view of ${instanceId} is in high demand: ask again later.`);

/** How it stands once this call has armed, from how it stood before. */
const armedAfter = (before: RawItem, nowMs: number): Armed => {
  const { arms, armedUntilMs, revision: seq, headHash: hash } = markItem.parse(before);
  const maybe = armedUntilMs !== undefined && armedUntilMs + limits.landsLateMsMax > nowMs;
  const seen = seq === undefined || hash === undefined || hash === '' ? null : { seq, hash };
  return { arms: (arms ?? 0) + 1, othersUntilMs: maybe ? armedUntilMs : null, seen };
};

/** @param home whose part of the index is that of what has none yet */
export const createMarks = (access: Access, home: string): Marks => {
  const readMarks = async (instanceId: string) => {
    const item = await getItem(access, 'views', { instanceId });
    return markItem.parse(item ?? {});
  };

  return {
    async arm(seed, untilAtMs, nowMs, isDue = false): Promise<Armed> {
      const { instanceId, runbookId } = seed;
      const dueShard = duePartition(home, instanceId);
      const values = { runbookId, until: untilAtMs, dueShard, zero: 0, one: 1 };
      let form: { condition: string; update: string } = isDue ? arming.armed : arming.dueAndArmed;
      for (let tries = 0; tries < formsMax; tries += 1) {
        const before = await updateView(access, instanceId, form, values);
        if (before !== undefined) return armedAfter(before, nowMs);
        const seen = await readMarks(instanceId);
        const sooner = seen.dueAtMs === undefined || seen.dueAtMs > untilAtMs;
        const longer = seen.armedUntilMs === undefined || seen.armedUntilMs < untilAtMs;
        form = sooner ? (longer ? arming.dueAndArmed : arming.due) : longer ? arming.armed : arming.neither;
      }
      throw inDemand(instanceId);
    },

    async wake({ instanceId, runbookId }, nowMs) {
      const values = { runbookId, until: nowMs, dueShard: duePartition(home, instanceId), zero: 0, one: 1 };
      for (let tries = 0; tries < formsMax; tries += 2) {
        if (await updateView(access, instanceId, waking.due, values)) return;
        if (await updateView(access, instanceId, waking.dueAlready, values)) return;
      }
      throw inDemand(instanceId);
    },

    async hold(instanceId, untilAtMs, nowMs) {
      const values = { until: untilAtMs, now: nowMs, zero: 0, one: 1 };
      const before = await updateView(access, instanceId, holding, values);
      return before && armedAfter(before, nowMs);
    },

    async forget(instanceId, revision) {
      await updateView(access, instanceId, forgetting, { revision });
    },

    async settle(instanceId, { arms, othersUntilMs: others }) {
      if (others === null) await updateView(access, instanceId, settling.alone, { arms });
      else await updateView(access, instanceId, settling.lastAsItStands, { arms, others });
    },

    async orphans(instanceIds, nowMs) {
      const keys = instanceIds.map((instanceId) => ({ instanceId }));
      const items = await getEach(access, 'views', keys);
      return items.flatMap((item) => {
        const { armedUntilMs } = markItem.parse(item);
        return armedUntilMs !== undefined && armedUntilMs <= nowMs ? [String(item.instanceId)] : [];
      });
    },

    async drop(instanceId, beforeMs) {
      return (await updateView(access, instanceId, dropping, { until: beforeMs })) !== undefined;
    },

    async due(nowMs, place, shard, from) {
      const partition = dueShardOf(place, shard);
      const query = { index: 'due', partition, before: Math.floor(nowMs) + 1, limit: limits.pageMax } as const;
      const start = from === undefined ? undefined : { ...from, dueShard: partition };
      const page = await queryPage(access, 'views', query, start);
      const due = page.items.map((item) => dueItem.parse(item));
      return { due, next: page.from === undefined ? null : dueItem.parse(page.from) };
    },
  };
};
