import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { isPublic } from '../../src/cells/addresses.ts';
import { createExecute, parseHttpAllow } from '../../src/cells/index.ts';
import { type Ran, run } from './cells.ts';

const servers: { close(): unknown; closeAllConnections?(): void }[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections?.();
    server.close();
  }
});
const listen = async (server: Server | ReturnType<typeof createTcp>): Promise<string> => {
  servers.push(server as never);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
};
const serve = (answer: (request: IncomingMessage, response: ServerResponse, body: string) => void): Promise<string> =>
  listen(
    createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += chunk));
      request.on('end', () => answer(request, response, body));
    }),
  );
const call = (
  url: string,
  over: {
    method?: string;
    headers?: [string, string][];
    trace?: string;
    free?: true;
    body?: string | null;
    timeoutMs?: number;
    allow?: string[];
    lookup?: (host: string) => Promise<string[]>;
  } = {},
): Promise<Ran> =>
  run(
    { kind: 'http', method: over.method ?? 'GET', url, headers: over.headers ?? [], body: over.body ?? null },
    {
      timeoutMs: over.timeoutMs ?? 60_000,
      ...(over.trace === undefined ? {} : { trace: over.trace }),
      ...(over.free && { free: over.free }),
    },
    createExecute({
      httpAllow: over.allow ?? ['127.0.0.1', 'service.test'],
      ...(over.lookup === undefined ? {} : { lookup: over.lookup }),
    }),
  );

describe('http cells', () => {
  test('send the key and answer with status, headers and body; large integers survive', async () => {
    const seen: unknown[] = [];
    const host = await serve((request, response, body) => {
      seen.push(request.method, request.headers['idempotency-key'], request.headers['x-a'], body);
      response
        .writeHead(201, { 'content-type': 'application/json; charset=utf-8', 'x-b': 'c' })
        .end('{"id":12345678901234567890}');
    });
    const ran = await call(`http://${host}/pay?x=1`, { method: 'POST', headers: [['X-A', 'b']], body: '{"a":1}' });
    expect(seen).toEqual(['POST', 'test/i1/cell/1', 'b', '{"a":1}']);
    expect(ran.status).toBe('completed');
    expect(ran.output).toContain('"body":{"id":12345678901234567890}}');
    expect(JSON.parse(ran.output ?? '')).toMatchObject({ status: 201, headers: { 'x-b': 'c' } });
  });
  test('hand on the trace of whoever asked, unless they send one of their own', async () => {
    const seen: unknown[] = [];
    const host = await serve((request, response) => {
      seen.push(request.headers.traceparent);
      response.writeHead(200).end();
    });
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await call(`http://${host}/`, { trace });
    await call(`http://${host}/`, { trace, headers: [['TraceParent', 'mine']] });
    await call(`http://${host}/`);
    expect(seen).toEqual([trace, 'mine', undefined]);
  });
  test('text stays text, bytes become base64, JSON that is none stays text', async () => {
    const host = await serve((request, response) => {
      if (request.url === '/text') response.writeHead(200, { 'content-type': 'text/plain' }).end('hello');
      else if (request.url === '/bytes') response.writeHead(200).end(Buffer.from([255, 0, 254]));
      else response.writeHead(200, { 'content-type': 'application/json' }).end('{');
    });
    const bodyOf = async (path: string) => JSON.parse((await call(`http://${host}${path}`)).output ?? '');
    expect((await bodyOf('/text')).body).toBe('hello');
    expect(await bodyOf('/bytes')).toMatchObject({ body: '/wD+', bodyEncoding: 'base64' });
    expect((await bodyOf('/json')).body).toBe('{');
  });
  test.each(['application/json', 'text/json;charset=utf-8', 'application/problem+json', 'Application/X-JSON'])(
    'an answer of the type %s is JSON',
    async (type) => {
      const host = await serve((_request, response) => response.writeHead(200, { 'content-type': type }).end('[1]'));
      expect(JSON.parse((await call(`http://${host}/`)).output ?? '').body).toEqual([1]);
    },
  );
  test.each(['text/plain; x=json', 'application/json-seq', 'text/html'])(
    'an answer of the type %s is text',
    async (type) => {
      const host = await serve((_request, response) => response.writeHead(200, { 'content-type': type }).end('[1]'));
      expect(JSON.parse((await call(`http://${host}/`)).output ?? '').body).toBe('[1]');
    },
  );
  test('what asks for no effect sends no key of one: a safe method, a probe, a poll', async () => {
    const seen: unknown[] = [];
    const host = await serve((request, response) => {
      seen.push([request.method, request.headers['idempotency-key']]);
      response.writeHead(200).end();
    });
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'POST']) await call(`http://${host}/`, { method });
    await call(`http://${host}/`, { method: 'POST', free: true });
    expect(seen).toEqual([
      ['GET', undefined],
      ['HEAD', undefined],
      ['OPTIONS', undefined],
      ['POST', 'test/i1/cell/1'],
      ['POST', undefined],
    ]);
  });
  test.each([
    ['GET', 404, 'failed', 'http.status'],
    ['GET', 302, 'failed', 'http.status'],
    ['GET', 503, 'failed', 'http.status'],
    ['POST', 403, 'failed', 'http.status'],
    ['POST', 307, 'failed', 'http.status'],
    ['POST', 302, 'unknown', 'http.unclear'],
    ['POST', 409, 'unknown', 'http.unclear'],
    ['POST', 500, 'unknown', 'http.unclear'],
    ['POST', 503, 'unknown', 'http.unclear'],
    ['POST', 504, 'unknown', 'http.unclear'],
  ])(
    'an answer to %s of %i is %s, with its output, whenever it wants to be asked again',
    async (method, status, expected, code) => {
      let asked = 0;
      const host = await serve((_request, response) => {
        asked += 1;
        response.writeHead(status, { location: 'http://169.254.169.254/', 'retry-after': '1' }).end('x');
      });
      const ran = await call(`http://${host}/`, { method });
      expect(ran).toMatchObject({ status: expected, error: { code } });
      expect(JSON.parse(ran.output ?? '').status).toBe(status);
      expect(asked).toBe(1);
    },
  );
  const date = 'Sat, 28 Nov 2026 10:00:00 GMT';
  test.each([
    [{ 'retry-after': '30' }, 30_000],
    [{ 'retry-after': ' 120 ' }, 120_000],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after': '315360000' }, 315_360_000_000],
    [{ 'retry-after': 'Sat, 28 Nov 2026 10:00:45 GMT', date }, 45_000],
    [{ 'retry-after': 'Sat, 28 Nov 2026 09:00:00 GMT', date }, 0],
    [{ 'retry-after': ['7', '9'] }, 7_000],
    [{ 'retry-after': '1.5' }, undefined],
    [{ 'retry-after': '-1' }, undefined],
    [{ 'retry-after': '9'.repeat(400) }, undefined],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '2026-11-28T10:00:45Z', date }, undefined],
    [{ 'retry-after': 'Xyz, 99 Foo 2026 10:00:45 GMT', date }, undefined],
    [{}, undefined],
  ] as const)('an answer with %j asks for a pause of %s ms', async (headers, askedMs) => {
    const host = await serve((_request, response) =>
      response.writeHead(429, { ...headers } as OutgoingHttpHeaders).end(),
    );
    expect((await call(`http://${host}/`)).askedMs).toBe(askedMs);
  });
  test.each([
    ['nested 10,000 deep', '['.repeat(10_000) + ']'.repeat(10_000)],
    ['nested one too deep', '['.repeat(201) + ']'.repeat(201)],
    ['of too many values', `[${Array(500_000).fill('1').join(',')},1]`],
  ])('JSON %s stays a text: whoever reads it next is not harmed', async (_how, body) => {
    const host = await serve((_request, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(body),
    );
    const ran = await call(`http://${host}/`);
    expect(ran.status).toBe('completed');
    expect(JSON.parse(ran.output ?? '').body).toBe(body);
  });
  test('JSON as deep as may be is read; brackets inside of texts do not count', async () => {
    const deep = '['.repeat(200) + ']'.repeat(200);
    const text = JSON.stringify({ a: `\\"${'['.repeat(1_000)}` });
    const host = await serve((request, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(request.url === '/deep' ? deep : text),
    );
    for (const [path, body] of [
      ['/deep', deep],
      ['/text', text],
    ]) {
      const ran = await call(`http://${host}${path}`);
      expect(JSON.stringify(JSON.parse(ran.output ?? '').body)).toBe(body);
    }
  });
  test('a body beyond the limit is cut, with the size so far (hostile 31)', async () => {
    const host = await serve((_request, response) => {
      response.on('error', () => {});
      const chunk = Buffer.alloc(1024 * 1024, 'x');
      const push = (): void => {
        while (!response.destroyed && response.write(chunk));
        if (!response.destroyed) response.once('drain', push);
      };
      push();
    });
    const ran = await call(`http://${host}/`, { timeoutMs: 20_000 });
    expect(ran.status).toBe('completed');
    expect(ran.outputBytes).toBeGreaterThan(5 * 1024 * 1024);
    expect(ran.output?.length).toBe(64 * 1024);
  });
});

describe('what is known when no answer comes', () => {
  test('refused, unresolvable, or another protocol: nothing was sent, so it failed', async () => {
    expect(await call('http://127.0.0.1:1/')).toMatchObject({
      status: 'failed',
      error: { code: 'http.unreachable', message: expect.stringContaining('nothing was sent') },
    });
    expect(await call('http://no-such-host.invalid/')).toMatchObject({
      status: 'failed',
      error: { code: 'http.unreachable' },
    });
    const plain = await serve((_request, response) => response.end());
    expect(await call(`https://${plain}/`)).toMatchObject({ status: 'failed', error: { code: 'http.unreachable' } });
  });
  test('reset after the request arrived: it may have happened', async () => {
    const host = await serve((request) => request.socket.destroy());
    expect(await call(`http://${host}/`, { method: 'POST' })).toMatchObject({
      status: 'unknown',
      error: { code: 'http.cut' },
    });
  });
  test('no answer in time, or one byte a moment: it may have happened (hostile 33)', async () => {
    const silent = await serve(() => {});
    expect(await call(`http://${silent}/`, { timeoutMs: 2_000 })).toMatchObject({
      status: 'unknown',
      error: { code: 'http.cut' },
    });
    const drip = await serve((_request, response) => {
      const timer = setInterval(() => response.write('x'), 50);
      response.on('close', () => clearInterval(timer));
    });
    expect(await call(`http://${drip}/`, { timeoutMs: 2_000 })).toMatchObject({
      status: 'unknown',
      error: { code: 'http.cut' },
    });
  });
  test('a body cut in the middle: it may have happened', async () => {
    const host = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half');
      setTimeout(() => response.destroy(), 50);
    });
    expect(await call(`http://${host}/`)).toMatchObject({ status: 'unknown', error: { code: 'http.cut' } });
  });
  test('no retry and no second connection: one request reaches a target that cuts it (scenario 18)', async () => {
    let connections = 0;
    const host = await listen(
      createTcp((socket) => {
        connections += 1;
        socket.on('error', () => {});
        socket.once('data', () => socket.destroy());
      }),
    );
    await call(`http://${host}/`);
    expect(connections).toBe(1);
  });
});

describe('addresses that are not public are refused before any packet (hostile 22–30)', () => {
  test.each([
    'http://169.254.169.254/latest/meta-data/',
    'http://127.0.0.1:9001/',
    'http://localhost./',
    'http://[::1]/',
    'http://[::]/',
    'http://0.0.0.0/',
    'http://[fe80::1]/',
    'http://0x7f.1/',
    'http://2130706433/',
    'http://127.1/',
    'http://10.0.0.1/',
    'http://192.168.1.1/',
    'http://100.64.0.1/',
    'http://[::ffff:127.0.0.1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[2002:7f00:1::]/',
    'http://[fd00::1]/',
    'http://224.0.0.1/',
    'ftp://example.com/',
    'file:///etc/passwd',
    'http://user:pass@example.com/',
  ])('%s', async (url) => {
    expect(await call(url, { allow: [] })).toMatchObject({
      status: 'failed',
      error: { code: 'http.blocked' },
      unbegun: true,
    });
  });
  test('a name with one public and one private address', async () => {
    const ran = await call('http://mixed.test/', { allow: [], lookup: async () => ['93.184.216.34', '10.0.0.1'] });
    expect(ran).toMatchObject({
      status: 'failed',
      error: { code: 'http.blocked', message: expect.stringContaining('mixed.test (10.0.0.1)') },
    });
  });
  test('the connection goes to the address that was checked, not to what the name says later', async () => {
    const host = await serve((request, response) => response.end(String(request.headers.host)));
    const port = host.split(':')[1];
    let asked = 0;
    const lookup = async () => (asked++ === 0 ? ['127.0.0.1'] : ['10.255.255.1']);
    const ran = await call(`http://service.test:${port}/`, { lookup });
    expect(JSON.parse(ran.output ?? '').body).toBe(`service.test:${port}`);
    expect(asked).toBe(1);
  });
  test('an allowance may name a port, and then only that one is exempt', async () => {
    const host = await serve((_request, response) => response.end('ok'));
    expect((await call(`http://${host}/`, { allow: [host] })).status).toBe('completed');
    expect((await call(`http://${host}/`, { allow: ['127.0.0.1:1'] })).error?.code).toBe('http.blocked');
  });
  test.each([
    ['169.254.169.254', '169.254.169.254'],
    ['169.254.170.2', '169.254.170.2'],
    ['169.254.170.23', '169.254.170.23'],
    ['[fd00:ec2::254]', 'fd00:ec2::254'],
    ['[fd00:0ec2:0:0:0:0:0:254]', 'fd00:ec2::254'],
    ['[fd00:ec2::23]', 'fd00:ec2::23'],
    ['2852039166', '169.254.169.254'],
    ['[::ffff:169.254.169.254]', '::ffff:a9fe:a9fe'],
    ['[64:ff9b::a9fe:a9fe]', '64:ff9b::a9fe:a9fe'],
  ])('what hands out the credentials of a machine is refused whatever is allowed: %s', async (host, address) => {
    const allow = ['169.254.169.254', host, `[${address}]`, address, new URL(`http://${host}/`).host];
    const ran = await call(`http://${host}/latest/meta-data/`, { allow });
    expect(ran).toMatchObject({
      ...{ status: 'failed', unbegun: true },
      error: { code: 'http.blocked', message: expect.stringContaining('no cell gets there, whatever is allowed') },
    });
  });
  test('also by a name that is allowed, if only one of its addresses is that', async () => {
    const lookup = async () => ['93.184.216.34', '169.254.169.254'];
    const ran = await call('http://service.test/', { allow: ['service.test'], lookup });
    expect(ran).toMatchObject({ status: 'failed', error: { code: 'http.blocked' }, unbegun: true });
  });
  test('and where a redirect leads to it', async () => {
    const to = 'http://169.254.169.254/latest/';
    const host = await serve((_request, response) => response.writeHead(302, { location: to }).end());
    const ran = await run(
      { kind: 'http', method: 'GET', url: `http://${host}/`, headers: [], body: null, redirects: 2 },
      {},
      createExecute({ httpAllow: ['127.0.0.1', '169.254.169.254'] }),
    );
    expect(ran).toMatchObject({ status: 'failed', error: { code: 'http.blocked' } });
  });
  test('public addresses are public', () => {
    expect(['93.184.216.34', '2606:4700::1111', '64:ff9b::5db8:d822'].map(isPublic)).toEqual([true, true, true]);
  });
  test('a header that would break out, a method or URL that is none', async () => {
    expect(await call('http://127.0.0.1/', { headers: [['X-A', 'b\r\nHost: evil']] })).toMatchObject({
      status: 'failed',
      error: { code: 'http.invalid' },
    });
    expect(await call('nonsense')).toMatchObject({ status: 'failed', error: { code: 'http.invalid' }, unbegun: true });
  });
});

test('PAWL_HTTP_ALLOW is read with clear errors', () => {
  expect(parseHttpAllow(' localhost:8080, Example.com ,[::1]:80,')).toEqual([
    'localhost:8080',
    'example.com',
    '[::1]:80',
  ]);
  for (const bad of ['http://x', 'a:b', 'a:99999', 'a b', '::1'])
    expect(() => parseHttpAllow(bad)).toThrow(/PAWL_HTTP_ALLOW has/);
});
