/** `tick`: hands on whatever is due, page by page, however often it comes, and is held up by nobody. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Due, limits } from '../../src/engine/index.ts';
import type { HandOver, WorkRequest } from '../../src/handlers/events.ts';
import { createTick } from '../../src/handlers/tick.ts';
import {
  contextOf,
  documentOf,
  dyingBeforeItSaves,
  metricsIn,
  openService,
  publish,
  type Service,
  start,
  written,
} from './support.ts';

describe('on a real store', () => {
  let service: Service;
  beforeEach(async () => {
    service = await openService();
    await publish(service, documentOf('demo', ['name=one', 'name=two']));
  });
  afterEach(() => service.world.drop());

  test('a view that was lost is there again after the sweep of its part; what has one is left alone', async () => {
    const id = await start(service, 'demo', { drive: 'auto' });
    const other = await start(service, 'demo', { drive: 'auto' });
    const { raw, store } = service.world;
    await raw.delete('views', { instanceId: id });
    const before = await store.views.get(other);
    expect(await store.views.get(id)).toBeUndefined();
    for (let part = 0; part < limits.journalShards; part += 1) await service.work({ sweep: part });
    expect(await store.views.get(id)).toMatchObject({ status: 'ready', drive: 'auto', dueAtMs: expect.any(Number) });
    expect(await store.views.get(other)).toEqual(before);
  });

  const statusOf = async (id: string): Promise<unknown> => {
    const { body } = await service.ask({ path: `/instances/${id}` });
    return (body.view as { status: string }).status;
  };

  test('an `auto` instance that nobody touches is finished; a `manual` one is left alone', async () => {
    service.deliver.on = true;
    const auto = await start(service, 'demo', { drive: 'auto' });
    const manual = await start(service, 'demo');
    await service.tick();
    await service.settled();
    expect(await statusOf(auto)).toBe('completed');
    expect(await statusOf(manual)).toBe('ready');
    expect(service.cells.begun).toEqual(['one', 'two']);
    service.handed.length = 0;
    expect(await service.tick()).toMatchObject({ due: 0, handedOver: 0, whole: true });
    expect(service.handed).toEqual([]);
  });

  test('what it hands over says that nobody asked for it', async () => {
    const id = await start(service, 'demo', { drive: 'auto' });
    await service.tick();
    expect(service.handed).toEqual([
      {
        instanceId: id,
        by: { actor: 'schedule', via: 'tick', where: expect.stringMatching(/^request-\d+$/) },
        explicit: false,
        maxCells: 'all',
      },
    ]);
  });

  test('while a long cell of an `auto` instance runs, each tick has it looked at once, in vain', async () => {
    const id = await start(service, 'demo', { drive: 'auto' });
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
    service.cells.execute = async () => {
      await held;
      return { status: 'completed', output: '{}' };
    };
    const running = service.ask({ method: 'POST', path: `/instances/${id}/advance`, body: {} });
    while (service.cells.begun.length === 0) await new Promise((resolve) => setImmediate(resolve));
    for (let tick = 1; tick <= 2; tick += 1) {
      expect(await service.tick()).toMatchObject({ due: 1, handedOver: 1 });
      expect(await service.work(service.handed.at(-1))).toMatchObject({ result: 'in_flight' });
    }
    letGo();
    expect((await running).status).toBe(200);
    expect(service.cells.begun).toEqual(['one']);
  });

  test('ticks that overlap, come twice and late run each cell once', async () => {
    service.deliver.on = true;
    const ids = await Promise.all(Array.from({ length: 5 }, () => start(service, 'demo', { drive: 'auto' })));
    await Promise.all(Array.from({ length: 5 }, () => service.tick()));
    await service.settled();
    const late = [...service.handed];
    await Promise.all(late.map((event) => service.work(event)));
    for (const id of ids) expect(await statusOf(id)).toBe('completed');
    expect(service.cells.begun.filter((cell) => cell === 'one')).toHaveLength(5);
    expect(service.cells.begun.filter((cell) => cell === 'two')).toHaveLength(5);
  });

  test('everything that is due is handed on, over pages and parts of the index', async () => {
    const { marks } = service.world.store;
    const nowMs = service.world.clock.nowMs();
    const ids = Array.from({ length: 250 }, (_, n) => `many-${n}`);
    await Promise.all(ids.map((instanceId) => marks.arm({ instanceId, runbookId: 'demo' }, nowMs - 5_000, nowMs)));
    await marks.arm({ instanceId: 'not-yet', runbookId: 'demo' }, nowMs + 3_600_000, nowMs);
    expect(await service.tick()).toMatchObject({ due: 250, handedOver: 250, failed: 0, whole: true });
    expect(service.handed.map(({ instanceId }) => instanceId).sort()).toEqual([...ids].sort());
    expect(metricsIn(written.lines, 'DueBacklog')).toEqual([{ value: 250 }]);
    const [age] = metricsIn(written.lines, 'DueOldestAgeMs');
    expect(Number(age?.value)).toBeGreaterThanOrEqual(5_000);
    expect(Number(age?.value)).toBeLessThan(60_000);
  });

  test('a view that a function left stale is right again after a tick', async () => {
    service.deliver.on = true;
    const id = await start(service, 'demo');
    const { marks, views } = service.world.store;
    const nowMs = service.world.clock.nowMs();
    await marks.arm({ instanceId: id, runbookId: 'demo' }, nowMs, nowMs);
    await dyingBeforeItSaves(service.world).cancel(id, 'r', { actor: 'ada', via: 'test', where: 'here' });
    expect(await views.get(id)).toMatchObject({ status: 'ready', seq: 0 });
    await service.tick();
    await service.settled();
    expect(await views.get(id)).toMatchObject({ status: 'cancelled', seq: 1 });
  });
});

describe('the list of journals', () => {
  const sweptAt = async (nowMs: number): Promise<WorkRequest[]> => {
    const handed: WorkRequest[] = [];
    const tick = createTick((telemetry) => ({
      nowMs: async () => nowMs,
      due: async () => ({ due: [], next: null }),
      places: ['local'],
      home: 'local',
      handOver: async (event) => handed.push(event) > 0,
      fraction: () => 0,
      telemetry,
    }));
    await tick({}, contextOf());
    return handed;
  };

  test('is gone through once a day, a part of it every quarter of an hour', async () => {
    const dayMs = 24 * 60 * 60_000;
    const from = 1_800_000_000_000;
    const parts: number[] = [];
    for (let ms = 0; ms < dayMs; ms += 60_000) {
      for (const event of await sweptAt(from + ms + 12_345)) if ('sweep' in event) parts.push(event.sweep);
    }
    expect([...parts].sort((a, b) => a - b)).toEqual(Array.from({ length: limits.journalShards }, (_, part) => part));
  });
});

describe('with what it meets', () => {
  type Pages = Record<number, Due[][]>;
  const tickOver = (pages: Pages, over: { handOver?(event: HandOver): Promise<boolean>; fail?: number } = {}) => {
    const handed: string[] = [];
    const asked: number[] = [];
    const tick = createTick((telemetry) => ({
      nowMs: async () => 1_800_000_060_000,
      places: ['local'],
      home: 'local',
      due: async (_nowMs, _place, shard, from) => {
        asked.push(shard);
        if (shard === over.fail) throw new Error('a secret');
        const at = from === undefined ? 0 : Number(from.instanceId.split('/')[1]);
        const due = pages[shard]?.[at] ?? [];
        const more = pages[shard]?.[at + 1] !== undefined;
        return { due, next: more ? { instanceId: `page/${at + 1}`, dueAtMs: 0 } : null };
      },
      handOver: async (event) => {
        if (!('instanceId' in event)) throw new Error('No claim is due here.');
        handed.push(event.instanceId);
        return (await over.handOver?.(event)) ?? true;
      },
      fraction: () => 0,
      telemetry,
    }));
    return {
      handed,
      asked,
      tick: (remainingMs: number | (() => number) = 50_000) =>
        tick(
          {},
          typeof remainingMs === 'number'
            ? contextOf(remainingMs)
            : { ...contextOf(), getRemainingTimeInMillis: remainingMs },
        ),
    };
  };
  const due = (...ids: string[]): Due[] => ids.map((instanceId) => ({ instanceId, dueAtMs: 1_799_999_999_000 }));

  test('when nothing is due both metrics are 0, so that an alarm sees that it ticks', async () => {
    expect(await tickOver({}).tick()).toEqual({ due: 0, handedOver: 0, failed: 0, oldestAgeMs: 0, whole: true });
    expect(metricsIn(written.lines, 'DueBacklog')).toEqual([{ value: 0 }]);
    expect(metricsIn(written.lines, 'DueOldestAgeMs')).toEqual([{ value: 0 }]);
  });

  test('one instance that cannot be handed over holds up nobody', async () => {
    const { tick, handed } = tickOver(
      { 0: [due('a', 'bad', 'b')], 1: [due('c')] },
      { handOver: async ({ instanceId }) => instanceId !== 'bad' },
    );
    expect(await tick()).toMatchObject({ due: 4, handedOver: 3, failed: 1, whole: true });
    expect(handed.sort()).toEqual(['a', 'b', 'bad', 'c']);
  });

  test('a part of the index that cannot be read holds up no other, and fails the invocation in the end', async () => {
    const { tick, handed } = tickOver({ 3: [due('a')], 5: [due('b')] }, { fail: 4 });
    await expect(tick()).rejects.toThrow();
    expect(handed.sort()).toEqual(['a', 'b']);
    expect(metricsIn(written.lines, 'DueBacklog')).toEqual([{ value: 2 }]);
    expect(written.text).not.toContain('a secret');
  });

  test('every part gets its first page before any gets a second one', async () => {
    const { tick, asked } = tickOver({ 2: [due('a'), due('b')], 9: [due('c'), due('d')] });
    await tick();
    expect(asked).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 2, 9]);
  });

  test('it stops well before its own limit, and says that there is more', async () => {
    const { tick, handed, asked } = tickOver({ 0: [due('a')] });
    expect(await tick(9_900)).toMatchObject({ due: 0, whole: false });
    expect(handed).toEqual([]);
    expect(asked).toEqual([]);
  });

  test('it stops inside of a page, too, when handing over takes its time', async () => {
    const many = Array.from({ length: 48 }, (_, n) => `i${n}`);
    const { tick, handed, asked } = tickOver({ 0: [due(...many)] });
    const left = () => (handed.length < 20 ? 50_000 : 9_900);
    expect(await tick(left)).toMatchObject({ due: 48, handedOver: 20, failed: 0, whole: false });
    expect(handed).toHaveLength(20);
    expect(asked).toEqual([0]);
  });

  test('an instance that moves while it reads is handed over once', async () => {
    const { tick, handed } = tickOver({ 0: [due('a', 'b'), due('b', 'c')] });
    expect(await tick()).toMatchObject({ due: 3, handedOver: 3 });
    expect(handed.sort()).toEqual(['a', 'b', 'c']);
  });

  test('100,000 that are due in one minute are spread over ticks: each in its time, all parts alike, none lost', async () => {
    const parts = Array.from({ length: 16 }, (_, shard) => {
      const all = Array.from({ length: 6_250 }, (_, n) => ({ instanceId: `${shard}/${n}`, dueAtMs: n }));
      return new Map(all.map((one) => [one.instanceId, one]));
    });
    const pageAfter = (shard: number, from?: Due): { due: Due[]; next: Due | null } => {
      const left = [...(parts[shard]?.values() ?? [])].filter(({ dueAtMs }) => dueAtMs > (from?.dueAtMs ?? -1));
      return { due: left.slice(0, 100), next: left.length > 100 ? (left[99] ?? null) : null };
    };
    const refused = new Set<string>();
    let takenNow: string[] = [];
    let onHandOver = (): void => {};
    const tick = createTick((telemetry) => ({
      nowMs: async () => 1_800_000_060_000,
      places: ['local'],
      home: 'local',
      due: async (_nowMs, _place, shard, from) => pageAfter(shard, from),
      handOver: async (event) => {
        if (!('instanceId' in event)) throw new Error('No claim is due here.');
        const { instanceId } = event;
        onHandOver();
        // Lambda refuses one in a hundred, once.
        if (instanceId.endsWith('7') && instanceId.at(-2) === '7' && !refused.has(instanceId)) {
          refused.add(instanceId);
          return false;
        }
        takenNow.push(instanceId);
        return true;
      },
      fraction: () => 0.5,
      telemetry,
    }));
    const ticks: number[] = [];
    do {
      takenNow = [];
      // Each hand-over takes a millisecond of the fifty seconds.
      let elapsedMs = 0;
      const getRemainingTimeInMillis = () => 50_000 - elapsedMs;
      onHandOver = () => {
        elapsedMs += 1;
      };
      const { handedOver, whole } = await tick({}, { ...contextOf(), getRemainingTimeInMillis });
      expect(handedOver).toBe(takenNow.length);
      // Ten seconds are left for the end.
      expect(elapsedMs).toBeLessThanOrEqual(40_001);
      if (!whole) {
        const perPart = parts.map((_, shard) => takenNow.filter((id) => id.startsWith(`${shard}/`)).length);
        expect(Math.max(...perPart) - Math.min(...perPart)).toBeLessThanOrEqual(100);
      }
      // `work` takes the mark of each away before the next minute.
      for (const id of takenNow) expect(parts[Number(id.split('/')[0])]?.delete(id)).toBe(true);
      ticks.push(handedOver);
    } while (parts.some((part) => part.size > 0) && ticks.length < 10);
    expect(parts.reduce((sum, part) => sum + part.size, 0)).toBe(0);
    expect(ticks.reduce((sum, one) => sum + one, 0)).toBe(100_000);
    expect(refused.size).toBeGreaterThan(900);
    // The last one for what was refused in the one before.
    expect(ticks.length).toBe(4);
  });

  test('not more than sixteen invocations are under way at once', async () => {
    let now = 0;
    let most = 0;
    const many = Array.from({ length: 80 }, (_, n) => `i${n}`);
    const { tick } = tickOver(
      { 0: [due(...many)] },
      {
        handOver: async () => {
          now += 1;
          most = Math.max(most, now);
          await new Promise((resolve) => setTimeout(resolve, 2));
          now -= 1;
          return true;
        },
      },
    );
    expect(await tick()).toMatchObject({ handedOver: 80 });
    expect(most).toBe(16);
  });
});
