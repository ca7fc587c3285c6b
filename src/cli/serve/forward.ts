/**
 * What the page asks, asked of a service elsewhere as the command line asks it: signed, or with its token. Of the page's request
 * only what the API reads is handed on: no cookie, no word about who asks.
 */
import { findRoute, operations } from '../../contract/index.ts';
import { errorCodes, isPawlError } from '../../engine/index.ts';
import type { Service } from '../service.ts';
import { type Answered, problem } from './guard.ts';
import type { HttpEventLike } from './http.ts';

const handedOn = ['accept', 'content-type', 'if-none-match', 'prefer', 'x-pawl-expected-actor'];
const handedBack = [
  'cache-control',
  'content-security-policy',
  'content-type',
  'etag',
  'referrer-policy',
  'retry-after',
  'x-content-type-options',
];

const namedIn = (headers: Iterable<[string, string]>, names: readonly string[]): Record<string, string> =>
  Object.fromEntries([...headers].filter(([name]) => names.includes(name)));

const answerTo = async (service: Service, event: HttpEventLike): Promise<Answered> => {
  const { rawPath, rawQueryString, headers, requestContext, body = '' } = event;
  const { method } = requestContext.http;
  const found = findRoute(method, rawPath);
  // What needs no permission is no page's business; a one-time link above all is its bearer's own.
  if ('allowed' in found || operations[found.name].permission === null)
    return problem(
      404,
      'route.unknown',
      `There is no ${method} ${rawPath.slice(0, 200)} here: ask the service itself.`,
    );
  const {
    status,
    headers: told,
    text,
  } = await service.forward({
    method: operations[found.name].method,
    path: rawPath.slice(1).split('/').map(decodeURIComponent),
    search: rawQueryString,
    headers: namedIn(Object.entries(headers), handedOn),
    body: Buffer.from(body, 'base64').toString(),
  });
  return { status, headers: namedIn(told, handedBack), body: text };
};

/** For `listen`, in place of the API itself. */
export const forwardTo = (service: Service) => async (event: HttpEventLike) => {
  try {
    const { status: statusCode, headers, body } = await answerTo(service, event);
    return { statusCode, headers, body: String(body) };
  } catch (error) {
    if (!isPawlError(error)) throw error;
    const { status: statusCode, headers, body } = problem(errorCodes[error.code].status, error.code, error.message);
    return { statusCode, headers, body: String(body) };
  }
};
