/** That every row of the failure table and every scenario of the list has a test which names it. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const folder = new URL('.', import.meta.url);
const texts = readdirSync(folder)
  .filter((file) => file.endsWith('.test.ts') && file !== 'complete.test.ts')
  .map((file) => readFileSync(new URL(file, folder), 'utf8'));

/** Of the catalogue of failures elsewhere, those that concern what is built. */
const scenarios = [1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18, 20, 21, 24, 25, 26, 27, 28, 29, 32, 33, 34];

/** The rows of the failure table of docs/design.md, by how each begins. */
const rows = [
  'before the reservation is stored',
  'reservation stored, its answer lost',
  'a put that lands after its sender died',
  'after the reservation, before or during the cell',
  'after the effects, before the outcome',
  'outcome stored, answer lost',
  'outcome too large, not encodable, refused',
  'after the outcome, before the view',
  'holder paused past its deadline, then wakes',
  'schedule, Lambda or client delivers twice or six hours late',
  'store throttles or is away before the effect',
  'store throttles or is away after the effect',
  'clocks differ by less than the grace',
  'clocks differ by more',
];

const all = texts.join('\n');

test('every scenario has a test that names it', () => {
  expect(scenarios.filter((number) => !all.includes(`'scenario ${number}: `))).toEqual([]);
});

test('every row of the failure table has a test that names it', () => {
  expect(rows.filter((row) => !all.includes(`'${row}`))).toEqual([]);
});
