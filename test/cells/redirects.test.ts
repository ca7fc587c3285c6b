/** Redirects of an `http` cell, and what it says when one phase of a request takes too long. */
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcp, type Server } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { createExecute } from '../../src/cells/index.ts';
import { type Hop, mayCarry, nextOf } from '../../src/cells/redirects.ts';
import type { CellInput } from '../../src/engine/index.ts';
import { limits } from '../../src/engine/index.ts';
import { type Ran, run } from './cells.ts';

const servers: (Server & { closeAllConnections?(): void })[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections?.();
    server.close();
  }
});
const listen = async (server: Server): Promise<string> => {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
};
const serve = (answer: RequestListener): Promise<string> => listen(createServer(answer));

type Over = Partial<Omit<CellInput, 'body'>> & {
  method?: string;
  headers?: [string, string][];
  redirects?: number;
  content?: string;
  lookup?: (host: string) => Promise<string[]>;
};
const call = (
  url: string,
  { method = 'GET', headers = [], redirects, content, lookup, ...over }: Over = {},
): Promise<Ran> =>
  run(
    { kind: 'http', method, url, headers, body: content ?? null, ...(redirects === undefined ? {} : { redirects }) },
    { timeoutMs: 60_000, ...over },
    createExecute({ httpAllow: ['127.0.0.1', 'localhost', 'slow.test'], ...(lookup && { lookup }) }),
  );
const answerOf = (ran: Ran) => JSON.parse(ran.output ?? '{}');

describe('redirects', () => {
  test.each([301, 302, 303, 307, 308])(
    '%i of a GET is followed where the cell says so, and the output says to where',
    async (status) => {
      const asked: unknown[] = [];
      const host = await serve((request, response) => {
        asked.push([request.method, request.url, request.headers['x-a']]);
        if (request.url === '/new?token=1') response.end('there');
        else response.writeHead(status, { location: '/new?token=1#part' }).end('moved');
      });
      const ran = await call(`http://${host}/old`, { redirects: 1, headers: [['X-A', 'b']] });
      expect(ran.status).toBe('completed');
      expect(answerOf(ran)).toMatchObject({ status: 200, url: `http://${host}/new`, body: 'there' });
      expect(asked).toEqual([
        ['GET', '/old', 'b'],
        ['GET', '/new?token=1', 'b'],
      ]);
    },
  );
  test('none is followed where the cell does not say so, and the answer is as it came', async () => {
    let asked = 0;
    const host = await serve((_request, response) => {
      asked += 1;
      response.writeHead(302, { location: '/new' }).end();
    });
    const ran = await call(`http://${host}/`);
    expect(ran).toMatchObject({ status: 'failed', error: { code: 'http.status' } });
    expect(ran.error?.message).toContain('a redirect that is not followed');
    expect([answerOf(ran).url, asked]).toEqual([undefined, 1]);
  });
  test.each(['POST', 'PUT', 'PATCH', 'DELETE'])(
    'a %s is never sent twice, whatever its version says',
    async (method) => {
      let asked = 0;
      const host = await serve((request, response) => {
        asked += 1;
        response.writeHead(Number(request.url?.slice(1)), { location: '/200' }).end();
      });
      for (const [status, meaning] of [
        [307, 'failed'],
        [308, 'failed'],
        [301, 'unknown'],
        [302, 'unknown'],
        [303, 'unknown'],
      ] as const) {
        const ran = await call(`http://${host}/${status}`, { method, content: 'x', redirects: 5 });
        expect([status, ran.status]).toEqual([status, meaning]);
        expect(ran.error?.message).toContain(`${status}, a redirect that is not followed`);
      }
      expect(asked).toBe(5);
    },
  );
  test('300, 304 and a redirect without a place are answers like any other', async () => {
    const host = await serve((request, response) => {
      const status = Number(request.url?.slice(1));
      response.writeHead(status, status === 302 ? {} : { location: '/x' }).end();
    });
    for (const status of [300, 304, 302])
      expect(await call(`http://${host}/${status}`, { redirects: 3 })).toMatchObject({
        status: 'failed',
        error: { code: 'http.status' },
      });
  });
  test('one too many is an error that says how many are followed, with the answer that redirected', async () => {
    let asked = 0;
    const host = await serve((_request, response) => {
      asked += 1;
      response.writeHead(302, { location: `/${asked}` }).end();
    });
    const ran = await call(`http://${host}/`, { redirects: 3 });
    expect(ran).toMatchObject({ status: 'failed', error: { code: 'http.redirect' } });
    expect(ran.error?.message).toContain('only 3 are followed');
    expect(answerOf(ran)).toMatchObject({ status: 302, headers: { location: '/4' }, url: `http://${host}/3` });
    expect(asked).toBe(4);
  });
  test('to another host only what is no credential goes along, and it does not come back', async () => {
    const seen: [string, IncomingHttpHeaders][] = [];
    const first = await serve((request, response) => {
      seen.push(['first', request.headers]);
      if (request.url === '/') response.writeHead(302, { location: `http://localhost:${second}/` }).end();
      else response.end('back');
    });
    const second: string = (
      await serve((request, response) => {
        seen.push(['second', request.headers]);
        response.writeHead(302, { location: `http://${first}/again` }).end();
      })
    ).replace(/.*:/, '');
    const headers: [string, string][] = [
      ['Authorization', 'Bearer x'],
      ['Cookie', 'a=b'],
      ['Proxy-Authorization', 'x'],
      ['X-Api-Key', 'x'],
      ['Accept', 'text/x'],
      ['User-Agent', 'mine'],
    ];
    const ran = await call(`http://${first}/`, { headers, redirects: 5, lookup: async () => ['127.0.0.1'] });
    expect(ran.status).toBe('completed');
    const secret = ['authorization', 'cookie', 'proxy-authorization', 'x-api-key', 'idempotency-key'];
    const kept = seen.map(([who, had]) => [who, secret.filter((name) => name in had), had.accept, had['user-agent']]);
    expect(kept).toEqual([
      ['first', ['authorization', 'cookie', 'proxy-authorization', 'x-api-key'], 'text/x', 'mine'],
      ['second', [], 'text/x', 'mine'],
      ['first', [], 'text/x', 'mine'],
    ]);
  });
  test('another port or scheme is another origin', () => {
    const at = (url: string) => new URL(url);
    expect(mayCarry('Authorization', at('http://a.test/x'), at('http://a.test:80/y'))).toBe(true);
    for (const other of ['http://a.test:81/', 'https://a.test/', 'http://b.a.test/', 'http://a.test.evil/'])
      expect(mayCarry('authorization', at('http://a.test/'), at(other))).toBe(false);
  });
  const hop = (url: string, passed: string[] = []): Hop => ({ url: new URL(url), headers: [['X-A', 'b']], passed });
  test.each([
    ['http://a.test/', 'from https: to http:'],
    ['//user:x@a.test/', 'user name or password'],
    ['file:///etc/passwd', 'file:, which is not http'],
    ['javascript:alert(1)', 'javascript:, which is not http'],
    ['https://', 'no URL'],
    ['#other', 'back to where it was asked already'],
    ['/before#x', 'back to where it was asked already'],
  ])('to %s is refused', (location, why) => {
    const next = nextOf(hop('https://a.test/x', ['https://a.test/before']), { status: 302, location }, 5);
    expect(next).toMatchObject({ kind: 'refused', message: expect.stringContaining(why) });
  });
  test('to several places at once is refused', () => {
    const next = nextOf(hop('https://a.test/'), { status: 302, location: ['/a', '/b'] }, 5);
    expect(next).toMatchObject({ kind: 'refused', message: expect.stringContaining('several places') });
  });
  test('a place that is not reached failed, and it is said that a redirect led there', async () => {
    const host = await serve((_request, response) => {
      response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
    });
    const ran = await call(`http://${host}/`, { redirects: 1 });
    expect(ran).toMatchObject({ status: 'failed', error: { code: 'http.unreachable' } });
    expect(ran.error?.message).toContain('127.0.0.1:1, where a redirect led');
  });
});

describe('too long', () => {
  test.each(['GET', 'POST'])('without an address or a connection %s was not sent: it failed', async (method) => {
    const never = () => new Promise<string[]>(() => {});
    const unresolved = await call('http://slow.test/', { method, timeoutMs: 200, lookup: never });
    expect(unresolved).toMatchObject({ status: 'failed', error: { code: 'http.unreachable' } });
    expect(unresolved.error?.message).toContain(
      'its name was not resolved within 200 ms, its time-out; nothing was sent',
    );
    // Speaks no TLS, and nothing else: the handshake does not end.
    const mute = await listen(createTcp((socket) => socket.on('error', () => {})));
    const unconnected = await call(`https://${mute}/`, { method, timeoutMs: 200 });
    expect(unconnected).toMatchObject({ status: 'failed', error: { code: 'http.unreachable' } });
    expect(unconnected.error?.message).toContain('no connection within 200 ms, its time-out; nothing was sent');
  });
  test('a connection has a limit of its own, below the time-out', async () => {
    const mute = await listen(createTcp((socket) => socket.on('error', () => {})));
    const ran = await call(`https://${mute}/`, { timeoutMs: 5 * 60_000 });
    expect(ran).toMatchObject({ status: 'failed', error: { code: 'http.unreachable' } });
    expect(ran.error?.message).toContain(`within ${limits.httpConnectMsMax} ms (httpConnectMsMax)`);
  });
  test('an answer that does not begin, or does not end: it may have happened', async () => {
    const silent = await serve(() => {});
    const unanswered = await call(`http://${silent}/`, { method: 'POST', timeoutMs: 2_000 });
    expect(unanswered).toMatchObject({ status: 'unknown', error: { code: 'http.cut' } });
    expect(unanswered.error?.message).toContain('no answer within 2000 ms, its time-out; the request may have arrived');
    const half = await serve((_request, response) => void response.writeHead(201).write('half'));
    const unended = await call(`http://${half}/`, { method: 'POST', timeoutMs: 2_000 });
    expect(unended).toMatchObject({ status: 'unknown', error: { code: 'http.cut' } });
    expect(unended.error?.message).toContain('the answer (201) began, and did not end within 2000 ms');
  });
  test('the time-out is that of all redirects together', async () => {
    let asked = 0;
    const host = await serve((_request, response) => {
      asked += 1;
      setTimeout(() => response.writeHead(302, { location: `/${asked}` }).end(), 60);
    });
    const ran = await call(`http://${host}/`, { redirects: 10, timeoutMs: 200 });
    // Between two requests nothing is under way, and a connection that does not come in time sent nothing.
    expect(['http.cut', 'http.unreachable']).toContain(ran.error?.code);
    expect(ran.error?.message).toContain('200 ms, its time-out');
    expect(asked).toBeLessThan(11);
  });
  test('a caller that gives up is not called a time-out', async () => {
    const stop = new AbortController();
    const silent = await serve(() => stop.abort());
    const ran = await call(`http://${silent}/`, { method: 'POST', signal: stop.signal });
    expect(ran).toMatchObject({ status: 'unknown', error: { code: 'http.cut' } });
    expect(ran.error?.message).toContain('its caller gave up');
  });
});
