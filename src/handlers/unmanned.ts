/**
 * Places where something has been due for a while and that have no worker: what the alarm `place-unmanned` rings for. And what a
 * writer that died left due there, though it may belong elsewhere by now: home looks at that itself, since nobody there does.
 */
import { type Manned, mannedAt } from '../contract/index.ts';
import { type Due, limits } from '../engine/index.ts';
import { loggable, metricNames, type Telemetry } from './metrics.ts';

export type UnmannedDeps = {
  due(nowMs: number, place: string, shard: number, from?: Due): Promise<{ due: Due[]; next: Due | null }>;
  /** These have somebody, since this runs there. */
  places: readonly string[];
  workers: { list(): Promise<Known> };
  /** Of these, the ones that a writer left behind, as `Marks` has it. */
  orphans(instanceIds: readonly string[], nowMs: number): Promise<string[]>;
  /** Has an instance looked at here. */
  lookAt(instanceId: string): Promise<unknown>;
  hasTime(): boolean;
  telemetry: Pick<Telemetry, 'logger' | 'count'>;
};
type Known = {
  workers: { place: string; seenAtMs: number; leftAtMs: number | null }[];
  wanted: { place: string }[];
};

/** Of a schedule that comes once a minute. */
export const isTimeForPlaces = (nowMs: number): boolean =>
  Math.floor(nowMs / 60_000) % limits.unmannedEveryMinutes === 0;

/** Known by a heartbeat, or since something waited for it. */
const withNobody = ({ workers, wanted }: Known, { places }: UnmannedDeps, nowMs: number): Manned[] =>
  [...new Set([...workers, ...wanted].map(({ place }) => place))]
    .filter((place) => !places.includes(place))
    .map((place) => mannedAt(place, workers, nowMs))
    .filter(({ alive }) => alive === 0);

/**
 * Has what was left behind there looked at here, page by page.
 * @returns since when something has been due there, longer than `placeUnmannedMs`
 */
const lookAround = async (deps: UnmannedDeps, place: string, nowMs: number): Promise<number | undefined> => {
  let sinceMs: number | undefined;
  const untilMs = nowMs - limits.placeUnmannedMs;
  for (let shard = 0; shard < limits.dueShards; shard += 1) {
    let from: Due | undefined;
    do {
      const page = await deps.due(untilMs, place, shard, from);
      // Longest due first.
      const [oldest] = page.due;
      if (oldest !== undefined) sinceMs = Math.min(sinceMs ?? Number.POSITIVE_INFINITY, oldest.dueAtMs);
      if (page.due.length === 0) break;
      const ids = page.due.map(({ instanceId }) => instanceId);
      for (const instanceId of await deps.orphans(ids, nowMs)) await deps.lookAt(instanceId);
      from = page.next ?? undefined;
    } while (from !== undefined && deps.hasTime());
  }
  return sinceMs;
};

/** That it cannot be told hinders nothing else. */
export const tellUnmanned = async (deps: UnmannedDeps, nowMs: number): Promise<void> => {
  const { workers, telemetry } = deps;
  const none = { instanceId: null, seq: null, cell: null };
  try {
    for (const { place, lastSeenAtMs } of withNobody(await workers.list(), deps, nowMs)) {
      const sinceMs = await lookAround(deps, place, nowMs);
      if (sinceMs === undefined) continue;
      telemetry.logger.warn('place unmanned', { ...none, place, dueForMs: nowMs - sinceMs, lastSeenAtMs });
      telemetry.count(metricNames.placeUnmanned);
    }
  } catch (error) {
    telemetry.logger.warn('places unread', { ...none, ...loggable(error) });
  }
};
