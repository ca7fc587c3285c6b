import { expect, test } from 'vitest';
import { isLossy, lossyNumberIn, wholeOf } from '../../src/engine/index.ts';

test.each([
  '0',
  '-0',
  '7',
  '-7',
  '0.1',
  '1.10',
  '1e3',
  '1E+3',
  '100e-2',
  '9007199254740991',
  '9007199254740992',
  '-9007199254740991',
  '123456789012345.67',
  '1e20',
  '100000000000000000000',
  '1.7976931348623157e308',
  '5e-324',
  '0.30000000000000004',
  '1e23',
  '0.000000000000000000000000000000',
  '0e999999999999',
])('%s is kept', (text) => {
  expect(isLossy(text)).toBe(false);
  expect(lossyNumberIn(`[${text}]`)).toBeUndefined();
});

test.each([
  '9007199254740993',
  '-9007199254740993',
  '9007199254740993.0',
  '9.007199254740993e15',
  '12345678901234567890',
  '1e400',
  '-1e400',
  '1e-400',
  '999999999999999.99',
  '0.12345678901234567890',
  '100000000000000000001',
  '1e999999999999',
])('%s is not', (text) => {
  expect(isLossy(text)).toBe(true);
  expect(lossyNumberIn(text)).toEqual({ path: '', text });
  expect(lossyNumberIn(` { "a" : [ 1, { "b c": [[], ${text} ] } ] }`)).toEqual({ path: 'a[1]["b c"][1]', text });
});

test('the first of several, with its path; texts and keys that look like numbers are none', () => {
  expect(lossyNumberIn('{"params":{"n":1,"id":9007199254740993,"m":1e400}}')).toEqual({
    path: 'params.id',
    text: '9007199254740993',
  });
  expect(lossyNumberIn('{"a":{"b":1},"c":{},"d":[],"e":[1,[2],9007199254740993]}')?.path).toBe('e[2]');
  expect(lossyNumberIn('{"9007199254740993":"1e400, \\"9007199254740993","a":"[9007199254740993"}')).toBeUndefined();
  expect(lossyNumberIn('{"q\\"\\u0041":9007199254740993}')?.path).toBe('["q\\"A"]');
  expect(lossyNumberIn('[{"a":1},9007199254740993]')?.path).toBe('[1]');
});

test('what is no JSON is left to the parser; large and deep texts end', () => {
  for (const text of [
    '',
    '9007199254740993,',
    '[9007199254740993',
    '{"a":09007199254740993}',
    `${'"\\'.repeat(100_000)}1e400`,
  ])
    expect(lossyNumberIn(text)).toBeUndefined();
  const deep = 2_000;
  expect(lossyNumberIn(`${'['.repeat(deep)}1e400${']'.repeat(deep)}`)?.path).toBe('[0]'.repeat(deep));
  expect(lossyNumberIn(`[${'1e3,'.repeat(100_000)}1e400]`)?.path).toBe('[100000]');
});

test('whole numbers, however they are written', () => {
  expect(wholeOf('9007199254740993.0')).toBe(9007199254740993n);
  expect(wholeOf('-9.007199254740993e15')).toBe(-9007199254740993n);
  expect(wholeOf('1e400')).toBe(10n ** 400n);
  expect([wholeOf('0.5'), wholeOf('1e-400'), wholeOf('1e1001'), wholeOf('1e99999999999')]).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
