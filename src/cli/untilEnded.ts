/** Looking at an instance that others move, again and again: until it has ended, or nobody reads what is said of it. */
import { setTimeout as wait } from 'node:timers/promises';
import { isPawlError } from '../engine/index.ts';
import { isOutputLost } from './output.ts';

const pauseMs = 500;
/** A store or service that is away for no longer is asked again. */
const awayMsMax = 120_000;

/** @param look answers whether the instance has ended @throws what the first look throws, and what lasts */
export const untilEnded = async (look: () => Promise<boolean>): Promise<void> => {
  let answeredMs: number | undefined;
  while (!isOutputLost()) {
    try {
      if (await look()) return;
      answeredMs = performance.now();
    } catch (error) {
      const isAway = isPawlError(error, 'store.unavailable') && answeredMs !== undefined;
      if (!isAway || performance.now() - (answeredMs ?? 0) > awayMsMax) throw error;
    }
    await wait(pauseMs);
  }
};
