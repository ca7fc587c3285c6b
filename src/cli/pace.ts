/** A rate cap: a turn begins only so long after the one before began, however fast or slow the work between them is. */
import { setTimeout as wait } from 'node:timers/promises';

/** Resolves when the next turn may begin; at once when the signal has fired. */
export type Turn = (signal: AbortSignal) => Promise<void>;

/** The machine's monotonic clock: a rate is about the machine, not about the journal. */
const machine = {
  nowMs: (): number => performance.now(),
  sleep: async (ms: number, signal: AbortSignal): Promise<void> =>
    await wait(ms, undefined, { signal }).catch(() => undefined),
};

export const createPace = (perSecond: number, clock: typeof machine = machine): Turn => {
  const pauseMs = 1_000 / perSecond;
  let beganMs = Number.NEGATIVE_INFINITY;
  return async (signal) => {
    // A timer may fire a moment early; then the rest is slept as well.
    for (let left = pauseMs; left > 0 && !signal.aborted; ) {
      left = beganMs + pauseMs - clock.nowMs();
      if (left > 0) await clock.sleep(left, signal);
    }
    beganMs = clock.nowMs();
  };
};
