/**
 * What the SDK sends a request by. One request and no second, whatever the SDK has in mind: what is repeated is Pawl's to say.
 * And it remembers how far that one came.
 */
import type { Agent } from 'undici';
import { openConnection } from '../connection.ts';

/** As the SDK has it. */
type HttpRequest = {
  method: string;
  protocol: string;
  hostname: string;
  port?: number;
  path: string;
  query?: Record<string, string | string[] | null>;
  headers: Record<string, string>;
  body?: string | Uint8Array;
};

/** Larger than any answer of AWS that is not a stream; of a stream Pawl reads the beginning. */
const answerBytesMax = 32 * 1024 * 1024;

const escaped = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);

/** As it was signed: encoded in the same way. */
const queryOf = (query: HttpRequest['query'] = {}): string => {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === null ? [escaped(name)] : [value].flat().map((one) => `${escaped(name)}=${escaped(one)}`),
  );
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
};

export const createOnce = (signal: AbortSignal) => {
  let agent: Agent | undefined;
  let isConnected = false;
  let host = '';
  let answered: { status: number; headers: Record<string, string> } | undefined;
  const handle = async (request: HttpRequest) => {
    if (host !== '') throw new Error('The SDK asked for a second request, which is not sent.');
    const { protocol, hostname, port, path, query, method, body } = request;
    host = port === undefined ? hostname : `${hostname}:${port}`;
    const connected = (): void => {
      isConnected = true;
    };
    agent = await openConnection({ hostname, signal, connected, answerBytesMax });
    const answer = await agent.request({
      origin: `${protocol}//${host}`,
      path: `${path === '' ? '/' : path}${queryOf(query)}`,
      method: method as 'GET',
      headers: request.headers,
      body: body ?? null,
      signal,
    });
    const headers = Object.fromEntries(
      Object.entries(answer.headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]),
    );
    answered = { status: answer.statusCode, headers };
    return { response: { statusCode: answer.statusCode, headers, body: answer.body } };
  };
  return {
    handler: {
      handle,
      metadata: { handlerProtocol: 'http/1.1' },
      destroy: () => {},
      updateHttpClientConfig: () => {},
      httpHandlerConfigs: () => ({}),
    },
    /** Where it was sent; empty: it came to no request. */
    host: () => host,
    isConnected: () => isConnected,
    answered: () => answered,
    close: async () => void (await agent?.destroy()),
  };
};
