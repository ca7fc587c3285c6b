/**
 * Time that is moved instead of waited for. It runs on by itself, as cells really run; every pause in which none does is
 * over at once, and it can be stopped while another's time goes on.
 */
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import type { Clock } from '../engine/index.ts';

export type MovedClock = Clock & {
  /** Never back. */
  moveTo(atMs: number): void;
  /** Holds this clock while `work` goes on. */
  stopped<T>(work: () => Promise<T>): Promise<T>;
};

const originMs = Date.now() - performance.now();

/** @param isBusy whether a body is running: then a pause takes as long as it says */
export const createMovedClock = (startAtMs: number | null, isBusy: () => boolean): MovedClock => {
  const realMs = (): number => originMs + performance.now();
  let offMs = startAtMs === null ? 0 : startAtMs - realMs();
  let heldAtMs: number | null = null;
  const nowMs = (): number => Math.round((heldAtMs ?? realMs()) + offMs);
  return {
    nowMs,
    // A machine that sleeps is no part of a test: its time is moved by it alone.
    behindMs: () => 0,
    heldMs: () => 0,
    sleep: async (ms, signal) => {
      await turn();
      if (signal?.aborted) return;
      // A wait that may be called off runs beside other work, and has not waited when that is done.
      if (isBusy() || signal !== undefined)
        await wait(Math.max(0, ms), undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
      else offMs += Math.max(0, ms);
    },
    // No time is moved for it: it is called off, or the body that it ends is really running.
    alarm: async (ms, signal) => {
      await wait(Math.max(0, ms), undefined, { signal }).catch(() => undefined);
    },
    moveTo: (atMs) => {
      offMs += Math.max(0, atMs - nowMs());
    },
    stopped: async (work) => {
      if (heldAtMs !== null) return await work();
      heldAtMs = realMs();
      try {
        return await work();
      } finally {
        offMs -= realMs() - heldAtMs;
        heldAtMs = null;
      }
    },
  };
};
