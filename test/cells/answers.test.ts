/** What becomes of the bytes of an answer: its codings, its charset, its cookies. */
import { createServer, type OutgoingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { createExecute } from '../../src/cells/index.ts';
import { limits, type RenderedBody } from '../../src/engine/index.ts';
import { type Ran, run } from './cells.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});
type Http = Extract<RenderedBody, { kind: 'http' }>;
const seen: (string | undefined)[] = [];
const ask = async (headers: OutgoingHttpHeaders, content: Buffer | string, over: Partial<Http> = {}): Promise<Ran> => {
  const server = createServer((request, response) => {
    seen.push(request.headers['accept-encoding']);
    response.writeHead(200, headers).end(content);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return await run(
    { kind: 'http', method: 'GET', url, headers: [], body: null, ...over },
    { timeoutMs: 10_000 },
    createExecute({ httpAllow: ['127.0.0.1'] }),
  );
};
const told = async (...given: Parameters<typeof ask>) => JSON.parse((await ask(...given)).output ?? '');
const text = (type: string): OutgoingHttpHeaders => ({ 'content-type': type });
const coded = (coding: string, type = 'text/plain'): OutgoingHttpHeaders => ({
  ...text(type),
  'content-encoding': coding,
});

describe('codings', () => {
  test.each([
    ['gzip', gzipSync('grüß dich')],
    ['x-gzip', gzipSync('grüß dich')],
    ['GZIP', gzipSync('grüß dich')],
    ['deflate', deflateSync('grüß dich')],
    ['deflate', deflateRawSync('grüß dich')],
    ['br', brotliCompressSync('grüß dich')],
    ['identity', Buffer.from('grüß dich')],
    ['gzip, br', brotliCompressSync(gzipSync('grüß dich'))],
  ])('%s is undone', async (coding, content) => {
    expect(await told(coded(coding), content)).toMatchObject({
      body: 'grüß dich',
      headers: { 'content-encoding': coding },
    });
  });
  test('JSON in it keeps its large integers', async () => {
    const ran = await ask(coded('gzip', 'application/json'), gzipSync('{"id":12345678901234567890}'));
    expect(ran.output).toContain('"body":{"id":12345678901234567890}');
  });
  test('are asked for, unless the cell asks for something else', async () => {
    seen.length = 0;
    await ask({}, '');
    await ask({}, '', { headers: [['Accept-Encoding', 'identity']] });
    expect(seen).toEqual(['gzip, deflate, br', 'identity']);
  });
  test('an answer without a body has none to undo', async () => {
    expect(await told(coded('gzip'), '')).toMatchObject({ status: 200, body: '' });
    expect(await told(coded('br'), '', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
  });
  test.each([
    ['that is unknown', 'zz', Buffer.from('plain')],
    ['that it is not', 'gzip', Buffer.from('plain')],
    ['that ends too early', 'gzip', gzipSync('a long enough text').subarray(0, 20)],
    ['that is broken inside', 'br', Buffer.from([0xff, 0xff, 0xff, 0xff])],
    ['again and again', 'gzip, gzip, gzip, gzip', gzipSync(gzipSync(gzipSync(gzipSync('x'))))],
  ])('one %s leaves the bytes as they came', async (_what, coding, content) => {
    const { body, bodyEncoding, status } = await told(coded(coding), content);
    expect({ body, bodyEncoding, status }).toEqual({
      body: content.toString('base64'),
      bodyEncoding: 'base64',
      status: 200,
    });
  });
  test.each([
    ['gzip', gzipSync(Buffer.alloc(300 * 1024 * 1024))],
    ['br', brotliCompressSync(Buffer.alloc(50 * 1024 * 1024))],
    ['gzip, gzip', gzipSync(gzipSync(Buffer.alloc(50 * 1024 * 1024)))],
  ])('what is small and becomes large by %s is cut where an output ends', async (coding, content) => {
    expect(content.length).toBeLessThan(limits.outputBytesMax);
    const ran = await ask(coded(coding), content);
    expect(ran.status).toBe('completed');
    expect(ran.output).toHaveLength(limits.outputHeadBytesMax);
    expect(ran.outputBytes).toBeGreaterThan(limits.outputBytesMax);
  });
  test('of what is too large as it comes, the beginning is told', async () => {
    const noise = Buffer.alloc(limits.outputBytesMax * 2);
    for (let at = 0; at < noise.length; at += 1) noise[at] = 32 + ((at * at * 31 + (at >> 7) * 17) % 95);
    const ran = await ask(coded('gzip'), gzipSync(noise, { level: 0 }));
    expect(ran.outputBytes).toBeGreaterThan(limits.outputBytesMax);
    expect(ran.output).toContain(JSON.stringify(noise.toString('latin1', 0, 40)).slice(1, -1));
  });
});

describe('texts', () => {
  const utf16 = Buffer.from('\ufeffgrüß', 'utf16le');
  test.each([
    ['text/plain; charset=iso-8859-1', Buffer.from('grüß', 'latin1'), 'grüß'],
    ['text/plain;charset="latin1"', Buffer.from('grüß', 'latin1'), 'grüß'],
    ['text/html; charset=windows-1252', Buffer.from([0x80]), '€'],
    ['text/plain; charset=utf-16le', Buffer.from('grüß', 'utf16le'), 'grüß'],
    ['text/plain; charset=utf-16be', Buffer.from('grüß', 'utf16le').swap16(), 'grüß'],
    ['text/plain; charset=utf-16', utf16, 'grüß'],
    ['text/plain; charset=utf-16', Buffer.from(utf16).swap16(), 'grüß'],
    ['text/plain', utf16, 'grüß'],
    ['text/csv', '\ufeffa;b', 'a;b'],
    ['application/octet-stream', '\ufeffa;b', 'a;b'],
    ['application/json', '\ufeff{"a":1}', { a: 1 }],
    ['application/json; charset=utf-16le', Buffer.from('{"a":"ü"}', 'utf16le'), { a: 'ü' }],
    ['application/atom+xml; charset=iso-8859-1', Buffer.from('<a>ü</a>', 'latin1'), '<a>ü</a>'],
    ['text/plain; charset=nonsense', 'grüß', 'grüß'],
    ['text/plain; charset=us-ascii', 'plain', 'plain'],
    ['image/png; charset=latin1', 'grüß', 'grüß'],
    ['', 'grüß', 'grüß'],
  ])('of the type %j are read', async (type, content, body) => {
    const answer = await told(type === '' ? {} : text(type), content);
    expect(answer.body).toEqual(body);
    expect(answer).not.toHaveProperty('bodyEncoding');
  });
  test.each([
    ['image/png', Buffer.from([0x89, 0x50, 0xff])],
    ['image/png; charset=latin1', Buffer.from([0x89, 0x50, 0xff])],
    ['application/octet-stream', Buffer.from([0xff, 0xfe, 0x41, 0x00])],
    ['text/plain', Buffer.from('grüß', 'latin1')],
    ['text/plain; charset=utf-8', Buffer.from('grüß', 'latin1')],
    ['text/plain; charset=utf-16le', Buffer.from([0x00, 0xd8, 0xff])],
  ])('what is none that can be read without loss is base64: %s', async (type, content) => {
    expect(await told(text(type), content)).toMatchObject({ body: content.toString('base64'), bodyEncoding: 'base64' });
  });
});

describe('cookies', () => {
  const headers = { 'Set-Cookie': ['sid=s3cr3t; Expires=Sat, 28 Nov 2026 10:00:00 GMT', 'b=2'], 'X-Many': ['1', '2'] };
  test('stand nowhere in the output', async () => {
    const ran = await ask(headers, 'x');
    expect(ran.output).not.toMatch(/cookie|s3cr3t/i);
    expect(JSON.parse(ran.output ?? '').headers['x-many']).toBe('1, 2');
  });
  test('are a list where the cell asks for them, one as well as several', async () => {
    expect((await told(headers, 'x', { cookies: 'keep' })).headers['set-cookie']).toEqual(headers['Set-Cookie']);
    expect((await told({ 'set-cookie': 'a=1' }, 'x', { cookies: 'keep' })).headers['set-cookie']).toEqual(['a=1']);
    expect((await told({}, 'x', { cookies: 'keep' })).headers).not.toHaveProperty('set-cookie');
  });
});
