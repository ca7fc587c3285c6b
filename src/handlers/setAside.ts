/** The failure queue: what the store did not take in time waits in SQS. */
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import type { Unrecorded } from '../engine/index.ts';
import { queueClient } from './queue.ts';

const attemptsMax = 3;

type SetAside = (item: Unrecorded) => Promise<void>;

export const setAsideInQueue = (url: string): SetAside => {
  const client = queueClient(attemptsMax);
  return async (item) => {
    await client.send(new SendMessageCommand({ QueueUrl: url, MessageBody: JSON.stringify(item) }));
  };
};
