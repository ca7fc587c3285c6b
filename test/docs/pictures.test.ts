/** The pictures show what the tutorial shows, whose commands a test runs: each line of a picture stands there too. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { alike, readPage } from './blocks.ts';

const pictures = join(import.meta.dirname, '../../docs/pictures');
const linesOf = (name: string): string[] =>
  [...readFileSync(join(pictures, `${name}.svg`), 'utf8').matchAll(/<text [^>]*>(.*)<\/text>/g)].map(([, text = '']) =>
    text
      .replaceAll(/<[^>]+>/g, '')
      .replaceAll('\u00a0', ' ')
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&amp;', '&'),
  );
/** Where a line breaks depends on the width of the terminal. */
const words = (text: string): string => alike(text).replaceAll(/\s+/g, ' ').trim();

test.each(['doubt', 'completed'])('%s', async (name) => {
  const { commands } = await readPage('tutorial.md');
  const [typed = '', ...shown] = linesOf(name);
  expect(shown.length).toBeGreaterThan(5);
  const same = commands.filter(({ command }) => command.startsWith(typed.replace(/^\$ /, '')));
  const told = same.map(({ shown: all }) => words(all).replace(/ exit \d+$/, ''));
  expect(told).toContain(words(shown.join('\n')));
});
