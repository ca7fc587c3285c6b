/** Reaching a service: how a URL is read, how requests are signed, and what is made of whatever answers. */
import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createClient } from '../../src/cli/client.ts';
import type { Interruption } from '../../src/cli/interruption.ts';
import type { Screen } from '../../src/cli/screen.ts';
import { createService, readService, type ServiceSettings } from '../../src/cli/service.ts';
import { createSession } from '../../src/cli/session.ts';
import { readSettings } from '../../src/cli/settings.ts';
import { overHttp } from '../../src/cli/transports/http.ts';
import type { Unrecorded } from '../../src/engine/index.ts';

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
  answer = { status: 200, body: '{"views":[],"next":null,"atLeast":false}' };
});

const local = (over: Partial<ServiceSettings> = {}) =>
  createService({
    url,
    credentials: { kind: 'token', token: undefined, actor: 'alice', groups: '' },
    trace: null,
    ...over,
  });

describe('the URL of a service', () => {
  const read = (text: string, env: Record<string, string> = {}) =>
    readService(text, env, 'alice', () => drawn).credentials;
  const drawn = 'drawn-by-the-service';

  it('on this machine gets the token of the data folder, and is told who acts', () => {
    for (const text of ['http://127.0.0.1:3000', 'http://localhost:3000', 'http://[::1]:3000'])
      expect(read(text)).toEqual({ kind: 'token', token: drawn, actor: 'alice', groups: '' });
  });

  it('on AWS is signed for, in the region that its name says', () => {
    expect(read('https://abc123.execute-api.eu-west-1.amazonaws.com')).toEqual({ kind: 'iam', region: 'eu-west-1' });
    expect(read('https://pawl.example.com', { AWS_REGION: 'eu-north-1' })).toEqual({
      kind: 'iam',
      region: 'eu-north-1',
    });
  });

  it('gets a token instead where there is one', () => {
    expect(read('https://pawl.example.com', { PAWL_TOKEN: 'abc' })).toEqual({
      kind: 'token',
      token: 'abc',
      actor: 'alice',
      groups: '',
    });
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
    await local({ credentials: { kind: 'token', token: 'abc', actor: 'alice', groups: '' } }).call({
      method: 'GET',
      path: ['instances'],
    });
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
      credentials: { kind: 'token', token: undefined, actor: 'a', groups: '' },
      trace: null,
    });
    await expect(nobody.call({ method: 'POST', path: ['instances'] })).rejects.toThrow(
      /Whether it was done is not known/,
    );
  });
});

describe('the client over it', () => {
  const client = () => createClient(overHttp(local()));

  it('puts a document to its runbook as it is, and asks for everything else in JSON', async () => {
    const version = { runbookId: 'a', version: 1, sourceHash: 's', runHash: 'r', cells: 0, created: true };
    answer = { status: 200, body: JSON.stringify(version) };
    await client().publish({ path: { runbookId: 'a' }, body: '---\nrunbook: "a"\n---\n' });
    answer = { status: 200, body: '{"view":{}}' };
    await client().done({ path: { instanceId: 'i', cell: 'look' }, body: { result: 'done', note: 'n' } });
    expect(seen.map(({ method, url: target, headers }) => [method, target, headers['content-type']])).toEqual([
      ['PUT', '/runbooks/a', 'text/markdown'],
      ['POST', '/instances/i/cells/look/done', 'application/json'],
    ]);
    expect(seen.map(({ body }) => body)).toEqual(['---\nrunbook: "a"\n---\n', '{"result":"done","note":"n"}']);
  });

  it('leaves out what was not said', async () => {
    await client().listInstances({ query: { runbook: undefined, limit: 5 } });
    expect(seen[0]?.url).toBe('/instances?limit=5');
  });

  it('redriving is refused: a service believes nobody about an outcome', async () => {
    const settings = readSettings({ url: url.href }, {});
    const session = createSession({} as Screen, settings, {} as Interruption);
    await expect(session.redrive({} as Unrecorded)).rejects.toThrow('without --url and PAWL_URL');
    expect(seen).toEqual([]);
  });
});
