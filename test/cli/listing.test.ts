/** `pawl list`: finding a run by what somebody remembers of it. */
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { View } from '../../src/engine/index.ts';
import { createStore } from '../../src/store/index.ts';
import { openFolder } from '../../src/store/local.ts';
import { halting, twoCells } from './documents.ts';
import { at, setup, transports } from './support.ts';

const idsIn = (document: Record<string, unknown>): unknown[] =>
  (document.views as View[]).map(({ instanceId }) => instanceId).sort();

describe.each(transports)('%s', (over) => {
  const place = setup(over);
  const pawl = (...args: string[]) => place.pawl(...args);
  const found = async (...args: string[]): Promise<unknown[]> => {
    const { exit, err, json } = await pawl('list', '--json', ...args);
    expect({ exit, err }).toEqual({ exit: 0, err: '' });
    return idsIn(json);
  };

  beforeAll(async () => {
    await place.write('two.md', twoCells);
    await place.write('halting.md', halting);
    expect(await pawl('run', 'two.md', '--instance', 'ada', '-p', 'name=Ada', '-p', 'count=2')).toMatchObject({
      exit: 0,
    });
    expect(await pawl('run', 'two.md', '--instance', 'bert', '-p', 'count=2')).toMatchObject({ exit: 0 });
    const { ended } = place.begin(['run', 'halting.md', '--instance', 'stops'], { env: { PAWL_ACTOR: 'bob' } });
    expect((await ended).exit).toBe(1);
  });

  test('by parameters, actor and words, together with what has an index', async () => {
    expect(await found('--param', 'count=2')).toEqual(['ada', 'bert']);
    expect(await found('-p', 'count=2', '-p', 'name=Ada')).toEqual(['ada']);
    expect(await found('--actor', 'bob')).toEqual(['stops']);
    expect(await found('--text', 'HALT')).toEqual(['stops']);
    expect(await found('--text', 'ada')).toEqual(['ada']);
    expect(await found('--runbook', 'two', '--text', 'nobody')).toEqual(['bert']);
    expect(await found('--status', 'halted', '-p', 'count=2')).toEqual([]);
    expect(await found('--status', 'halted', 'completed', '--id', 'b')).toEqual(['bert']);
  });

  test('counted by status, with what the index has alone', async () => {
    const { out, json } = await pawl('list', '--counts', '--json');
    expect(json.counts, out).toContainEqual({ status: 'completed', count: 2, atLeast: false });
    expect((await pawl('list', '--counts', '--runbook', 'halting')).out).toMatch(/^halted +1$/m);
    expect((await pawl('list', '--counts', '--text', 'ada')).err).toContain('--counts goes with --runbook');
  });

  test('by when they started', async () => {
    expect(await found('--since', '1h')).toEqual(['ada', 'bert', 'stops']);
    expect(await found('--since', '1h', '--until', '2999-01-01T00:00Z', '--actor', 'bob')).toEqual(['stops']);
    expect(await found('--until', '1h')).toEqual([]);
  });

  test('every line says when, with its zone; ids stand whole', async () => {
    const { out } = await pawl('list', '--actor', 'bob');
    expect(out).toMatch(/^halted +breaks +0\/2 +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d\d:\d\d +stops$/m);
  });

  test('nothing that fits says so; what cannot be read says what would do', async () => {
    expect((await pawl('list', '--actor', 'nobody')).out).toMatch(/^No instance fits\.\nLooked in /);
    const { exit, err } = await pawl('list', '--since', 'yesterday');
    expect(exit).toBe(2);
    expect(err).toContain('--since is no time: give one with its zone, as 2026-11-28T09:00+01:00, or how long ago');
    expect(await pawl('list', '--param', 'count')).toMatchObject({
      exit: 2,
      err: expect.stringContaining('--param wants name=value'),
    });
    expect(await pawl('list', '--since', '1h', '--until', '2h')).toMatchObject({ exit: 2 });
  });

  test('page by page, with the same mark as the service gives', async () => {
    const { json, out } = await pawl('list', '--json', '-p', 'count=2', '--limit', '1');
    expect(idsIn(json), out).toHaveLength(1);
    const rest = await pawl('list', '--json', '-p', 'count=2', '--limit', '1', '--next', String(json.next));
    expect([...idsIn(json), ...idsIn(rest.json)].sort()).toEqual(['ada', 'bert']);
    expect(rest.json.next).toBeNull();
    expect((await pawl('list', '-p', 'count=3', '--next', String(json.next))).exit).toBe(2);
  });
});

describe('a store with more than one request reads', () => {
  const place = setup();

  test('says at least, and goes on with what it names', { timeout: 120_000 }, async () => {
    await place.write('two.md', twoCells);
    expect(await place.pawl('run', 'two.md', '--instance', 'newest')).toMatchObject({ exit: 0 });
    const { client, clock, close } = await openFolder(join(place.folder, 'data'));
    const { views } = createStore(client, { clock });
    const [view] = (await views.list({ limit: 1 })).views;
    for (let n = 1; n <= 1_005; n += 1)
      await views.save(
        { ...(view as View), instanceId: `old-${n}`, startedAtMs: (view?.startedAtMs ?? 0) - n },
        { arms: 0, othersUntilMs: null, seen: null },
      );
    close();
    const first = await place.pawl('list', '--text', 'newest');
    expect(first.out).toMatch(
      /newest\nAt least 1: 1000 views were read \(listReadMax\), and not all\.\nMore: add `--next /,
    );
    const { json } = await place.pawl('list', '--text', 'old-1005', '--json');
    expect(json).toMatchObject({ views: [], atLeast: true });
    const rest = await place.pawl('list', '--text', 'old-1005', '--json', '--next', String(json.next));
    expect(at(rest.json, 'views', 0, 'instanceId')).toBe('old-1005');
    expect(rest.json).toMatchObject({ atLeast: false, next: null });
  });
});
