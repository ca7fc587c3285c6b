/**
 * Looks after what is due at its places, every minute: reads it page by page and hands each instance to `work`. It decides
 * nothing, so ticks may overlap, come twice or late. Its cost grows with what is due, never with how much exists. At home it
 * also sweeps, and says which places have nobody.
 */
import type { Context } from 'aws-lambda';
import * as z from 'zod';
import { type By, type Due, limits, settleAll, wakeOf } from '../engine/index.ts';
import { tickEvent, type WorkRequest } from './events.ts';
import { loggable, metricNames, type Telemetry } from './metrics.ts';
import { type Invoke, pipeline } from './pipeline.ts';
import { tellUnmanned, type UnmannedDeps } from './unmanned.ts';

export type TickDeps = {
  /** The store's time, learnt from one read when nothing was read before. */
  nowMs(): Promise<number>;
  due(nowMs: number, place: string, shard: number, from?: Due): Promise<{ due: Due[]; next: Due | null }>;
  /** Whose parts of the index it reads. */
  places: readonly string[];
  /** What belongs to no place in particular is due there. */
  home: string;
  /** Which places have nobody is looked for at home, when it is time. Without it: never. */
  unmanned?: Pick<UnmannedDeps, 'workers' | 'orphans'> & { isTime(nowMs: number): boolean };
  /** Who looks, as the journal tells. Without it: the schedule. */
  by?: Pick<By, 'actor' | 'via'>;
  /** Invokes `work`; `false` when it was refused. */
  handOver(event: WorkRequest): Promise<boolean>;
  /** In [0, 1). */
  fraction(): number;
  telemetry: Telemetry;
};

const tickAnswer = z.strictObject({
  due: z.int(),
  handedOver: z.int(),
  failed: z.int(),
  oldestAgeMs: z.number(),
  /** False: there was more than fits into one tick; the next one goes on. */
  whole: z.boolean(),
});
export type TickAnswer = z.infer<typeof tickAnswer>;

type Part = { place: string; shard: number; from?: Due };

/** A mark that a claim's waiters are to be woken stands among the instances that are due. */
const requestOf = (dueId: string, by: By): WorkRequest => {
  const claimId = wakeOf(dueId);
  return claimId === undefined ? { instanceId: dueId, by, explicit: false, maxCells: 'all' } : { wake: claimId };
};

/**
 * Hands over a page, so many at once, as long as there is time. One that is refused holds up none of the others; `left`
 * were not tried.
 */
const handOverAll = async (
  page: Due[],
  by: By,
  { handOver, telemetry }: TickDeps,
  hasTime: () => boolean,
): Promise<{ failed: number; left: number }> => {
  let failed = 0;
  const waiting = [...page];
  const handOne = async (): Promise<void> => {
    while (hasTime()) {
      const next = waiting.shift();
      if (next === undefined) return;
      const { instanceId } = next;
      const taken = await handOver(requestOf(instanceId, by));
      if (!taken) failed += 1;
      telemetry.logger.debug('handed over', { instanceId, seq: null, cell: null, taken });
    }
  };
  await settleAll(Array.from({ length: limits.handOversAtOnce }, handOne));
  return { failed, left: waiting.length };
};

/** Which part of all journals is gone through in this minute: each once a day. */
const sweptAt = (nowMs: number): number | undefined => {
  const minute = Math.floor(nowMs / 60_000);
  return minute % limits.sweepEveryMinutes === 0
    ? (minute / limits.sweepEveryMinutes) % limits.journalShards
    : undefined;
};

const handle = async (_event: unknown, deps: TickDeps, context: Context): Promise<TickAnswer> => {
  const { due, nowMs, fraction, telemetry } = deps;
  const by: By = { actor: 'schedule', via: 'tick', ...deps.by, where: context.awsRequestId };
  const answer: TickAnswer = { due: 0, handedOver: 0, failed: 0, oldestAgeMs: 0, whole: true };
  const hasTime = (): boolean => context.getRemainingTimeInMillis() >= limits.tickEndMs;
  const startedAtMs = await nowMs();
  // A page of each shard in turn, from any of them on: when the time does not suffice, none is always the last.
  const first = Math.floor(fraction() * limits.dueShards);
  const parts: Part[] = Array.from({ length: limits.dueShards }, (_, at) => (first + at) % limits.dueShards).flatMap(
    (shard) => deps.places.map((place) => ({ place, shard })),
  );
  const handed = new Set<string>();
  let broken: unknown;
  for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
    if (!hasTime()) {
      answer.whole = false;
      break;
    }
    const { place, shard, from } = part;
    try {
      const page = await due(startedAtMs, place, shard, from);
      const fresh = page.due.filter(({ instanceId }) => !handed.has(instanceId));
      for (const { instanceId, dueAtMs } of fresh) {
        handed.add(instanceId);
        answer.oldestAgeMs = Math.max(answer.oldestAgeMs, startedAtMs - dueAtMs);
      }
      answer.due += fresh.length;
      const { failed, left } = await handOverAll(fresh, by, deps, hasTime);
      answer.failed += failed;
      answer.handedOver += fresh.length - failed - left;
      if (left > 0) answer.whole = false;
      if (page.next !== null) parts.push({ place, shard, from: page.next });
    } catch (error) {
      // One part of the index that cannot be read holds up none of the others.
      telemetry.logger.error('shard unread', {
        place,
        shard,
        instanceId: null,
        seq: null,
        cell: null,
        ...loggable(error),
      });
      broken = error;
    }
  }
  if (deps.places.includes(deps.home)) {
    const shard = sweptAt(startedAtMs);
    if (shard !== undefined && !(await deps.handOver({ sweep: shard }))) answer.failed += 1;
    const { unmanned } = deps;
    if (unmanned?.isTime(startedAtMs)) {
      const lookAt = (instanceId: string): Promise<boolean> => deps.handOver(requestOf(instanceId, by));
      await tellUnmanned({ ...deps, ...unmanned, lookAt, hasTime }, startedAtMs);
    }
  }
  telemetry.count(metricNames.dueBacklog, answer.due);
  telemetry.ms(metricNames.dueOldestAgeMs, answer.oldestAgeMs);
  telemetry.logger.info('ticked', { instanceId: null, seq: null, cell: null, ...answer });
  if (broken !== undefined) throw broken;
  return answer;
};

export const createTick = (open: (telemetry: Telemetry) => TickDeps): Invoke<TickAnswer> =>
  pipeline({ schema: tickEvent, open, handle });
