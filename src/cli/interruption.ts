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
};

export const watchSignals = (): Interruption => {
  const controller = new AbortController();
  let firstMs: number | undefined;
  let graceful: (() => void) | undefined;
  const onSignal = (): void => {
    const nowMs = performance.now();
    if (firstMs !== undefined && nowMs - firstMs < sameWishMs) return;
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
