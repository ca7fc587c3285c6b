/** Every test file runs in one suite of one command, and every suite has some. */
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { commands } from './suites.ts';

const cwd = join(import.meta.dirname, '..');
const suites = Object.values(commands).flatMap((suitesOf) => Object.entries(suitesOf));
const filesIn = suites.map(([name, { include, exclude = [] }]) => {
  const left = new Set(globSync(exclude, { cwd }));
  return { name, files: globSync(include, { cwd }).filter((file) => !left.has(file)) };
});

test('every test file is in exactly one suite', () => {
  const all = globSync('test/**/*.test.ts', { cwd }).sort();
  expect(all.length).toBeGreaterThan(50);
  const wrong = all
    .map((file) => ({ file, in: filesIn.filter(({ files }) => files.includes(file)).map(({ name }) => name) }))
    .filter((one) => one.in.length !== 1);
  expect(wrong).toEqual([]);
});

test('no suite is empty, and none has the name of another', () => {
  expect(filesIn.filter(({ files }) => files.length === 0)).toEqual([]);
  expect(new Set(suites.map(([name]) => name)).size).toBe(suites.length);
});
