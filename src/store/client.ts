/** The one place where a DynamoDB client is made: a client without time-outs can hang until its Lambda is killed. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { createClock, type StoreClock } from './clock.ts';
import { createCommands } from './commands.ts';
import type { StoreClient } from './tableOperations.ts';

export type ClientOptions = {
  /** Tables are `<tablesPrefix>-journal` and so on, as in infra/tables.yml. */
  tablesPrefix: string;
  /** DynamoDB Local. Without it: AWS, by the usual credentials and region. */
  endpoint?: string;
  region?: string;
};

const connectionTimeoutMs = 1_000;
const requestTimeoutMs = 3_000;
const attemptsMax = 3;

export type Dynamo = {
  client: StoreClient;
  clock: StoreClock;
  /** The SDK's own client below it: for whoever makes tables, measures, or looks past the store. */
  document: DynamoDBDocumentClient;
};

/**
 * A client and the clock that learns from its answers.
 *
 * Time-outs: in this version of the SDK `requestTimeout` only logs a warning unless `throwOnRequestTimeout` is set, and
 * it ends with the headers of the answer; `socketTimeout` covers a body that stops coming.
 *
 * After a freeze the first request may carry an expired signature: the SDK measures its clock offset by the `Date`
 * of every answer, the refused one included, and `InvalidSignatureException: Signature expired` counts as transient, so
 * the second attempt is signed with the corrected time.
 */
export const createClient = (options: ClientOptions): Dynamo => {
  const plain = new DynamoDBClient({
    ...(options.endpoint === undefined
      ? {}
      : // Emulators take any alphanumeric key and must not be shown a real one.
        { endpoint: options.endpoint, credentials: { accessKeyId: 'local', secretAccessKey: 'local' } }),
    ...(options.endpoint === undefined && options.region === undefined
      ? {}
      : { region: options.region ?? 'us-east-1' }),
    maxAttempts: attemptsMax,
    retryMode: 'standard',
    requestHandler: new NodeHttpHandler({
      connectionTimeout: connectionTimeoutMs,
      requestTimeout: requestTimeoutMs,
      socketTimeout: requestTimeoutMs,
      throwOnRequestTimeout: true,
    }),
  });
  const clock = createClock();
  // Innermost of the step after the retries: it sees every attempt by itself, those that end in an error included.
  plain.middlewareStack.add(
    (next) => async (args) => {
      const sentMs = performance.now();
      const sentWallMs = Date.now();
      const result = await next(args);
      const receivedMs = performance.now();
      const date = dateOf(result.response);
      if (date !== undefined) clock.learn({ sentMs, sentWallMs, receivedMs, date });
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'pawlClock' },
  );
  const document = DynamoDBDocumentClient.from(plain);
  return { client: createCommands(document, options.tablesPrefix), clock, document };
};

const dateOf = (response: unknown): string | undefined => {
  if (typeof response !== 'object' || response === null || !('headers' in response)) return undefined;
  const { headers } = response;
  if (typeof headers !== 'object' || headers === null || !('date' in headers)) return undefined;
  return typeof headers.date === 'string' ? headers.date : undefined;
};
