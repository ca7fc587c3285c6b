/** The command line on its own store: many at once, a backup, what it loads, and folders that it cannot use. */
import { mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { twoCells } from './documents.ts';
import { at, begin, setup } from './support.ts';

const place = setup();
const manyAtOnce = 50;

test(`${manyAtOnce} runs at once on one folder that is not there yet: all succeed, and their journals are whole`, async () => {
  await place.write('two.md', twoCells);
  const all = await Promise.all(
    Array.from({ length: manyAtOnce }, (_, i) => place.begin(['run', 'two.md', '--instance', `at-once-${i}`]).ended),
  );
  expect(all.filter(({ exit }) => exit !== 0).map(({ err }) => err)).toEqual([]);
  const verified = await place.pawl('verify', '--all', '--json');
  expect(verified.exit).toBe(0);
  expect(at(verified.json, 'verified')).toHaveLength(manyAtOnce);
}, 300_000);

test('a backup opens as a store of its own; over something that stands, of nothing, and elsewhere it is refused', async () => {
  const made = await place.pawl('backup', join(place.folder, 'copy.db'), '--json');
  expect(made).toMatchObject({ exit: 0, err: '' });
  await mkdir(join(place.folder, 'other'), { mode: 0o700 });
  expect((await place.pawl('backup', join(place.folder, 'copy.db'))).exit).toBe(2);
  await rename(join(place.folder, 'copy.db'), join(place.folder, 'other/pawl.db'));
  const env = { PAWL_DATA_DIR: join(place.folder, 'other') };
  const verified = await begin(place.folder, ['verify', '--all', '--json'], { env }).ended;
  expect([verified.exit, (at(verified.json, 'verified') as unknown[]).length]).toEqual([0, manyAtOnce]);
  const nothing = { PAWL_DATA_DIR: join(place.folder, 'nothing') };
  const refused = await begin(place.folder, ['backup', 'x.db'], { env: nothing }).ended;
  expect([refused.exit, refused.err]).toEqual([2, expect.stringContaining('There is no store in')]);
  await expect(stat(nothing.PAWL_DATA_DIR)).rejects.toThrow();
  const elsewhere = await begin(place.folder, ['backup', 'x.db'], { env: { PAWL_STORE: 'aws' } }).ended;
  expect([elsewhere.exit, elsewhere.err]).toEqual([2, expect.stringContaining('point-in-time recovery')]);
});

test('a command on this machine imports no package of AWS', async () => {
  // Told by the loader itself, of everything that is imported in the whole process.
  const hook = `export const resolve = async (specifier, context, next) => {
      const found = await next(specifier, context);
      if (/node_modules\\/@(aws|smithy)/.test(found.url)) (await import('node:fs')).writeSync(2, 'loaded ' + found.url + '\\n');
      return found;
    };`;
  const register = `import { register } from 'node:module'; register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hook)}));`;
  await writeFile(join(place.folder, 'register.mjs'), register);
  const env = { NODE_OPTIONS: `--import=${join(place.folder, 'register.mjs')}` };
  for (const args of [
    ['run', 'two.md', '--instance', 'looked-at'],
    ['list'],
    ['status', 'looked-at'],
    ['backup', join(place.folder, 'looked-at.db')],
  ]) {
    const ended = await place.begin(args, { env }).ended;
    expect([args[0], ended.exit, ended.err]).toEqual([args[0], 0, '']);
  }
  const dynamo = await place.begin(['list'], { env: { ...env, PAWL_DYNAMODB_ENDPOINT: 'http://127.0.0.1:9' } }).ended;
  expect(dynamo.err).toContain('loaded ');
});

test.each([
  ['/proc/x', ['publish', 'two.md']],
  ['two.md', ['list']],
  ['two.md/below', ['list']],
])('the folder %s is refused at once, with what to do', async (folder, args) => {
  const ended = await begin(place.folder, args, { env: { PAWL_DATA_DIR: folder } }).ended;
  expect(ended.exit).toBeGreaterThan(0);
  expect(ended.err).toMatch(/^pawl: The data folder .* cannot be used: .*PAWL_DATA_DIR/);
  expect(ended.err).not.toContain('    at ');
});
