/** docs/security.md against what it speaks of: rights, statements and files that came or went. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const security = read('docs/security.md');
const deploying = read('docs/deploying.md');
const roles = read('infra/roles.yml');

test.each(['put', 'insert'])('the row of appendOnly=%s names the right that the packaged roles get', async (by) => {
  const actionOf = createRequire(import.meta.url)('../../infra/append-action.cjs');
  const action = await actionOf({ resolveVariable: async () => by });
  const row = security.split('\n').find((line) => line.startsWith(`| \`${by}\``));
  expect(row?.split('|')[3]?.trim()).toBe(`\`${action}\``);
  expect(deploying).toContain(`\`${action}\``);
});

test('the statements that it names are those of infra/roles.yml', () => {
  const sids = [...roles.matchAll(/Sid: (\w+)/g)].map((match) => match[1] ?? '');
  const named = [...new Set(security.match(/\bNever[A-Z]\w+/g))];
  expect(named.sort()).toEqual([...new Set(sids.filter((sid) => sid.startsWith('Never')))].sort());
});

test('what execute-cell is denied is named, each of its kind', () => {
  const words: Record<string, string> = {
    NoTable: 'tables',
    NoFunction: 'functions',
    NoQueue: 'queues',
    NoCall: 'API',
    NoApi: 'API',
    NoRole: 'roles',
    NoSchedule: 'schedule',
    NoAlarm: 'alarms',
    NoTopic: 'topic',
    NoStack: 'stack',
  };
  const denied = [...roles.matchAll(/Sid: (No[A-Z]\w+)/g)].map((match) => match[1] ?? '');
  expect(denied.sort()).toEqual(Object.keys(words).sort());
  const sentence = /is denied whatever is Pawl's[^.]+\./.exec(deploying.replaceAll('\n', ' '))?.[0] ?? '';
  for (const sid of denied) expect(sentence).toContain(words[sid]);
});

test('every test and source file that it names is there', () => {
  const files = [...security.matchAll(/`((?:test|src|infra|docs)\/[\w./-]+)`/g)].map((match) => match[1] ?? '');
  expect(files.length).toBeGreaterThan(15);
  for (const file of files) expect(existsSync(join(root, file)), file).toBe(true);
});
