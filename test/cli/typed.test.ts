/** Commands that we name can be pasted where they are read: from a clone and by npx, or from an install. */
import { afterEach, describe, expect, test } from 'vitest';
import { harmless } from '../../src/cli/screen.ts';
import { asTyped, commandTyped, setTyped } from '../../src/cli/typed.ts';

const texts = [
  ['Next: `pawl status a`, then `pawl list`.', 'Next: `npx pawl status a`, then `npx pawl list`.'],
  ['Example:\n  $ pawl demo\n  $ pawl list', 'Example:\n  $ npx pawl demo\n  $ npx pawl list'],
  ['`pawl` is the command', '`pawl` is the command'],
  ['a $ pawl in between', 'a $ pawl in between'],
] as const;

describe('a text of ours', () => {
  test.each(texts)('%s', (text, byNpm) => {
    expect(asTyped(text, true)).toBe(byNpm);
    expect(asTyped(text, false)).toBe(text);
  });
});

test('a command that stands alone', () => {
  expect(commandTyped('pawl release a', true)).toBe('npx pawl release a');
  expect(commandTyped('pawl release a', false)).toBe('pawl release a');
});

test('what a person or a cell wrote is shown as it was written', () => {
  expect(asTyped(`${harmless('use `pawl verdict`')}: \`pawl status\``, true)).toBe(
    'use `pawl verdict`: `npx pawl status`',
  );
  expect(asTyped(harmless('use `pawl verdict`'), false)).toBe('use `pawl verdict`');
});

describe('a command that was told where to work', () => {
  afterEach(() => setTyped({}));

  test('names commands that work there', () => {
    setTyped({ url: 'https://pawl.example.com/v 1' });
    const text = 'Next: `pawl status a`; `pawl --help` shows the commands.\n  $ pawl demo';
    expect(asTyped(text, false)).toBe(
      "Next: `pawl --url 'https://pawl.example.com/v 1' status a`; `pawl --help` shows the commands.\n  $ pawl demo",
    );
    setTyped({ data: 'elsewhere' });
    expect(asTyped('`pawl list`', true)).toBe('`npx pawl --data elsewhere list`');
    expect(commandTyped('pawl release a', true)).toBe('npx pawl --data elsewhere release a');
    expect(asTyped(harmless('use `pawl verdict`'))).toBe('use `pawl verdict`');
  });
});
