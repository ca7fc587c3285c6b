/**
 * That every row of the failure table and every scenario of the catalogue has a test of its name. The sources are parsed:
 * a name counts as the first argument of a `test` that is neither skipped nor left to do, and whose body expects something.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { type AnyNode, type CallExpression, type Expression, parse, type Super } from 'acorn';
import { expect, test } from 'vitest';

/** Of the catalogue of failures that others met, those that concern what is built. */
const scenarios = [1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18, 20, 21, 24, 25, 26, 27, 28, 29, 32, 33, 34];

/** The thirteen rows of the failure table, by their first column; and where a row has two halves, both. */
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

const isNode = (value: unknown): value is AnyNode => typeof value === 'object' && value !== null && 'type' in value;
const callsIn = (node: AnyNode): CallExpression[] => [
  ...(node.type === 'CallExpression' ? [node] : []),
  ...Object.values(node)
    .flat()
    .flatMap((value) => (isNode(value) ? callsIn(value) : [])),
];

/** `test(…)`, `test.for(…)(…)`: not `test.skip`, `test.todo` or anything else that need not run. */
const isTest = (callee: Expression | Super): boolean => {
  if (callee.type === 'Identifier') return callee.name === 'test';
  if (callee.type !== 'CallExpression' || callee.callee.type !== 'MemberExpression') return false;
  const { object, property } = callee.callee;
  return isTest(object) && property.type === 'Identifier' && property.name === 'for';
};

const testNamesOf = (source: string): string[] => {
  const text = stripTypeScriptTypes(source);
  return callsIn(parse(text, { ecmaVersion: 'latest', sourceType: 'module' })).flatMap((call) => {
    const [name, body] = call.arguments;
    if (!isTest(call.callee) || name?.type !== 'Literal' || typeof name.value !== 'string' || body === undefined)
      return [];
    return /\bexpect\w*\(/.test(text.slice(body.start, body.end)) ? [name.value] : [];
  });
};

const missingIn = (names: string[]): { scenarios: number[]; rows: string[] } => ({
  scenarios: scenarios.filter((number) => !names.some((name) => name.startsWith(`scenario ${number}: `))),
  rows: rows.filter((row) => !names.some((name) => name === row || new RegExp(`^${row}[:; (]`).test(name))),
});

test('every row of the failure table and every scenario has a test of its name', () => {
  const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.test.ts'));
  const names = files.flatMap((file) => testNamesOf(readFileSync(`${import.meta.dirname}/${file}`, 'utf8')));
  expect(missingIn(names)).toEqual({ scenarios: [], rows: [] });
});

test('a name that is only in a comment, skipped, left to do, or over a body that expects nothing does not count', () => {
  const body = '() => { expect(1).toBe(1); }';
  const names = testNamesOf(`
    // test('scenario 1: in a comment', ${body});
    test.skip('scenario 3: skipped', ${body});
    test.todo('scenario 4: left to do');
    test('scenario 5: expects nothing', () => {});
    test('scenario 6: counts', ${body});
    test.for([1])('scenario 7: counts too (%s)', ${body});
    describe('before the reservation is stored', () => test('by a test in it', ${body}));
  `);
  expect(names).toEqual(['scenario 6: counts', 'scenario 7: counts too (%s)', 'by a test in it']);
  const missing = missingIn(names);
  expect(missing.scenarios).toEqual(scenarios.filter((number) => number !== 6 && number !== 7));
  expect(missing.rows).toEqual(rows);
});
