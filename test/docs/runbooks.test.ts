/** docs/runbooks.md shows what runs: its commands print what stands there. */
import { beforeAll, expect, test } from 'vitest';
import { alike, readPage, run, withinMs } from './blocks.ts';
import { echoService } from './echo.ts';

const page = await readPage('runbooks.md');
let printed: string[] = [];
beforeAll(async () => {
  const service = await echoService();
  printed = await run(page, { BASE: service.base, PAWL_HTTP_ALLOW: new URL(service.base).host });
  await service.close();
}, withinMs + 20_000);

test('it shows commands, all of which ran', () => {
  expect(page.commands.length).toBeGreaterThan(20);
  expect(printed).toHaveLength(page.commands.length);
});

test.each(page.commands.map((command, at) => ({ ...command, at })))('line $line: $command', ({ shown, at }) => {
  expect(alike(printed[at] ?? '')).toBe(alike(shown));
});
