/** The failure queue: what the store did not take in time waits in SQS; on somebody's own machine in a folder. */
import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
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

/** Under the names that `pawl redrive` looks for: whole or not at all, and forced to the disk. */
export const setAsideInFolder = (folder: string): SetAside => {
  return async (item) => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, `${item.instanceId}-${item.about}-${item.token}.json`);
    const handle = await open(`${path}.part`, 'w', 0o600);
    try {
      await handle.writeFile(JSON.stringify(item));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(`${path}.part`, path);
  };
};
