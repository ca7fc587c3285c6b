/** What a command does not need it does not load: `pawl --help` and `pawl check` begin without the service's side of Pawl. */
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

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

test('main loads the commands, the contract and the engine; handlers, cells and authoring come on demand', () => {
  const folders = loadedWith('src/cli/main.ts').map((file) => file.split('/')[1]);
  expect(folders).toEqual(expect.arrayContaining(['cli', 'contract', 'engine']));
  for (const folder of ['handlers', 'cells', 'authoring']) expect(folders).not.toContain(folder);
});

test('a page in a browser could load the contract: nothing of it comes from Node', () => {
  const files = loadedWith('src/contract/index.ts');
  expect(files.length).toBeGreaterThan(8);
  const packages = files.flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/from '([^.'][^']*)'/g)].map(([, name]) => name),
  );
  expect(new Set(packages)).toEqual(new Set(['zod']));
});
