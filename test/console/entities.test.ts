/** The browser's table of character references, in place of the parser's own: the same names, and no others. */
import { readFileSync } from 'node:fs';
import { createRequire, stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openBrowser } from '../support/browser.ts';

type Entities = { decodeHTMLStrict(text: string): string; encodeHTML(text: string): string };
const parser = createRequire(createRequire(import.meta.url).resolve('markdown-it'));
const { decodeHTMLStrict, encodeHTML } = parser('entities') as Entities;

/** As the package writes every character that has a name. */
const names = (): string[] => {
  const found = new Set<string>();
  for (let code = 0; code < 0x1ffff; code += 1) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    for (const name of encodeHTML(String.fromCodePoint(code)).match(/&[a-z][a-z0-9]*;/gi) ?? []) found.add(name);
  }
  return [...found];
};

it('reads each as the package does, and leaves what is none', async () => {
  const known = names();
  expect(known.length).toBeGreaterThan(1_000);
  const odd = [
    '&bogus;',
    '&notit;',
    '&ampx;',
    '&copyright;',
    '&AMP;',
    '&semi;',
    '&NotEqualTilde;',
    '&NewLine;',
    '&lt;',
  ];
  const asked = [
    ...known,
    ...odd,
    ...known.map((name) => name.replace('&', '&not')),
    ...known.map((name) => name.replace(';', 'x;')),
  ];
  const source = stripTypeScriptTypes(readFileSync(join(import.meta.dirname, '../../src/console/entities.ts'), 'utf8'));
  const opened = await openBrowser();
  try {
    const page = await (await opened.browser.newContext()).newPage();
    const read = await page.evaluate<string[]>(
      `(() => { ${source.replace('export ', '')} return ${JSON.stringify(asked)}.map(decodeHTMLStrict); })()`,
    );
    expect(Object.fromEntries(asked.map((name, index) => [name, read[index]]))).toEqual(
      Object.fromEntries(asked.map((name) => [name, decodeHTMLStrict(name)])),
    );
  } finally {
    await opened.close();
  }
});
