/** What is typed as JSON is sent as it was written, or refused: a browser must make no other number of it. */
import { describe, expect, it } from 'vitest';
import { jsonOf } from '../../src/console/decide/schema.ts';

describe('a number', () => {
  it.each(['0', '-17', '0.1', '1e3', '9007199254740991', '123456789012345', '0.123456789012345'])(
    '%s is taken',
    (text) => {
      expect(jsonOf(`{"n":[${text}]}`)).toEqual({ n: [Number(text)] });
    },
  );
  it.each(['9007199254740993', '12345678901234567890', '0.12345678901234567890', '1e400', '-1e999'])(
    '%s is refused, since it would be kept as another',
    (text) => {
      expect(() => jsonOf(`{"n":[${text}]}`)).toThrow(new RangeError(text));
    },
  );
  it('inside a text is none', () => {
    expect(jsonOf('"commit 3e41f of 12345678901234567890"')).toBe('commit 3e41f of 12345678901234567890');
  });
});
