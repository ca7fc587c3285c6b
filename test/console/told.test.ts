/** What the console does with what it was told, where no page is needed to see it. */
import { afterEach, expect, it, vi } from 'vitest';
import { leftText } from '../../src/console/decide/leftText.ts';
import { harmless } from '../../src/console/text.ts';

/** By a name that is computed: of what a browser has the tests' own program knows no types. */
const client = '../../src/console/api.ts';
type Call = (name: string, given: object, as?: string | null) => Promise<unknown>;

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

it('says an act as whoever it was begun as, also where nobody knew who that is, whoever is shown since', async () => {
  const said: (string | undefined)[] = [];
  vi.stubGlobal('sessionStorage', { getItem: () => null });
  vi.stubGlobal('__PAWL_ROUTES__', { verdicts: { method: 'POST', path: '/verdicts', permission: 'decide' } });
  vi.stubGlobal('fetch', async (_: string, { headers }: { headers: Record<string, string> }) => {
    said.push(headers['x-pawl-expected-actor']);
    return new Response('{"steps":[]}');
  });
  type Client = { call: Call; showTo(actor: string | null): void; whoIsShown(): string | null };
  const { call, showTo, whoIsShown } = (await import(client)) as Client;
  for (const shown of [null, 'ada']) {
    showTo(shown);
    const as = whoIsShown();
    showTo('bob');
    await call('verdicts', { body: {} }, as);
  }
  await call('verdicts', { body: {} });
  showTo(null);
  expect(said).toEqual([undefined, 'ada', 'bob']);
});

it('says what a cancellation leaves: who will still be told, and who never is', () => {
  const nothing = { mayStillRun: null, elements: [], unreached: [] };
  expect(leftText(nothing)).toBe('');
  const step = { cell: 'copy', seq: 3, deadlineAtMs: 1_800_000_000_000 };
  const left = leftText({
    mayStillRun: step,
    elements: [{ ...step, instanceId: 'r~each.0' }],
    unreached: [
      { instanceId: 'r~each.1', why: 'late' },
      { instanceId: 'r~each.2', why: 'broken' },
      { instanceId: 'r~each.3', why: 'late' },
    ],
  });
  expect(left).toMatch(/^ copy may still run until \S.*\. Steps in 1 element of its sections may still run\./);
  expect(left).toContain(' Not told yet: 2 elements;');
  expect(left).toContain('since the journal is broken: r~each.2.');
});
