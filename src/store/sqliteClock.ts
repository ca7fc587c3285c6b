/**
 * Time is the file's: a line that every process of this machine shares. The file keeps the newest time that was committed
 * and what the machine's monotonic clock said then; from there time goes on as that clock does, so it never goes back and
 * nobody's wall clock pulls it back. A wall clock that is ahead of the line moves it forward: that is how a machine that
 * slept, or was set right, learns it.
 *
 * A move of more than `jumpMsMin` is a jump, and is kept in the file. Whoever held a step meanwhile has had less time than
 * the line says: `heldMs` gives it back to them, whichever process asks.
 */
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import * as z from 'zod';
import type { Clock } from '../engine/index.ts';
import { pause } from './clock.ts';

/** Half of the least grace there is: nobody asks about less. */
const jumpMsMin = 500;
const jumpsKeptMax = 100;

const jumpsSchema = z.array(z.object({ atMs: z.number(), ms: z.number(), monotonicMs: z.number() }));
type Jump = z.infer<typeof jumpsSchema>[number];
/** What the file says of the time. */
export type Told = { bootId: string; newestMs: number; monotonicMs: number; jumps: string };

export type Machine = { bootId: string; monotonicMs(): number; wallMs(): number };

const bootId = (): string => {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return 'unknown'; // Linux only; elsewhere a monotonic clock that went back tells that the machine was started again.
  }
};

/** `process.hrtime` counts since the machine was started: the same for all of its processes. */
export const thisMachine = (): Machine => ({
  bootId: bootId(),
  monotonicMs: () => Number(process.hrtime.bigint() / 1000n) / 1000,
  wallMs: Date.now,
});

export type SqliteClock = Clock & {
  /** What the file says, or `undefined` in a new one. @returns whether the line has jumped, so that it must be told the file */
  learn(told: Told | undefined): boolean;
  /** What is to stand in the file now. */
  tell(): Told;
};

export const createSqliteClock = ({ bootId, monotonicMs, wallMs }: Machine): SqliteClock => {
  /** What time is ahead of the monotonic clock. */
  let offsetMs: number | undefined;
  let jumps: Jump[] = [];
  let latestMs = 0;
  const known = (): number => {
    assert(offsetMs !== undefined, 'the time is the file’s: ask the store something first');
    return offsetMs;
  };

  return {
    learn(told) {
      const nowMs = monotonicMs();
      const wallOffsetMs = wallMs() - nowMs;
      if (told === undefined || told.bootId !== bootId || told.monotonicMs > nowMs) {
        // Started anew: whoever held a step before is gone. The newest time stands all the same.
        jumps = [];
        const lineMs = told === undefined ? wallOffsetMs : told.newestMs - nowMs;
        offsetMs = Math.max(offsetMs ?? wallOffsetMs, wallOffsetMs, lineMs);
        return false;
      }
      jumps = jumpsSchema.parse(JSON.parse(told.jumps));
      const lineMs = told.newestMs - told.monotonicMs;
      const jumpMs = wallOffsetMs - lineMs;
      offsetMs = Math.max(lineMs, wallOffsetMs);
      if (jumpMs <= jumpMsMin) return false;
      jumps = [...jumps, { atMs: nowMs + offsetMs, ms: jumpMs, monotonicMs: nowMs }].slice(-jumpsKeptMax);
      return true;
    },

    tell() {
      const nowMs = monotonicMs();
      return { bootId, newestMs: nowMs + known(), monotonicMs: nowMs, jumps: JSON.stringify(jumps) };
    },

    nowMs() {
      latestMs = Math.max(latestMs, Math.round(monotonicMs() + known()));
      return latestMs;
    },

    behindMs: () => Math.max(0, Math.round(wallMs() - monotonicMs() - known())),

    heldMs(sinceMs, graceMs) {
      const counted = jumps.filter(({ atMs, ms }) => atMs > sinceMs && ms > graceMs / 2);
      const last = counted.at(-1);
      if (last === undefined) return 0;
      const quietMs = Math.max(0, graceMs - (monotonicMs() - last.monotonicMs));
      return Math.ceil(counted.reduce((sum, { ms }) => sum + ms, 0) + quietMs);
    },

    sleep: pause,
    alarm: pause,
  };
};
