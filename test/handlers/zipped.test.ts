/** Answers come zipped to who takes that, whoever serves them; what they say, and what `If-None-Match` gets, stays the same. */
import { request } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createGuard, listen } from '../../src/cli/serve/index.ts';
import { codingFor, zippedFor } from '../../src/handlers/zipped.ts';
import { type Answered, type Asked, openService, type Service } from './support.ts';

const steps = Array.from({ length: 40 }, (_, n) => `\`\`\`sh { name=step_${n} }\necho ${n}\n\`\`\`\n`).join('\n');
const source = `---\nrunbook: long\ntitle: Many steps\n---\n# Many steps\n\n${steps}`;
const large = '/instances/long-1';
let service: Service;
beforeAll(async () => {
  service = await openService();
  await service.ask({
    method: 'PUT',
    path: '/runbooks/long',
    body: source,
    headers: { 'content-type': 'text/markdown' },
  });
  await service.ask({ method: 'POST', path: '/runbooks/long/instances', body: { instanceId: 'long-1' } });
});
afterAll(() => service?.world.drop());

const zipping = { 'accept-encoding': 'gzip, deflate' };
const unzipped = ({ text }: Answered): unknown => JSON.parse(gunzipSync(Buffer.from(text, 'base64')).toString());
const lasting = (body: unknown): unknown => ({ ...(body as object), nowMs: 0 });

test.each([
  [undefined, undefined],
  ['', undefined],
  ['deflate', undefined],
  ['br', 'br'],
  ['GZIP', 'gzip'],
  ['gzip, deflate', 'gzip'],
  ['gzip, deflate, br, zstd', 'br'],
  ['br;q=0.5, gzip;q=0.9', 'gzip'],
  ['gzip;q=1.0, identity; q=0.5, *;q=0', 'gzip'],
  ['gzip;q=0', undefined],
  ['*', 'br'],
  ['br;q=0, *', 'gzip'],
  ['*;q=0', undefined],
  ['gzip;q=0.3, identity;q=0.8', undefined],
  ['gzip;q=often', undefined],
])('of Accept-Encoding %j it takes %s', (accepted, coding) => {
  expect(codingFor(accepted, ['br', 'gzip'])).toBe(coding);
});

test('a large answer is zipped for who takes that, and says the same', async () => {
  const plain = await service.ask({ path: large });
  expect([plain.headers['content-encoding'], plain.headers.vary]).toEqual([undefined, 'accept-encoding']);
  const zipped = await service.ask({ path: large, headers: zipping });
  expect(zipped.headers).toMatchObject({
    'content-encoding': 'gzip',
    'content-type': 'application/json',
    vary: 'accept-encoding',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  expect(lasting(unzipped(zipped))).toEqual(lasting(plain.body));
  const smaller = await service.ask({ path: large, headers: { 'accept-encoding': 'gzip, deflate, br' } });
  expect(smaller.headers['content-encoding']).toBe('br');
  const bytes = Buffer.from(smaller.text, 'base64');
  expect(lasting(JSON.parse(brotliDecompressSync(bytes).toString()))).toEqual(lasting(plain.body));
  expect(Buffer.from(zipped.text, 'base64').byteLength).toBeLessThan(plain.text.length / 4);
});

test('an answer to anything but a read comes as it is, however large: one makes a link that votes', async () => {
  const planned = await service.ask({ method: 'POST', path: '/runbooks/long/plan', body: {}, headers: zipping });
  expect(planned.status).toBe(200);
  expect(planned.text.length).toBeGreaterThan(1_400);
  expect(planned.headers['content-encoding']).toBeUndefined();
});

test('what would be longer zipped comes as it is: what fitted fits', async () => {
  let state = 1;
  // Of every length in UTF-8, and without any order.
  const drawn = Array.from({ length: 20_000 }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return String.fromCharCode(0x20 + (state % 0xd7_00));
  });
  const body = JSON.stringify({ drawn: drawn.join('') });
  const asked = { headers: { 'accept-encoding': 'br' }, requestContext: { http: { method: 'GET' } } };
  const result = { statusCode: 200, headers: { 'content-type': 'application/json' }, body };
  const sent = await zippedFor(asked, result);
  expect(sent).toEqual({ ...result, headers: { ...result.headers, vary: 'accept-encoding' } });
  const orderly = { ...result, body: JSON.stringify({ drawn: 'a'.repeat(60_000) }) };
  expect(await zippedFor(asked, orderly)).toMatchObject({ isBase64Encoded: true });
});

test('a small one comes as it is, and so does a refusal', async () => {
  const health = await service.ask({ path: '/health', headers: zipping });
  expect([health.headers['content-encoding'], health.body]).toEqual([undefined, { status: 'ok' }]);
  const refused = await service.ask({ path: '/instances/none', headers: zipping });
  expect([refused.status, refused.headers['content-encoding'], refused.body.code]).toEqual([
    404,
    undefined,
    'instance.unknown',
  ]);
});

test('the tag of a zipped answer is a weak one, and gets 304 without a body like the other', async () => {
  for (let n = 0; n < 3; n += 1)
    await service.ask({ method: 'POST', path: '/runbooks/long/instances', body: { instanceId: `long-2${n}` } });
  const list = (headers: Asked['headers']) => service.ask({ path: '/instances', headers: headers ?? {} });
  const plain = await list({});
  const zipped = await list(zipping);
  expect([zipped.headers['content-encoding'], zipped.headers.etag]).toEqual(['gzip', `W/${plain.headers.etag}`]);
  for (const etag of [plain.headers.etag, zipped.headers.etag]) {
    const again = await list({ ...zipping, 'if-none-match': String(etag) });
    expect([again.status, again.text, again.headers['content-encoding']]).toEqual([304, '', undefined]);
    expect(again.headers.vary).toBe('accept-encoding');
  }
});

test('a port of one machine sends the bytes and their number, to HEAD the number alone', async () => {
  const token = 'a-token-of-the-tests';
  const server = await listen({
    host: '127.0.0.1',
    port: 0,
    guard: (port) => createGuard({ token, port }),
    api: async ({ rawPath, headers, requestContext }) => {
      const {
        status,
        headers: told,
        text,
      } = await service.ask({
        path: rawPath,
        headers,
        method: requestContext.http.method,
      });
      const isZipped = told['content-encoding'] !== undefined;
      return { statusCode: status, headers: told, body: text, ...(isZipped ? { isBase64Encoded: true } : {}) };
    },
    isLeaving: () => false,
  });
  const ask = (method: string, headers: Record<string, string>) =>
    new Promise<{ length: number; encoding: unknown; body: Buffer }>((resolve, reject) => {
      const all = { authorization: `Bearer ${token}`, ...headers };
      const asked = request({ host: '127.0.0.1', port: server.port, path: large, method, headers: all }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () => {
          const { 'content-length': length, 'content-encoding': encoding } = response.headers;
          resolve({ length: Number(length), encoding, body: Buffer.concat(chunks) });
        });
      });
      asked.on('error', reject).end();
    });
  try {
    const plain = await ask('GET', {});
    expect([plain.encoding, plain.length]).toEqual([undefined, plain.body.byteLength]);
    const zipped = await ask('GET', zipping);
    expect([zipped.encoding, zipped.length]).toEqual(['gzip', zipped.body.byteLength]);
    const said = (bytes: Buffer) => lasting(JSON.parse(bytes.toString()));
    expect(said(gunzipSync(zipped.body))).toEqual(said(plain.body));
    const head = await ask('HEAD', zipping);
    expect([head.encoding, head.body.byteLength]).toEqual(['gzip', 0]);
    expect(head.length).toBeGreaterThan(0);
    expect(head.length).toBeLessThan(plain.length / 4);
    // As a browser and the command line read it.
    const response = await fetch(`http://127.0.0.1:${server.port}${large}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(response.headers.get('content-encoding')).toBe('gzip');
    expect(lasting(await response.json())).toEqual(said(plain.body));
  } finally {
    await server.close();
  }
});
