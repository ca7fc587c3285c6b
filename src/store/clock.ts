/**
 * Time is the store's. Every answer of DynamoDB carries a `Date` header in whole seconds, so each says: when it was
 * written, somewhere between our sending and our receiving, the server's time was within one second from that date.
 * Of the offset between the server's clock and our monotonic one that leaves an interval; several answers are
 * intersected, and soon leave a narrow one.
 *
 * The machine's own wall clock is asked for one thing: how long the machine slept, which the monotonic clock does not
 * count. Its owner may set it, so that only ever keeps a body from beginning.
 */
import { strict as assert } from 'node:assert';
import { setTimeout as wait } from 'node:timers/promises';
import type { Clock } from '../engine/index.ts';

/**
 * One answer: milliseconds on the monotonic clock, those of the machine's wall clock as it was asked for, and the value of its
 * `Date` header.
 */
type Sample = { sentMs: number; sentWallMs: number; receivedMs: number; date: string };
export type StoreClock = Clock & { learn(sample: Sample): void };

const resolutionMs = 1000;

/** Of the offset between the server's clock and the monotonic one. */
type Bounds = { lower: number; upper: number };

/** `undefined`: they have nothing in common. */
const common = (one: Bounds | undefined, other: Bounds): Bounds | undefined => {
  if (one === undefined) return undefined;
  const both = { lower: Math.max(one.lower, other.lower), upper: Math.min(one.upper, other.upper) };
  return both.lower <= both.upper ? both : undefined;
};

/** `monotonicMs`: milliseconds from any origin, never going back. `wallMs`: of the machine, as right or wrong as it is. */
export const pause = async (ms: number, signal?: AbortSignal): Promise<void> => {
  await wait(Math.max(0, ms), undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
};

export const createClock = (
  monotonicMs: () => number = () => performance.now(),
  wallMs: () => number = Date.now,
): StoreClock => {
  let bounds: Bounds | undefined;
  /** Of an answer that contradicts them: perhaps it is wrong alone. */
  let contrary: Bounds | undefined;
  let latestMs = 0;
  /** What the wall clock was ahead of the monotonic one when an answer that is believed was asked for. */
  let aheadMs = 0;
  const wallAheadMs = (): number => wallMs() - monotonicMs();

  return {
    learn({ sentMs, sentWallMs, receivedMs, date }) {
      const dateMs = Date.parse(date);
      if (Number.isNaN(dateMs)) return;
      const bound = { lower: dateMs - receivedMs, upper: dateMs + resolutionMs - sentMs };
      const agreed = bounds === undefined ? bound : common(bounds, bound);
      // The server's clock was set, or ours slept with the machine: but one answer alone may be wrong, and a time that was
      // once told does not go back, so it takes two that agree.
      const confirmed = agreed ?? common(contrary, bound);
      contrary = confirmed === undefined ? bound : undefined;
      if (confirmed === undefined) return;
      bounds = confirmed;
      // As it was sent: a machine that slept while the answer was under way has an answer from before.
      aheadMs = sentWallMs - sentMs;
    },

    nowMs() {
      assert(bounds !== undefined, 'the time is the store’s: ask the store something first');
      latestMs = Math.max(latestMs, Math.round(monotonicMs() + (bounds.lower + bounds.upper) / 2));
      return latestMs;
    },

    behindMs: () => Math.max(0, Math.round(wallAheadMs() - aheadMs)),

    // The store's time, not this machine's: a jump of it takes two answers that agree.
    heldMs: () => 0,

    sleep: pause,
    alarm: pause,
  };
};
