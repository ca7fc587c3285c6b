/** Names that other systems keep: of the length and the characters that they take, and never the same for two things. */
import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sessionAlphabet, sessionNameCharsMax, shortName, tokenOf } from '../../src/engine/index.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const parts = fc.array(fc.string({ unit: 'grapheme', maxLength: 40 }), { minLength: 1, maxLength: 5 });
const alphabets = fc.constantFrom(sessionAlphabet, 'abcdef0123456789', 'abcdefghij-0123456789');

describe('shortName', () => {
  test('keeps to its length and its alphabet', () => {
    fc.assert(
      fc.property(parts, fc.integer({ min: 16, max: 128 }), alphabets, (given, max, alphabet) => {
        const name = shortName(given, max, alphabet, sha256);
        expect(name.length).toBeGreaterThanOrEqual(16);
        expect(name.length).toBeLessThanOrEqual(max);
        expect([...name].every((one) => alphabet.includes(one))).toBe(true);
        expect(shortName(given, max, alphabet, sha256)).toBe(name);
      }),
    );
  });
  test('makes different names of different parts, also where they read the same together', () => {
    fc.assert(
      fc.property(parts, parts, fc.integer({ min: 16, max: 64 }), alphabets, (one, other, max, alphabet) => {
        fc.pre(JSON.stringify(one) !== JSON.stringify(other));
        expect(shortName(one, max, alphabet, sha256)).not.toBe(shortName(other, max, alphabet, sha256));
      }),
    );
    expect(shortName(['a', 'b-c'], 64, sessionAlphabet, sha256)).not.toBe(
      shortName(['a-b', 'c'], 64, sessionAlphabet, sha256),
    );
  });
  test('can be read, and its hash is a token', () => {
    const name = shortName(['failover', 'db.orders 7', 'local/x/1'], sessionNameCharsMax, sessionAlphabet, sha256);
    expect(name).toMatch(/^failover-db\.orders-7-local-x-1-[0-9a-f]{32}$/);
    expect(tokenOf(name)).toMatch(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(tokenOf(name).replaceAll('-', '')).toBe(name.slice(-32));
  });
});
