/** Conformance of views, against SQLite and DynamoDB Local. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Armed, type Entry, type EntryOf, type Runbook, type View, viewOf } from '../../src/engine/index.ts';
import { createStore, type Store } from '../../src/store/index.ts';
import type { Batch } from '../../src/store/tableOperations.ts';
import { type FreshStore, freshStore, serviceKinds } from '../support/world.ts';
import { atMs, entry, faulty, timeout, view } from './fixtures.ts';

/** First byte of the sha256 of the id, modulo 16. */
const shardZero = (id: string): boolean => (createHash('sha256').update(id).digest()[0] ?? 1) % 16 === 0;
/** As DynamoDB counts: names and texts by their bytes, a number by its digits. */
const bytesOfItem = (item: Record<string, unknown>): number =>
  Object.entries(item).reduce((bytes, [name, value]) => {
    const size = typeof value === 'number' ? Math.ceil(String(value).length / 2) + 1 : Buffer.byteLength(String(value));
    return bytes + name.length + size;
  }, 0);
const inMs = (seconds: number): number => atMs + seconds * 1000;

describe.each(await serviceKinds())('views on %s', (which) => {
  let world: FreshStore;
  let views: Store['views'];
  let marks: Store['marks'];
  beforeAll(async () => {
    world = await freshStore(which);
    views = world.store.views;
    marks = world.store.marks;
  });
  afterAll(() => world.drop());
  const seed = (instanceId: string) => ({ instanceId, runbookId: 'deploy' });
  /** The item itself: an armed view without a journal is no view yet. */
  const marksOf = async (instanceId: string) => {
    const Item = await world.raw.get('views', { instanceId });
    return { dueAtMs: Item?.dueAtMs, armedUntilMs: Item?.armedUntilMs, inIndex: Item?.dueShard !== undefined };
  };

  const minuteMs = 60_000;

  test('arm: due comes down only, armed goes up only, arms count; others may land for another minute', async () => {
    expect(await marks.arm(seed('arm'), inMs(30), atMs)).toMatchObject({ arms: 1, othersUntilMs: null });
    expect(await views.get('arm')).toBeUndefined();
    expect(await marks.arm(seed('arm'), inMs(50), atMs)).toMatchObject({ arms: 2, othersUntilMs: inMs(30) });
    expect(await marksOf('arm')).toEqual({ dueAtMs: inMs(30), armedUntilMs: inMs(50), inIndex: true });
    expect(await marks.arm(seed('arm'), inMs(20), atMs)).toMatchObject({ arms: 3, othersUntilMs: inMs(50) });
    expect(await marksOf('arm')).toEqual({ dueAtMs: inMs(20), armedUntilMs: inMs(50), inIndex: true });
    expect(await marks.arm(seed('arm'), inMs(40), atMs)).toMatchObject({ arms: 4, othersUntilMs: inMs(50) });
    expect(await marksOf('arm')).toEqual({ dueAtMs: inMs(20), armedUntilMs: inMs(50), inIndex: true });
    const lastMs = inMs(50) + minuteMs;
    expect(await marks.arm(seed('arm'), inMs(50), lastMs - 1)).toMatchObject({ arms: 5, othersUntilMs: inMs(50) });
    expect(await marks.arm(seed('arm'), inMs(50), lastMs)).toMatchObject({ arms: 6, othersUntilMs: null });
  });

  test('arming all at once counts each and keeps the earliest and the latest', async () => {
    const armed = await Promise.all(
      Array.from({ length: 10 }, (_, i) => marks.arm(seed('crowd'), inMs(10 + ((i * 7) % 10)), atMs)),
    );
    expect(armed.map(({ arms }) => arms).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(await marksOf('crowd')).toEqual({ dueAtMs: inMs(10), armedUntilMs: inMs(19), inIndex: true });
  });

  test('at its longest a view is less than 1 KB, which is one write unit', async () => {
    const [runbookId, longId] = ['r'.repeat(128), 'i'.repeat(128)];
    const open = { kind: 'waiting', seq: 99_999, cell: 'c'.repeat(64), dueAtMs: atMs, atMs, whom: 'w'.repeat(48) };
    const placed = { place: 'p'.repeat(32), inputsHash: 'a'.repeat(64) };
    const state = { ...entry(longId, 99_999, 't').state, next: 499, cells: 500, ...placed, open } as Entry['state'];
    const by = { actor: 'b'.repeat(200), via: 'cli', where: 'here' } as const;
    const started = {
      ...entry(longId, 0, 't'),
      kind: 'started',
      runbookId,
      version: 99_999,
      by,
      params: { p: 'ü'.repeat(900) },
    };
    const cell = { name: open.cell, body: { kind: 'sh' } };
    const runbook = { cells: Array.from({ length: 500 }, () => cell) } as unknown as Runbook;
    const head = { entry: { ...entry(longId, 99_999, 't'), state }, hash: 'h'.repeat(64) };
    const longest = viewOf(started as unknown as EntryOf<'started'>, head, runbook, {
      nowMs: atMs,
      graceMs: 0,
      epoch: 0,
      home: 'local',
      nextAt: null,
    });
    const armed = await marks.arm({ instanceId: longId, runbookId }, inMs(30), atMs);
    await marks.arm({ instanceId: longId, runbookId }, inMs(30), atMs);
    await views.save(longest, armed);
    expect(await views.get(longId)).toEqual(longest);
    const item = await world.raw.get('views', { instanceId: longId });
    expect(bytesOfItem(item ?? {})).toBeLessThan(1024);
    for (const chars of [110, 90, 70, 50, 30, 10]) {
      const instanceId = `${chars}`.padEnd(chars, 'i');
      const shorter = { ...started, instanceId, runbookId: 'r'.repeat(chars) } as unknown as EntryOf<'started'>;
      const shortly = { ...head, entry: { ...head.entry, instanceId } };
      const at = { nowMs: atMs, graceMs: 0, epoch: 0, home: 'local', nextAt: null };
      await views.save(viewOf(shorter, shortly, runbook, at), await marks.arm(seed(instanceId), inMs(30), atMs));
      const one = await world.raw.get('views', { instanceId });
      expect(bytesOfItem(one ?? {})).toBeLessThan(1024);
    }
    // With ids of an ordinary length there is room for as much of the parameters as is ever shown.
    const ordinary = { ...started, runbookId: 'rotate-database-credentials' } as unknown as EntryOf<'started'>;
    const shortHead = { ...head, entry: { ...head.entry, instanceId: 'rotate-database-credentials-000001' } };
    expect(
      Buffer.byteLength(
        viewOf(ordinary, shortHead, undefined, { nowMs: atMs, graceMs: 0, epoch: 0, home: 'local', nextAt: null })
          .params,
      ),
    ).toBeGreaterThan(240);
  });

  test('save, alone: the view comes back, and is due exactly when it says', async () => {
    const armed = await marks.arm(seed('alone'), inMs(30), atMs);
    await views.save(view('alone', 1, { dueAtMs: inMs(600), cell: null }), armed);
    expect(await views.get('alone')).toEqual(view('alone', 1, { dueAtMs: inMs(600), cell: null }));
    expect(await marksOf('alone')).toEqual({ dueAtMs: inMs(600), armedUntilMs: undefined, inIndex: true });
    await views.save(view('alone', 2, { status: 'completed' }), armed);
    expect(await views.get('alone')).toEqual(view('alone', 2, { status: 'completed' }));
    expect(await marksOf('alone')).toEqual({ dueAtMs: undefined, armedUntilMs: undefined, inIndex: false });
  });

  test('save: an older view changes nothing', async () => {
    const armed = await marks.arm(seed('older'), inMs(30), atMs);
    await views.save(view('older', 5, { status: 'waiting', dueAtMs: inMs(99) }), armed);
    await views.save(view('older', 4, { dueAtMs: inMs(10) }), armed);
    await views.save(view('older', 4), { arms: 7, othersUntilMs: inMs(10), seen: null });
    expect(await views.get('older')).toEqual(view('older', 5, { status: 'waiting', dueAtMs: inMs(99) }));
  });

  test('save after somebody else armed keeps the due mark early and the arm standing', async () => {
    const mine = await marks.arm(seed('wake'), inMs(30), atMs);
    await marks.arm(seed('wake'), inMs(40), atMs);
    await views.save(view('wake', 1), mine);
    expect(await marksOf('wake')).toEqual({ dueAtMs: inMs(30), armedUntilMs: inMs(40), inIndex: true });
    await views.save(view('wake', 2, { dueAtMs: inMs(5) }), mine);
    expect(await marksOf('wake')).toMatchObject({ dueAtMs: inMs(5) });
  });

  describe('the place that it is due at', () => {
    const placeOf = async (instanceId: string): Promise<unknown> =>
      String((await world.raw.get('views', { instanceId }))?.dueShard).split('#')[0];
    const dueAt = async (place: string, instanceId: string): Promise<boolean> => {
      const shard = (createHash('sha256').update(instanceId).digest()[0] ?? -1) % 16;
      const { due } = await marks.due(inMs(500), place, shard);
      return due.some((one) => one.instanceId === instanceId);
    };
    const at = (instanceId: string, seq: number, place: string, seconds = 10) =>
      view(instanceId, seq, { place, dueAtMs: inMs(seconds) });

    test('is home for what is new, and the view’s own once that is saved; no other place reads it', async () => {
      const armed = await marks.arm(seed('placed'), inMs(30), atMs);
      expect(await placeOf('placed')).toBe('local');
      await views.save(at('placed', 1, 'bastion'), armed);
      expect([await dueAt('bastion', 'placed'), await dueAt('local', 'placed')]).toEqual([true, false]);
      expect(await views.get('placed')).toEqual(at('placed', 1, 'bastion'));
    });

    test('stays where it is when somebody arms or wakes it', async () => {
      const armed = await marks.arm(seed('stays'), inMs(30), atMs);
      await views.save(at('stays', 1, 'bastion', 60), armed);
      await marks.arm(seed('stays'), inMs(30), atMs);
      await marks.wake(seed('stays'), inMs(2));
      expect([await dueAt('bastion', 'stays'), await dueAt('local', 'stays')]).toEqual([true, false]);
    });

    test('is home again for what was idle', async () => {
      await views.save(at('idles', 1, 'bastion'), await marks.arm(seed('idles'), inMs(30), atMs));
      await views.save(view('idles', 2), await marks.arm(seed('idles'), inMs(30), atMs));
      await marks.wake(seed('idles'), inMs(2));
      expect(await dueAt('local', 'idles')).toBe(true);
    });

    test('what a writer armed and never saved is its leavings once its time is over, and until somebody has saved', async () => {
      const of = (nowMs: number) => marks.orphans(['left', 'unknown'], nowMs);
      await views.save(at('left', 1, 'bastion'), await marks.arm(seed('left'), inMs(5), atMs));
      expect(await of(inMs(60))).toEqual([]);
      await marks.arm(seed('left'), inMs(30), atMs);
      expect([await of(inMs(29)), await of(inMs(30))]).toEqual([[], ['left']]);
      await views.save(at('left', 2, 'bastion'), await marks.arm(seed('left'), inMs(900), inMs(800)));
      expect(await of(inMs(2_000))).toEqual([]);
    });

    test('makes a place known before anything is due there, home alone is not', async () => {
      const wanted = async () => (await world.store.workers.list()).wanted.map(({ place }) => place);
      await views.save(at('known', 1, 'far-away'), await marks.arm(seed('known'), inMs(5), atMs));
      expect(await wanted()).toContain('far-away');
      await views.save(view('known', 2, { place: 'idle-place' }), await marks.arm(seed('known'), inMs(5), atMs));
      await views.save(at('known', 3, 'local'), await marks.arm(seed('known'), inMs(5), atMs));
      expect(await wanted()).not.toEqual(expect.arrayContaining(['local']));
      expect(await wanted()).not.toContain('idle-place');
    });

    test('is that of the newest view, whoever else may still be writing', async () => {
      // A worker that armed and died leaves its mark at a place that may have nobody any more.
      await views.save(at('last', 1, 'bastion'), await marks.arm(seed('last'), inMs(5), atMs));
      await marks.arm(seed('last'), inMs(30), atMs);
      const person = await marks.arm(seed('last'), inMs(60), inMs(31));
      expect(person.othersUntilMs).toBe(inMs(30));
      await views.save(at('last', 2, 'local', 400), person);
      expect([await dueAt('local', 'last'), await dueAt('bastion', 'last')]).toEqual([true, false]);

      await views.save(at('beside', 1, 'bastion'), await marks.arm(seed('beside'), inMs(5), atMs));
      const first = await marks.arm(seed('beside'), inMs(30), atMs);
      await marks.arm(seed('beside'), inMs(31), atMs);
      await views.save(at('beside', 2, 'local', 400), first);
      expect([await dueAt('local', 'beside'), await dueAt('bastion', 'beside')]).toEqual([true, false]);
      // An older view says nothing about it.
      await views.save(at('beside', 1, 'bastion', 400), first);
      expect(await placeOf('beside')).toBe('local');
    });
  });

  test('save of a view that was deleted makes it anew', async () => {
    await views.save(view('anew', 3, { dueAtMs: inMs(60) }), { arms: 4, othersUntilMs: null, seen: null });
    expect(await views.get('anew')).toEqual(view('anew', 3, { dueAtMs: inMs(60) }));
    expect(await marksOf('anew')).toMatchObject({ inIndex: true });
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
            a: { arms: 0, othersUntilMs: null as number | null, seen: null as Armed['seen'] },
            b: { arms: 0, othersUntilMs: null as number | null, seen: null as Armed['seen'] },
          };
          const putAt = { a: -1, b: -1 };
          let head: { by: 'a' | 'b'; seq: number } | undefined;
          for (const who of order as Iterable<'a' | 'b'>) {
            const step = steps[done[who]];
            done[who] += 1;
            if (step === 'arm') armed[who] = await marks.arm(seed(id), until[who], atMs);
            if (step === 'put') {
              head = { by: who, seq: head === undefined ? 0 : head.seq + 1 };
              putAt[who] = head.seq;
            }
            if (step === 'save') await views.save(view(id, putAt[who], { dueAtMs: wanted[who] }), armed[who]);
          }
          if (head === undefined) continue;
          const { dueAtMs } = await marksOf(id);
          const saved = done[head.by] === 3;
          const latest = saved ? wanted[head.by] : until[head.by];
          if (latest !== null) expect(dueAtMs ?? Infinity, order).toBeLessThanOrEqual(latest);
          // Later the tick comes by, alone, and the mark is again what the journal says (I8).
          const tick = await marks.arm(seed(id), inMs(400), inMs(300));
          expect(tick.othersUntilMs).toBeNull();
          await views.save(view(id, head.seq, { dueAtMs: wanted[head.by] }), tick);
          expect((await marksOf(id)).dueAtMs, order).toEqual(wanted[head.by] ?? undefined);
        }
      }
    }
    expect(n).toBe(62);
  });

  test('an arm or save whose answer was lost, or that gets none', async () => {
    const mute = createStore(
      faulty(world.client, () => Promise.reject(timeout())),
      { clock: world.store.clock },
    );
    await expect(mute.marks.arm(seed('mute'), inMs(30), atMs)).rejects.toMatchObject({ code: 'store.unavailable' });
    await expect(mute.views.save(view('mute', 1), { arms: 1, othersUntilMs: null, seen: null })).rejects.toMatchObject({
      code: 'store.unavailable',
    });
  });

  describe('what is due', () => {
    let world3: FreshStore;
    const shards = Array.from({ length: 16 }, (_, shard) => shard);
    beforeAll(async () => {
      world3 = await freshStore(which);
      for (let i = 0; i < 250; i += 1)
        await world3.store.marks.arm(seed(`due-${i}`), inMs(i % 2 === 0 ? 10 : 1_000), atMs);
      const idle = await world3.store.marks.arm(seed('idle'), inMs(5), atMs);
      await world3.store.views.save(view('idle', 3, { status: 'completed' }), idle);
    });
    afterAll(() => world3.drop());
    const allDue = async (nowMs: number) => {
      const found: { instanceId: string; dueAtMs: number; shard: number }[] = [];
      for (const shard of shards) {
        let from: { instanceId: string; dueAtMs: number } | undefined;
        do {
          const page: Awaited<ReturnType<typeof marks.due>> = await world3.store.marks.due(nowMs, 'local', shard, from);
          expect(page.due.length).toBeLessThanOrEqual(100);
          found.push(...page.due.map((one) => ({ ...one, shard })));
          from = page.next ?? undefined;
        } while (from !== undefined);
      }
      return found;
    };

    test('is found in its shard, each once, and nothing else', async () => {
      const now = await allDue(inMs(10));
      expect(now.map((one) => one.instanceId).sort()).toEqual(
        Array.from({ length: 125 }, (_, i) => `due-${2 * i}`).sort(),
      );
      expect(now.every((one) => one.dueAtMs === inMs(10))).toBe(true);
      expect(new Set(now.map((one) => one.shard)).size).toBe(16);
      expect(await allDue(inMs(10) - 1)).toEqual([]);
      expect((await allDue(inMs(1_000))).length).toBe(250);
    });

    test('comes page by page, longest due first, and a page goes on where the one before ended', async () => {
      // One shard with more than two pages: ids that fall into shard 0.
      const world4 = await freshStore(which);
      const ids = Array.from({ length: 6_000 }, (_, i) => `paged-${i}`)
        .filter((id) => shardZero(id))
        .slice(0, 230);
      expect(ids.length).toBe(230);
      for (const [i, id] of ids.entries()) await world4.store.marks.arm(seed(id), inMs(230 - i), atMs);
      const first = await world4.store.marks.due(inMs(500), 'local', 0);
      const second = await world4.store.marks.due(inMs(500), 'local', 0, first.next ?? undefined);
      const third = await world4.store.marks.due(inMs(500), 'local', 0, second.next ?? undefined);
      expect([first, second, third].map((page) => page.due.length)).toEqual([100, 100, 30]);
      expect(third.next).toBeNull();
      const found = [first, second, third].flatMap((page) => page.due.map((one) => one.instanceId));
      expect(found).toEqual([...ids].reverse());
      await world4.drop();
    });
  });

  test('a view without a journal is due no more once dropped; arming brings it back', async () => {
    await marks.arm(seed('never'), inMs(30), atMs);
    expect(await marks.drop('never', inMs(29))).toBe(false);
    expect(await marksOf('never')).toEqual({ dueAtMs: inMs(30), armedUntilMs: inMs(30), inIndex: true });
    expect(await marks.drop('never', inMs(30))).toBe(true);
    expect(await marksOf('never')).toEqual({ dueAtMs: undefined, armedUntilMs: undefined, inIndex: false });
    expect(await marks.drop('never', inMs(30))).toBe(false);
    expect(await marks.arm(seed('never'), inMs(90), inMs(60))).toMatchObject({ arms: 2, othersUntilMs: null });
    expect(await marksOf('never')).toEqual({ dueAtMs: inMs(90), armedUntilMs: inMs(90), inIndex: true });
  });

  test('what somebody armed again in between is not dropped, though its due mark is still the old one', async () => {
    await marks.arm(seed('again'), inMs(30), atMs);
    await marks.arm(seed('again'), inMs(4_000), inMs(3_900));
    expect(await marks.drop('again', inMs(300))).toBe(false);
    expect(await marksOf('again')).toEqual({ dueAtMs: inMs(30), armedUntilMs: inMs(4_000), inIndex: true });
  });

  test('a view that was saved once is never dropped', async () => {
    const armed = await marks.arm(seed('saved'), inMs(30), atMs);
    await views.save(view('saved', 2, { dueAtMs: inMs(40) }), armed);
    expect(await marks.drop('saved', inMs(9_000))).toBe(false);
    expect(await marksOf('saved')).toMatchObject({ dueAtMs: inMs(40), inIndex: true });
  });

  test('wake makes an instance due now and announces no writer; an earlier mark stays', async () => {
    const armed = await marks.arm(seed('parked'), inMs(30), atMs);
    await views.save(view('parked', 2, { status: 'waiting', dueAtMs: inMs(5_000) }), armed);
    await marks.wake(seed('parked'), inMs(60));
    expect(await marksOf('parked')).toEqual({ dueAtMs: inMs(60), armedUntilMs: undefined, inIndex: true });
    await marks.wake(seed('parked'), inMs(70));
    expect(await marksOf('parked')).toEqual({ dueAtMs: inMs(60), armedUntilMs: undefined, inIndex: true });
    await marks.wake(seed('parked'), inMs(50));
    expect(await marksOf('parked')).toEqual({ dueAtMs: inMs(50), armedUntilMs: undefined, inIndex: true });
    expect(await views.get('parked')).toEqual(view('parked', 2, { status: 'waiting', dueAtMs: inMs(50) }));
    // Whoever arms after the wake, and is alone, takes the mark down.
    const after = await marks.arm(seed('parked'), inMs(90), inMs(60));
    expect(after).toMatchObject({ arms: 5, othersUntilMs: null });
    await views.save(view('parked', 3, { status: 'completed' }), after);
    expect(await marksOf('parked')).toEqual({ dueAtMs: undefined, armedUntilMs: undefined, inIndex: false });
  });

  test('wake leaves the mark of a writer as it stands', async () => {
    await marks.arm(seed('written'), inMs(30), atMs);
    await marks.wake(seed('written'), inMs(1));
    expect(await marksOf('written')).toEqual({ dueAtMs: inMs(1), armedUntilMs: inMs(30), inIndex: true });
    expect(await marks.arm(seed('written'), inMs(40), inMs(2))).toMatchObject({ arms: 3, othersUntilMs: inMs(30) });
  });

  test('wake makes a view that is missing, so that the tick comes by', async () => {
    await marks.wake(seed('missing'), inMs(3));
    expect(await marksOf('missing')).toEqual({ dueAtMs: inMs(3), armedUntilMs: undefined, inIndex: true });
    expect(await views.get('missing')).toBeUndefined();
    const Item = await world.raw.get('views', { instanceId: 'missing' });
    expect(Item).toEqual({
      instanceId: 'missing',
      runbookId: 'deploy',
      arms: 1,
      dueAtMs: inMs(3),
      dueShard: `local#${(createHash('sha256').update('missing').digest()[0] ?? -1) % 16}`,
    });
    const due = await marks.due(inMs(3), 'local', Number(String(Item?.dueShard).split('#')[1]));
    expect(due.due).toContainEqual({ instanceId: 'missing', dueAtMs: inMs(3) });
  });

  test('no save of whoever armed before a wake takes its mark down, at whatever point the wake comes', async () => {
    for (const others of [false, true]) {
      for (const dueAtMs of [null, inMs(5_000)]) {
        for (const place of ['before the arm', 'before the save', 'after the save']) {
          const id = `woken-${others}-${dueAtMs}-${place.replaceAll(' ', '-')}`;
          if (others) await marks.arm(seed(id), inMs(35), atMs);
          if (place === 'before the arm') await marks.wake(seed(id), inMs(2));
          const armed = await marks.arm(seed(id), inMs(30), atMs);
          if (place === 'before the save') await marks.wake(seed(id), inMs(2));
          await views.save(view(id, 1, { status: 'waiting', dueAtMs }), armed);
          if (place === 'after the save') await marks.wake(seed(id), inMs(2));
          // Who armed after the wake has seen what it was about: only its own save may take the mark down.
          const seen = place === 'before the arm' && !others;
          expect((await marksOf(id)).dueAtMs, id).toBe(seen ? (dueAtMs ?? undefined) : inMs(2));
        }
      }
    }
  });

  test('a wake that finds the mark early already is not lost in the save of whoever armed before', async () => {
    const armed = await marks.arm(seed('early'), inMs(30), atMs);
    await marks.wake(seed('early'), inMs(31));
    await views.save(view('early', 1, { status: 'waiting' }), armed);
    expect(await marksOf('early')).toMatchObject({ dueAtMs: inMs(30), inIndex: true });
  });

  test('waking and arming all at once counts each, and the earliest wake stands', async () => {
    const armed = await marks.arm(seed('throng'), inMs(30), atMs);
    await Promise.all(Array.from({ length: 20 }, (_, i) => marks.wake(seed('throng'), inMs(1 + ((i * 7) % 20)))));
    await views.save(view('throng', 1, { status: 'waiting' }), armed);
    expect(await marksOf('throng')).toMatchObject({ dueAtMs: inMs(1), inIndex: true });
    expect(await marks.arm(seed('throng'), inMs(40), atMs)).toMatchObject({ arms: 22 });
  });

  test('what is no view is armed, due and disarmed; no view is found in it and no list shows it', async () => {
    const shard = (createHash('sha256').update('wake:ci/7').digest()[0] ?? -1) % 16;
    const listed = async () =>
      (await marks.due(inMs(30), 'local', shard)).due.filter((one) => one.instanceId === 'wake:ci/7');
    const armed = await marks.arm(seed('wake:ci/7'), inMs(30), atMs);
    expect(await listed()).toEqual([{ instanceId: 'wake:ci/7', dueAtMs: inMs(30) }]);
    expect(await views.get('wake:ci/7')).toBeUndefined();
    for (const filter of [{}, { runbookId: 'deploy' }, { statuses: ['ready' as const] }]) {
      const { views: found } = await views.list({ limit: 100, ...filter });
      expect(found.filter((one) => one.instanceId.startsWith('wake:'))).toEqual([]);
    }
    await marks.settle('wake:ci/7', armed);
    expect(await marksOf('wake:ci/7')).toEqual({ dueAtMs: undefined, armedUntilMs: undefined, inIndex: false });
    expect(await listed()).toEqual([]);
    // The count goes on: an `armed` of before never fits again.
    const again = await marks.arm(seed('wake:ci/7'), inMs(60), inMs(40));
    expect(again).toMatchObject({ arms: 2, othersUntilMs: null });
    await marks.settle('wake:ci/7', armed);
    expect(await marksOf('wake:ci/7')).toEqual({ dueAtMs: inMs(60), armedUntilMs: inMs(60), inIndex: true });
  });

  test('disarm after somebody else armed, or before: the mark stays, and theirs stands', async () => {
    const first = await marks.arm(seed('wake:both'), inMs(30), atMs);
    const second = await marks.arm(seed('wake:both'), inMs(50), atMs);
    expect(second).toMatchObject({ arms: 2, othersUntilMs: inMs(30) });
    await marks.settle('wake:both', first);
    expect(await marksOf('wake:both')).toEqual({ dueAtMs: inMs(30), armedUntilMs: inMs(50), inIndex: true });
    await marks.settle('wake:both', second);
    expect(await marksOf('wake:both')).toEqual({ dueAtMs: inMs(30), armedUntilMs: inMs(30), inIndex: true });
    const lastMs = inMs(30) + minuteMs;
    expect(await marks.arm(seed('wake:both'), inMs(200), lastMs - 1)).toMatchObject({ othersUntilMs: inMs(30) });
    await marks.settle('wake:both', { arms: 3, othersUntilMs: inMs(30), seen: null });
    const later = await marks.arm(seed('wake:both'), inMs(200), lastMs);
    expect(later).toMatchObject({ arms: 4, othersUntilMs: null });
    await marks.settle('wake:both', later);
    expect(await marksOf('wake:both')).toEqual({ dueAtMs: undefined, armedUntilMs: undefined, inIndex: false });
  });

  test('a wake and a disarm of the same mark, in both orders: a wake is never lost', async () => {
    const before = await marks.arm(seed('wake:first'), inMs(30), atMs);
    await marks.wake(seed('wake:first'), inMs(2));
    await marks.settle('wake:first', before);
    expect(await marksOf('wake:first')).toMatchObject({ dueAtMs: inMs(2), inIndex: true });
    const armed = await marks.arm(seed('wake:last'), inMs(30), atMs);
    await marks.settle('wake:last', armed);
    await marks.wake(seed('wake:last'), inMs(2));
    expect(await marksOf('wake:last')).toEqual({ dueAtMs: inMs(2), armedUntilMs: undefined, inIndex: true });
  });

  test('disarm never touches a view, nor makes what is not there', async () => {
    const armed = await marks.arm(seed('a-view'), inMs(30), atMs);
    await views.save(view('a-view', 1, { dueAtMs: inMs(40) }), armed);
    await marks.settle('a-view', armed);
    await marks.settle('a-view', { ...armed, othersUntilMs: inMs(9), seen: null });
    expect(await marksOf('a-view')).toEqual({ dueAtMs: inMs(40), armedUntilMs: undefined, inIndex: true });
    await marks.settle('wake:nothing', { arms: 1, othersUntilMs: inMs(9), seen: null });
    expect(await marksOf('wake:nothing')).toEqual({ dueAtMs: undefined, armedUntilMs: undefined, inIndex: false });
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
      for (const one of many) await world2.store.views.save(one, { arms: 0, othersUntilMs: null, seen: null });
    });
    afterAll(() => world2.drop());
    const newestFirst = (wanted: View[]): string[] => wanted.map((one) => one.instanceId).reverse();
    const pages = async (filter: Omit<Parameters<Store['views']['list']>[0], 'limit'>, limit: number) => {
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
      ['by status', { statuses: ['waiting' as const] }, (one: View) => one.status === 'waiting'],
      [
        'by both',
        { runbookId: 'listed-b', statuses: ['completed' as const] },
        (one: View) => one.runbookId === 'listed-b' && one.status === 'completed',
      ],
      [
        'by several statuses',
        { statuses: ['completed' as const, 'waiting' as const] },
        (one: View) => one.status === 'waiting' || one.status === 'completed',
      ],
      ['none', { runbookId: 'unheard-of' }, () => false],
    ])('%s: newest first, each once, however long the pages', async (_, filter, belongs) => {
      for (const limit of [1, 7, 30, 100])
        expect(await pages(filter, limit)).toEqual(newestFirst(many.filter(belongs)));
    });

    test('an element is listed where somebody may have to look at it: not while it waits for its own elements', async () => {
      const family = [
        view('f', 1, { runbookId: 'nested', status: 'waiting', waitsFor: '0/2 elements' }),
        view('f~all.0', 1, { runbookId: 'nested', status: 'waiting', waitsFor: '0/1 elements, 1 needs somebody' }),
        view('f~all.0~each.0', 1, { runbookId: 'nested', status: 'halted' }),
        view('f~all.1', 1, { runbookId: 'nested', status: 'waiting', waitsFor: 'bob' }),
        view('f~all.2', 1, { runbookId: 'nested', status: 'running' }),
      ];
      for (const one of family) await views.save(one, { arms: 0, othersUntilMs: null, seen: null });
      const { views: found } = await views.list({ runbookId: 'nested', limit: 10 });
      expect(found.map(({ instanceId }) => instanceId).sort()).toEqual(['f', 'f~all.0~each.0', 'f~all.1']);
    });

    test('by when they started: from the one moment to before the other, page by page', async () => {
      const bounds = { sinceMs: inMs(3), untilMs: inMs(9) };
      const belongs = (one: View) => one.startedAtMs >= inMs(3) && one.startedAtMs < inMs(9);
      for (const limit of [1, 5, 100]) expect(await pages(bounds, limit)).toEqual(newestFirst(many.filter(belongs)));
      expect(await pages({ ...bounds, statuses: ['waiting'] }, 2)).toEqual(
        newestFirst(many.filter((one) => belongs(one) && one.status === 'waiting')),
      );
      expect(await pages({ sinceMs: inMs(900) }, 5)).toEqual([]);
      expect(await pages({ untilMs: atMs }, 5)).toEqual([]);
    });

    test('counted by status, in the index alone; a mark is of its statuses, in whatever order', async () => {
      const counts = (found: Awaited<ReturnType<typeof views.count>>) =>
        Object.fromEntries(found.filter(({ count }) => count > 0).map(({ status, count }) => [status, count]));
      const reads: string[] = [];
      const watched = faulty(world2.client, async (name, send) => {
        reads.push(name);
        return send();
      });
      const counting = createStore(watched, { clock: world2.store.clock });
      const all = await counting.views.count({});
      expect(new Set(reads)).toEqual(new Set(['query']));
      const of = (wanted: View[]) =>
        Object.fromEntries(
          Object.entries(Object.groupBy(wanted, (one) => one.status)).map(([status, some]) => [status, some.length]),
        );
      expect(counts(all)).toEqual(of(many));
      expect(all.every(({ atLeast }) => !atLeast)).toBe(true);
      const belongs = (one: View) =>
        one.runbookId === 'listed-a' && one.startedAtMs >= inMs(3) && one.startedAtMs < inMs(20);
      const bounds = { runbookId: 'listed-a', sinceMs: inMs(3), untilMs: inMs(20) };
      expect(counts(await world2.store.views.count(bounds))).toEqual(of(many.filter(belongs)));
      const { next } = await world2.store.views.list({ limit: 2, statuses: ['waiting', 'completed'] });
      const turned = { limit: 2, statuses: ['completed', 'waiting'] as const, ...(next === null ? {} : { next }) };
      expect((await world2.store.views.list(turned)).views).toHaveLength(2);
    });

    test('by a condition, which each view is asked once, together with the rest', async () => {
      const asked: string[] = [];
      const where = async ({ instanceId }: View) => {
        asked.push(instanceId);
        return instanceId.endsWith('4') || instanceId.endsWith('5');
      };
      const found = await world2.store.views.list({ limit: 100, statuses: ['waiting'], where });
      expect(found).toMatchObject({ atLeast: false, next: null });
      expect(found.views.map((one) => one.instanceId)).toEqual(['run-25', 'run-15', 'run-05']);
      expect(asked.length).toBe(new Set(asked).size);
      for (const limit of [1, 2, 3, 4])
        expect(await pages({ where }, limit)).toEqual(['run-25', 'run-24', 'run-15', 'run-14', 'run-05', 'run-04']);
      await expect(
        world2.store.views.list({ limit: 1, where: async () => Promise.reject(new Error('away')) }),
      ).rejects.toThrow('away');
    });

    test('several of the same views by one walk, each as it would be alone', async () => {
      const { views: lists } = world2.store;
      const ends =
        (text: string) =>
        async ({ instanceId }: View) =>
          instanceId.endsWith(text);
      const filter = { statuses: ['waiting' as const, 'completed' as const] };
      const kinds = [
        { limit: 2, where: ends('4') },
        { limit: 3, where: ends('5') },
        { limit: 100, where: ends('6') },
        { limit: 1, where: ends('none') },
      ];
      const found = await lists.lists(filter, kinds);
      const alone: typeof found = [];
      for (const kind of kinds) alone.push(await lists.list({ ...filter, ...kind }));
      expect(found).toEqual(alone);
      expect(found.map((page) => page.views.map(({ instanceId }) => instanceId))).toEqual([
        ['run-24', 'run-14'],
        ['run-25', 'run-15', 'run-05'],
        ['run-26', 'run-16', 'run-06'],
        [],
      ]);
      expect(found.map(({ next }) => next === null)).toEqual([false, false, true, true]);
      const next = found[0]?.next ?? '';
      const rest = await lists.list({ ...filter, limit: 2, where: ends('4'), next });
      expect(rest.views.map(({ instanceId }) => instanceId)).toEqual(['run-04']);
    });

    test('a list shows whole views, and not what was only armed', async () => {
      await world2.store.marks.arm(seed('only-armed'), inMs(900), atMs);
      const { views: found } = await world2.store.views.list({ limit: 1 });
      expect(found).toEqual([many[29]]);
    });

    test('what the service leaves out of an answer is asked for again; what has another status by then is left out', async () => {
      let asked = 0;
      const partial = faulty(world2.client, async (name, send) => {
        const answer = await send();
        if (name !== 'batchGet') return answer;
        asked += 1;
        const [first = {}, ...rest] = (answer as Batch).items;
        return { items: [first], left: rest.map(({ instanceId }) => ({ instanceId })) };
      });
      const store = createStore(partial, { clock: world2.store.clock });
      const { views: found } = await store.views.list({ limit: 3 });
      expect(found.map((one) => one.instanceId)).toEqual(newestFirst(many).slice(0, 3));
      expect(asked).toBe(3);
      const never = faulty(world2.client, async (name, send) =>
        name === 'batchGet' ? { items: [], left: [{ instanceId: 'x' }] } : send(),
      );
      const stuck = createStore(never, { clock: world2.store.clock });
      await expect(stuck.views.list({ limit: 1 })).rejects.toMatchObject({ code: 'store.unavailable' });

      const moved = faulty(world2.client, async (_, send) => {
        const answer = (await send()) as Partial<Batch>;
        for (const item of answer.left === undefined ? [] : (answer.items ?? [])) item.status = 'completed';
        return answer;
      });
      const later = createStore(moved, { clock: world2.store.clock });
      const waiting = await later.views.list({ limit: 5, statuses: ['waiting'] });
      expect(waiting.views).toEqual([]);
      expect(waiting.next).not.toBeNull();
    });

    test('a page mark is taken as it was given out, for its own list', async () => {
      const { next } = await world2.store.views.list({ limit: 2 });
      const edited = Buffer.from(JSON.stringify({ before: 'x', runbookId: null, statuses: null })).toString(
        'base64url',
      );
      const spaced = Buffer.from(`${Buffer.from(next ?? '', 'base64url').toString()} `).toString('base64url');
      for (const mark of ['', 'rubbish', edited, spaced, `${next}A`, '__proto__', 'bnVsbA']) {
        await expect(world2.store.views.list({ limit: 2, next: mark })).rejects.toMatchObject({
          code: 'request.invalid',
        });
      }
      const other = world2.store.views.list({ limit: 2, statuses: ['waiting'], ...(next === null ? {} : { next }) });
      await expect(other).rejects.toMatchObject({ code: 'request.invalid' });
    });
  });
});
