/** GET /overview: all of one look at all runs, each kind in a list of its own, that go on in GET /instances. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PawlError, type View } from '../../src/engine/index.ts';
import { type ApiCall, type OperationDeps, operationOf } from '../../src/handlers/index.ts';
import { createStore } from '../../src/store/index.ts';
import { meterOf, unitsOf } from '../support/meter.ts';
import { assertDocumented } from './document.ts';
import { documentOf, openService, publish, type Service, start } from './support.ts';

const source = documentOf(
  'looked_at',
  [
    'name=first',
    '```approve { name=go approvers=bob }\nShall it go on?\n```',
    '```manual { name=look }\nLook.\n```',
    '```wait { name=pause for=1h }\n```',
  ],
  'params: { pr: { type: integer, default: 1 } }',
);
type Page = { views: View[]; atLeast: boolean; next: string | null };
const kinds = ['doubt', 'stopped', 'asking', 'unmanned', 'running', 'waiting', 'newest'] as const;
type Overview = Record<(typeof kinds)[number], Page> & {
  counts: { status: string; count: number; atLeast: boolean }[];
};

let service: Service;
let sample: View;
beforeAll(async () => {
  service = await openService();
  await publish(service, source);
  await publish(service, documentOf('other', ['name=only']));
  await start(service, 'looked_at', { instanceId: 'sample', params: { pr: 7 } });
  const [found] = (await service.world.store.views.list({ limit: 1 })).views;
  if (found === undefined) throw new Error('There is no view.');
  sample = found;
});
afterAll(() => service.world.drop());

let hours = 0;
let runbookId = '';
/** Each test has a runbook of its own, as far as views say, and an hour in which its runs started. */
beforeEach(() => {
  hours += 1;
  runbookId = 'looked_at';
});

let saved = 0;
/** Views alone: that is all that a list reads. Each started before the one that was saved before it. */
const save = async (instanceId: string, over: Partial<View>): Promise<void> => {
  saved += 1;
  const startedAtMs = sample.startedAtMs - hours * 3_600_000 - saved;
  const view = { ...sample, instanceId, startedAtMs, runbookId, dueAtMs: null, ...over };
  const store = createStore(service.world.client, { clock: service.world.store.clock });
  await store.views.save(view, { arms: 0, othersUntilMs: null, seen: null });
};
const within = (): string => {
  const at = (ms: number): string => encodeURIComponent(new Date(sample.startedAtMs - ms).toISOString());
  return `since=${at((hours + 0.9) * 3_600_000)}&until=${at(hours * 3_600_000)}`;
};
const look = async (query = ''): Promise<Overview> => {
  const answer = await service.ask({ path: '/overview', query: `${within()}${query}` });
  expect([answer.status, answer.text]).toEqual([200, expect.anything()]);
  assertDocumented('overview', answer);
  return answer.body as unknown as Overview;
};
const idsOf = ({ views }: Page): string[] => views.map(({ instanceId }) => instanceId);
const shown = (overview: Overview) => Object.fromEntries(kinds.map((kind) => [kind, idsOf(overview[kind])]));

describe('each run stands once', () => {
  const beat = (place: string, seenAtMs: number) =>
    service.world.store.workers.beat({
      place,
      id: `${place}-1`,
      host: place,
      pid: 1,
      version: '0.1.0',
      startedAtMs: seenAtMs,
      seenAtMs,
      leftAtMs: null,
      concurrency: 1,
      running: 0,
      lacks: [],
    });

  test('in the list of what it needs, and nowhere else; what ended is among the newest', async () => {
    const nowMs = service.world.clock.nowMs();
    await beat('edge', nowMs);
    await service.world.store.workers.want('bastion', nowMs);
    const at = (place: string, dueAtMs: number): Partial<View> => ({
      place,
      dueAtMs,
      waitsFor: `a worker at ${place}`,
    });
    await save('doubt', { status: 'in_doubt', cell: 'first' });
    await save('halted', { status: 'halted', cell: 'first' });
    await save('broken', { status: 'broken', cell: null });
    await save('asks', { status: 'waiting', cell: 'go', waitsFor: 'bob' });
    await save('by-hand', { status: 'waiting', cell: 'look', waitsFor: '' });
    await save('paused', { status: 'waiting', cell: 'pause', waitsFor: '2026-11-30T09:00:00.000Z' });
    await save('elements', { status: 'waiting', cell: 'first', waitsFor: '3/4 elements' });
    await save('stuck', { status: 'waiting', cell: 'first', waitsFor: '2/4 elements, 2 need somebody' });
    await save('alone', { status: 'ready', cell: 'first', ...at('bastion', nowMs - 1_000) });
    await save('alone-at-gate', { status: 'waiting', cell: 'pause', ...at('bastion', nowMs - 1_000) });
    await save('served', { status: 'ready', cell: 'first', ...at('edge', nowMs - 1_000) });
    await save('later', { status: 'ready', cell: 'first', ...at('bastion', nowMs + 3_600_000) });
    await save('runs', { status: 'running', cell: 'first' });
    await save('unknown-version', { status: 'waiting', cell: 'go', version: 9 });
    await save('over', { status: 'completed', cell: null });
    const overview = await look();
    expect(shown(overview)).toEqual({
      doubt: ['doubt'],
      stopped: ['halted', 'broken'],
      asking: ['asks', 'by-hand', 'stuck'],
      unmanned: ['alone', 'alone-at-gate'],
      running: ['served', 'later', 'runs'],
      waiting: ['paused', 'elements', 'unknown-version'],
      newest: ['over'],
    });
    for (const kind of kinds) expect([kind, overview[kind].next, overview[kind].atLeast]).toEqual([kind, null, false]);
    const counted = overview.counts.filter(({ count }) => count > 0).map(({ status, count }) => [status, count]);
    expect(Object.fromEntries(counted)).toEqual({
      in_doubt: 1,
      halted: 1,
      broken: 1,
      waiting: 7,
      ready: 3,
      running: 1,
      completed: 1,
    });
    // Once somebody is there, nobody is missed.
    await beat('bastion', nowMs);
    expect(shown(await look())).toMatchObject({
      asking: ['asks', 'by-hand', 'stuck'],
      unmanned: [],
      running: ['alone', 'served', 'later', 'runs'],
      waiting: ['paused', 'elements', 'alone-at-gate', 'unknown-version'],
    });
  });
});

describe('filters', () => {
  test('hold for every list and for the counts, which do not know all of them', async () => {
    for (const status of ['in_doubt', 'running', 'completed'] as const) {
      await save(`${status}-1`, { status, cell: 'first', startedBy: 'ada', params: '{"pr":7}' });
      await save(`${status}-2`, { status, cell: 'first', startedBy: 'bob', params: '{"pr":8}' });
    }
    runbookId = 'other';
    await save('other-1', { status: 'in_doubt', cell: 'only', startedBy: 'ada', params: '{"pr":7}' });
    const ones = { doubt: ['in_doubt-1'], running: ['running-1'], newest: ['completed-1'] };
    const twos = { doubt: ['in_doubt-2'], running: ['running-2'], newest: ['completed-2'] };
    for (const [query, expected] of [
      ['&runbook=looked_at&actor=ada', ones],
      ['&param=pr%3D8', twos],
      ['&runbook=looked_at&text=ADA', ones],
      ['&id=in_doubt', { doubt: ['in_doubt-1', 'in_doubt-2'], running: [], newest: [] }],
    ] as const) {
      const overview = await look(query);
      expect([query, shown(overview)]).toMatchObject([query, expected]);
      expect(overview.counts).toBeNull();
    }
    const { doubt, counts } = await look('&runbook=other');
    expect(idsOf(doubt)).toEqual(['other-1']);
    expect(counts.filter(({ count }) => count > 0)).toEqual([{ status: 'in_doubt', count: 1, atLeast: false }]);
  });

  test('of a status, and pages, are of the newest alone, which then is the list itself', async () => {
    for (const n of [1, 2, 3]) await save(`fast-${n}`, { status: 'running', cell: 'first' });
    const first = await look('&status=running&limit=2');
    expect(shown(first)).toMatchObject({ running: ['fast-1', 'fast-2', 'fast-3'], newest: ['fast-1', 'fast-2'] });
    const second = await look(`&status=running&limit=2&next=${first.newest.next}`);
    expect(shown(second)).toMatchObject({ running: ['fast-1', 'fast-2', 'fast-3'], newest: ['fast-3'] });
    expect(second.newest.next).toBeNull();
  });
});

describe('what is many', () => {
  const many = async (prefix: string, count: number, over: Partial<View>): Promise<void> => {
    // More at once, and a busy machine answers some of them too late.
    const atOnce = 10;
    for (let n = 0; n < count; n += atOnce)
      await Promise.all(
        Array.from({ length: Math.min(atOnce, count - n) }, (_, i) => save(`${prefix}-${n + i}`, over)),
      );
  };

  test('of one kind hides no other, and each list goes on in GET /instances', { timeout: 120_000 }, async () => {
    await many('paused', 120, { status: 'waiting', cell: 'pause' });
    await save('asks-older', { status: 'waiting', cell: 'go', waitsFor: 'bob' });
    await many('doubt', 102, { status: 'in_doubt', cell: 'first' });
    await many('running', 27, { status: 'running', cell: 'first' });
    const overview = await look();
    expect(idsOf(overview.asking)).toEqual(['asks-older']);
    const sizes = (['doubt', 'stopped', 'asking', 'running', 'waiting'] as const).map((kind) => [
      overview[kind].views.length,
      overview[kind].next !== null,
    ]);
    expect(sizes).toEqual([
      [100, true],
      [0, false],
      [1, false],
      [25, true],
      [25, true],
    ]);
    const rest = async (status: string, { next }: Page): Promise<string[]> => {
      const { body } = await service.ask({ path: '/instances', query: `${within()}&status=${status}&next=${next}` });
      return idsOf(body as unknown as Page);
    };
    expect(await rest('in_doubt', overview.doubt)).toHaveLength(2);
    expect(await rest('running,ready', overview.running)).toHaveLength(2);
    const waiting = await rest('waiting', overview.waiting);
    expect(waiting).toHaveLength(96);
    expect(new Set([...waiting, ...idsOf(overview.waiting)]).size).toBe(121);
  });

  test('is read once for all that it may be: a person, a worker, or nobody', { timeout: 120_000 }, async () => {
    const nowMs = service.world.clock.nowMs();
    await service.world.store.workers.want('moon', nowMs);
    const alone = { place: 'moon', dueAtMs: nowMs - 1_000, waitsFor: 'a worker at moon' };
    await many('paused', 150, { status: 'waiting', cell: 'pause' });
    await many('ready-alone', 60, { status: 'ready', cell: 'first', ...alone });
    await many('alone', 40, { status: 'waiting', cell: 'pause', ...alone });
    await save('asks', { status: 'waiting', cell: 'go', waitsFor: 'bob' });
    await look();
    const meter = meterOf(service.world.document);
    const overview = await look();
    const reads = meter.read().filter(({ what }) => /^BatchGet.* views$/.test(what));
    meter.stop();
    expect(idsOf(overview.asking)).toEqual(['asks']);
    expect([overview.waiting.views.length, overview.waiting.next !== null]).toEqual([25, true]);
    expect([overview.unmanned.views.length, overview.unmanned.next]).toEqual([100, null]);
    const places = overview.unmanned.views.map(({ startedAtMs }) => startedAtMs);
    expect(places).toEqual(places.toSorted((a, b) => b - a));
    // Half a unit for each: 251 by what they need, the newest 100, and one that tells the time.
    expect(unitsOf(reads)).toBe((251 + 100 + 1) / 2);
    // One more, and no list has them all: its mark is of both statuses, as it goes on in GET /instances.
    await save('one-more', { status: 'ready', cell: 'first', ...alone });
    const { unmanned } = await look();
    expect([unmanned.views.length, unmanned.next !== null]).toEqual([100, true]);
    const { body } = await service.ask({
      path: '/instances',
      query: `${within()}&status=ready,waiting&next=${unmanned.next}`,
    });
    expect(idsOf(body as unknown as Page)).toContain('one-more');
    await service.world.store.workers.beat({
      place: 'moon',
      id: 'moon-1',
      host: 'moon',
      pid: 1,
      version: '0.1.0',
      startedAtMs: nowMs,
      seenAtMs: service.world.clock.nowMs(),
      leftAtMs: null,
      concurrency: 1,
      running: 0,
      lacks: [],
    });
  });

  test('counts at least 1,000 of a status, and reads at most 1,000 views for whom it asks', {
    timeout: 120_000,
  }, async () => {
    await many('timer', 1_005, { status: 'waiting', cell: 'pause' });
    await save('asks-last', { status: 'waiting', cell: 'go', waitsFor: 'bob' });
    const { asking, counts } = await look();
    expect(asking).toEqual({ views: [], atLeast: true, next: expect.any(String) });
    const waiting = counts.find(({ status }) => status === 'waiting');
    expect(waiting).toMatchObject({ atLeast: true });
    expect(waiting?.count).toBeGreaterThan(900);
  });
});

describe('one ETag', () => {
  test('is of all of it: 304 while nothing has changed, also for what started "2 hours ago" with more to come', async () => {
    for (const n of [1, 2, 3]) await start(service, 'other', { instanceId: `tagged-${n}` });
    const asked = { path: '/overview', query: 'runbook=other&since=2h&limit=1&status=ready' };
    const again = (etag: string) => service.ask({ ...asked, headers: { 'if-none-match': etag } });
    let first = await service.ask(asked);
    let same = await again(first.headers.etag ?? '');
    // A minute may have begun in between.
    if (same.status !== 304) {
      first = await service.ask(asked);
      same = await again(first.headers.etag ?? '');
    }
    expect((first.body as unknown as Overview).newest.next).toEqual(expect.any(String));
    expect([same.status, same.text, same.headers.etag]).toEqual([304, '', first.headers.etag]);
    await start(service, 'other', { instanceId: 'tagged-4' });
    expect((await again(first.headers.etag ?? '')).status).toBe(200);
  });
});

describe('a reading that fails', () => {
  const away = new PawlError('store.unavailable', 'Reading it: ask again later.');
  const empty = { views: [], atLeast: false, next: null };
  const fail = async (): Promise<never> => {
    throw away;
  };
  type List = (filter: { statuses?: string[]; where?(view: unknown): Promise<boolean> }) => Promise<unknown>;
  const depsOf = (over: { list?: List; counts?: object; workers?: object; get?: object }): OperationDeps => {
    const list: List = over.list ?? (async () => empty);
    const lists = (filter: object, kinds: object[]) => Promise.all(kinds.map((kind) => list({ ...filter, ...kind })));
    return {
      engine: { list, lists, counts: over.counts ?? (async () => []) },
      workers: { list: over.workers ?? (async () => ({ workers: [], wanted: [] })) },
      runbooks: { get: over.get ?? (async () => undefined) },
      clock: { nowMs: () => 1_800_000_000_000 },
      sha256: (text: string) => text,
      deployment: { name: 'test' },
    } as unknown as OperationDeps;
  };
  const call = { by: { actor: 'a', via: 'api', where: 'b' } } as ApiCall;
  const asked = (deps: OperationDeps) => operationOf('overview')(deps, { path: {}, query: {}, body: {} }, call);
  const failing = (wanted: string) => async (filter: { statuses?: string[]; where?(view: unknown): unknown }) => {
    if (filter.statuses?.includes(wanted)) throw away;
    return empty;
  };

  test.each([
    ['the workers', { workers: fail }],
    ['the counts', { counts: fail }],
    ['one list', { list: failing('halted') }],
    ['what is found by a walk', { list: failing('waiting') }],
  ])('%s: all of it fails with its error, and nothing looks as if nobody were needed', async (_, over) => {
    await expect(asked(depsOf(over))).rejects.toBe(away);
  });

  test('nothing: a run that goes from one list to another between two walks stands once, as it was last', async () => {
    const nowMs = 1_800_000_000_000;
    const alone = { instanceId: 'one', runbookId: 'r', version: 1, cell: 'go', place: 'moon', dueAtMs: nowMs - 1 };
    const view = { ...alone, startedAtMs: nowMs - 9, waitsFor: 'a worker at moon' };
    const later = { ...view, status: 'waiting', seq: 5 };
    const earlier = { ...view, status: 'ready', seq: 4 };
    const list: List = async ({ statuses, where }) => {
      const walked = [
        ...(statuses?.includes('ready') ? [earlier] : []),
        ...(statuses?.includes('waiting') ? [later] : []),
      ];
      const fits = await Promise.all(walked.map((one) => where?.(one) ?? false));
      return { ...empty, views: walked.filter((_, index) => fits[index]) };
    };
    const workers = async () => ({ workers: [], wanted: [{ place: 'moon' }] });
    const { body } = await asked(depsOf({ list, workers }));
    expect((body as unknown as Overview).unmanned.views).toEqual([later]);
  });

  test('a version: a store that is away fails it, one broken version hides no run', async () => {
    const asks = {
      status: 'waiting',
      runbookId: 'r',
      version: 1,
      cell: 'go',
      place: 'local',
      dueAtMs: null,
      waitsFor: 'bob',
    };
    const list = async ({ where }: { where?(view: unknown): Promise<boolean> }) => {
      const views = (await where?.({ ...asks, instanceId: 'one' })) ? [{ ...asks, instanceId: 'one' }] : [];
      return { ...empty, views };
    };
    await expect(asked(depsOf({ list, get: fail }))).rejects.toBe(away);
    const broken = async (): Promise<never> => {
      throw new PawlError('runbook.unknown', 'It cannot be read.');
    };
    const { body } = await asked(depsOf({ list, get: broken }));
    expect((body as unknown as Overview).waiting.views).toMatchObject([{ instanceId: 'one' }]);
  });
});
