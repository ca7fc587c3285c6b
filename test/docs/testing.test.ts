/** docs/testing.md shows what runs: its example is a test of this suite, its output is what the command prints. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { setup } from '../cli/support.ts';

const place = setup();
const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');

test('the example is test/testing/example.test.ts, word by word', async () => {
  const [doc, example] = await Promise.all([read('docs/testing.md'), read('test/testing/example.test.ts')]);
  expect(doc).toContain(`\`\`\`ts\n${example}\`\`\`\n`);
});

test('the command at its top prints what stands there', async () => {
  const hello = fileURLToPath(new URL('../../runbooks/hello.md', import.meta.url));
  const { exit, out } = await place.pawl('test', hello, '--yes');
  expect(exit).toBe(0);
  expect(await read('docs/testing.md')).toContain(`\`\`\`\n$ pawl test runbooks/hello.md --yes\n${out}\`\`\`\n`);
});
