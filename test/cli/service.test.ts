/** Reaching a service: how a URL is read, how requests are signed, and what is made of whatever answers. */
import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { httpClient } from '../../src/cli/httpClient.ts';
import { createService, readService, type ServiceSettings } from '../../src/cli/service.ts';

type Seen = { method: string; url: string; headers: IncomingHttpHeaders; body: string };
let seen: Seen[];
let answer: { status: number; type?: string; body: string; headers?: Record<string, string> };
const server = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => {
    body += chunk;
  });
  request.on('end', () => {
    const { method = '', url = '', headers } = request;
    seen.push({ method, url, headers, body });
    response.writeHead(answer.status, { 'content-type': answer.type ?? 'application/json', ...answer.headers });
    response.end(answer.body);
  });
});
let url: URL;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  seen = [];
  answer = { status: 200, body: '{"views":[],"next":null}' };
});

const local = (over: Partial<ServiceSettings> = {}) =>
  createService({ url, credentials: { kind: 'local', actor: 'alice', groups: '' }, trace: null, ...over });

describe('the URL of a service', () => {
  const read = (text: string, env: Record<string, string> = {}) => readService(text, env, 'alice').credentials;

  it('on this machine needs no credentials: it is told who acts', () => {
    for (const text of ['http://127.0.0.1:3000', 'http://localhost:3000', 'http://[::1]:3000'])
      expect(read(text)).toEqual({ kind: 'local', actor: 'alice', groups: '' });
  });

  it('on AWS is signed for, in the region that its name says', () => {
    expect(read('https://abc123.execute-api.eu-west-1.amazonaws.com')).toEqual({ kind: 'iam', region: 'eu-west-1' });
    expect(read('https://pawl.example.com', { AWS_REGION: 'eu-north-1' })).toEqual({
      kind: 'iam',
      region: 'eu-north-1',
    });
  });

  it('gets a token instead where there is one', () => {
    expect(read('https://pawl.example.com', { PAWL_TOKEN: 'abc' })).toEqual({ kind: 'token', token: 'abc' });
  });

  it.each([
    ['nonsense', 'give the URL of a service'],
    ['ftp://pawl.example.com', 'give a URL with http or https'],
    ['http://pawl.example.com', 'what is not on this machine is reached by https alone'],
    ['https://me:secret@pawl.example.com', 'give it without user, query and fragment'],
    ['https://pawl.example.com', 'so set AWS_REGION; or give PAWL_TOKEN'],
  ])('%s is refused: %s', (text, why) => {
    expect(() => read(text)).toThrow(why);
  });

  it('that is not encrypted never gets a token', () => {
    expect(() => read('http://pawl.example.com', { PAWL_TOKEN: 'abc' })).toThrow('https alone');
  });
});

/** Signature Version 4 by its description, over what has arrived. */
const signatureOf = ({ method, url: target, headers, body }: Seen, secret: string): string => {
  const hash = (text: string) => createHash('sha256').update(text).digest('hex');
  const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
  const [, scope = '', names = ''] =
    headers.authorization?.match(/Credential=[^/]+\/(\S+), SignedHeaders=([^,]+),/) ?? [];
  const [date = '', region = '', service = ''] = scope.split('/');
  const [path = '', query = ''] = target.split('?');
  const sorted = [...new URLSearchParams(query)]
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .sort();
  const signed = names.split(';').map((name) => `${name}:${String(headers[name]).trim()}\n`);
  const segments = path.split('/').map((segment) => encodeURIComponent(segment));
  const canonical = [method, segments.join('/'), sorted.join('&'), signed.join(''), names, hash(body)].join('\n');
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, hash(canonical)].join('\n');
  const key = [date, region, service, 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${secret}`);
  return createHmac('sha256', key).update(text).digest('hex');
};

describe('a request', () => {
  it('says on this machine who acts, and is a span in the trace of its caller', async () => {
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await local({ trace }).call({ method: 'GET', path: ['instances'], query: { status: 'ready', next: undefined } });
    expect(seen[0]).toMatchObject({ method: 'GET', url: '/instances?status=ready' });
    expect(seen[0]?.headers['x-pawl-actor']).toBe('alice');
    expect(seen[0]?.headers.traceparent).toMatch(
      /^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)[0-9a-f]{16}-01$/,
    );
  });

  it('is signed with the usual credentials: a signature that AWS would take', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY');
    vi.stubEnv('AWS_SESSION_TOKEN', 'a-session');
    const service = local({ credentials: { kind: 'iam', region: 'eu-west-1' } });
    await service.call({ method: 'GET', path: ['instances'], query: { next: 'a/b+c d', limit: 5 } });
    await service.call({ method: 'PUT', path: ['runbooks', 'tidy'], markdown: '# Ünïcode' });
    vi.unstubAllEnvs();
    expect(seen).toHaveLength(2);
    for (const one of seen) {
      expect(one.headers.authorization).toMatch(
        /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-west-1\/execute-api\/aws4_request, SignedHeaders=\S*host\S*, /,
      );
      expect(one.headers['x-amz-security-token']).toBe('a-session');
      expect(one.headers['x-pawl-actor']).toBeUndefined();
      const signature = signatureOf(one, 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY');
      expect(one.headers.authorization).toContain(`Signature=${signature}`);
    }
  });

  it('brings its token', async () => {
    await local({ credentials: { kind: 'token', token: 'abc' } }).call({ method: 'GET', path: ['instances'] });
    expect(seen[0]?.headers.authorization).toBe('Bearer abc');
  });

  it('keeps what is meant as one segment of the path in one', async () => {
    await local().call({ method: 'GET', path: ['instances', '../runbooks?x#y'] });
    expect(seen[0]?.url).toBe('/instances/..%2Frunbooks%3Fx%23y');
  });
});

describe('an answer', () => {
  const refusal = async (call = { method: 'POST' as const, path: ['instances'] }) =>
    await local()
      .call(call)
      .then(
        () => undefined,
        ({ code, message, details }) => ({ code, message, details }),
      );

  it('that refuses is the refusal of the service, with all it says', async () => {
    const body = { type: 'urn:x', title: 'Conflict', status: 409, code: 'seq.stale', detail: 'Stale.', seq: 4 };
    answer = { status: 409, type: 'application/problem+json', body: JSON.stringify(body) };
    expect(await refusal()).toEqual({ code: 'seq.stale', message: 'Stale.', details: { seq: 4 } });
  });

  it('of API Gateway names the policies when it lets nobody through, and asks to come again when it is busy', async () => {
    answer = { status: 403, body: '{"message":"Forbidden"}' };
    expect(await refusal()).toMatchObject({ code: 'permission.missing', message: expect.stringContaining('policies') });
    answer = { status: 503, body: '{"message":"Service Unavailable"}' };
    expect(await refusal()).toMatchObject({ code: 'store.unavailable' });
  });

  it('of something else says that it is no Pawl service, and no redirect is followed', async () => {
    answer = { status: 200, type: 'text/html', body: '<html>' };
    expect(await refusal()).toMatchObject({
      code: 'request.invalid',
      message: expect.stringContaining('no Pawl service'),
    });
    answer = { status: 302, body: '', headers: { location: 'http://127.0.0.1:1/' } };
    expect(await refusal()).toMatchObject({ code: 'request.invalid' });
    expect(seen).toHaveLength(2);
  });

  it('that was lost is asked for again where nothing is done by it, and nowhere else', async () => {
    answer = { status: 500, body: '{"message":"Internal Server Error"}' };
    expect(await refusal()).toMatchObject({ code: 'store.unavailable' });
    expect(seen).toHaveLength(1);
    seen = [];
    await expect(local().call({ method: 'GET', path: ['instances'] })).rejects.toThrow('could not answer');
    expect(seen).toHaveLength(3);
  });

  it('that never came says that it is not known what was done', async () => {
    const nobody = createService({
      url: new URL('http://127.0.0.1:1'),
      credentials: { kind: 'local', actor: 'a', groups: '' },
      trace: null,
    });
    await expect(nobody.call({ method: 'POST', path: ['instances'] })).rejects.toThrow(
      /Whether it was done is not known/,
    );
  });
});

describe('publishing', () => {
  const setAside = { of: async () => [] } as never;
  it('puts a document where its front matter says, or where the service says', async () => {
    const body = { status: 400, title: 'Bad Request', code: 'request.invalid', detail: 'Elsewhere.', runbookId: 'b' };
    answer = { status: 400, body: JSON.stringify(body) };
    const publishing = httpClient(local(), { setAside }).publish('---\nrunbook: "a"\ntitle: x\n---\n');
    await expect(publishing).rejects.toThrow('Elsewhere.');
    expect(seen.map(({ method, url: target }) => `${method} ${target}`)).toEqual([
      'PUT /runbooks/a',
      'PUT /runbooks/b',
    ]);
    expect(seen[0]?.headers['content-type']).toBe('text/markdown');
  });

  it('redriving is refused: a service believes nobody about an outcome', async () => {
    await expect(httpClient(local(), { setAside }).redrive({} as never)).rejects.toThrow('without --url and PAWL_URL');
  });
});
