/** The HTTP API on a port of this machine: what API Gateway is on AWS. */
import { once } from 'node:events';
import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { finished } from 'node:stream/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { closed, PawlError } from '../../engine/index.ts';
import { isConsole } from '../../handlers/serving.ts';
import { createTurns } from '../worker/index.ts';
import { consoleAnswer } from './console.ts';
import { type Answered, type Asked, type Checked, type Guard, problem } from './guard.ts';

/** As API Gateway takes them; what a route takes is less, and is said by the route. */
const requestBytesMax = 10 * 1024 * 1024;
/** Each of them may run cells, which are processes. Those beyond wait for their turn. */
const writesAtOnceMax = 24;
/** How long one that ends waits for requests that have not come whole: nothing of them is begun. */
const lastBodiesMs = 2_000;
const portMax = 65_535;

/** As API Gateway hands a request on. */
export type HttpEventLike = {
  version: '2.0';
  rawPath: string;
  rawQueryString: string;
  headers: Record<string, string>;
  requestContext: { http: { method: string } };
  body?: string;
  isBase64Encoded?: true;
};
export type Api = (event: HttpEventLike) => Promise<{
  statusCode: number;
  headers: Record<string, string>;
  body: string;
  isBase64Encoded?: true;
}>;

type Take = (request: IncomingMessage, response: ServerResponse) => void;

export type ServerOptions = {
  /** For what an error says to type. Default `pawl serve`. */
  command?: string;
  host: string;
  port: number;
  tls?: { cert: string; key: string };
  /** Made when the port is known. */
  guard(port: number): Guard;
  api: Api;
  /** Whether nothing is taken any more. */
  isLeaving(): boolean;
};

/** @returns `undefined` when there are more than `bytesMax` of it */
const readBody = async (request: IncomingMessage, bytesMax: number): Promise<Buffer | undefined> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    // Read to its end all the same, or the caller would not read the answer.
    if (bytes <= bytesMax) chunks.push(chunk);
  }
  return bytes > bytesMax ? undefined : Buffer.concat(chunks);
};

type Passed = Extract<Checked, { kind: 'passed' }>;
const headersOf = ({ headers }: IncomingMessage, { person }: Passed, isTls: boolean): Record<string, string> => {
  const given = Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
    ),
  );
  if (isTls) given['x-forwarded-proto'] = 'https';
  return person === null ? given : { ...given, 'x-pawl-actor': person.actor, 'x-pawl-groups': person.groups };
};

const pathOf = (request: IncomingMessage): { path: string; search: string } => {
  const [path = '/', ...rest] = (request.url ?? '/').split('?');
  return { path, search: rest.join('?') };
};

const cannotListen = (error: NodeJS.ErrnoException, { command = 'pawl serve', host, port }: ServerOptions): never => {
  const why: Record<string, string> = {
    EADDRINUSE: `Port ${port} of ${host} is taken: give another, \`${command} --port ${port < portMax ? port + 1 : 0}\`.`,
    EACCES: `Port ${port} needs rights that you do not have: give one from 1024, \`${command} --port 3000\`.`,
    EADDRNOTAVAIL: `This machine has no address ${host}: correct --listen.`,
    ENOTFOUND: `This machine has no address ${host}: correct --listen.`,
  };
  const { code = '', message } = error;
  throw new PawlError('request.invalid', why[code] ?? closed(`Nothing can listen on ${host}:${port}: ${message}`));
};

const tlsServer = (...[tls, take]: [NonNullable<ServerOptions['tls']>, Take]) => {
  try {
    return createTlsServer(tls, take);
  } catch (error) {
    const why = (error as Error).message;
    throw new PawlError(
      'request.invalid',
      closed(`--tls-cert and --tls-key are no pair of PEM files: ${why}`),
      {},
      error,
    );
  }
};

/** @throws PawlError `request.invalid` when nothing can listen there */
export const listen = async (options: ServerOptions) => {
  const { host, port, tls, api, isLeaving } = options;
  const turn = createTurns(writesAtOnceMax);
  const under = new Set<Promise<void>>();
  const coming = new Set<IncomingMessage>();
  let guard: Guard | undefined;

  const answered = async (request: IncomingMessage): Promise<Answered> => {
    const { path, search } = pathOf(request);
    const { method = 'GET' } = request;
    const asked: Asked = { method, path, query: new URLSearchParams(search), headers: request.headers };
    const forConsole = isConsole(path);
    const checked = forConsole ? guard?.checkConsole(request.headers) : guard?.check(asked);
    // Of whoever is not let in nothing is kept.
    const bytesMax = checked?.kind === 'passed' && !forConsole ? requestBytesMax : 0;
    coming.add(request);
    const body = await readBody(request, bytesMax).finally(() => coming.delete(request));
    if (checked === undefined) return problem(503, 'work.unavailable', 'Not ready yet: ask again.');
    if (checked.kind === 'answered') return checked;
    if (forConsole)
      return await consoleAnswer(method, { path, headers: request.headers }, checked.person?.actor ?? null);
    if (body === undefined)
      return problem(413, 'limit.exceeded', `A request has at most ${requestBytesMax} bytes (requestBytesMax).`);
    const isRead = method === 'GET' || method === 'HEAD';
    if (isLeaving() && !isRead)
      return problem(503, 'work.unavailable', 'This service is ending: nothing was begun. Ask again when it is back.', {
        'retry-after': '10',
      });
    const event: HttpEventLike = {
      version: '2.0',
      rawPath: path,
      rawQueryString: search,
      headers: headersOf(request, checked, tls !== undefined),
      // Node leaves the body out.
      requestContext: { http: { method: method === 'HEAD' ? 'GET' : method } },
      ...(body.byteLength === 0 ? {} : { body: body.toString('base64'), isBase64Encoded: true }),
    };
    const { statusCode, headers, body: told, isBase64Encoded } = await (isRead ? api(event) : turn(() => api(event)));
    return { status: statusCode, headers, body: isBase64Encoded ? Buffer.from(told, 'base64') : told };
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      const { status, headers, body } = await answered(request);
      response.writeHead(status, {
        ...headers,
        'content-length': Buffer.byteLength(body),
        ...(isLeaving() ? { connection: 'close' } : {}),
      });
      response.end(body);
      await Promise.race([finished(response), wait(lastBodiesMs, undefined, { ref: false })]);
    } catch (error) {
      // The caller has gone in the middle of its request, or we are wrong: both end this connection alone.
      response.destroy(error instanceof Error ? error : undefined);
    }
  };
  const take: Take = (request, response) => {
    const work = handle(request, response).finally(() => under.delete(work));
    under.add(work);
  };
  const server = tls === undefined ? createPlainServer(take) : tlsServer(tls, take);
  server.listen(port, host);
  await once(server, 'listening').catch((error: NodeJS.ErrnoException) => cannotListen(error, options));
  const own = server.address() as AddressInfo;
  guard = options.guard(own.port);
  return {
    port: own.port,
    guard,
    /** Takes no new connection, and answers those that were asked something. */
    close: async (): Promise<void> => {
      server.close();
      server.closeIdleConnections();
      // A closed server looks after the time of requests no longer, and a slow one would hold up the end.
      const cut = setTimeout(() => {
        for (const request of coming) request.destroy();
      }, lastBodiesMs);
      while (under.size > 0) await Promise.allSettled(under);
      clearTimeout(cut);
      server.closeAllConnections();
    },
  };
};
