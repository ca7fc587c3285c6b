/**
 * Wakes to the second: a message that a queue holds back until the time has come, and `work` takes. Best effort: the due
 * mark stands behind each of them, and the schedule finds that within a minute.
 */
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import type { Clock, Ports } from '../engine/index.ts';
import { queueClient } from './queue.ts';
import { delayMsOf, lookOf } from './wakeTimer.ts';

/** No call is held up for long by what the schedule does as well. */
const attemptsMax = 2;

export const wakeByQueue = (url: string, clock: Clock): Ports['wakeAt'] => {
  const client = queueClient(attemptsMax);
  return async (instanceId, atMs, seq) => {
    const delayMs = delayMsOf(atMs, clock);
    if (delayMs === undefined) return;
    const event = lookOf(instanceId, seq);
    await client.send(
      new SendMessageCommand({
        QueueUrl: url,
        MessageBody: JSON.stringify(event),
        DelaySeconds: Math.ceil(delayMs / 1_000),
      }),
    );
  };
};
