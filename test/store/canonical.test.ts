/** What the store writes and remembers in its own quick way is what the slow one gives. */
import canonicalize from 'canonicalize';
import { describe, expect, test } from 'vitest';
import { bytesOf, headOf } from '../../src/engine/model/text.ts';
import { canonical, decodeEntry, encodeEntry, hashOfEntry, sha256 } from '../../src/store/items.ts';
import fc from '../support/properties.ts';
import { entry } from './fixtures.ts';

describe('canonical JSON', () => {
  test('is what the library makes, whatever the value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6, stringUnit: 'binary' }), (value) => {
        expect(canonical(value)).toBe(canonicalize(value));
      }),
      { numRuns: 500 },
    );
  });

  const deep = (depth: number): unknown => (depth === 0 ? 1 : { a: [deep(depth - 1)] });
  test.each([
    ['names that look like numbers', { 10: 1, 9: 2, a: 3, '': 4 }],
    ['nothing in an object', { b: undefined, a: 1 }],
    ['nothing in a list', [undefined, 1]],
    ['a date', { at: new Date(0) }],
    ['a deep one', deep(500)],
    ['numbers', [-0, 1e21, 1e-7, 0.1, 2 ** 53]],
    ['names beyond the basic plane', { '\u{1F600}': 1, '\uFFFF': 2 }],
  ])('%s', (_what, value) => {
    expect(canonical(value)).toBe(canonicalize(value));
  });

  test('half a character becomes U+FFFD, as a name too', () => {
    expect(canonical({ 'a\uD800': '\uDC00b' })).toBe('{"a\uFFFD":"\uFFFDb"}');
  });

  test.each([[Number.NaN], [{ a: [Number.POSITIVE_INFINITY] }], [undefined]])('%j is refused', (value) => {
    expect(() => canonical(value)).toThrow(expect.objectContaining({ code: 'request.invalid' }));
  });

  test('what refers to itself is refused', () => {
    const value: { a?: unknown; b?: unknown } = {};
    value.a = value;
    value.b = [value];
    expect(() => canonical(value)).toThrow(expect.objectContaining({ code: 'request.invalid' }));
  });
});

describe('a remembered entry', () => {
  const item = encodeEntry(entry('remembered', 0, 'mine'));
  const hashOf = ({ v, instanceId, seq, kind, token, entry }: Record<string, unknown>): string =>
    sha256(JSON.stringify([v, instanceId, seq, kind, token, entry]));

  test('is known by all that its hash covers', () => {
    expect(decodeEntry(item).hash).toBe(hashOf(item));
    expect(decodeEntry({ ...item }).hash).toBe(hashOf(item));
    const others = [{ v: 0 }, { instanceId: 'other' }, { seq: 1 }, { kind: 'vote' }, { token: 'f'.repeat(32) }];
    for (const other of [...others, { entry: `${item.entry} ` }]) {
      const altered = { ...item, ...other };
      expect(hashOfEntry(altered)).toBe(hashOf(altered));
      expect(hashOfEntry(altered)).not.toBe(hashOf(item));
    }
  });

  test('is read by its own attributes where its text stands elsewhere too', () => {
    decodeEntry(item);
    const copy = { ...item, token: 'e'.repeat(32) };
    expect(decodeEntry(copy)).toMatchObject({ entry: { token: copy.token }, hash: hashOf(copy) });
    expect(decodeEntry(item).entry.token).toBe(item.token);
    expect(() => decodeEntry({ ...item, listed: '3' })).toThrow(expect.objectContaining({ code: 'journal.broken' }));
  });
});

test('the beginning of a text and its bytes, in UTF-8', () => {
  const slowHead = (text: string, bytes: number): string =>
    new TextDecoder().decode(new TextEncoder().encode(text).subarray(0, bytes)).replace(/\uFFFD+$/, '');
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), fc.nat(60), (text, bytes) => {
      expect(bytesOf(text)).toBe(Buffer.byteLength(text));
      expect(headOf(text, bytes)).toBe(slowHead(text, bytes));
    }),
  );
});
