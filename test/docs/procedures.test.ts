/** docs/procedures.md lists the procedures that are there, each of them is played by a test, and can be published. */
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const names = globSync('runbooks/procedures/*.md', { cwd: root })
  .map((path) => basename(path, '.md'))
  .sort();

test('the page lists what is there', () => {
  const page = read('docs/procedures.md');
  const listed = [...page.matchAll(/^\| \[(\w+)\]\(\.\.\/runbooks\/procedures\/(\w+)\.md\)/gm)];
  expect(listed.map(([, name]) => name).sort()).toEqual(names);
  expect(listed.map(([, , file]) => file).sort()).toEqual(names);
  expect(names).toHaveLength(10);
});

test('each is played', () => {
  const tests = globSync('test/procedures/*.test.ts', { cwd: root }).map(read).join('\n');
  expect(names.filter((name) => !tests.includes(`name: '${name}',`))).toEqual([]);
});

test.each(names)('%s can be published, and says what still hurts', (name) => {
  const source = read(`runbooks/procedures/${name}.md`);
  expect(authoring.compile(source)).toMatchObject({ kind: 'runbook', runbook: { runbookId: name }, notes: [] });
  expect(source).toMatch(/^## What still hurts$/m);
});
