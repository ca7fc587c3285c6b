/** Conformance of views, against DynamoDB Local and dynalite. */
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { View } from '../../src/engine/index.ts';
import { createStore, type Store } from '../../src/store/index.ts';
import { type FreshStore, freshStore, serviceKinds } from '../support/world.ts';
import { atMs, faulty, timeout, view } from './fixtures.ts';

const inMs = (seconds: number): number => atMs + seconds * 1000;

describe.each(serviceKinds)('views on %s', (which) => {
  let world: FreshStore;
  let views: Store['views'];
  beforeAll(async () => {
    world = await freshStore(which);
    views = world.store.views;
  });
  afterAll(() => world.drop());
  const seed = (instanceId: string) => ({ instanceId, runbookId: 'deploy' });
  /** The item itself: an armed view without a journal is no view yet. */
  const marks = async (instanceId: string) => {
    const TableName = `${world.prefix}-views`;
    const { Item } = await world.client.send(new GetCommand({ TableName, Key: { instanceId }, ConsistentRead: true }));
    return { dueAtMs: Item?.dueAtMs, armedUntilMs: Item?.armedUntilMs, inIndex: Item?.dueShard !== undefined };
  };

  const minuteMs = 60_000;

  test('arm: due comes down only, armed goes up only, wakes count; others may land for another minute', async () => {
    expect(await views.arm(seed('arm'), inMs(30), atMs)).toEqual({ wakes: 1, othersUntilMs: null });
    expect(await views.get('arm')).toBeUndefined();
    expect(await views.arm(seed('arm'), inMs(50), atMs)).toEqual({ wakes: 2, othersUntilMs: inMs(30) });
    expect(await marks('arm')).toEqual({ dueAtMs: inMs(30), armedUntilMs: inMs(50), inIndex: true });
    expect(await views.arm(seed('arm'), inMs(20), atMs)).toEqual({ wakes: 3, othersUntilMs: inMs(50) });
    expect(await marks('arm')).toEqual({ dueAtMs: inMs(20), armedUntilMs: inMs(50), inIndex: true });
    expect(await views.arm(seed('arm'), inMs(40), atMs)).toEqual({ wakes: 4, othersUntilMs: inMs(50) });
    expect(await marks('arm')).toEqual({ dueAtMs: inMs(20), armedUntilMs: inMs(50), inIndex: true });
    const lastMs = inMs(50) + minuteMs;
    expect(await views.arm(seed('arm'), inMs(50), lastMs - 1)).toEqual({ wakes: 5, othersUntilMs: inMs(50) });
    expect(await views.arm(seed('arm'), inMs(50), lastMs)).toEqual({ wakes: 6, othersUntilMs: null });
  });

  test('arming all at once counts each and keeps the earliest and the latest', async () => {
    const armed = await Promise.all(
      Array.from({ length: 10 }, (_, i) => views.arm(seed('crowd'), inMs(10 + ((i * 7) % 10)), atMs)),
    );
    expect(armed.map(({ wakes }) => wakes).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(await marks('crowd')).toEqual({ dueAtMs: inMs(10), armedUntilMs: inMs(19), inIndex: true });
  });

  test('save, alone: the view comes back, and is due exactly when it says', async () => {
    const armed = await views.arm(seed('alone'), inMs(30), atMs);
    await views.save(view('alone', 1, { dueAtMs: inMs(600), cell: null }), armed);
    expect(await views.get('alone')).toEqual(view('alone', 1, { dueAtMs: inMs(600), cell: null }));
    expect(await marks('alone')).toEqual({ dueAtMs: inMs(600), armedUntilMs: undefined, inIndex: true });
    await views.save(view('alone', 2, { status: 'completed' }), armed);
    expect(await views.get('alone')).toEqual(view('alone', 2, { status: 'completed' }));
    expect(await marks('alone')).toEqual({ dueAtMs: undefined, armedUntilMs: undefined, inIndex: false });
  });

  test('save: an older view changes nothing', async () => {
    const armed = await views.arm(seed('older'), inMs(30), atMs);
    await views.save(view('older', 5, { status: 'waiting', dueAtMs: inMs(99) }), armed);
    await views.save(view('older', 4, { dueAtMs: inMs(10) }), armed);
    await views.save(view('older', 4), { wakes: 7, othersUntilMs: inMs(10) });
    expect(await views.get('older')).toEqual(view('older', 5, { status: 'waiting', dueAtMs: inMs(99) }));
  });

  test('save after somebody else armed keeps the due mark early and the arm standing', async () => {
    const mine = await views.arm(seed('wake'), inMs(30), atMs);
    await views.arm(seed('wake'), inMs(40), atMs);
    await views.save(view('wake', 1), mine);
    expect(await marks('wake')).toEqual({ dueAtMs: inMs(30), armedUntilMs: inMs(40), inIndex: true });
    await views.save(view('wake', 2, { dueAtMs: inMs(5) }), mine);
    expect(await marks('wake')).toMatchObject({ dueAtMs: inMs(5) });
  });

  test('save of a view that was deleted makes it anew', async () => {
    await views.save(view('anew', 3, { dueAtMs: inMs(60) }), { wakes: 4, othersUntilMs: null });
    expect(await views.get('anew')).toEqual(view('anew', 3, { dueAtMs: inMs(60) }));
    expect(await marks('anew')).toMatchObject({ inIndex: true });
  });

  test('I7: two writers in any order, dying anywhere, leave the instance due', { timeout: 120_000 }, async () => {
    const steps = ['arm', 'put', 'save'] as const;
    const orders = (a: number, b: number): string[] => {
      if (a === 0 && b === 0) return [''];
      return [
        ...(a > 0 ? orders(a - 1, b).map((rest) => `a${rest}`) : []),
        ...(b > 0 ? orders(a, b - 1).map((rest) => `b${rest}`) : []),
      ];
    };
    const until = { a: inMs(100), b: inMs(200) };
    // One writer ends the instance, the other leaves it due later than any arm.
    const wanted = { a: null, b: inMs(500) };
    let n = 0;
    // How many steps each one gets before it dies.
    for (const aSteps of [1, 2, 3]) {
      for (const bSteps of [1, 2, 3]) {
        for (const order of orders(aSteps, bSteps)) {
          n += 1;
          const id = `interleaved-${n}`;
          const done = { a: 0, b: 0 };
          const armed = {
            a: { wakes: 0, othersUntilMs: null as number | null },
            b: { wakes: 0, othersUntilMs: null as number | null },
          };
          const putAt = { a: -1, b: -1 };
          let head: { by: 'a' | 'b'; seq: number } | undefined;
          for (const who of order as Iterable<'a' | 'b'>) {
            const step = steps[done[who]];
            done[who] += 1;
            if (step === 'arm') armed[who] = await views.arm(seed(id), until[who], atMs);
            if (step === 'put') {
              head = { by: who, seq: head === undefined ? 0 : head.seq + 1 };
              putAt[who] = head.seq;
            }
            if (step === 'save') await views.save(view(id, putAt[who], { dueAtMs: wanted[who] }), armed[who]);
          }
          if (head === undefined) continue;
          const { dueAtMs } = await marks(id);
          const saved = done[head.by] === 3;
          const latest = saved ? wanted[head.by] : until[head.by];
          if (latest !== null) expect(dueAtMs ?? Infinity, order).toBeLessThanOrEqual(latest);
          // Later the tick comes by, alone, and the mark is again what the journal says (I8).
          const tick = await views.arm(seed(id), inMs(400), inMs(300));
          expect(tick.othersUntilMs).toBeNull();
          await views.save(view(id, head.seq, { dueAtMs: wanted[head.by] }), tick);
          expect((await marks(id)).dueAtMs, order).toEqual(wanted[head.by] ?? undefined);
        }
      }
    }
    expect(n).toBe(62);
  });

  test('an arm or save whose answer was lost, or that gets none', async () => {
    const mute = createStore(
      faulty(world.client, () => Promise.reject(timeout())),
      { tablesPrefix: world.prefix, clock: world.store.clock },
    ).views;
    await expect(mute.arm(seed('mute'), inMs(30), atMs)).rejects.toMatchObject({ code: 'store.unavailable' });
    await expect(mute.save(view('mute', 1), { wakes: 1, othersUntilMs: null })).rejects.toMatchObject({
      code: 'store.unavailable',
    });
  });

  describe('lists', () => {
    const many = Array.from({ length: 30 }, (_, i) =>
      view(`run-${String(i).padStart(2, '0')}`, 1, {
        runbookId: i % 3 === 0 ? 'listed-a' : 'listed-b',
        status: i % 2 === 0 ? 'completed' : 'waiting',
        startedAtMs: inMs(Math.floor(i / 2)),
      }),
    );
    let world2: FreshStore;
    beforeAll(async () => {
      world2 = await freshStore(which);
      for (const one of many) await world2.store.views.save(one, { wakes: 0, othersUntilMs: null });
    });
    afterAll(() => world2.drop());
    const newestFirst = (wanted: View[]): string[] => wanted.map((one) => one.instanceId).reverse();
    const pages = async (filter: { runbookId?: string; status?: View['status'] }, limit: number) => {
      const ids: string[] = [];
      let next: string | null = null;
      do {
        const page: Awaited<ReturnType<typeof views.list>> = await world2.store.views.list({
          ...filter,
          limit,
          ...(next === null ? {} : { next }),
        });
        expect(page.views.length).toBeLessThanOrEqual(limit);
        ids.push(...page.views.map((one) => one.instanceId));
        next = page.next;
      } while (next !== null);
      return ids;
    };

    test.each([
      ['all', {}, () => true],
      ['by runbook', { runbookId: 'listed-a' }, (one: View) => one.runbookId === 'listed-a'],
      ['by status', { status: 'waiting' as const }, (one: View) => one.status === 'waiting'],
      [
        'by both',
        { runbookId: 'listed-b', status: 'completed' as const },
        (one: View) => one.runbookId === 'listed-b' && one.status === 'completed',
      ],
      ['none', { runbookId: 'unheard-of' }, () => false],
    ])('%s: newest first, each once, however long the pages', async (_, filter, belongs) => {
      for (const limit of [1, 7, 30, 100])
        expect(await pages(filter, limit)).toEqual(newestFirst(many.filter(belongs)));
    });

    test('a list shows whole views, and not what was only armed', async () => {
      await world2.store.views.arm(seed('only-armed'), inMs(900), atMs);
      const { views: found } = await world2.store.views.list({ limit: 1 });
      expect(found).toEqual([many[29]]);
    });

    test('a page mark is taken as it was given out, for its own list', async () => {
      const { next } = await world2.store.views.list({ limit: 2 });
      const edited = Buffer.from(JSON.stringify({ before: 'x', runbookId: null, status: null })).toString('base64url');
      const spaced = Buffer.from(`${Buffer.from(next ?? '', 'base64url').toString()} `).toString('base64url');
      for (const mark of ['', 'rubbish', edited, spaced, `${next}A`, '__proto__', 'bnVsbA']) {
        await expect(world2.store.views.list({ limit: 2, next: mark })).rejects.toMatchObject({
          code: 'request.invalid',
        });
      }
      const other = world2.store.views.list({ limit: 2, status: 'waiting', ...(next === null ? {} : { next }) });
      await expect(other).rejects.toMatchObject({ code: 'request.invalid' });
    });
  });
});
