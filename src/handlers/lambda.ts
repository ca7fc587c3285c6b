/** Invoking other functions. What the errors of the AWS SDK mean ends here. */
import { setTimeout as wait } from 'node:timers/promises';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { Invoked } from './remote.ts';

const connectionTimeoutMs = 1_000;
const eventTimeoutMs = 3_000;
/** Attempts × time-outs stay below `tickEndMs`, so a tick ends in time. */
const eventAttemptsMax = 2;
/** A throttled invocation never began, so it may be asked for again; the cell itself looks whether it is late by then. */
const throttledTriesMax = 5;
const throttledPauseMs = 100;

/** Lambda turned the invocation down: nothing of it began, and nothing ever will. */
const refusals = new Set([
  'AccessDeniedException',
  'CredentialsProviderError',
  'ExpiredTokenException',
  'InvalidRequestContentException',
  'InvalidSignatureException',
  'RequestTooLargeException',
  'ResourceConflictException',
  'ResourceNotFoundException',
  'TooManyRequestsException',
  'UnrecognizedClientException',
  // No connection: not a byte of the request has left.
  'ECONNREFUSED',
  'ENOTFOUND',
]);

const nameOf = (error: unknown): string => {
  if (!(error instanceof Error)) return 'no answer';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return refusals.has(error.name) ? error.name : (code ?? error.name);
};

/** Asynchronously. `false`: refused, or no answer: it may still be delivered, and is harmless then. */
export const createHandOver = (functionName: string) => {
  const client = new LambdaClient({
    maxAttempts: eventAttemptsMax,
    requestHandler: new NodeHttpHandler({
      connectionTimeout: connectionTimeoutMs,
      requestTimeout: eventTimeoutMs,
      throwOnRequestTimeout: true,
    }),
  });
  return async (event: unknown): Promise<{ taken: true } | { taken: false; why: string }> => {
    try {
      const Payload = JSON.stringify(event);
      const answer = await client.send(
        new InvokeCommand({ FunctionName: functionName, InvocationType: 'Event', Payload }),
      );
      return answer.StatusCode === 202 ? { taken: true } : { taken: false, why: `status ${answer.StatusCode}` };
    } catch (error) {
      return { taken: false, why: nameOf(error) };
    }
  };
};

/**
 * Synchronously, once: a second invocation of a cell would be a second run of it. How long to wait is the caller's
 * signal, and connections are kept alive, or a quiet one would be dropped on the way.
 */
export const createInvokeCell = (functionName: string) => {
  const client = new LambdaClient({
    maxAttempts: 1,
    requestHandler: new NodeHttpHandler({ connectionTimeout: connectionTimeoutMs, requestTimeout: 0 }),
  });
  const invokeOnce = async (payload: string, signal: AbortSignal): Promise<Invoked & { throttled?: true }> => {
    try {
      const command = new InvokeCommand({
        FunctionName: functionName,
        InvocationType: 'RequestResponse',
        Payload: payload,
      });
      const answer = await client.send(command, { abortSignal: signal });
      if (answer.FunctionError === undefined)
        return { kind: 'answer', payload: answer.Payload?.transformToString() ?? '' };
      return { kind: 'lost', why: `Its function broke off (${answer.FunctionError}): it may have happened.` };
    } catch (error) {
      const name = nameOf(error);
      if (!refusals.has(name))
        return { kind: 'lost', why: `No answer from its function (${name}): it may have happened.` };
      const refused = { kind: 'refused', why: `Its function did not begin (${name}).` } as const;
      return name === 'TooManyRequestsException' ? { ...refused, throttled: true } : refused;
    }
  };
  return async (payload: string, signal: AbortSignal): Promise<Invoked> => {
    for (let tries = 1; ; tries += 1) {
      const { throttled, ...invoked } = await invokeOnce(payload, signal);
      if (throttled !== true || tries === throttledTriesMax || signal.aborted) return invoked;
      await wait(throttledPauseMs * 2 ** tries);
    }
  };
};
