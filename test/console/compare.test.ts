/** Two texts beside each other, as the page of a runbook shows what differs. */
import { expect, test } from 'vitest';
import { compare, folded, type Row } from '../../src/console/parts/compare.ts';

const text = (side: Row['before']): string =>
  side?.pieces.map(({ text: one, isChanged }) => (isChanged ? `[${one}]` : one)).join('') ?? '-';
const told = (rows: readonly Row[]): string[] =>
  rows.map(({ before, after, isSame }) => (isSame ? `  ${text(before)}` : `${text(before)} | ${text(after)}`));
const linesOf = (count: number, over: Record<number, string> = {}): string =>
  Array.from({ length: count }, (_, at) => `${over[at] ?? `line ${at}`}\n`).join('');

test('what changed inside a line is marked, and a line that became another one is marked whole', () => {
  expect(told(compare('same\nthe old way to go\nabc\n', 'same\nthe new way to go\nxyz\n'))).toEqual([
    '  same',
    'the [old] way to go | the [new] way to go',
    '[abc] | [xyz]',
  ]);
});

test('lines that went or came stand alone, and both sides keep their own numbers', () => {
  const rows = compare('a\nb\nc\n', 'b\nc\nd\ne\n');
  expect(told(rows)).toEqual(['[a] | -', '  b', '  c', '- | [d]', '- | [e]']);
  expect(rows.map(({ before, after }) => [before?.line, after?.line])).toEqual([
    [1, undefined],
    [2, 1],
    [3, 2],
    [undefined, 3],
    [undefined, 4],
  ]);
});

test('the same, nothing, and a last line without its end', () => {
  expect(compare('', '')).toEqual([]);
  expect(told(compare('a\nb', 'a\nb'))).toEqual(['  a', '  b']);
  expect(told(compare('', 'a\n'))).toEqual(['- | [a]']);
});

test('what is the same is folded but for three lines around each change', () => {
  const shown = folded(compare(linesOf(30), linesOf(30, { 10: 'other', 14: 'another' })));
  expect(shown.map((one) => (typeof one === 'number' ? one : 'row'))).toEqual([7, ...Array(11).fill('row'), 12]);
});
