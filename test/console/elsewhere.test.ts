/** `pawl console --url`: the page of a service elsewhere, on this machine, with this person's credentials. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createGuard, forwardTo, listen, whoAsks } from '../../src/cli/serve/index.ts';
import { createService, type ServiceSettings } from '../../src/cli/service.ts';
import { begin, until } from '../cli/support.ts';
import { newDataDir, removeDataDir, type Served, startServe, stopServe, token } from '../service/support.ts';
import { type Opened, openBrowser } from '../support/browser.ts';
import { verify } from '../support/sigv4.ts';
import { approval } from './scenes.ts';
import { wide } from './support.ts';

describe('the page of a running service', () => {
  let dataDir: string;
  let served: Served;
  let opened: Opened;
  let shown: ReturnType<typeof begin>;
  let url: string;
  let link: string;
  beforeAll(async () => {
    dataDir = await newDataDir();
    served = await startServe(dataDir);
    opened = await openBrowser();
    await served.publish(approval);
    const env = { PAWL_TOKEN: token, PAWL_ACTOR: 'bob' };
    shown = begin(dataDir, ['console', '--url', served.url, '--port', '0'], { env });
    await until('the login link', () => shown.out().includes('/login?code='));
    url = /is at (http:\/\/127\.0\.0\.1:\d+)\/console/.exec(shown.out())?.[1] ?? '';
    link = /(http:\S+\/login\?code=\w+)/.exec(shown.out())?.[1] ?? '';
  });
  afterAll(async () => {
    shown?.kill('SIGKILL');
    await opened?.close();
    await stopServe(served);
    await removeDataDir(dataDir);
  });

  it('acts as who started it, once the browser has logged in by the link', async () => {
    const instanceId = await served.start('release');
    await served.ask('POST', `/instances/${instanceId}/run`);
    const page = await (await opened.browser.newContext(wide)).newPage();
    await page.goto(`${url}/console/instances/${instanceId}`);
    await page.getByText('Sign in to see this page').waitFor();
    await page.goto(link);
    await page.goto(`${url}/console/instances/${instanceId}`);
    await page.getByText(/^As of /).waitFor();
    expect(await page.locator('.who').textContent()).toBe('bob');
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByText('You approved go.').waitFor();
    const { body } = await served.ask('GET', `/instances/${instanceId}/journal`);
    const vote = (body.entries as { kind: string; by: { actor: string } }[]).find(({ kind }) => kind === 'vote');
    expect(vote?.by.actor).toBe('bob');
    // What the browser has is worth nothing at the service itself.
    const cookies = await page.context().cookies();
    expect(JSON.stringify(cookies)).not.toContain(token);
  });

  it('answers nobody else: no other page, no other name of this machine, nobody without its login, not even with the token', async () => {
    const asks: [string, Record<string, string>, number][] = [
      ['/instances', {}, 401],
      ['/instances', { authorization: `Bearer ${token}` }, 401],
      ['/instances', { origin: 'https://evil.example' }, 403],
      ['/console', { origin: 'https://evil.example' }, 403],
      ['/console', {}, 200],
    ];
    for (const [path, headers, status] of asks)
      expect((await fetch(`${url}${path}`, { headers })).status, `${path} ${JSON.stringify(headers)}`).toBe(status);
  });

  it('hands on nothing that is not for a page: one-time links are for their bearers', async () => {
    for (const path of ['/links/abc', '/health']) {
      const response = await fetch(`${url}${path}`);
      expect([response.status, ((await response.json()) as { code: string }).code], path).toEqual([
        404,
        'route.unknown',
      ]);
    }
  });

  it('is what a one-time link of that service leads to', async () => {
    const instanceId = await served.start('release');
    await served.ask('POST', `/instances/${instanceId}/run`);
    const asBob = { 'x-pawl-actor': 'bob' };
    const { body } = await served.ask('POST', `/instances/${instanceId}/cells/go/links`, { actor: 'carol' }, asBob);
    const page = await (await fetch(String(body.link), { headers: { accept: 'text/html' } })).text();
    expect(page).toContain(`<a href="/console/instances/${instanceId}" rel="noreferrer" referrerpolicy="no-referrer">`);
  });

  it('says what to name, and what is wrong with what was named', async () => {
    const none = await begin(dataDir, ['console']).ended;
    expect([none.exit, none.err]).toEqual([2, expect.stringContaining('name it by --url')]);
    const nothing = await begin(dataDir, ['console', '--url', 'http://127.0.0.1:2']).ended;
    expect(nothing.err).toContain('Nothing listens at http://127.0.0.1:2');
    const wrong = await begin(dataDir, ['console', '--url', served.url], {
      env: { PAWL_TOKEN: 'another-token-of-this' },
    }).ended;
    expect([wrong.exit === 0, wrong.err]).toEqual([false, expect.stringContaining('asks for its token')]);
    const port = new URL(url).port;
    const env = { PAWL_TOKEN: token };
    const taken = await begin(dataDir, ['console', '--url', served.url, '--port', port], { env }).ended;
    expect(taken.err).toContain(`console --port ${Number(port) + 1}`);
  });

  it('ends by Ctrl-C, with exit code 0', async () => {
    shown.kill('SIGINT');
    expect((await shown.ended).exit).toBe(0);
  });
});

describe('a service that takes signed requests', () => {
  const secret = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
  const arn = 'arn:aws:sts::123456789012:assumed-role/oncall/ada';
  type Seen = {
    method: string;
    url: string;
    headers: IncomingHttpHeaders;
    body: string;
    signed: ReturnType<typeof verify>;
  };
  let seen: Seen[];
  let answer: { status: number; body: string; headers?: Record<string, string> };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const { method = '', url = '', headers } = request;
    const signed = verify(request, body, (id) => (id === 'AKIDEXAMPLE' ? secret : undefined));
    seen.push({ method, url, headers, body: body.toString(), signed });
    if (typeof signed === 'string') return void response.writeHead(403).end(JSON.stringify({ message: signed }));
    if (signed.service === 'sts')
      return void response
        .writeHead(200, { 'content-type': 'text/xml' })
        .end(
          `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>${arn}</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`,
        );
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers }).end(answer.body);
  });
  let at: URL;
  let settings: ServiceSettings;
  let page: Awaited<ReturnType<typeof listen>>;
  let cookie: string;
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    at = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    settings = { url: at, credentials: { kind: 'iam', region: 'eu-west-1' }, trace: null };
    const guard = (port: number) => createGuard({ token: 'a token that nobody has', port });
    const api = forwardTo(createService(settings));
    page = await listen({ host: '127.0.0.1', port: 0, guard, api, isLeaving: () => false });
    const code = page.guard.makeCode(arn);
    const login = await fetch(`http://127.0.0.1:${page.port}/login?code=${code}`);
    cookie = login.headers.get('set-cookie')?.split(';')[0] ?? '';
  });
  afterAll(async () => {
    await page?.close();
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    seen = [];
    answer = { status: 200, body: '{"views":[]}' };
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', secret);
    vi.stubEnv('AWS_ENDPOINT_URL_STS', at.origin);
  });
  afterEach(() => void vi.unstubAllEnvs());

  const ask = (path: string, init: RequestInit = {}) =>
    fetch(`http://127.0.0.1:${page.port}${path}`, { ...init, headers: { cookie, ...init.headers } });

  it('gets the requests of the page signed, and nothing that says who asks but the signature', async () => {
    const headers = {
      'content-type': 'application/json',
      'x-pawl-actor': 'mallory',
      'x-pawl-expected-actor': 'ada',
      authorization: 'Bearer of-the-page',
    };
    const body = JSON.stringify({ reason: 'früh um drei' });
    answer = { status: 200, body: '{"huge":12345678901234567890}', headers: { etag: '"a"', 'set-cookie': 'theirs=1' } };
    expect(await (await ask('/instances/a~b.0/cancel', { method: 'POST', headers, body })).text()).toBe(answer.body);
    const listed = await ask('/instances?text=a+b%2Bc&status=ready&status=halted', {
      headers: { 'if-none-match': '"a"' },
    });
    expect([listed.headers.get('etag'), listed.headers.get('set-cookie')]).toEqual(['"a"', null]);
    const signed = { accessKeyId: 'AKIDEXAMPLE', region: 'eu-west-1', service: 'execute-api' };
    expect(seen).toMatchObject([
      { method: 'POST', url: '/instances/a~b.0/cancel', body, signed },
      { method: 'GET', url: '/instances?text=a%20b%2Bc&status=ready&status=halted', signed },
    ]);
    for (const { headers: told } of seen)
      expect([told.cookie, told['x-pawl-actor'], told.origin]).toEqual([undefined, undefined, undefined]);
    expect(seen[0]?.headers['x-pawl-expected-actor']).toBe('ada');
    expect(seen[1]?.headers['if-none-match']).toBe('"a"');
  });

  it('is told nothing but the API’s routes, whatever a path looks like', async () => {
    for (const path of [
      '/',
      '/instances/../links/abc',
      '/instances/a/..%2f..%2flinks%2fabc/x',
      '/2018-06-01/runtime',
      '/links/abc',
    ]) {
      const response = await ask(path);
      expect(response.status, path).toBe(404);
      await response.body?.cancel();
    }
    expect(seen).toEqual([]);
    await ask('/instances/..%2Flinks%2Fabc');
    expect(seen.map(({ url }) => url)).toEqual(['/instances/..%2Flinks%2Fabc']);
  });

  it('refuses, and the page is told what to do', async () => {
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', secret);
    answer = { status: 403, body: '{"message":"Forbidden"}' };
    const refused = await ask('/instances');
    expect([refused.status, await refused.json()]).toEqual([
      403,
      expect.objectContaining({
        code: 'permission.missing',
        detail: expect.stringContaining('attach one of the policies'),
      }),
    ]);
    answer = { status: 200, body: '<html>' };
    expect(((await (await ask('/instances')).json()) as { detail: string }).detail).toContain('is no Pawl service');
    answer = { status: 409, body: '{"code":"seq.stale","detail":"It moved on.","seq":7}' };
    expect(await (await ask('/instances')).json()).toEqual({ code: 'seq.stale', detail: 'It moved on.', seq: 7 });
  });

  it('says by AWS itself whose credentials these are, as the journal will have it', async () => {
    expect(await whoAsks(settings)).toBe(arn);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'another');
    await expect(whoAsks(settings)).rejects.toThrow('AWS does not say whose credentials these are');
  });

  it('is not asked without credentials', async () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) vi.stubEnv(name, '');
    for (const [name, value] of Object.entries({
      AWS_EC2_METADATA_DISABLED: 'true',
      HOME: '/nonexistent',
      AWS_PROFILE: '',
    }))
      vi.stubEnv(name, value);
    const service = createService(settings);
    await expect(service.call({ method: 'GET', path: ['instances'] })).rejects.toThrow(
      /Nothing can be signed .*log in to AWS/,
    );
    expect(seen).toEqual([]);
  });
});

describe('whom a token stands for', () => {
  const tokenFor = (claims: object): string => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.x`;
  it.each([
    ['the subject that an issuer’s token names', tokenFor({ sub: 'user-7' }), 'user-7'],
    ['who says so, with that of a service on one machine', 'a-token-of-the-tests', 'bob'],
    ['who says so, with one that names nobody', tokenFor({ iss: 'x' }), 'bob'],
  ])('%s', async (_, given, expected) => {
    const credentials = { kind: 'token', token: given, actor: 'bob', groups: '' } as const;
    expect(await whoAsks({ url: new URL('https://pawl.example'), credentials, trace: null })).toBe(expected);
  });
});
