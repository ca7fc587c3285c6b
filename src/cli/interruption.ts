/**
 * Ctrl-C and SIGTERM. While something runs, the first one asks it to end: the running cell is stopped and recorded,
 * nothing further begins. A second one, or any while nothing runs, leaves at once.
 */
import { exits } from './exits.ts';

/** A terminal sends Ctrl-C to the launcher and to us, and the launcher passes it on: that is one wish, not two. */
const sameWishMs = 400;

export type Interruption = {
  readonly signal: AbortSignal;
  /** Lets `work` end by itself when the first signal comes; `said` tells the person so. */
  during<T>(announce: () => void, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** From now on each wish to end is told to `handle`, which ends the process by itself in the end; the third one leaves at once. */
  handOver(handle: (times: 1 | 2) => void): void;
};

export const watchSignals = (): Interruption => {
  const controller = new AbortController();
  let firstMs: number | undefined;
  let graceful: (() => void) | undefined;
  let handler: ((times: 1 | 2) => void) | undefined;
  let times = 0;
  const onSignal = (): void => {
    const nowMs = performance.now();
    if (firstMs !== undefined && nowMs - firstMs < sameWishMs) return;
    if (handler !== undefined && times < 2) {
      firstMs = nowMs;
      times += 1;
      return handler(times === 1 ? 1 : 2);
    }
    if (graceful === undefined || firstMs !== undefined) process.exit(exits.interrupted);
    firstMs = nowMs;
    graceful();
    controller.abort();
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal);
  // Started by the launcher on an older Node: without it no parent would pass signals on, so its death is one.
  if (process.connected) {
    process.once('disconnect', onSignal);
    // Listening must not keep a finished command alive.
    process.channel?.unref();
  }
  return {
    signal: controller.signal,
    handOver: (handle) => {
      handler = handle;
    },
    during: async (announce, work) => {
      graceful = announce;
      try {
        return await work(controller.signal);
      } finally {
        graceful = undefined;
      }
    },
  };
};
