import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

/** The hops from event to PutItem, as `docs/design.md` tells them. */
const hopsMax = 14;

const rows = [...readFileSync('docs/design.md', 'utf8').matchAll(/^\| \d+ \| `(src\/[\w/.]+)` \| `(\w+)` \|/gm)].map(
  ([, file = '', name = '']) => ({ file, name, text: readFileSync(file, 'utf8') }),
);

/** Where the next one is handed in, and called by another name. */
const handedIn: Record<string, string> = {
  'src/handlers/api.ts': 'operationOf(found.name)(',
  'src/engine/call/answered.ts': 'await put(tried)',
};

/** A call of `name`: by itself, as a field, or handed to whoever calls it. */
const calls = (text: string, name: string): boolean => new RegExp(`[\\s.(,]${name}[(<,]|\\b${name}\\b\\)`).test(text);

describe('the walk of an advance, from its event to the PutItem', () => {
  test(`has at most ${hopsMax} hops, and begins and ends where it says`, () => {
    expect(rows.length).toBeGreaterThan(10);
    expect(rows.length).toBeLessThanOrEqual(hopsMax);
    expect(rows.at(0)?.file).toBe('src/handlers/pipeline.ts');
    expect(rows.at(-1)?.text).toContain('new PutCommand(');
  });

  test.each(rows)('$file has $name', ({ text, name }) => {
    expect(text).toMatch(new RegExp(`\\b(const ${name} = |(async )?${name}\\(|${name}: )`));
  });

  test.each(rows.slice(1).map((row, at) => ({ from: rows[at]?.file, ...row })))(
    '$from calls $name',
    ({ from, name }) => {
      const text = readFileSync(from ?? '', 'utf8');
      const given = handedIn[from ?? ''];
      expect(given === undefined ? calls(text, name) : text.includes(given)).toBe(true);
    },
  );

  test('goes down: no file imports one that stands above it', () => {
    // The first is put around the rest.
    const files = [...new Set(rows.slice(1).map(({ file }) => file))];
    for (const [at, file] of files.entries()) {
      const imports = [...readFileSync(file, 'utf8').matchAll(/from '([^']+)'/g)].map(([, path = '']) => path);
      for (const above of files.slice(0, at))
        expect(
          imports.filter((path) => path.endsWith(`/${above.split('/').at(-1)}`)),
          `${file} imports ${above}`,
        ).toEqual([]);
    }
  });
});
