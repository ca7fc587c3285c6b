/**
 * What `pawl serve` and `pawl worker` have in common: one process that looks after what is due at its places, goes on with
 * so many instances at once, and ends without tearing anything down. The functions that are deployed to AWS do the work;
 * a clock stands for EventBridge, and this process for Lambda's own way of invoking one by another.
 */
import { type AdvanceAnswer, type Execute, limits, type Ports } from '../../engine/index.ts';
import {
  createTelemetry,
  createTick,
  createWork,
  loggable,
  type WorkRequest,
  wakeByTimer,
} from '../../handlers/serving.ts';
import { type Deps, openDeps } from '../deps.ts';
import type { Settings } from '../settings.ts';
import { createLately, createLeft, createNewest } from './handedOn.ts';
import { createQueue } from './turns.ts';

/** As long as the longest invocation on AWS. What is left then becomes due, and is gone on with. */
const invocationMs = 15 * 60_000;
/**
 * A mark stands until somebody has been there, and a wake may find one that stands: the same due time is handed on again
 * after a while.
 */
const againAfterMs = 3_000;
const sweptAgainAfterMs = 10 * 60_000;

type Context = Parameters<ReturnType<typeof createTick>>[1];

let invocations = 0;
const contextOf = (name: string, where: string, remainingMs: number): Context => {
  invocations += 1;
  const endMs = performance.now() + remainingMs;
  const awsRequestId = `${where}-${invocations}`;
  return {
    awsRequestId,
    functionName: name,
    invokedFunctionArn: name,
    memoryLimitInMB: '0',
    getRemainingTimeInMillis: () => Math.max(0, endMs - performance.now()),
  } as Context;
};

const gaveUp: Awaited<ReturnType<Execute>> = {
  status: 'never',
  error: { code: 'cell.givenUp', message: 'This process ended before it began.' },
};

export type RuntimeOptions = {
  /** Where its cells run, and whose part of what is due it reads. */
  place: string;
  /** Whether it looks after home too: what belongs to no place in particular. */
  isHome: boolean;
  /** Instances that are gone on with at once for no waiting caller. */
  concurrency: number;
  lookEveryMs: number;
  /** Who it is in journals: `actor` and `via` of what it does by itself, and the beginning of `where`. */
  by?: { actor: string; via: string };
  where: string;
};

export type Runtime = {
  place: string;
  concurrency: number;
  deps: Deps;
  handOver(event: WorkRequest): Promise<boolean>;
  /** For a function that a caller invokes. */
  invocation(name: string): Context;
  /** Begins to look after what is due. */
  begin(): void;
  /** Nothing new is begun from now on. @returns when everything that ran has ended and is recorded */
  leave(): Promise<void>;
  isLeaving(): boolean;
  /** Stops the cells that run; each is recorded as unknown. `held`: those too that are held by leases, which may take hours. */
  stop(held: boolean): void;
  /** Cells that run now, as `instance cell`. `held`: of these, those that are held by leases. */
  running(held?: boolean): string[];
  /** How many instances it is at, cells or none. */
  atWork(): number;
  /** What cells needed lately and this process has not. */
  lacks(): string[];
  /** How many cells were stopped. */
  stopped(): number;
  /** Into its log: what hinders nothing. */
  warn(what: string, error: unknown): void;
  close(): void;
};

/** What is due is found again and again while all hands are full: it waits for them once. A caller's own wish is never left out. */
const keyOf = (event: WorkRequest): string | undefined =>
  'instanceId' in event && event.explicit === false ? JSON.stringify({ ...event, by: null }) : undefined;

export const openRuntime = async (settings: Settings, options: RuntimeOptions): Promise<Runtime> => {
  const { place, where } = options;
  const leaving = new AbortController();
  const stopping = new AbortController();
  /** Of cells that are held by leases. */
  const stoppingHeld = new AbortController();
  const bodies = new Map<symbol, { name: string; held: boolean }>();
  const works = new Set<Promise<unknown>>();
  let stoppedCount = 0;
  let atWork = 0;
  const { logger, observe } = createTelemetry();
  const turn = createQueue(options.concurrency);
  const left = createLeft();
  const lacks = createNewest(limits.workerLacksMax, limits.workerLacksCharsMax);
  const wasSaid = createLately(Number.POSITIVE_INFINITY);

  const around =
    (execute: Execute): Execute =>
    async (input) => {
      if (stopping.signal.aborted) return gaveUp;
      const key = Symbol();
      const held = input.lease !== undefined;
      const { signal } = held ? stoppingHeld : stopping;
      bodies.set(key, { name: `${input.step.instanceId} ${input.step.cell}`, held });
      try {
        const result = await execute({ ...input, signal: AbortSignal.any([input.signal, signal]) });
        // A look of a poll or a probe changes nothing and is recorded nowhere; nor is in doubt what came to its end.
        if (signal.aborted && input.free !== true && result.status === 'unknown') stoppedCount += 1;
        return result;
      } finally {
        bodies.delete(key);
      }
    };

  const handOver = async (event: WorkRequest): Promise<boolean> => {
    if (leaving.signal.aborted) return false;
    const work = turn(async () => {
      if (leaving.signal.aborted) return;
      atWork += 1;
      try {
        await invokeWork(event);
      } finally {
        atWork -= 1;
      }
    }, keyOf(event))
      .catch((error: unknown) => logger.error('work failed', loggable(error)))
      .finally(() => works.delete(work));
    works.add(work);
    return true;
  };
  const wakeAt = (clock: Ports['clock']): Ports['wakeAt'] => wakeByTimer(handOver, clock);
  const deps: Deps = await openDeps({ ...settings, place }, { observe, leaving: leaving.signal, around, wakeAt });
  await deps.load();
  const { home, marks, clock, workers } = deps;

  /** What it has not is left to a worker that has. */
  const noteStop = ({ stop, view }: Pick<AdvanceAnswer, 'stop' | 'view'>): void => {
    const waitsFor = 'waitsFor' in stop ? stop.waitsFor : undefined;
    if (waitsFor === undefined || waitsFor.missing.length === 0) return;
    left.leave(view.instanceId, limits.leftToOthersMs);
    for (const missing of waitsFor.missing) lacks.add(missing);
  };
  const work = createWork((telemetry) => ({
    ...deps,
    telemetry: {
      ...telemetry,
      advanced: (answer) => {
        telemetry.advanced(answer);
        noteStop(answer);
      },
    },
  }));
  const invokeWork = async (event: WorkRequest): Promise<void> => {
    const answer = await work(event, contextOf('work', where, invocationMs));
    if (!('result' in answer) || answer.result !== 'journal.newer' || !('instanceId' in event)) return;
    const { instanceId } = event;
    left.leave(instanceId, limits.newerLeftMs);
    if (wasSaid(instanceId)) return;
    const about = { instanceId, seq: null, cell: null };
    logger.warn('left to a newer Pawl', {
      ...about,
      next: 'what it was written by is newer than this: update this one',
    });
  };

  const places = [...new Set(options.isHome ? [home, place] : [place])];
  const wasHanded = createLately(againAfterMs);
  const wasSwept = createLately(sweptAgainAfterMs);
  const wasTold = createLately(limits.unmannedEveryMinutes * 60_000);
  const tick = createTick((telemetry) => ({
    nowMs: async () => {
      await marks.due(0, place, 0);
      return clock.nowMs();
    },
    due: async (nowMs, at, shard, from) => {
      const page = await marks.due(nowMs, at, shard, from);
      // Of places that are only looked at nothing is handed on.
      if (!places.includes(at)) return page;
      const isFresh = ({ instanceId, dueAtMs }: (typeof page.due)[number]): boolean =>
        !left.isLeft(instanceId) && !wasHanded(`${instanceId} ${dueAtMs}`);
      return { ...page, due: page.due.filter(isFresh) };
    },
    places,
    home: options.isHome ? home : '',
    unmanned: { workers, orphans: marks.orphans, isTime: () => !wasTold('places') },
    handOver: async (event) => ('sweep' in event && wasSwept(String(event.sweep)) ? true : await handOver(event)),
    fraction: Math.random,
    telemetry,
    ...(options.by === undefined ? {} : { by: options.by }),
  }));

  let timer: NodeJS.Timeout | undefined;
  const lookAfter = async (): Promise<void> => {
    await tick({}, contextOf('tick', where, 60_000)).catch(() => undefined); // It stands in the log.
    if (leaving.signal.aborted) return;
    // Two that always looked at the same moment would see one another at work, and leave everything due.
    timer = setTimeout(lookAfter, options.lookEveryMs * (0.75 + Math.random() / 2));
  };

  return {
    place,
    concurrency: options.concurrency,
    deps,
    handOver,
    invocation: (name) => contextOf(name, where, invocationMs),
    begin: () => void lookAfter(),
    leave: async () => {
      leaving.abort();
      clearTimeout(timer);
      while (works.size > 0) await Promise.allSettled(works);
    },
    isLeaving: () => leaving.signal.aborted,
    stop: (held) => {
      stopping.abort();
      if (held) stoppingHeld.abort();
    },
    running: (held = false) => [...bodies.values()].filter((one) => !held || one.held).map(({ name }) => name),
    atWork: () => atWork,
    lacks: lacks.all,
    stopped: () => stoppedCount,
    warn: (what, error) => logger.warn(what, { instanceId: null, seq: null, cell: null, ...loggable(error) }),
    close: () => deps.close(),
  };
};
