/**
 * The one middy stack. Every function goes through it: what a log line says of the invocation, metrics written at its
 * end however it ends, the event read by its schema; for HTTP also headers, and every error as a problem.
 */
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import middy from '@middy/core';
import httpHeaderNormalizer from '@middy/http-header-normalizer';
import httpSecurityHeaders from '@middy/http-security-headers';
import type { Context } from 'aws-lambda';
import type * as z from 'zod';
import { isPawlError, PawlError } from '../engine/index.ts';
import { pageHeaders } from './linkPage.ts';
import { createTelemetry, loggable, placeOf, type Telemetry } from './metrics.ts';
import { type Answer, problemOf } from './problem.ts';
import { zippedFor } from './zipped.ts';

export type HttpResult = {
  statusCode: number;
  headers: Record<string, string>;
  body: string;
  isBase64Encoded?: true;
};
export type Invoke<A> = (event: unknown, context: Context) => Promise<A>;

/** What a function does with its event. `open` is asked once, by the first invocation: it reads the environment. */
export type Work<D, E, A> = {
  schema: z.ZodType<E>;
  open(telemetry: Telemetry): D;
  handle(event: E, deps: D, context: Context): Promise<A>;
};

/** Of answers to programs: opened in a browser, they are no page. */
const answerHeaders = {
  'content-security-policy': "default-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; sandbox",
  'referrer-policy': 'no-referrer',
};

const httpResult = ({ status, body, headers, page, file }: Answer): HttpResult => {
  if (file !== undefined)
    return { statusCode: status, headers: { ...headers }, body: file.toString('base64'), isBase64Encoded: true };
  return {
    statusCode: status,
    headers: {
      'content-type': page === undefined ? 'application/json' : 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      ...(page === undefined ? answerHeaders : pageHeaders),
      ...headers,
    },
    body: page ?? (status === 304 ? '' : JSON.stringify(body)),
  };
};

/** The engine owns the time of an invocation: an early answer of middy would leave a cell running behind it. */
const engineOwnsTheTime = { timeoutEarlyInMillis: 0 };

const stack = <D, E, A>(telemetry: Telemetry, work: Work<D, E, A>) => {
  let opened: D | undefined;
  const handle = async (event: unknown, context: Context): Promise<A> => {
    const parsed = work.schema.safeParse(event);
    if (!parsed.success) {
      const at = parsed.error.issues.map(({ path }) => path.join('.') || 'the event');
      throw new PawlError('request.invalid', `The event cannot be read: ${[...new Set(at)].slice(0, 5).join(', ')}.`);
    }
    opened ??= work.open(telemetry);
    return await work.handle(parsed.data, opened, context);
  };
  // A function that met nothing worth counting writes nothing.
  const flush = (): void => {
    if (telemetry.metrics.hasStoredMetrics()) telemetry.metrics.publishStoredMetrics();
  };
  return middy<unknown, unknown>(engineOwnsTheTime)
    .use(injectLambdaContext(telemetry.logger, { logEvent: false, resetKeys: true }))
    .use({ after: flush, onError: flush })
    .handler(handle);
};

/** For events without a waiting caller: an error fails the invocation, once it stands in the log. */
export const pipeline = <D, E, A>(work: Work<D, E, A>): Invoke<A> => {
  const telemetry = createTelemetry();
  const handler = stack(telemetry, work).onError(({ error }) => telemetry.logger.error('failed', loggable(error)));
  return handler as unknown as Invoke<A>;
};

const codeOf = (error: unknown): string => (isPawlError(error) ? error.code : 'internal');

/** For HTTP: whatever happens is an answer. */
export const httpPipeline = <D, E>(
  work: Work<D, E, Answer> & { nowMs(deps: D | undefined): number },
): Invoke<HttpResult> => {
  const telemetry = createTelemetry();
  const remember: { deps?: D } = {};
  const open = (own: Telemetry): D => {
    remember.deps = work.open(own);
    return remember.deps;
  };
  const handler = stack(telemetry, { ...work, open })
    .use(httpHeaderNormalizer())
    // The policies differ between a page and the rest, so they stand in the answer.
    .use(httpSecurityHeaders({ contentSecurityPolicy: false, referrerPolicy: false, permissionsPolicy: false }))
    .use({
      after: async (request) => {
        request.response = await zippedFor(request.event as object, httpResult(request.response as Answer));
      },
      onError: (request) => {
        const { error, context } = request;
        const answer = problemOf(error, context.awsRequestId, () => work.nowMs(remember.deps));
        const { status } = answer;
        // A message of a refusal may quote the request, and its caller has that.
        if (status >= 500) telemetry.logger.error('failed', { status, ...placeOf(error), ...loggable(error) });
        else telemetry.logger.info('refused', { status, ...placeOf(error), code: codeOf(error) });
        request.response = httpResult(answer);
      },
    });
  return handler as unknown as Invoke<HttpResult>;
};
