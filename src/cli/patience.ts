/** Asking again while a service is away: for a caller who stays to the end, of what may be asked twice. */
import { setTimeout as wait } from 'node:timers/promises';
import { type OperationName, operations } from '../contract/index.ts';
import { isPawlError } from '../engine/index.ts';
import type { Transport } from './client.ts';
import { duration } from './format.ts';

const firstPauseMs = 500;
const pauseMsMax = 15_000;
/** A deployment or a restart takes a minute; what stays away for longer, its caller has to look at. */
const awayMsMax = 10 * 60_000;

/** Writing operations that do the same however often they are asked: a run goes on from wherever it stands. */
const repeatable: ReadonlySet<OperationName> = new Set(['publish', 'run']);
const mayRepeat = (name: OperationName): boolean => operations[name].method === 'GET' || repeatable.has(name);

const isAway = (error: unknown): boolean =>
  isPawlError(error, 'store.unavailable') || isPawlError(error, 'work.unavailable');

type Caller = { say(line: string): void; interrupted: AbortSignal };

/**
 * A transport that waits for its service, ever longer up to 15 s, and says so once for each time that it is away.
 * @throws what the transport throws; when the service is away for ten minutes, or the caller is interrupted, that
 */
export const outlasting = (transport: Transport, { say, interrupted }: Caller): Transport => {
  // Several calls at a time find the same service away.
  let awaySinceMs: number | undefined;
  return async (name, given, signal) => {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, pauseMsMax)) {
      try {
        const answered = await transport(name, given, signal);
        awaySinceMs = undefined;
        return answered;
      } catch (error) {
        if (!mayRepeat(name) || !isAway(error) || interrupted.aborted) throw error;
        if (awaySinceMs === undefined) {
          awaySinceMs = performance.now();
          say(`  the service does not answer; asking again for ${duration(awayMsMax)}`);
        }
        if (performance.now() - awaySinceMs > awayMsMax) throw error;
        await wait(pauseMs, undefined, { signal: interrupted }).catch(() => undefined);
        if (interrupted.aborted) throw error;
      }
    }
  };
};
