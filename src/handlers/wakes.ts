/**
 * Wakes to the second: a message that a queue holds back until the time has come, and `work` takes. Best effort: the due
 * mark stands behind each of them, and the schedule finds that within a minute.
 */
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { type Clock, limits, type Ports } from '../engine/index.ts';
import type { Look } from './events.ts';

const connectionTimeoutMs = 1_000;
const requestTimeoutMs = 3_000;
/** No call is held up for long by what the schedule does as well. */
const attemptsMax = 2;

/** Whole seconds, never early. @returns `undefined`: further ahead than a queue holds a message back */
const delaySecondsOf = (atMs: number, clock: Clock): number | undefined => {
  const ms = Math.max(0, atMs - clock.nowMs());
  return ms > limits.wakeAheadMsMax ? undefined : Math.ceil(ms / 1_000);
};

const lookOf = (instanceId: string, seq?: number): Look => ({
  look: instanceId,
  ...(seq === undefined ? {} : { seq }),
});

export const wakeByQueue = (url: string, clock: Clock): Ports['wakeAt'] => {
  const client = new SQSClient({
    maxAttempts: attemptsMax,
    requestHandler: new NodeHttpHandler({
      connectionTimeout: connectionTimeoutMs,
      requestTimeout: requestTimeoutMs,
      throwOnRequestTimeout: true,
    }),
  });
  return async (instanceId, atMs, seq) => {
    const delay = delaySecondsOf(atMs, clock);
    if (delay === undefined) return;
    const event = lookOf(instanceId, seq);
    await client.send(
      new SendMessageCommand({ QueueUrl: url, MessageBody: JSON.stringify(event), DelaySeconds: delay }),
    );
  };
};

/** On the user's own machine there is no queue: this process remembers, as long as it lives. */
export const wakeByTimer = (handOver: (event: Look) => Promise<boolean>, clock: Clock): Ports['wakeAt'] => {
  return async (instanceId, atMs, seq) => {
    const delay = delaySecondsOf(atMs, clock);
    if (delay !== undefined) setTimeout(() => void handOver(lookOf(instanceId, seq)), delay * 1_000).unref();
  };
};
