/** CONTRIBUTING.md speaks of what is there: its paths, its commands, its suites. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { commands } from '../suites.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const text = read('CONTRIBUTING.md');
const found = (pattern: RegExp): string[] => [...new Set([...text.matchAll(pattern)].map(([, name = '']) => name))];

test('every path that it names is there', () => {
  const paths = found(/`((?:src|test|docs|infra|\.ci)\/[\w./-]+|[\w-]+\.(?:yml|md))`/g);
  expect(paths.length).toBeGreaterThan(25);
  expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

test('every script that it names is one', () => {
  const scripts = found(/npm run ([\w:]+)/g);
  expect(scripts).toEqual(expect.arrayContaining(['test:unit', 'test:proof', 'simulate', 'chaos']));
  expect(Object.keys(JSON.parse(read('package.json')).scripts)).toEqual(expect.arrayContaining(scripts));
});

const commandOf: Record<string, string> = {
  test: '`npm test`',
  'test:proof': 'proof',
  'test:package': '`npm run test:package`',
};

test('every suite has a row, or shares one, under its command', () => {
  const rows = text.split('\n').filter((line) => line.startsWith('| '));
  const told = (suite: string, command: string): boolean =>
    rows.some((row) => new RegExp(`\\b${suite}, (?:${command})`).test(row));
  const untold = Object.entries(commands).flatMap(([name, suites]) =>
    Object.keys(suites).filter((suite) => !told(suite, commandOf[name] ?? '')),
  );
  expect(untold).toEqual([]);
});
