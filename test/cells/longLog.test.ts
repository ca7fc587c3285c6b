/** A log of any length: its beginning as it comes, its end when it is over, glimpses of what is between. */
import { describe, expect, test } from 'vitest';
import { createLongLog } from '../../src/cells/longLog.mjs';

const sizes = { headBytes: 10, endBytes: 8, glimpseBytes: 6, glimpsesBytes: 9 };

const told = (over: Partial<typeof sizes> = {}) => {
  let plain = '';
  const glimpses: string[] = [];
  const log = createLongLog({ ...sizes, ...over }, (_stream, text, glimpse) => {
    if (glimpse) glimpses.push(text);
    else plain += text;
  });
  return {
    log,
    say: (text: string | Buffer, stream: 'stdout' | 'stderr' = 'stdout') => log.add(stream, Buffer.from(text)),
    plain: () => plain,
    glimpses,
  };
};

describe('a long log', () => {
  test('what fits goes out at once, and nothing is added at the end', () => {
    const { say, log, plain } = told();
    say('one\n');
    expect(plain()).toBe('one\n');
    say('two\n', 'stderr');
    log.glimpse();
    log.end();
    expect(plain()).toBe('one\ntwo\n');
  });

  test('beginning and end that meet are the whole', () => {
    const { say, log, plain } = told();
    for (const text of ['12345', '67890', 'abcd', 'efgh']) say(text);
    log.end();
    expect(plain()).toBe('1234567890abcdefgh');
  });

  test('what is between is counted', () => {
    const { say, log, plain } = told();
    say('1234567890');
    for (let n = 0; n < 10; n += 1) say(`line ${n}\n`);
    log.end();
    const gap = '[62 bytes of this log are missing here: logHeadBytesMax is 10, logEndBytesMax is 8]';
    expect(plain()).toBe(`1234567890\n${gap}\n\nline 9\n`);
  });

  test('a character is whole across pieces, and one that the end begins in is left out', () => {
    const whole = told({ headBytes: 3 });
    for (const piece of [[0x61, 0xe2], [0x82], [0xac]]) whole.say(Buffer.from(piece));
    whole.log.end();
    expect(whole.plain()).toBe('a€');
    const cut = told({ headBytes: 0, endBytes: 4 });
    cut.say('€€');
    cut.log.end();
    expect(cut.plain()).toMatch(/^\n\[3 bytes .*\]\n€$/);
  });

  test('while it runs, the newest of what has come is told, with how much came before it, up to a limit', () => {
    const { say, log, plain, glimpses } = told();
    say('1234567890');
    log.glimpse();
    expect(glimpses).toEqual([]);
    say('abcdefgh');
    log.glimpse();
    expect(glimpses).toEqual(['\n[2 bytes were said before this]\n', 'cdefgh']);
    log.glimpse();
    expect(glimpses).toHaveLength(2);
    say('ijklmn');
    log.glimpse();
    expect(glimpses.slice(2)).toEqual(['\n[3 bytes were said before this]\n', 'lmn']);
    say('more');
    log.glimpse();
    expect(glimpses).toHaveLength(4);
    expect(plain()).toBe('1234567890');
    log.end();
    expect(plain().endsWith(']\nklmnmore')).toBe(true);
  });
});
