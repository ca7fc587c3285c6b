/**
 * Time is the store's. Every answer of DynamoDB carries a `Date` header in whole seconds, so each says: when it was
 * written, somewhere between our sending and our receiving, the server's time was within one second from that date.
 * Of the offset between the server's clock and our monotonic one that leaves an interval; several answers are
 * intersected, and soon leave a narrow one. The machine's own wall clock is never looked at.
 */
import { strict as assert } from 'node:assert';
import { setTimeout as wait } from 'node:timers/promises';
import type { Clock } from '../engine/index.ts';

/** One answer: milliseconds on the monotonic clock, and the value of its `Date` header. */
type Sample = { sentMs: number; receivedMs: number; date: string };
export type StoreClock = Clock & { learn(sample: Sample): void };

const resolutionMs = 1000;

/** `monotonicMs`: milliseconds from any origin, never going back. */
export const createClock = (monotonicMs: () => number = () => performance.now()): StoreClock => {
  let bounds: { lower: number; upper: number } | undefined;
  let latestMs = 0;

  return {
    learn({ sentMs, receivedMs, date }) {
      const dateMs = Date.parse(date);
      if (Number.isNaN(dateMs)) return;
      const lower = dateMs - receivedMs;
      const upper = dateMs + resolutionMs - sentMs;
      const narrowed = {
        lower: Math.max(lower, bounds?.lower ?? lower),
        upper: Math.min(upper, bounds?.upper ?? upper),
      };
      // Nothing in common: the server's clock was set, or ours slept with the machine. The newest answer is right.
      bounds = narrowed.lower <= narrowed.upper ? narrowed : { lower, upper };
    },

    nowMs() {
      assert(bounds !== undefined, 'the time is the store’s: ask the store something first');
      latestMs = Math.max(latestMs, Math.round(monotonicMs() + (bounds.lower + bounds.upper) / 2));
      return latestMs;
    },

    async sleep(ms, signal) {
      await wait(Math.max(0, ms), undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
    },
  };
};
