/** Puts that got no answer are repeated into the same slot: nothing is decided anew while one may still land. */
import type { Clock, Put } from '../ports.ts';

export type Patience = {
  /** Puts without an answer in a row after which it is given up. */
  triesMax: number;
  pauseMs(tried: number): number;
  /** No try begins after it: a store that hangs keeps no caller beyond its time. */
  endAtMs: number;
};

/** @returns the answer; `unknown` when none came: it may still land, and nothing may be begun */
export const putUntilAnswered = async <T>(
  clock: Clock,
  put: (tried: number) => Promise<Put<T>>,
  { triesMax, pauseMs, endAtMs }: Patience,
): Promise<Put<T>> => {
  for (let tried = 1; ; tried += 1) {
    const answer = await put(tried);
    if (answer.kind !== 'unknown' || tried >= triesMax || clock.nowMs() >= endAtMs) return answer;
    await clock.sleep(pauseMs(tried));
  }
};

/** For a call whose caller waits: four tries, with 0.1, 0.2 and 0.3 s between them. */
export const inCall = (endAtMs: number): Patience => ({ triesMax: 4, pauseMs: (tried) => 100 * tried, endAtMs });

/** What comes of it, or `undefined` after so long. It goes on by itself then, and no caller waits for it. */
export const orLate = async <T>(clock: Clock, work: Promise<T>, ms: number): Promise<T | undefined> => {
  const inTime = new AbortController();
  try {
    return await Promise.race([work, clock.alarm(ms, inTime.signal).then(() => undefined)]);
  } finally {
    inTime.abort();
    work.catch(() => undefined);
  }
};
