/** Which folder the store is in, what makes it, and what is said where there is none. */
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dataPlace } from '../../src/cli/dataPlace.ts';
import { manual } from './documents.ts';
import { at, createWarm, type Ended, setup, transports } from './support.ts';

const warm = createWarm();
let root: string;
/** In a folder below `root`, where nothing says where the store is unless `env` does. */
const pawlIn = (below: string, args: string[], env: Record<string, string> = {}): Promise<Ended> => {
  mkdirSync(join(root, below), { recursive: true });
  return warm.pawl(join(root, below), args, { env: { PAWL_DATA_DIR: '', ...env } });
};
const hello = join(import.meta.dirname, '../../runbooks/hello.md');

beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'pawl-place-')));
});
afterAll(async () => {
  await warm.end();
  rmSync(root, { recursive: true, force: true });
});

describe('where nothing names it', () => {
  const reading: string[][] = [
    ['list'],
    ['doubts'],
    ['claim', 'list'],
    ['verify', '--all'],
    ['rebuild', '--all'],
    ['status', 'nothing'],
    ['journal', 'nothing'],
    ['claim', 'get', 'nothing'],
    ['advance', 'nothing'],
    ['verdict', 'nothing', '--seq', '1', '--skip', '--reason', 'gone'],
    ['cancel', 'nothing', '--reason', 'gone'],
    ['start', 'nothing'],
    ['vote', 'nothing', 'cell'],
    ['redrive'],
  ];

  test.each(reading.map((args) => [args.join(' '), args] as const))('%s makes no store', async (_, args) => {
    const { exit, out, err } = await pawlIn('empty/below', args);
    expect(existsSync(join(root, 'empty/below/.pawl'))).toBe(false);
    if (args[0] === 'redrive') return; // It reads a folder, and no store.
    expect(out + err).toContain(
      `There is no store here or above: no .pawl in ${join(root, 'empty/below')} or a folder`,
    );
    const asked = args.at(-1) === 'list' || args.at(-1) === '--all' || args[0] === 'doubts';
    expect(exit).toBe(asked ? 0 : 2);
  });

  test('`pawl doubts` does not say that nothing is in doubt, and the document says where it looked', async () => {
    expect((await pawlIn('empty', ['doubts'])).out).not.toContain('in doubt');
    const { json } = await pawlIn('empty', ['doubts', '--json']);
    expect(json).toMatchObject({ doubts: [], store: join(root, 'empty/.pawl') });
    const unknown = await pawlIn('empty', ['status', 'nothing', '--json']);
    expect(at(unknown.json, 'error')).toMatchObject({
      code: 'instance.unknown',
      message: expect.stringContaining('There is no store here or above'),
      details: { store: join(root, 'empty/.pawl') },
    });
  });

  test('a run makes .pawl where it is called; from below it is found, the nearest first', async () => {
    expect(await pawlIn('work', ['run', hello, '--instance', 'outer'])).toMatchObject({ exit: 0 });
    expect(existsSync(join(root, 'work/.pawl/pawl.db'))).toBe(true);
    const ids = async (below: string) => {
      const { json } = await pawlIn(below, ['list', '--json']);
      return [json.store, (json.views as { instanceId: string }[]).map(({ instanceId }) => instanceId)];
    };
    expect(await ids('work/a/b')).toEqual([join(root, 'work/.pawl'), ['outer']]);
    expect(await pawlIn('work/a/b', ['run', hello, '--instance', 'second'])).toMatchObject({ exit: 0 });
    expect(existsSync(join(root, 'work/a/b/.pawl'))).toBe(false);
    mkdirSync(join(root, 'work/c/.pawl'), { recursive: true });
    expect(await ids('work/c/d')).toEqual([join(root, 'work/c/.pawl'), []]);
  });

  test('nothing in doubt where there are runs needs no more words', async () => {
    expect(await pawlIn('runs', ['run', hello, '--instance', 'one'])).toMatchObject({ exit: 0 });
    expect(await pawlIn('runs', ['doubts'])).toMatchObject({ exit: 0, out: 'Nothing is in doubt.\n' });
  });
});

describe('what is named', () => {
  test('--data comes before PAWL_DATA_DIR and a service, and PAWL_DATA_DIR before a .pawl', async () => {
    mkdirSync(join(root, 'named/.pawl'), { recursive: true });
    const elsewhere = { PAWL_DATA_DIR: join(root, 'by-env'), PAWL_URL: 'http://127.0.0.1:9' };
    const given = await pawlIn('named', ['--data', 'by-flag', 'run', hello, '--instance', 'flagged'], elsewhere);
    expect(given).toMatchObject({ exit: 0, err: '' });
    expect(existsSync(join(root, 'named/by-flag/pawl.db'))).toBe(true);
    const listed = await pawlIn('named', ['list', '--json', '--data', join(root, 'named/by-flag')], elsewhere);
    expect(at(listed.json, 'views', 0, 'instanceId')).toBe('flagged');
    const env = await pawlIn('named', ['list'], { PAWL_DATA_DIR: join(root, 'by-env') });
    expect(env.out).toMatch(`There is no store in ${join(root, 'by-env')}. `);
  });

  test('what comes next is said with it, and works when it is pasted', async () => {
    mkdirSync(join(root, 'pasted'), { recursive: true });
    const file = join(root, 'pasted/asks.md');
    writeFileSync(file, manual);
    const { exit, out } = await pawlIn('pasted', ['run', file, '--data', 'my store', '--instance', 'pasted']);
    expect(exit).toBe(3);
    const commands = [...out.matchAll(/`pawl ([^`]+)`/g)].map(([, command = '']) => command);
    expect(commands.length).toBeGreaterThan(1);
    for (const command of commands) expect(command).toMatch(/^--data 'my store' /);
    const pasted = await pawlIn('pasted', ['--data', 'my store', 'done', 'pasted', 'look', '--note', 'looked']);
    expect(pasted).toMatchObject({ exit: 0, err: '' });
  });

  test('--data and --url together are refused', async () => {
    const { exit, err } = await pawlIn('named', ['list', '--data', 'x', '--url', 'http://127.0.0.1:9']);
    expect(exit).toBe(2);
    expect(err).toContain('give one of them');
  });
});

test('a .pawl of another user is not taken for ours, unless it is named', () => {
  const dataDir = join(root, 'theirs/.pawl');
  mkdirSync(dataDir, { recursive: true });
  const below = join(root, 'theirs');
  const another = (process.getuid?.() ?? 0) + 1;
  expect(() => dataPlace(undefined, below, another)).toThrow(`${dataDir} belongs to another user`);
  expect(dataPlace(undefined, below)).toEqual({ dataDir });
  expect(dataPlace('.pawl', below, another)).toEqual({ dataDir });
});

describe.each(transports)('an empty store, %s', (over) => {
  const place = setup(over);

  test('is named where nothing is found in it', async () => {
    await place.write('asks.md', manual);
    expect(await place.pawl('publish', 'asks.md')).toMatchObject({ exit: 0 });
    const store = over === 'in process' ? join(place.folder, 'data') : 'http://127.0.0.1:';
    const doubts = await place.pawl('doubts');
    expect(doubts).toMatchObject({ exit: 0, err: '' });
    expect(doubts.out).toContain(`Nothing is in doubt. There are no runs.\nLooked in ${store}`);
    expect((await place.pawl('list')).out).toContain(`begins one.\nLooked in ${store}`);
    expect((await place.pawl('claim', 'list')).out).toContain(`makes one.\nLooked in ${store}`);
    expect((await place.pawl('list', '--json')).json).toMatchObject({
      views: [],
      store: expect.stringContaining(store),
    });
  });
});
