/** `pawl context`: named places to work with, and who chooses them. */
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { setup } from './support.ts';

const place = setup();
const env = { PAWL_DATA_DIR: '' };
const pawl = (...args: string[]) => place.pawlWith(env)(...args);

let url: string;
let seen: (string | undefined)[] = [];
const server = createServer((request, response) => {
  seen.push(request.headers.authorization);
  response.setHeader('content-type', 'application/json');
  response.end('{"views":[],"next":null,"atLeast":false}');
});
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  seen = [];
});

describe('a context', () => {
  it('is kept in a file of the user, chosen for a command or for all to come, and told', async () => {
    await writeFile(join(place.folder, 'prod-token'), 'a-token-for-prod\n');
    const set = await pawl('context', 'set', 'prod', '--url', url, '--token-file', 'prod-token');
    expect([set.exit, set.out]).toEqual([0, expect.stringContaining('`pawl context use prod`')]);
    const file = join(place.folder, '.config/pawl/config.json');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readFile(file, 'utf8')).not.toContain('a-token-for-prod');

    // Not in use yet.
    expect((await pawl('list')).out).toContain('no store here');
    expect((await pawl('--context', 'prod', 'list')).out).toContain(url);
    expect(seen.every((one) => one === 'Bearer a-token-for-prod')).toBe(true);
    expect(seen.length).toBeGreaterThan(0);

    expect((await pawl('context', 'use', 'prod')).exit).toBe(0);
    const used = await pawl('list');
    expect([used.out, used.err]).toEqual([expect.stringContaining(url), 'Context prod.\n']);
    expect((await pawl('list', '--json')).err).toBe('');
    const listed = await pawl('context', 'list', '--json');
    expect(listed.json).toMatchObject({ current: 'prod', contexts: [{ name: 'prod', url, current: true }] });

    // What is named for one command comes first.
    seen = [];
    const elsewhere = await pawl('list', '--data', 'elsewhere');
    expect([elsewhere.out, elsewhere.err, seen]).toEqual([expect.stringContaining('elsewhere'), '', []]);

    expect((await pawl('context', 'use', '--none')).exit).toBe(0);
    expect((await pawl('list')).out).toContain('no store here');
    expect((await pawl('context', 'remove', 'prod')).exit).toBe(0);
    expect((await pawl('--context', 'prod', 'list')).err).toContain('There is no context prod');
  });

  it('of a folder may be named, and never chooses itself; `use` takes it over as it is now', async () => {
    await mkdir(join(place.folder, 'project/deep'), { recursive: true });
    const file = join(place.folder, 'project/pawl.config.json');
    await writeFile(file, JSON.stringify({ contexts: { stage: { url } }, current: 'stage' }));
    const there = (...args: string[]) => place.shell(`cd project/deep && PAWL_DATA_DIR= pawl ${args.join(' ')}`);
    expect((await there('list')).out).toContain('no store here');
    expect((await there('--context', 'stage', 'list')).out).toContain(url);
    expect((await there('context', 'use', 'stage')).exit).toBe(0);
    await writeFile(file, JSON.stringify({ contexts: { stage: { url: 'http://127.0.0.1:1' } } }));
    expect((await there('list')).out).toContain(url);
    expect((await pawl('context', 'use', '--none')).exit).toBe(0);
  });

  it.each([
    [['context', 'set', 'x'], 'A context is --url URL'],
    [['context', 'set', 'x/y', '--url', 'http://127.0.0.1:1'], 'cannot be the name of a context'],
    [['context', 'set', 'x', '--data', 'd', '--region', 'r'], 'A context is --url URL'],
    [['context', 'use'], 'Give the name of a context'],
    [['context', 'use', 'nowhere'], 'There is no context nowhere'],
    [['--context', 'nowhere', 'list'], 'There is no context nowhere'],
    [['--context', 'x', '--data', 'd', 'list'], 'give one of them'],
  ])('%j is refused', async (args, why) => {
    const { exit, err } = await pawl(...args);
    expect([exit, err]).toEqual([2, expect.stringContaining(why)]);
  });

  it('that cannot be read is refused with its file and place', async () => {
    const folder = join(place.folder, '.config/pawl');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'config.json'), '{"contexts":{"x":{"url":"nonsense"}},"current":"x"}');
    const { exit, err } = await pawl('list');
    expect([exit, err]).toEqual([2, expect.stringMatching(/config\.json is not a configuration of Pawl: contexts\.x/)]);
  });
});
