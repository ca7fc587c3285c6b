/** What a command does not need it does not load: `pawl --help` and `pawl check` begin without the service's side of Pawl. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { addCommands, commandNames } from '../../src/cli/commands/index.ts';
import { setup } from './support.ts';

const root = resolve(import.meta.dirname, '../..');

/** Every file that is loaded with one, by imports that load something. */
const loadedWith = (entry: string): string[] => {
  const found = new Set([join(root, entry)]);
  for (const file of found) {
    const imports = readFileSync(file, 'utf8').matchAll(/^(?:import|export) (?!type )[^;']*from '(\.[^']+)'/gm);
    for (const [, path = ''] of imports) found.add(join(dirname(file), path));
  }
  return [...found].map((file) => relative(root, file));
};

test('main loads commander and what it says of itself; everything else comes on demand', () => {
  const files = loadedWith('src/cli/main.ts');
  expect(files.map((file) => file.split('/')[1])).toEqual(files.map(() => 'cli'));
  const packages = files.flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/^import (?!type )[^;']*from '([^.'][^']*)'/gm)].map(
      ([, name]) => name,
    ),
  );
  expect(new Set(packages)).toEqual(new Set(['commander', 'node:fs']));
});

test.each(commandNames)('what `pawl --help` says of %s is what it takes', async (name) => {
  const [listed, whole] = [new Command(), new Command()];
  const run = () => async () => {};
  await addCommands([], listed, run);
  await addCommands([name], whole, run);
  const said = (program: Command) => {
    const command = program.commands.find((one) => one.name() === name);
    const args = command?.registeredArguments.map((one) => [one.name(), one.required, one.variadic]);
    return { args, summary: command?.summary(), place: program.commands.map((one) => one.name()).indexOf(name) };
  };
  expect(said(whole)).toEqual(said(listed));
  expect(said(listed).summary).not.toBe('');
});

describe('the packages that a command loads', () => {
  const place = setup();
  const launcher = fileURLToPath(new URL('../../bin/pawl.js', import.meta.url));
  const hello = fileURLToPath(new URL('../../runbooks/hello.md', import.meta.url));
  const hook = `data:text/javascript,${encodeURIComponent(`import { registerHooks } from 'node:module';
    import { appendFileSync } from 'node:fs';
    registerHooks({ resolve: (name, context, next) => {
      const found = next(name, context);
      appendFileSync(process.env.LOADED, found.url + '\\n');
      return found;
    } });`)}`;
  const urlsOf = (args: string[]): string[] => {
    const loaded = join(place.folder, `loaded-${args[0]}`);
    const { status, stderr } = spawnSync(process.execPath, ['--import', hook, launcher, ...args], {
      cwd: place.folder,
      env: {
        PATH: process.env.PATH,
        HOME: place.folder,
        PAWL_DATA_DIR: join(place.folder, 'data'),
        LOADED: loaded,
      },
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return readFileSync(loaded, 'utf8').split('\n');
  };
  const packagesOf = (args: string[]): string[] =>
    [
      ...new Set(
        urlsOf(args).flatMap((url) => url.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/)?.[1] ?? []),
      ),
    ].sort();
  const apart = /^(@aws|@smithy|@middy|undici|middy)/;

  test.each([['--help'], ['--version'], ['run', '--help']])('%s: commander, and zod for a command', (...args) => {
    const packages = packagesOf(args);
    expect(packages.filter((name) => apart.test(name))).toEqual([]);
    if (args.length === 1) expect(packages).toEqual(['commander']);
  });

  test.each([
    ['check', hello],
    ['plan', hello],
  ])('%s: no AWS', (...args) => {
    const packages = packagesOf(args);
    expect(packages).toEqual(expect.arrayContaining(['commander', 'markdown-it', 'zod']));
    expect(packages.filter((name) => apart.test(name))).toEqual([]);
  });

  test.each([['run', hello], ['list'], ['doubts']])('%s: nothing of AWS', (...args) => {
    const packages = packagesOf(args);
    expect(packages).toContain('zod');
    expect(packages.filter((name) => apart.test(name))).toEqual([]);
    const parsers = packages.filter((name) => ['markdown-it', 'yaml'].includes(name));
    if (args[0] === 'run') expect(parsers).toEqual(['markdown-it', 'yaml']);
    if (args[0] === 'list')
      expect({ packages, parsers }).toEqual({ packages: ['canonicalize', 'commander', 'zod'], parsers: [] });
  });

  test('a list on this machine loads neither the schemas of answers nor what packs outputs', () => {
    const urls = urlsOf(['list']);
    expect(urls).toContainEqual(expect.stringMatching(/src\/contract\/requests\/lists\.ts$/));
    expect(urls.filter((url) => /contract\/answer|^node:zlib$/.test(url))).toEqual([]);
  });
});

test('a page in a browser could load the contract: nothing of it comes from Node', () => {
  const files = loadedWith('src/contract/index.ts');
  expect(files.length).toBeGreaterThan(8);
  const packages = files.flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/from '([^.'][^']*)'/g)].map(([, name]) => name),
  );
  expect(new Set(packages)).toEqual(new Set(['zod']));
});
