/** The page in the browser as `api` serves it on AWS: files for everybody, and never another file or an operation. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createConsoleFiles, type SignIn } from '../../src/handlers/consoleFiles.ts';
import { colours } from '../../src/handlers/look.ts';
import { signInOf } from '../../src/handlers/signIn.ts';
import { openService, type Service } from './support.ts';

const index = '<!doctype html><title>Pawl</title>';
const script = 'export const a = 1;\n';
const jwt: SignIn = {
  auth: 'jwt',
  issuer: 'https://issuer.example/pool',
  clientId: 'pawl',
  scopes: 'openid pawl:read',
};
const origins = ['https://issuer.example', 'https://login.example'];

let folder: string;
let service: Service;
let iam: Service;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pawl-console-'));
  await mkdir(join(folder, 'console/assets'), { recursive: true });
  await writeFile(join(folder, 'console/index.html'), index);
  await writeFile(join(folder, 'console/assets/index-A1b2_c3.js'), script);
  await writeFile(join(folder, 'secret.js'), 'a secret');
  const place = pathToFileURL(join(folder, 'console/'));
  const plain = await openService();
  service = plain.as({ auth: 'jwt', console: { signIn: jwt, files: createConsoleFiles(place, origins) } });
  iam = plain.as({ auth: 'iam', console: { signIn: { auth: 'iam' }, files: createConsoleFiles(place) } });
});
afterAll(async () => {
  await service?.world.drop();
  await rm(folder, { recursive: true, force: true });
});

const textOf = (text: string): string => Buffer.from(text, 'base64').toString();

describe('the files of the page', () => {
  test.each([
    ['/console'],
    ['/console/'],
    ['/console/instances/a~b.0'],
    ['/console/signed-in'],
    ['/console/../secret.js'],
  ])(
    '%s is the index, asked for anew each time, under a policy that names whom else the page may ask',
    async (path) => {
      const { status, headers, text } = await service.ask({ path });
      expect([status, textOf(text)]).toEqual([200, index]);
      expect(headers).toMatchObject({
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-cache',
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'content-security-policy':
          "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' https://issuer.example https://login.example; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      });
    },
  );

  test('a file whose name says what it holds is kept for a year, and comes zipped to who takes that', async () => {
    const path = '/console/assets/index-A1b2_c3.js';
    const plain = await service.ask({ path });
    expect([plain.status, textOf(plain.text), plain.headers['content-encoding']]).toEqual([200, script, undefined]);
    expect(plain.headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
      vary: 'accept-encoding',
    });
    const zipped = await service.ask({ path, headers: { 'accept-encoding': 'br, gzip' } });
    expect(zipped.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(Buffer.from(zipped.text, 'base64')).toString()).toBe(script);
    const known = await service.ask({ path, headers: { 'if-none-match': `"other", ${plain.headers.etag}` } });
    expect([known.status, known.text]).toEqual([304, '']);
  });

  test.each([
    ['/console/assets/index-other.js'],
    ['/console/assets/'],
    ['/console/assets/../../secret.js'],
    ['/console/assets/..%2f..%2fsecret.js'],
    ['/console/assets/%2e%2e/%2e%2e/secret.js'],
    ['/console/assets/..\\..\\secret.js'],
    ['/console/assets/index-A1b2_c3.js.map'],
    ['/console/assets//index-A1b2_c3.js'],
  ])('%s is none: 404', async (path) => {
    const { status, body } = await service.ask({ path });
    expect([status, body.code]).toEqual([404, 'route.unknown']);
  });

  test('nothing but GET is taken, and beside them no operation is reached without a token', async () => {
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const { status, headers } = await service.ask({ method, path: '/console/instances/a/cancel', body: {} });
      expect([status, headers.allow], method).toEqual([405, 'GET']);
    }
    expect((await service.ask({ path: '/instances' })).status).toBe(401);
    expect((await service.ask({ path: '/consoles' })).status).toBe(404);
  });

  test('where no page is served, its paths are unknown', async () => {
    const { status, body } = await service.as({ console: undefined }).ask({ path: '/console' });
    expect([status, body.code]).toEqual([404, 'route.unknown']);
  });
});

test('pages that load nothing have its colours, light and dark', async () => {
  const sheet = await readFile(new URL('../../src/console/style.css', import.meta.url), 'utf8');
  expect(sheet.startsWith(colours)).toBe(true);
});

describe('how one signs in', () => {
  test('stands in config.json, which nobody keeps', async () => {
    const told = await service.ask({ path: '/console/config.json' });
    expect([told.headers['content-type'], told.headers['cache-control']]).toEqual(['application/json', 'no-store']);
    expect(JSON.parse(textOf(told.text))).toEqual(jwt);
    const signed = await iam.ask({ path: '/console/config.json' });
    expect(JSON.parse(textOf(signed.text))).toEqual({ auth: 'iam' });
    expect((await iam.ask({ path: '/console' })).headers['content-security-policy']).toContain("connect-src 'self';");
  });

  const deployed = { PAWL_AUTH: 'jwt', PAWL_JWT_ISSUER: 'https://issuer.example/pool', PAWL_JWT_CLIENT_ID: 'pawl' };
  test.each<[string, Record<string, string>, unknown]>([
    ['by signed requests', { PAWL_AUTH: 'iam' }, { signIn: { auth: 'iam' }, origins: [] }],
    ['nowhere on its user’s own machine', { IS_OFFLINE: 'true' }, undefined],
    ['nowhere without an issuer', { PAWL_AUTH: 'jwt' }, undefined],
    [
      'at the issuer, and where its tokens come from',
      {
        ...deployed,
        PAWL_JWT_SCOPES: 'openid  pawl/read',
        PAWL_JWT_ORIGINS: 'https://login.example/oauth2 https://issuer.example',
      },
      {
        signIn: { auth: 'jwt', issuer: 'https://issuer.example/pool', clientId: 'pawl', scopes: 'openid pawl/read' },
        origins: ['https://issuer.example', 'https://login.example'],
      },
    ],
  ])('%s', (_, env, expected) => expect(signInOf(env)).toEqual(expected));

  test.each<[string, Record<string, string>]>([
    ['PAWL_JWT_ISSUER', { ...deployed, PAWL_JWT_ISSUER: 'http://issuer.example' }],
    ['PAWL_JWT_ISSUER', { ...deployed, PAWL_JWT_ISSUER: "'unsafe-inline'" }],
    ['PAWL_JWT_CLIENT_ID', { ...deployed, PAWL_JWT_CLIENT_ID: '' }],
    ['PAWL_JWT_ORIGINS', { ...deployed, PAWL_JWT_ORIGINS: "https://a.example; script-src '*'" }],
  ])('%s is refused when it is no such thing', (name, env) => {
    expect(() => signInOf(env)).toThrow(name);
  });
});
