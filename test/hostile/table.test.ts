/** Every entry of the list has a row, and every row a test that exists and expects something, or says what is missing. */
import { readdirSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { type AnyNode, type CallExpression, type Expression, parse, type Super } from 'acorn';
import { expect, test } from 'vitest';
import { refusedDocuments } from './documents.ts';
import { reachingDocuments } from './reaching.ts';
import { surfaces } from './surfaces.ts';
import { table } from './table.ts';

const isNode = (value: unknown): value is AnyNode => typeof value === 'object' && value !== null && 'type' in value;
const callsIn = (node: AnyNode): CallExpression[] => [
  ...(node.type === 'CallExpression' ? [node] : []),
  ...Object.values(node)
    .flat()
    .flatMap((value) => (isNode(value) ? callsIn(value) : [])),
];
/** `test(…)`, `it(…)`, `test.each(…)(…)`; none that is skipped or left to do. */
const isTest = (callee: Expression | Super): boolean => {
  if (callee.type === 'Identifier') return callee.name === 'test' || callee.name === 'it';
  if (callee.type !== 'CallExpression' || callee.callee.type !== 'MemberExpression') return false;
  const { object, property } = callee.callee;
  return isTest(object) && property.type === 'Identifier' && ['each', 'for'].includes(property.name);
};

/** Names of the tests of a source that expect something. */
const namesIn = (source: string): string[] => {
  const text = stripTypeScriptTypes(source);
  return callsIn(parse(text, { ecmaVersion: 'latest', sourceType: 'module' })).flatMap((call) => {
    const [name, ...others] = call.arguments;
    const body = text.slice(others[0]?.start, others.at(-1)?.end);
    if (!isTest(call.callee) || name?.type !== 'Literal' || typeof name.value !== 'string') return [];
    return /\b(expect|assert)\w*\(/.test(body) ? [name.value] : [];
  });
};
const read = (file: string): string[] => namesIn(readFileSync(new URL(`../${file}`, import.meta.url), 'utf8'));

/** `hostile 22–24: …` counts for three entries; `hostile $entry` for those of the table of documents. */
const entriesOf = (name: string): number[] => {
  if (name.startsWith('hostile $entry:')) return [...refusedDocuments, ...reachingDocuments].map(({ entry }) => entry);
  const [, from, to] = /^hostile (\d+)(?:–(\d+))?: /.exec(name) ?? [];
  if (from === undefined) return [];
  return Array.from({ length: Number(to ?? from) - Number(from) + 1 }, (_, i) => Number(from) + i);
};
const here = new Set(
  readdirSync(import.meta.dirname)
    .filter((file) => file.endsWith('.test.ts'))
    .flatMap((file) => read(`hostile/${file}`))
    .flatMap(entriesOf),
);

test('there is a row for each of the seventy entries, in order', () => {
  expect(table.map(({ entry }) => entry)).toEqual(Array.from({ length: 70 }, (_, i) => i + 1));
});

test.each(table)('$entry, $input: has a test, or says what is missing', ({ entry, shown = [], open = '' }) => {
  expect(here.has(entry) || shown.length > 0 || open.length > 20).toBe(true);
});

const elsewhere = table.flatMap(({ entry, shown = [] }) => shown.map(([file, name]) => ({ entry, file, name })));
test.each(elsewhere)('$entry is shown in $file, which has this test: $name', ({ file, name }) => {
  expect(read(file)).toContain(name);
});

const shownOf = surfaces.flatMap(({ surface, shown }) => shown.map(([file, name]) => ({ surface, file, name })));
test.each(shownOf)('$surface is shown in $file, which has this test: $name', ({ file, name }) => {
  expect(read(file)).toContain(name);
});

test.each(surfaces)('$surface: neighbours entries of the list', ({ entries, shown }) => {
  expect(shown.length).toBeGreaterThan(0);
  expect(entries.filter((entry) => !table.some((row) => row.entry === entry))).toEqual([]);
});

test('a test that is skipped, only mentioned, or expects nothing does not count', () => {
  const names = namesIn(`
    // test('hostile 1: in a comment', () => expect(1).toBe(1));
    test.skip('hostile 1: skipped', () => { expect(1).toBe(1); });
    test.todo('hostile 1: to do');
    test('hostile 1: empty', () => {});
    test.each([1])('hostile 1: counts', () => { expect(1).toBe(1); });
  `);
  expect(names).toEqual(['hostile 1: counts']);
});
