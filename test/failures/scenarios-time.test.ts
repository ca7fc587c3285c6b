/**
 * Scenarios of FAILURES.md about time: deadlines, clocks, restores, late deliveries, windows. Hours pass by the fake clock
 * of test/engine/world.ts, above the shipped store; where a clock has to be wrong in a real process, it is.
 */
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { type CellInput, type CellResult, type Entry, type EntryOf, entrySchema } from '../../src/engine/index.ts';
import { runbookOf } from '../engine/runbooks.ts';
import { setup, T0, type World } from '../engine/world.ts';
import { rivalOf } from '../support/deaths.ts';
import fc from '../support/properties.ts';
import type { Fate } from '../support/proxy.ts';
import { alice, attemptsOf, bob, createScene, disagreements, lines, request } from '../support/scene.ts';

const hourMs = 3_600_000;
const tick = { ...request, explicit: false, maxCells: Number.POSITIVE_INFINITY };

/** An instance whose next cell was reserved by a call that then vanished. */
const vanished = async (world: World, id: string): Promise<void> => {
  const began = Promise.withResolvers<void>();
  const execute = (): Promise<CellResult> => {
    began.resolve();
    return new Promise(() => {});
  };
  void rivalOf(world, 0, { execute }).advance(id, { ...request, by: bob });
  await began.promise;
};
const reservedIn = (entries: Entry[]): EntryOf<'reserved'> => {
  const found = entries.find((entry) => entry.kind === 'reserved');
  if (found?.kind !== 'reserved') throw new Error('nothing was reserved');
  return found;
};

describe('scenario 5: a reservation without a deadline', () => {
  test.for([
    ['none', undefined],
    ['null', null],
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['zero', 0],
  ] as const)('scenario 5: cannot be written with %s, by anybody, to any store', async ([, deadlineAtMs], t) => {
    const scene = await createScene(t);
    const id = await scene.start([scene.effect()]);
    const world = setup();
    await world.start(runbookOf([{}]));
    await world.engine.advance('i1', request);
    const { deadlineAtMs: _, ...reserved } = reservedIn(await world.entries('i1'));
    const endless = { ...reserved, instanceId: id, ...(deadlineAtMs === undefined ? {} : { deadlineAtMs }) };
    expect(entrySchema().safeParse(endless).success).toBe(false);
    await expect(scene.fresh.store.journal.putOnce(endless as Entry)).rejects.toMatchObject({
      code: expect.stringMatching(/^(journal\.broken|request\.invalid)$/),
    });
    expect(lines(await scene.entries(id))).toEqual(['started']);
  });

  test('scenario 5: that somebody else has written never expires: nobody takes the step over, at any time', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{ interrupted: 'retry' }]));
    await vanished(world, id);
    for (const row of world.tables.rows('journal').filter((one) => one.kind === 'reserved')) {
      // What stands loses its deadline, in the entry and in its state.
      row.entry = String(row.entry).replaceAll(/"deadlineAtMs":\d+,/g, '');
      world.tables.tamper('journal', row);
    }
    for (const laterMs of [0, hourMs, 365 * 24 * hourMs]) {
      world.now = T0 + laterMs;
      for (const call of [
        world.engine.run(id, request),
        world.engine.advance(id, tick),
        rivalOf(world).run(id, request),
      ])
        await expect(call).rejects.toMatchObject({ code: 'journal.broken' });
      const verdict = { seq: 1, verdict: 'retry', reason: 'long ago', by: bob } as const;
      await expect(world.engine.verdict(id, verdict)).rejects.toMatchObject({ code: 'journal.broken' });
    }
    expect(world.begun).toEqual([]);
  });

  test.for([
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['nothing', undefined],
  ] as const)(
    'scenario 5: a caller whose remaining time is %s is refused before it reserves anything',
    async ([, budgetMs], t) => {
      const scene = await createScene(t);
      const id = await scene.start([scene.effect()]);
      await expect(scene.engine.advance(id, { ...request, budgetMs: budgetMs as number })).rejects.toMatchObject({
        name: 'PawlError',
      });
      expect(lines(await scene.entries(id))).toEqual(['started']);
      expect(scene.witness.effects).toEqual([]);
    },
  );
});

test('scenario 6: every time in every entry is milliseconds: seconds, microseconds and durations are refused', async () => {
  const world = setup();
  world.behave = ({ step }) => ({ status: step.attempt === 1 && step.cell === 'c0' ? 'failed' : 'completed' });
  const manual = { kind: 'manual' as const, instructions: ['Look.'] };
  const id = await world.start(runbookOf([{ retryMax: 1 }, { name: 'look', body: manual }, {}]));
  await world.engine.run(id, request);
  await world.engine.done(id, 'look', { result: 'done', note: 'seen', by: bob });
  world.behave = () => ({ status: 'unknown' });
  await world.engine.run(id, request);
  world.now += hourMs;
  await world.engine.verdict(id, { seq: 8, verdict: 'retry', reason: 'looked', by: bob });
  const entries = await world.entries(id);
  /** Paths of all that is a time, by its name. */
  const times = (value: unknown, path: string[] = []): string[][] => {
    if (typeof value !== 'object' || value === null) return [];
    return Object.entries(value).flatMap(([key, inner]) =>
      /atMs$/i.test(key) && inner !== null ? [[...path, key]] : times(inner, [...path, key]),
    );
  };
  const found = entries.flatMap((entry) => times(entry).map((path) => ({ entry, path })));
  expect(new Set(found.map(({ path }) => path.join('.')))).toEqual(
    new Set([
      'atMs',
      'deadlineAtMs',
      'dueAtMs',
      'state.dueAtMs',
      'state.firstAtMs',
      'state.halted.atMs',
      'state.halted.deadlineAtMs',
      'state.open.atMs',
      'state.open.deadlineAtMs',
    ]),
  );
  const changed = (entry: Entry, path: string[], value: number): unknown => {
    const copy = structuredClone(entry) as Record<string, unknown>;
    const last = path.at(-1) as string;
    const at = path.slice(0, -1).reduce<Record<string, unknown>>((o, key) => o[key] as Record<string, unknown>, copy);
    at[last] = value;
    return copy;
  };
  // From July 2017 to the year 2200: an instant, and what it is in other units or as a length of time.
  const instant = fc.integer({ min: 1_500_000_000_000, max: 7_258_118_400_000 });
  const unit = fc.constantFrom(
    ['milliseconds', (ms: number) => ms, true],
    ['seconds', (ms: number) => Math.floor(ms / 1_000), false],
    ['seconds with a fraction', (ms: number) => ms / 1_000, false],
    ['microseconds', (ms: number) => ms * 1_000, false],
    ['a duration of up to ten years', (ms: number) => ms % 315_360_000_000, false],
    ['milliseconds of a second', (ms: number) => ms % 1_000, false],
  ) as fc.Arbitrary<[string, (ms: number) => number, boolean]>;
  fc.assert(
    fc.property(fc.constantFrom(...found), instant, unit, ({ entry, path }, ms, [name, convert, good]) => {
      expect(entrySchema().safeParse(changed(entry, path, convert(ms))).success, `${path.join('.')} in ${name}`).toBe(
        good,
      );
    }),
    { numRuns: 2_000 },
  );
});

test('scenario 6: a lock in seconds, which would look long abandoned, is refused', async () => {
  const { locks } = setup().ports;
  const lock = { lock: 'a', revision: 1, instanceId: 'i1', token: 'f'.repeat(32) };
  await expect(locks.putOnce({ ...lock, atMs: Math.floor(T0 / 1_000) })).rejects.toThrow();
  expect(await locks.newest('a')).toBeUndefined();
  expect(await locks.putOnce({ ...lock, atMs: T0 })).toMatchObject({ kind: 'written' });
});

describe('scenario 9: when the time of a lease begins', () => {
  test('scenario 9: whoever comes first after deadline and grace knows it at once; whoever comes a moment before, does not', async () => {
    for (const [laterMs, result] of [
      [19_999, 'in_flight'],
      [20_000, 'completed'],
    ] as const) {
      const world = setup();
      const id = await world.start(runbookOf([{ interrupted: 'retry' }]));
      await vanished(world, id);
      world.now = T0 + laterMs;
      // A process that has never seen this reservation before: it need not watch it for a whole lease.
      expect((await rivalOf(world).advance(id, request)).result).toBe(result);
    }
  });

  test('scenario 9: a slow answer to the reservation shortens what is left of it; a body that no longer fits never begins', async (t) => {
    const scene = await createScene(t);
    const id = await scene.start([scene.effect({ timeoutMs: 4_000 })]);
    const { engine } = scene.proxied();
    let slow = true;
    scene.proxy.fate((asked): Fate => {
      if (asked.kind !== 'reserved' || !slow) return 'pass';
      slow = false;
      return { answerAfter: new Promise((resolve) => setTimeout(resolve, 1_600)) };
    });
    // Time-out 4 s, margin 1 s: answered after 1.6 s the time-out does not fit any more.
    expect(await engine.advance(id, request)).toMatchObject({ steps: [{ status: 'never', then: 'retry' }] });
    expect(scene.witness.effects).toEqual([]);
    const [, reserved] = await scene.entries(id);
    // From the moment it was made, not from the answer, and not from the put, which may be a moment later.
    const leaseMs = reserved?.kind === 'reserved' ? reserved.deadlineAtMs - reserved.atMs : 0;
    expect(leaseMs).toBeGreaterThan(4_000);
    expect(leaseMs).toBeLessThanOrEqual(5_001);
    expect(await engine.advance(id, request)).toMatchObject({ steps: [{ status: 'completed', attempt: 1 }] });
    expect(scene.witness.effects).toEqual([`test/5707e1d0aaaa/${id}/c0/1`]);
  });

  test('scenario 9: a process whose wall clock is two hours wrong writes the server’s time', async (t) => {
    const scene = await createScene(t);
    const id = await scene.start([scene.effect()]);
    const worker = await scene.worker(id, { wallClockOffMs: -2 * hourMs });
    await worker.advance(id);
    const reserved = reservedIn(await scene.entries(id));
    // This machine's clock is the server's here.
    expect(Math.abs(reserved.atMs - Date.now())).toBeLessThan(hourMs);
    expect(Math.abs(reserved.deadlineAtMs - Date.now())).toBeLessThan(hourMs);
  });
});

describe('scenario 11: numbers that are given out a second time', () => {
  test('scenario 11: every call draws a token of its own, also in a warm process and for a repeated request', async () => {
    const world = setup();
    const cells = Array.from({ length: 20 }, () => ({}));
    const id = await world.start(runbookOf(cells));
    // The same request, as a Lambda retry repeats it: same caller, same request id.
    for (let i = 0; i < 20; i += 1)
      await world.engine.advance(id, { ...request, by: { ...alice, where: 'request-1' } });
    const attempts = attemptsOf(await world.entries(id));
    expect(new Set(attempts.map((one) => one.token)).size).toBe(20);
    expect(attempts.every((one) => /^[0-9a-f]{32}$/.test(one.token))).toBe(true);
  });

  test('scenario 11: after a restore the epoch holds what is unfinished: a forgotten reservation is not made again by itself', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{ interrupted: 'retry' }, { interrupted: 'retry' }]));
    await world.engine.run(id, { ...request, cell: 'c0' });
    const restored = setup();
    // The backup is from before the first reservation: seq 1 is free again.
    for (const table of ['journal', 'runbooks', 'views'] as const)
      for (const row of world.tables.rows(table).filter((one) => table !== 'journal' || one.seq === 0))
        restored.tables.tamper(table, row);
    restored.now = T0 + hourMs;
    const after = rivalOf(restored, 0, { deployment: { ...restored.ports.deployment, epoch: 1 } });
    for (const call of [after.run(id, request), after.advance(id, tick), after.advance(id, request)])
      expect(await call).toMatchObject({ result: 'halted', stop: { why: 'epoch' } });
    expect(restored.begun).toEqual([]);
    await after.release(id, 'compared with the payments', bob);
    expect((await after.run(id, request)).result).toBe('completed');
    const entries = await restored.entries(id);
    expect(entries.find((entry) => entry.kind === 'control' && entry.epoch === 1)).toMatchObject({ by: bob });
    // The same numbers again, by other writers: seq alone would not tell them apart.
    const before = attemptsOf(await world.entries(id)).map((one) => one.token);
    expect(before.filter((token) => attemptsOf(entries).some((one) => one.token === token))).toEqual([]);
  });
});

describe('scenario 17: everything is delivered at least once, and as late as six hours', () => {
  const copies = 50;
  /** Runs a delivery at each of these times, in this order, while the others are under way. */
  const deliver = async (world: World, atMs: number[], send: () => Promise<unknown>): Promise<void> => {
    await Promise.all(
      atMs.map(async (when) => {
        world.now = Math.max(world.now, T0 + when);
        // Behind by now; or so many at once that the mark could not be set: told to ask again, and nothing was begun.
        await send().catch((error) => expect(error.code).toMatch(/^(seq\.stale|store\.unavailable)$/));
      }),
    );
  };

  test.for([
    ['ticks', tick],
    ['hand-overs', { ...request, expectedSeq: 0, maxCells: 3, explicit: true }],
  ] as const)('scenario 17: 50 copies of %s, in any order, up to six hours late: one run', async ([, call]) => {
    const lateness = fc.array(fc.integer({ min: 0, max: 6 * hourMs }), { minLength: copies, maxLength: copies });
    await fc.assert(
      fc.asyncProperty(lateness, async (late) => {
        const world = setup();
        await world.engine.publish(JSON.stringify(runbookOf([{}, {}, {}])), alice);
        await world.engine.start({ runbookId: 'demo', params: {}, instanceId: 'i1', drive: 'auto', by: alice });
        await deliver(world, late.slice(0, 25), () => rivalOf(world).advance('i1', call));
        await deliver(world, late.slice(25), () => rivalOf(world).advance('i1', call));
        expect(world.begun.map((input) => input.step.cell)).toEqual(['c0', 'c1', 'c2']);
        const keys = world.begun.map((input) => input.step.idempotencyKey);
        expect(disagreements(await world.entries('i1'), keys)).toEqual([]);
      }),
      { numRuns: 20, examples: [[[...Array(copies - 1).fill(0), 135_000]]] },
    );
  });

  test('scenario 17: 50 copies at once on real tables, from many processes: one run of each cell', async (t) => {
    const scene = await createScene(t);
    const effect = scene.effect();
    const id = await scene.start([effect, effect, effect]);
    await scene.engine.advance(id, { ...request, maxCells: 0, drive: 'auto' });
    const engines = Array.from({ length: 10 }, () => scene.another());
    await Promise.all(Array.from({ length: copies }, (_, i) => engines[i % 10]?.advance(id, tick)));
    await Promise.all(engines.map((engine) => engine.advance(id, tick)));
    expect(scene.witness.effects).toEqual(['c0', 'c1', 'c2'].map((cell) => `test/5707e1d0aaaa/${id}/${cell}/1`));
  });
});

describe('scenario 25: a signature that expired while the process was frozen', () => {
  test('scenario 25: is refused once, signed anew by the server’s time, and no deadline is made from that clock', async (t) => {
    const scene = await createScene(t);
    const id = await scene.start([scene.effect()]);
    let refused = 0;
    // As AWS does: a signature is good for five minutes.
    scene.proxy.fate((asked): Fate => {
      const stamp = String(asked.headers['x-amz-date']).replace(/(....)(..)(..T..)(..)(..Z)/, '$1-$2-$3:$4:$5');
      if (Math.abs(Date.parse(stamp) - Date.now()) < 300_000) return 'pass';
      refused += 1;
      return {
        refuse: 'InvalidSignatureException',
        message: `Signature expired: ${stamp} is now earlier than allowed`,
      };
    });
    const worker = await scene.worker(id, { wallClockOffMs: -600_000 });
    expect(await worker.advance(id)).toMatchObject({ result: 'completed', steps: [{ recorded: true }] });
    expect(refused).toBe(1);
    expect(Math.abs(reservedIn(await scene.entries(id)).deadlineAtMs - Date.now())).toBeLessThan(120_000);
    expect(scene.witness.effects).toEqual([`test/5707e1d0aaaa/${id}/c0/1`]);
  });

  test('scenario 25: that strikes the reservation itself is no proof that it was refused for good', async (t) => {
    const scene = await createScene(t);
    const id = await scene.start([scene.effect()]);
    const { engine } = scene.proxied();
    const struck: string[] = [];
    scene.proxy.fate((asked): Fate => {
      if (asked.kind === undefined || struck.includes(asked.kind)) return 'pass';
      struck.push(asked.kind);
      return { refuse: 'InvalidSignatureException', message: 'Signature expired: 20261124T030000Z is now earlier' };
    });
    expect(await engine.advance(id, request)).toMatchObject({ result: 'completed', steps: [{ recorded: true }] });
    expect(struck).toEqual(['reserved', 'outcome']);
    expect(scene.witness.effects).toEqual([`test/5707e1d0aaaa/${id}/c0/1`]);
  });
});

describe('scenario 32: what has expired is still there', () => {
  test('scenario 32: no table sweeps by itself, so nothing can rest on a sweep', async () => {
    const tables = await readFile(new URL('../../infra/tables.yml', import.meta.url), 'utf8');
    expect(tables).toContain('TableName');
    expect(tables).not.toMatch(/TimeToLive|\bttl\b/i);
  });

  test('scenario 32: a lock whose holder ended or never started is followed, though its entry stands for ever', async () => {
    const world = setup();
    const concurrency = ['db'];
    await world.engine.publish(JSON.stringify(runbookOf([{}], { concurrency })), alice);
    const start = (instanceId: string) =>
      world.engine.start({ runbookId: 'demo', params: {}, instanceId, by: alice }).then(
        () => 'started',
        (error) => error.code,
      );
    await world.ports.locks.putOnce({ lock: 'db', revision: 1, instanceId: 'i0', token: 'f'.repeat(32), atMs: T0 });
    world.now = T0 + 59_999;
    expect(await start('i1')).toBe('concurrency.held');
    world.now = T0 + 60_000;
    expect(await start('i1')).toBe('started');
    world.now = T0 + 365 * 24 * hourMs;
    // A year is no reason: the holder has not ended.
    expect(await start('i2')).toBe('concurrency.held');
    await world.engine.cancel('i1', 'done with it', bob);
    expect(await start('i2')).toBe('started');
    expect(world.tables.rows('claims').map((row) => row.instanceId)).toEqual(['i0', 'i1', 'i2']);
  });

  test('scenario 32: an arm of a call that died is compared with the time when it is read', async () => {
    const world = setup();
    const { marks } = world.ports;
    const seed = { instanceId: 'i1', runbookId: 'demo' };
    await marks.arm(seed, T0 + 75_000, T0);
    expect(await marks.arm(seed, T0 + 74_999, T0 + 74_999)).toMatchObject({ arms: 2, othersUntilMs: T0 + 75_000 });
    // Its writes may land up to a minute after its time: a moment before that, and at that moment.
    expect(await marks.arm(seed, T0 + 75_000, T0 + 134_999)).toMatchObject({ arms: 3, othersUntilMs: T0 + 75_000 });
    expect(await marks.arm(seed, T0 + 200_000, T0 + 135_000)).toMatchObject({ arms: 4, othersUntilMs: null });
  });
});

describe('scenario 34: a target that keeps its keys for a while only', () => {
  /** A payment API: the same key and body give the same answer, another body is refused, old keys are forgotten. */
  const createPayments = (world: World, keptMs: number) => {
    const kept = new Map<string, { body: string; atMs: number }>();
    const payments: string[] = [];
    const pay = ({ step, body }: CellInput): CellResult => {
      const seen = kept.get(step.idempotencyKey);
      const sent = JSON.stringify(body);
      if (seen !== undefined && world.now - seen.atMs < keptMs) {
        return seen.body === sent
          ? { status: 'completed', output: '"again"' }
          : { status: 'failed', output: '"other"' };
      }
      kept.set(step.idempotencyKey, { body: sent, atMs: world.now });
      payments.push(step.idempotencyKey);
      return { status: 'completed', output: '"paid"' };
    };
    return { pay, payments };
  };

  test('scenario 34: every attempt of a visit sends the same key and the same inputs, so one payment is made', async () => {
    const world = setup();
    const { pay, payments } = createPayments(world, hourMs);
    const id = await world.start(runbookOf([{ interrupted: 'retry', keyWindowMs: hourMs, reads: 'all' }]));
    const hashes = new Set<string>();
    world.behave = (input) => {
      pay(input);
      return input.step.attempt < 3 ? { status: 'unknown' } : { status: 'completed' };
    };
    expect((await world.engine.run(id, request)).result).toBe('completed');
    for (const entry of await world.entries(id)) if (entry.kind === 'reserved') hashes.add(entry.inputsHash);
    expect(world.begun.map((input) => input.step.attempt)).toEqual([1, 2, 3]);
    expect(hashes.size).toBe(1);
    expect(payments).toEqual(['test/5707e1d0aaaa/i1/c0/1']);
  });

  test('scenario 34: inputs that are no longer the same are not sent under the key of the first attempt', async () => {
    const world = setup();
    let account = 'a';
    const renderBody = () => ({ kind: 'body', body: { kind: 'ts', code: `pay ${account}` } }) as const;
    const engine = rivalOf(world, 0, { authoring: { ...world.ports.authoring, renderBody } });
    const id = await world.start(runbookOf([{ retryMax: 3, keyWindowMs: hourMs }]));
    world.behave = () => {
      account = 'b';
      return { status: 'failed' };
    };
    expect(await engine.run(id, request)).toMatchObject({
      result: 'halted',
      steps: [{ then: 'retry' }, { status: 'failed', then: 'halt', error: { code: 'inputs.changed' } }],
    });
    expect(world.begun).toHaveLength(1);
    // A person may say that it is another payment: a new visit has a key of its own.
    const { seq } = (await engine.inspect(id, bob)).view;
    await engine.verdict(id, { seq, verdict: 'retry', freshKey: true, reason: 'the account has moved', by: bob });
    world.behave = () => ({ status: 'completed' });
    expect((await engine.run(id, request)).result).toBe('completed');
    expect(world.begun.map((input) => input.step.idempotencyKey)).toEqual([
      'test/5707e1d0aaaa/i1/c0/1',
      'test/5707e1d0aaaa/i1/c0/2',
    ]);
  });

  test('scenario 34: after the window a takeover is a matter for the operator', async () => {
    const world = setup();
    const { pay, payments } = createPayments(world, hourMs);
    const id = await world.start(runbookOf([{ interrupted: 'retry', keyWindowMs: hourMs, retryMax: 9 }]));
    await vanished(world, id);
    world.now = T0 + hourMs;
    world.behave = pay;
    for (const call of [world.engine.run(id, request), world.engine.advance(id, tick)])
      expect((await call).result).toBe('in_doubt');
    expect(payments).toEqual([]);
    await world.engine.verdict(id, { seq: 1, verdict: 'retry', reason: 'not in the books', by: bob });
    expect((await world.engine.run(id, request)).result).toBe('completed');
    expect(payments).toEqual(['test/5707e1d0aaaa/i1/c0/1']);
    const retries = (await world.entries(id)).filter((e) => 'permission' in e && e.permission !== null);
    expect(retries).toMatchObject([{ permission: { kind: 'person', detail: 'bob' } }]);
  });

  test('scenario 34: a permission given inside the window is not used after it, however late the schedule comes', async () => {
    const world = setup();
    const { pay, payments } = createPayments(world, hourMs);
    world.behave = (input) => {
      const paid = pay(input);
      return input.step.attempt === 1 ? { status: 'unknown' } : paid;
    };
    const id = await world.start(runbookOf([{ interrupted: 'retry', keyWindowMs: hourMs }]));
    await world.engine.advance(id, request);
    // Closed inside the window, with a permission; the call may not reserve any more.
    await world.engine.advance(id, { ...request, maxCells: 0 });
    expect(lines(await world.entries(id)).at(-1)).toBe('resolved retry by policy > retry');
    world.now = T0 + 24 * hourMs;
    for (const call of [request, tick, request]) expect((await world.engine.advance(id, call)).result).toBe('in_doubt');
    expect(payments).toEqual(['test/5707e1d0aaaa/i1/c0/1']);
    expect(world.begun).toHaveLength(1);
  });

  test('scenario 34: what is known to have failed is not tried again after the window either', async () => {
    const world = setup();
    world.behave = () => ({ status: 'failed' });
    const id = await world.start(runbookOf([{ retryMax: 3, keyWindowMs: hourMs }]));
    await world.engine.advance(id, request);
    expect(lines(await world.entries(id)).at(-1)).toBe('failed by holder > retry');
    world.now = T0 + 24 * hourMs;
    expect((await world.engine.run(id, request)).result).not.toBe('completed');
    expect(world.begun).toHaveLength(1);
  });
});
