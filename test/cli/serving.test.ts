/** The port of `pawl serve` under callers who mean it harm, and what it is given at its start. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { changeContexts, chosenContext } from '../../src/cli/contexts.ts';
import { drawToken } from '../../src/cli/localToken.ts';
import { createGuard, listen } from '../../src/cli/serve/index.ts';
import { setup } from './support.ts';

const token = 'a-token-of-the-tests';
const place = setup();
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pawl-serving-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (tls?: { cert: string; key: string }) =>
  listen({
    host: '127.0.0.1',
    port: 0,
    ...(tls === undefined ? {} : { tls }),
    guard: (port) => createGuard({ token, port }),
    api: async () => ({ statusCode: 200, headers: {}, body: '{}' }),
    isLeaving: () => true,
  });

describe('the port', () => {
  it('ends although a request never comes whole, whoever sends it', async () => {
    const server = await open();
    const sockets = [`authorization: Bearer ${token}\r\n`, ''].map((authorization) => {
      const socket = connect(server.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write(`POST /x HTTP/1.1\r\nHost: localhost\r\n${authorization}Content-Length: 1000\r\n\r\nab`);
      return socket;
    });
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    // Asked after them, so that they are under way.
    expect((await fetch(`http://127.0.0.1:${server.port}/health`)).status).toBe(200);
    await server.close();
    await Promise.all(
      sockets.map((socket) => socket.destroyed || new Promise((resolve) => socket.once('close', resolve))),
    );
  });

  it('says that a certificate is none', async () => {
    await expect(open({ cert: 'x', key: 'y' })).rejects.toMatchObject({
      code: 'request.invalid',
      message: expect.stringContaining('--tls-cert'),
    });
  });

  const statusOf = (headers: Record<string, string>, options: { isPublic?: boolean; isTls?: boolean } = {}): number => {
    const guard = createGuard({ token, port: 3000, ...options });
    const asked = { method: 'GET', path: '/instances', query: new URLSearchParams(), headers };
    const checked = guard.check({ ...asked, headers: { authorization: `Bearer ${token}`, ...headers } });
    return checked.kind === 'passed' ? 200 : checked.status;
  };

  it('knows itself by every address of this machine, and by TLS, and nobody else', () => {
    expect(statusOf({ host: '127.0.0.2:3000' })).toBe(200);
    expect(statusOf({ host: 'localhost:3000', origin: 'https://localhost:3000' })).toBe(403);
    expect(statusOf({ host: 'localhost:3000', origin: 'https://localhost:3000' }, { isTls: true })).toBe(200);
    expect(statusOf({ host: 'evil.example', origin: 'https://evil.example' }, { isTls: true })).toBe(403);
    expect(statusOf({ host: '127.0.0.1.evil.example:3000' })).toBe(403);
    expect(statusOf({ host: 'pawl.example', origin: 'https://pawl.example' }, { isPublic: true })).toBe(200);
  });
});

describe('a login', () => {
  const query = (path: string) => new URL(path, 'http://localhost').searchParams;
  const headers = { host: 'localhost:3000' };
  /** Whom a browser is taken for that came by a link. */
  const personBy = (guard: ReturnType<typeof createGuard>, path: string): unknown => {
    const entered = guard.check({ method: 'GET', path: '/login', query: query(path), headers });
    const cookie = entered.kind === 'answered' ? (entered.headers['set-cookie']?.split(';')[0] ?? '') : '';
    const checked = guard.check({ method: 'GET', path: '/me', query: query('/'), headers: { ...headers, cookie } });
    return checked.kind === 'passed' ? checked.person : checked.status;
  };

  it('names who it is for and their groups, as whoever has the token says', () => {
    const guard = createGuard({ token, port: 3000 });
    expect(personBy(guard, `/login?code=${guard.makeCode('ada', 'sre, dba')}`)).toEqual({
      actor: 'ada',
      groups: 'sre, dba',
    });
    expect(personBy(guard, `/login?code=${guard.makeCode('ada.b')}`)).toEqual({ actor: 'ada.b', groups: '' });
  });

  it('keeps no more groups than a cookie holds', () => {
    const guard = createGuard({ token, port: 3000 });
    const ask = (groups: string) => {
      const asked = { ...headers, authorization: `Bearer ${token}`, 'x-pawl-groups': groups };
      return guard.check({ method: 'POST', path: '/login', query: query('/'), headers: asked });
    };
    expect(ask('a'.repeat(1_000))).toMatchObject({ status: 201 });
    expect(ask('a'.repeat(1_001))).toMatchObject({ status: 400, body: expect.stringContaining('1000 characters') });
  });
});

describe('pawl serve', () => {
  it('refuses a drain that no timer holds: cells would be stopped at once', async () => {
    const { exit, err } = await place.begin(['serve', '--port', '0', '--drain', '9999999']).ended;
    expect([exit, err]).toEqual([2, expect.stringContaining('drainSecondsMax')]);
  });
});

describe('what a header cannot carry', () => {
  const asked = (env: Record<string, string>) => place.begin(['list', '--url', 'http://127.0.0.1:1'], { env }).ended;
  it('is told before anything is sent, and no token is quoted', async () => {
    const [actor, secret] = await Promise.all([
      asked({ PAWL_ACTOR: '李雷' }),
      asked({ PAWL_TOKEN: 'first-secret-line\nsecond-secret-line' }),
    ]);
    expect([actor.exit, actor.err]).toEqual([2, expect.stringContaining('PAWL_ACTOR')]);
    expect([secret.exit, secret.err]).toEqual([2, expect.stringContaining('PAWL_TOKEN')]);
    expect(secret.err).not.toContain('secret-line');
  });

  it('a service that is proposed is not told to work with the one that is away', async () => {
    const { err } = await asked({});
    expect(err).toContain('`pawl serve` starts a service');
  });
});

describe('the token', () => {
  it('that others may have read is no secret: it is refused, and a new one drawn once it is removed', () => {
    const file = join(folder, 'token');
    writeFileSync(file, `${'a'.repeat(32)}\n`, { mode: 0o644 });
    expect(() => drawToken(folder, undefined)).toThrow('others may read it, and may have; remove it');
    rmSync(file);
    expect(drawToken(folder, undefined)).toMatch(/^[0-9a-f]{48}$/);
  });

  it('is there whole or not at all, and a link to nowhere is told', () => {
    const drawn = drawToken(folder, undefined);
    expect(drawToken(folder, undefined)).toBe(drawn);
    expect(readdirSync(folder)).toEqual(['token']);
    rmSync(join(folder, 'token'));
    symlinkSync(join(folder, 'nowhere'), join(folder, 'token'));
    expect(() => drawToken(folder, undefined)).toThrow(expect.objectContaining({ code: 'store.misconfigured' }));
    expect(readdirSync(folder)).toEqual(['token']);
  });
});

describe('the file of contexts', () => {
  it('of a folder names no file of the user, which would be sent where it says', () => {
    const context = { url: 'https://elsewhere.example', tokenFile: '../../.ssh/id' };
    writeFileSync(join(folder, 'pawl.config.json'), JSON.stringify({ contexts: { theirs: context } }));
    expect(() => chosenContext('theirs', { HOME: folder }, folder)).toThrow('only a file of your own may');
  });

  const env = () => ({ HOME: folder });
  it('of a folder, broken or not, stops nobody who names none of it', () => {
    changeContexts(env(), (now) => ({ ...now, contexts: { mine: { data: '/d' } }, current: 'mine' }));
    writeFileSync(join(folder, 'pawl.config.json'), '{{{');
    expect(chosenContext(undefined, env(), folder)).toMatchObject({ name: 'mine', context: { data: '/d' } });
    expect(chosenContext('mine', env(), folder)).toMatchObject({ name: 'mine' });
    expect(() => chosenContext('theirs', env(), folder)).toThrow(/is not a configuration/);
  });

  it('of a folder is never taken for what is in use', () => {
    changeContexts(env(), (now) => ({ ...now, current: 'theirs' }));
    writeFileSync(join(folder, 'pawl.config.json'), '{"contexts":{"theirs":{"url":"https://evil.example"}}}');
    expect(() => chosenContext(undefined, env(), folder)).toThrow(/There is no context theirs/);
  });

  it('is not looked for by a path that begins where we are', () => {
    changeContexts(env(), (now) => ({ ...now, contexts: { mine: { data: '/d' } } }));
    expect(chosenContext('mine', { ...env(), XDG_CONFIG_HOME: '.config' }, folder)).toMatchObject({ name: 'mine' });
    expect(readFileSync(join(folder, '.config/pawl/config.json'), 'utf8')).toContain('mine');
  });

  // Where there is no /proc the folder cannot be made either.
  it('says at once where it cannot be written', () => {
    expect(() => changeContexts({ HOME: '/proc/x' }, (now) => now)).toThrow(/cannot be written/);
  });
});
