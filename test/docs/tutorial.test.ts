/** docs/tutorial.md, done as it stands there: its commands print what it says, in one folder, from the first to the last. */
import { beforeAll, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import { alike, readPage, run, withinMs } from './blocks.ts';

const page = await readPage('tutorial.md');
let printed: string[] = [];
beforeAll(async () => {
  printed = await run(page);
}, withinMs + 20_000);

test('its runbook compiles', () => {
  expect(page.documents).toHaveLength(1);
  for (const { source } of page.documents) expect(authoring.compile(source)).toMatchObject({ kind: 'runbook' });
});

test('it pulls the plug, and all of its commands ran', () => {
  expect(page.commands.map(({ command }) => command).join('\n')).toContain('kill -9');
  expect(page.commands.length).toBeGreaterThan(15);
  expect(printed).toHaveLength(page.commands.length);
});

test.each(page.commands.map((command, at) => ({ ...command, at })))('line $line: $command', ({ shown, at }) => {
  expect(alike(printed[at] ?? '')).toBe(alike(shown));
});
