/** GET /instances by what somebody remembers of a run: when, with which parameters, by whom, a word of it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import type { View } from '../../src/engine/index.ts';
import { type ApiCall, type OperationDeps, operationOf } from '../../src/handlers/index.ts';
import { createStore } from '../../src/store/index.ts';
import { engineOn } from '../support/engine.ts';
import { openService, type Service } from './support.ts';

const source = `---
runbook: RUNBOOK
title: Deploys
params:
  pr: { type: integer, default: 1 }
  ratio: { type: number, default: 0.5 }
  env: { type: string, default: staging }
  dry: { type: boolean, default: false }
  note: { type: string, default: "" }
  tags: { type: array, items: { type: string }, default: [] }
---
\`\`\`sh { name=go }
true
\`\`\`
`;
let service: Service;
/** In order of their ids. */
const found = async (query: string): Promise<{ ids: unknown[]; atLeast: unknown; next: unknown }> => {
  const { status, body, text } = await service.ask({ path: '/instances', query });
  expect([status, text]).toEqual([200, expect.anything()]);
  const ids = (body.views as View[]).map((view) => view.instanceId).sort();
  return { ids, atLeast: body.atLeast, next: body.next };
};
const idsOf = async (query: string) => (await found(query)).ids;
const asked = (values: Record<string, string>): string => new URLSearchParams(values).toString();

const longName = `somebody.with.a.very.long.name.${'x'.repeat(40)}@example.com`;

beforeAll(async () => {
  service = await openService();
  const engine = engineOn(service.world.store, { authoring });
  const by = (actor: string) => ({ actor, via: 'cli', where: 'here' }) as const;
  for (const name of ['deploys', 'others']) await engine.publish(source.replace('RUNBOOK', name), by('author'));
  const start = (instanceId: string, actor: string, params: Record<string, unknown>, runbookId = 'deploys') =>
    engine.start({ runbookId, instanceId, params, by: by(actor) });
  await start('one', 'alice', { pr: 7, env: 'production' });
  await start('two', 'bob', { pr: 7, dry: true, tags: ['a', 'b'] });
  await start('three', longName, { pr: 8, ratio: 0.25, note: '1e3' });
  await start('four', `${longName}.other`, { note: 'x'.repeat(400), pr: 7 }, 'others');
});
afterAll(() => service.world.drop());

test.each([
  ['pr=7', ['four', 'one', 'two']],
  ['pr=7.0', ['four', 'one', 'two']],
  ['pr=70', []],
  ['pr=', []],
  ['ratio=0.25', ['three']],
  ['env=production', ['one']],
  ['env=produ', []],
  ['dry=true', ['two']],
  ['tags=["a","b"]', ['two']],
  ['note=1e3', ['three']],
  ['nothing=7', []],
  ['toString=7', []],
  ['pr=7\nenv=staging', ['four', 'two']],
  // Beyond what the view has of the parameters.
  [`note=${'x'.repeat(400)}\npr=7`, ['four']],
])('by parameter %j', async (param, ids) => {
  expect(await found(asked({ param }))).toEqual({ ids, atLeast: false, next: null });
});

test('by actor, exactly, also where a view has only the beginning of the name', async () => {
  expect(await idsOf('actor=alice')).toEqual(['one']);
  expect(await idsOf('actor=ali')).toEqual([]);
  expect(await idsOf(asked({ actor: longName }))).toEqual(['three']);
  expect(await idsOf(asked({ actor: `${longName}.other` }))).toEqual(['four']);
});

test('by words of its id, its view, whatever their case', async () => {
  expect(await idsOf('text=TW')).toEqual(['two']);
  expect(await idsOf('text=production')).toEqual(['one']);
  expect(await idsOf('text=others')).toEqual(['four']);
  expect(await idsOf('text=somebody')).toEqual(['four', 'three']);
  expect(await idsOf('text=nowhere')).toEqual([]);
});

test('all of it together, with what has an index', async () => {
  expect(await idsOf(asked({ param: 'pr=7', runbook: 'deploys' }))).toEqual(['one', 'two']);
  expect(await idsOf(asked({ param: 'pr=7', actor: 'bob', text: 'tags', status: 'ready' }))).toEqual(['two']);
  expect(await idsOf(asked({ param: 'pr=7', status: 'halted' }))).toEqual([]);
});

test('several statuses at once, and how an id begins', async () => {
  expect(await idsOf(asked({ status: 'halted,ready', param: 'pr=7' }))).toEqual(['four', 'one', 'two']);
  expect(await idsOf('status=halted,completed')).toEqual([]);
  expect(await idsOf('id=t')).toEqual(['three', 'two']);
  expect(await idsOf(asked({ id: 't', text: 'TW' }))).toEqual(['two']);
  expect(await idsOf('id=T')).toEqual([]);
});

describe('by when it started', () => {
  test('the moments are the service’s: a while ago, or a time with its zone', async () => {
    expect(await idsOf('since=1h')).toEqual(['four', 'one', 'three', 'two']);
    expect(await idsOf('until=1h')).toEqual([]);
    expect(await idsOf('since=2000-01-01T00:00Z&until=2001-01-01T00:00Z')).toEqual([]);
    expect(await idsOf(asked({ since: '2000-01-01T00:00+01:00', param: 'pr=8' }))).toEqual(['three']);
  });

  test.each([
    'since=yesterday',
    'since=2026-11-28',
    'until=2026-11-28T09:00',
    'since=1h&until=2h',
    'param=pr',
    'text=',
  ])('%s is refused, and says what would do', async (query) => {
    const { status, body } = await service.ask({ path: '/instances', query });
    expect([status, body.code]).toEqual([400, 'request.invalid']);
  });
});

test('page by page; a mark is of its own list', async () => {
  const query = asked({ param: 'pr=7', since: '1d', limit: '1' });
  const ids: unknown[] = [];
  let next: unknown = null;
  do {
    const page = await found(next === null ? query : `${query}&next=${next}`);
    expect(page.ids).toHaveLength(1);
    ids.push(...page.ids);
    next = page.next;
  } while (next !== null);
  expect(ids.sort()).toEqual(['four', 'one', 'two']);
  const { next: mark } = await found(query);
  for (const other of ['param=pr%3D8&since=1d', 'param=pr%3D7&since=2d', 'limit=1', 'actor=bob&since=1d'])
    expect((await service.ask({ path: '/instances', query: `${other}&next=${mark}` })).status).toBe(400);
});

test('at most 1,000 views are read by one request: then it says at least, and goes on', {
  timeout: 120_000,
}, async () => {
  const store = createStore(service.world.client, { clock: service.world.store.clock });
  const [sample] = (await store.views.list({ limit: 1 })).views;
  const older = (sample?.startedAtMs ?? 0) - 86_400_000;
  for (let n = 0; n < 1_100; n += 50)
    await Promise.all(
      Array.from({ length: 50 }, (_, i) => {
        const instanceId = `many-${n + i}`;
        const view = { ...(sample as View), instanceId, startedAtMs: older - n - i, startedBy: 'crowd', params: '{}' };
        const last = n + i >= 1_090 ? { startedBy: 'needle' } : {};
        return store.views.save({ ...view, ...last }, { arms: 0, othersUntilMs: null, seen: null });
      }),
    );
  const first = await found('actor=needle');
  expect(first).toEqual({ ids: [], atLeast: true, next: expect.any(String) });
  const second = await found(`actor=needle&next=${first.next}`);
  expect(second).toMatchObject({ atLeast: false, next: null });
  expect(second.ids).toHaveLength(10);
  // What an index has reads no more than it shows.
  expect(await found('status=ready&limit=2')).toMatchObject({ atLeast: false, next: expect.any(String) });
});

test('the first request of a function that has just begun asks the store before it asks for the time', async () => {
  let hasAsked = false;
  const clock = {
    nowMs: () => {
      if (!hasAsked) throw new Error('ask the store something first');
      return 1_800_000_000_000;
    },
  };
  const list = async () => {
    hasAsked = true;
    return { views: [], atLeast: false, next: null };
  };
  const deps = { engine: { list }, clock, sha256: (text: string) => text } as unknown as OperationDeps;
  const call = { by: { actor: 'a', via: 'api', where: 'b' } } as ApiCall;
  for (const query of [{}, { since: '2h' }]) {
    hasAsked = false;
    expect((await operationOf('listInstances')(deps, { path: {}, query, body: {} }, call)).status).toBe(200);
  }
});

test('what has not changed is not sent again: 304 for the ETag of the answer before', async () => {
  const lists = ['/instances?status=ready,running&limit=2', '/counts?runbook=deploys'];
  for (const list of lists) {
    const [path = '', query = ''] = list.split('?');
    const first = await service.ask({ path, query });
    const again = (etag: string) => service.ask({ path, query, headers: { 'if-none-match': etag } });
    const { etag = '' } = first.headers;
    for (const same of [etag, `"other", W/${etag}`]) {
      const { status, text, headers } = await again(same);
      expect([status, text, headers.etag]).toEqual([304, '', etag]);
    }
    expect(await again('"other"')).toMatchObject({ status: 200, text: first.text });
    await service.ask({ method: 'POST', path: '/runbooks/deploys/instances', body: {} });
    expect((await again(etag)).status).toBe(200);
  }
});
