/** On the user's own machine there is no queue: this process remembers whom to wake, as long as it lives. */
import { type Clock, limits, type Ports } from '../engine/index.ts';
import type { Look } from './events.ts';

/** Never early. @returns `undefined`: too far ahead; the schedule finds it */
export const delayMsOf = (atMs: number, clock: Clock): number | undefined => {
  const ms = Math.max(0, atMs - clock.nowMs());
  return ms > limits.wakeAheadMsMax ? undefined : Math.ceil(ms);
};

export const lookOf = (instanceId: string, seq?: number): Look => ({
  look: instanceId,
  ...(seq === undefined ? {} : { seq }),
});

export const wakeByTimer = (handOver: (event: Look) => Promise<boolean>, clock: Clock): Ports['wakeAt'] => {
  return async (instanceId, atMs, seq) => {
    const delay = delayMsOf(atMs, clock);
    if (delay !== undefined) setTimeout(() => void handOver(lookOf(instanceId, seq)), delay).unref();
  };
};
