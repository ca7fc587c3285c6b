/** The failure queue: what the store did not take in time waits in SQS. */
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { Unrecorded } from '../engine/index.ts';

const connectionTimeoutMs = 1_000;
const requestTimeoutMs = 3_000;
const attemptsMax = 3;

type SetAside = (item: Unrecorded) => Promise<void>;

export const setAsideInQueue = (url: string): SetAside => {
  const client = new SQSClient({
    maxAttempts: attemptsMax,
    requestHandler: new NodeHttpHandler({
      connectionTimeout: connectionTimeoutMs,
      requestTimeout: requestTimeoutMs,
      throwOnRequestTimeout: true,
    }),
  });
  return async (item) => {
    await client.send(new SendMessageCommand({ QueueUrl: url, MessageBody: JSON.stringify(item) }));
  };
};
