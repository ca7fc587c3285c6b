/** A client of SQS that answers soon, or fails. */
import { SQSClient } from '@aws-sdk/client-sqs';
import { NodeHttpHandler } from '@smithy/node-http-handler';

const connectionTimeoutMs = 1_000;
const requestTimeoutMs = 3_000;

export const queueClient = (maxAttempts: number): SQSClient =>
  new SQSClient({
    maxAttempts,
    requestHandler: new NodeHttpHandler({
      connectionTimeout: connectionTimeoutMs,
      requestTimeout: requestTimeoutMs,
      throwOnRequestTimeout: true,
    }),
  });
