/** What the console does with what it was told, where no page is needed to see it. */
import { afterEach, expect, it, vi } from 'vitest';
import { harmless } from '../../src/console/text.ts';

/** By a name that is computed: of what a browser has the tests' own program knows no types. */
const client = '../../src/console/api.ts';
type Call = (name: string, given: object) => Promise<unknown>;

afterEach(() => vi.unstubAllGlobals());

it('shows marks that turn the direction of a text, and does not obey them', () => {
  expect(harmless('a\u061cb\u200fc\u202ed\u2066e\u2060f')).toBe('a\\u061cb\\u200fc\\u202ed\\u2066e\\u2060f');
});

it('keeps what is asked for again and again, whatever else was asked for once since', async () => {
  const asked: (string | undefined)[] = [];
  vi.stubGlobal('sessionStorage', { getItem: () => null });
  vi.stubGlobal('__PAWL_ROUTES__', {
    instance: { method: 'GET', path: '/instances/{instanceId}', permission: 'read' },
  });
  vi.stubGlobal('fetch', async (url: string, { headers }: { headers: Record<string, string> }) => {
    const known = headers['if-none-match'];
    if (url === '/instances/often') asked.push(known);
    return known === undefined
      ? new Response('{"title":"a run"}', { headers: { etag: '"1"' } })
      : new Response(null, { status: 304 });
  });
  const { call } = (await import(client)) as { call: Call };
  const look = (instanceId: string) => call('instance', { path: { instanceId }, query: {} });
  await look('often');
  for (let other = 0; other < 60; other += 1) {
    await look(`other-${other}`);
    expect(await look('often')).toEqual({ title: 'a run' });
  }
  expect(asked).toEqual([undefined, ...Array.from({ length: 60 }, () => '"1"')]);
});
