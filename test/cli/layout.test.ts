/** Texts in columns: everything stands there, however narrow or wide the terminal. */
import { describe, expect, test } from 'vitest';
import { columnsOf, layOut, wrap } from '../../src/cli/layout.ts';

const plain = (text: string): string => text;
const words = (text: string): string => text.replace(/\s+/g, ' ').trim();

describe('how wide a text is', () => {
  test.each([
    ['', 0],
    ['abc', 3],
    ['\u001b[32mgreen\u001b[39m', 5],
    ['日本', 4],
    ['e\u0301', 1],
    ['👍', 2],
    ['ü…', 2],
  ])('%j takes %i columns', (text, columns) => {
    expect(columnsOf(text)).toBe(columns);
  });
});

describe('wrap', () => {
  test('breaks between words, and keeps line breaks', () => {
    expect(wrap('one two three\nfour', 8)).toEqual(['one two', 'three', 'four']);
    expect(wrap('fits', 4)).toEqual(['fits']);
  });

  test('a word too long for a line stays whole, or is broken where that is said', () => {
    expect(wrap('see 0123456789 there', 6)).toEqual(['see', '0123456789', 'there']);
    expect(wrap('see 0123456789 there', 6, true)).toEqual(['see', '012345', '6789', 'there']);
  });

  test('lines that begin with spaces keep them', () => {
    expect(wrap('  one two', 6)).toEqual(['  one', 'two']);
  });
});

describe('a table', () => {
  const head = ['seq', 'who', 'what'];

  test.each([60, 80, 200])('at %i columns nothing is cut, and no line but that of a long word is wider', (width) => {
    const id = 'i'.repeat(128);
    const who = `${'a'.repeat(100)} some.host.example:12345`;
    const what = `${'word '.repeat(150)}${id} end`;
    const { lines } = layOut(head, [['1', who, what]], { width, dim: plain });
    expect(lines.some((line) => line.includes(id))).toBe(true);
    for (const line of lines.filter((one) => !one.includes(id))) expect(columnsOf(line)).toBeLessThanOrEqual(width);
    const whole = lines.join('\n');
    expect(whole).not.toContain('…');
    expect(whole.match(/word/g)).toHaveLength(150);
    expect(whole.match(/a/g)?.length).toBeGreaterThanOrEqual(100 + 2);
    expect(words(whole)).toMatch(/end$/);
  });

  test('what fits stands in columns as wide as their content', () => {
    const { lines } = layOut(
      head,
      [
        ['1', 'alice', 'began'],
        ['12', '日本', 'ended'],
      ],
      { width: 80, dim: plain },
    );
    expect(lines).toEqual(['seq  who    what', '1    alice  began', '12   日本   ended']);
  });

  test('rows that come later go on in the same columns, without a head', () => {
    const { widths } = layOut(head, [['1', 'alice', 'began']], { width: 80, dim: plain });
    const { lines } = layOut(head, [['2', 'bob', 'went on']], { width: 80, before: widths, dim: plain });
    expect(lines).toEqual(['2    bob    went on']);
  });
});
