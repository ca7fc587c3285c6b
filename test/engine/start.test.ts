import { describe, expect, test } from 'vitest';
import { createEngine, PawlError, type Template } from '../../src/engine/index.ts';
import { sha256 } from '../../src/store/index.ts';
import { createStoreId } from '../../src/store/storeId.ts';
import { clientOf } from '../../src/testing/tables.ts';
import type { Command } from '../support/operations.ts';
import { runbookOf } from './runbooks.ts';
import { alice, bob, isEntry, setup, T0, type World, watched } from './world.ts';

const by = alice;
const param = (name: string): Template => [{ expression: name, write: 'text' }];
const publish = (world: ReturnType<typeof setup>, over: object = {}) =>
  world.engine.publish(JSON.stringify(runbookOf([{}], over)), by);

describe('publishing', () => {
  test('the same content answers with the newest version; another content is the next one', async () => {
    const world = setup();
    expect(await publish(world)).toMatchObject({ runbookId: 'demo', version: 1, cells: 1, created: true });
    expect(await publish(world)).toMatchObject({ version: 1, created: false });
    expect(await publish(world, { title: 'Other' })).toMatchObject({ version: 2, created: true });
    // The content of version 1 again is the newest: whoever starts now starts that.
    expect(await publish(world)).toMatchObject({ version: 3, created: true });
  });
  test('an invalid document changes nothing and says everything that is wrong', async () => {
    const world = setup();
    const problems = [{ line: 3, column: 5, message: 'no' }];
    const engine = createEngine({
      ...world.ports,
      authoring: { ...world.ports.authoring, compile: () => ({ kind: 'problems', problems }) },
    });
    await expect(engine.publish('x', by)).rejects.toMatchObject({ code: 'runbook.invalid', details: { problems } });
    expect(world.tables.rows('runbooks')).toEqual([]);
  });
});

describe('starting', () => {
  test('the view of a start is due before `started` is written (I7)', async () => {
    const world = setup(
      (client) =>
        ({
          send: async (command: Command) => {
            if (command.kind === 'putIf' && command.table === 'journal') {
              expect(world.tables.rows('views').at(-1)).toMatchObject({ dueAtMs: T0 + 30_000 + 15_000 });
            }
            return await client.send(command as never);
          },
        }) as never,
    );
    await publish(world);
    const { view, created } = await world.engine.start({ runbookId: 'demo', params: {}, instanceId: 'i1', by });
    expect([created, view.status, view.dueAtMs, view.drive]).toEqual([true, 'ready', null, 'manual']);
    const auto = await world.engine.start({ runbookId: 'demo', params: {}, instanceId: 'i2', drive: 'auto', by });
    expect(auto.view.dueAtMs).toBe(T0);
  });

  test('the same id and content: the first instance; another content: refused', async () => {
    const world = setup();
    await publish(world);
    const request = { runbookId: 'demo', params: { a: 1 }, instanceId: 'i1', by };
    expect((await world.engine.start(request)).created).toBe(true);
    expect((await world.engine.start({ ...request, by: bob })).created).toBe(false);
    await expect(world.engine.start({ ...request, params: { a: 2 } })).rejects.toMatchObject({
      code: 'instance.exists',
    });
    await expect(world.engine.start({ ...request, version: 1 })).resolves.toMatchObject({ created: false });
    expect(await world.entries('i1')).toHaveLength(1);
  });

  test('20 starts of one id at once are one instance (scenario 16)', async () => {
    const world = setup();
    await publish(world);
    const all = await Promise.all(
      Array.from({ length: 20 }, () => world.engine.start({ runbookId: 'demo', params: {}, instanceId: 'i1', by })),
    );
    expect(all.filter((answer) => answer.created)).toHaveLength(1);
  });

  test('`unique` derives the id, and an id beside it is refused', async () => {
    const world = setup();
    await publish(world, { unique: ['pr-', ...param('pr')] });
    expect((await world.engine.start({ runbookId: 'demo', params: { pr: 7 }, by })).view.instanceId).toBe('demo.pr-7');
    expect((await world.engine.start({ runbookId: 'demo', params: { pr: 7 }, by })).created).toBe(false);
    await expect(
      world.engine.start({ runbookId: 'demo', params: { pr: 7 }, instanceId: 'x', by }),
    ).rejects.toMatchObject({ code: 'request.invalid' });
    await expect(world.engine.start({ runbookId: 'demo', params: { pr: 'a/b' }, by })).rejects.toMatchObject({
      code: 'request.invalid',
    });
  });

  test('unknown runbooks and versions, and ids that are none', async () => {
    const world = setup();
    await publish(world);
    await expect(world.engine.start({ runbookId: 'nope', params: {}, by })).rejects.toMatchObject({
      code: 'runbook.unknown',
    });
    await expect(world.engine.start({ runbookId: 'demo', version: 9, params: {}, by })).rejects.toMatchObject({
      code: 'runbook.unknown',
    });
    for (const instanceId of ['', '../x', 'a#b', 'x'.repeat(129), '.hidden']) {
      await expect(world.engine.start({ runbookId: 'demo', params: {}, instanceId, by })).rejects.toMatchObject({
        code: 'request.invalid',
      });
    }
  });
});

describe('`concurrency`: one unfinished instance per value', () => {
  const locked = { concurrency: ['db-', ...param('db')] };
  const start = (world: ReturnType<typeof setup>, instanceId: string, db = 'a') =>
    world.engine.start({ runbookId: 'demo', params: { db }, instanceId, by });

  test('a second one is refused, naming the holder, until the first has ended', async () => {
    const world = setup();
    await publish(world, locked);
    await start(world, 'i1');
    await expect(start(world, 'i2')).rejects.toMatchObject({ code: 'concurrency.held', details: { holder: 'i1' } });
    expect((await start(world, 'i3', 'b')).created).toBe(true);
    expect((await start(world, 'i1')).created).toBe(false);
    await world.engine.run('i1', { budgetMs: 60_000, by });
    expect((await start(world, 'i2')).created).toBe(true);
  });

  test('of ten at once, one starts', async () => {
    const world = setup();
    await publish(world, locked);
    const all = await Promise.allSettled(Array.from({ length: 10 }, (_, i) => start(world, `i${i}`)));
    expect(all.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
    expect(all.filter((one) => one.status === 'rejected').every((one) => one.reason.code === 'concurrency.held')).toBe(
      true,
    );
  });

  test('a holder that died before it started is given up after a minute, and can never begin afterwards', async () => {
    const world = setup();
    await publish(world, locked);
    await world.ports.locks.putOnce({ lock: 'db-a', revision: 1, instanceId: 'i1', token: 'f'.repeat(32), atMs: T0 });
    world.now += 18_500;
    await expect(start(world, 'i2')).rejects.toMatchObject({
      code: 'concurrency.held',
      message: 'Instance i1 holds "db-a": it is about to start, or never will: ask again in 42 s (unstartedLockMs).',
    });
    world.now += 41_500;
    expect((await start(world, 'i2')).created).toBe(true);
    await expect(start(world, 'i1')).rejects.toMatchObject({ code: 'instance.exists' });
  });

  /** A run of one cell with lock `db-a`, brought to where it has not ended; and what whoever wants the lock is told. */
  const unfinished: Record<string, { cell?: object; go: (world: World) => Promise<unknown>; says: RegExp }> = {
    ready: { go: async () => {}, says: /^Instance i1 holds "db-a": it has not ended; see `pawl status i1`\.$/ },
    halted: {
      go: async (world) => {
        world.behave = () => ({ status: 'failed' });
        await world.engine.advance('i1', { budgetMs: 60_000, by });
      },
      says: /see `pawl status i1`/,
    },
    waiting: {
      cell: { body: { kind: 'manual', instructions: ['Look.'] } },
      go: (world) => world.engine.advance('i1', { budgetMs: 60_000, by }),
      says: /see `pawl status i1`/,
    },
    'in flight': { go: async (world) => void (await hold(world)), says: /see `pawl status i1`/ },
    'in doubt, its holder gone': {
      go: async (world) => {
        await hold(world);
        world.now += 3_600_000;
      },
      says: /: its cell c0 is in doubt: decide it with `pawl verdict i1 --seq 1 …`\.$/,
    },
    'in doubt, as its holder said': {
      go: async (world) => {
        world.behave = () => ({ status: 'unknown' });
        await world.engine.advance('i1', { budgetMs: 60_000, by });
      },
      says: /: its cell c0 is in doubt: decide it with `pawl verdict i1 --seq 1 …`\.$/,
    },
    'cancelled in flight': {
      go: async (world) => {
        await hold(world);
        await world.engine.cancel('i1', 'stop', bob);
      },
      says: /: it was cancelled, but its cell c0 may run until 2026-11-24T03:00:05\.000Z: ask again then\.$/,
    },
    'cancelled, and in doubt': {
      go: async (world) => {
        await hold(world);
        await world.engine.cancel('i1', 'stop', bob);
        world.now += 3_600_000;
      },
      says: /: it was cancelled, but its cell c0 is in doubt: decide it with `pawl verdict i1 --seq 1 …`\.$/,
    },
  };
  const hold = async (world: World): Promise<void> => {
    await new Promise<void>((resolve) => {
      world.behave = () => {
        resolve();
        return new Promise(() => {});
      };
      void world.engine.advance('i1', { budgetMs: 60_000, by });
    });
  };

  test.each(Object.entries(unfinished))('a holder that is %s keeps its lock, and is named', async (_, one) => {
    const world = setup();
    await world.engine.publish(JSON.stringify(runbookOf([one.cell ?? {}], locked)), by);
    await start(world, 'i1');
    await one.go(world);
    expect((await world.entries('i1')).at(-1)?.state.ended).toBeNull();
    await expect(start(world, 'i2')).rejects.toMatchObject({
      code: 'concurrency.held',
      message: expect.stringMatching(one.says),
      details: { lock: 'db-a', holder: 'i1' },
    });
    expect(await world.ports.locks.newest('db-a')).toMatchObject({ instanceId: 'i1', revision: 1 });
    expect(await world.entries('i2')).toEqual([]);
  });

  test('whoever is told to decide does, and the lock of what was cancelled is free', async () => {
    const world = setup();
    await publish(world, locked);
    await start(world, 'i1');
    await hold(world);
    await world.engine.cancel('i1', 'stop', bob);
    world.now += 3_600_000;
    await world.engine.verdict('i1', { seq: 1, verdict: 'failed', reason: 'it did not happen', by: bob });
    expect((await start(world, 'i2')).created).toBe(true);
  });

  describe('two starts of one id that ask for two locks', () => {
    /** The second takes its lock, and then the first comes before it. */
    const raced = async (first: string, second: string) => {
      const { world, once } = watched();
      await publish(world, locked);
      once(isEntry, () => start(world, 'i1', first));
      const refused = start(world, 'i1', second);
      await expect(refused).rejects.toMatchObject({ code: 'instance.exists' });
      return world;
    };

    test('of the one that lost no lock stays behind', async () => {
      const world = await raced('a', 'b');
      expect((await world.ports.locks.newest('db-b'))?.instanceId).toBe('i1');
      expect((await start(world, 'i2', 'b')).created).toBe(true);
      await expect(start(world, 'i3', 'a')).rejects.toMatchObject({ details: { holder: 'i1' } });
      // Nor once the run is further than its first entry.
      await world.engine.cancel('i2', 'over', bob);
      const later = await raced('a', 'b');
      later.behave = () => ({ status: 'failed' });
      await later.engine.advance('i1', { budgetMs: 60_000, by });
      expect((await start(later, 'i2', 'b')).created).toBe(true);
      await expect(start(later, 'i3', 'a')).rejects.toMatchObject({ details: { holder: 'i1' } });
    });
  });
});

describe('`unique` and `concurrency`: a start that was given up for its lock', () => {
  const both = { unique: ['pr-', ...param('pr')], concurrency: ['db'] };
  const start = (world: World, pr: unknown) => world.engine.start({ runbookId: 'demo', params: { pr }, by });
  /** A start that took its lock and was answered 503; a minute later another one follows the lock. */
  const givenUp = async (world: World): Promise<void> => {
    await publish(world, both);
    const away = createEngine({
      ...world.ports,
      marks: {
        ...world.ports.marks,
        arm: async () => {
          throw new PawlError('store.unavailable', 'The store gave no answer.');
        },
      },
    });
    await expect(away.start({ runbookId: 'demo', params: { pr: 7 }, by })).rejects.toMatchObject({
      code: 'store.unavailable',
      details: { instanceId: 'demo.pr-7' },
    });
    world.now += 60_000;
    await start(world, 8);
    await world.engine.cancel('demo.pr-8', 'over', bob);
  };

  test('is started again by the same parameters, once, under the next id', async () => {
    const world = setup();
    await givenUp(world);
    const all = await Promise.all(Array.from({ length: 10 }, () => start(world, 7)));
    expect(new Set(all.map((one) => one.view.instanceId))).toEqual(new Set(['demo.pr-7.start-2']));
    expect(all.filter((one) => one.created)).toHaveLength(1);
    expect(await world.entries('demo.pr-7')).toMatchObject([{ kind: 'cancelled' }]);
    await world.engine.run('demo.pr-7.start-2', { budgetMs: 60_000, by });
    expect(await start(world, 7)).toMatchObject({ created: false, view: { status: 'completed' } });
    expect(world.begun).toHaveLength(1);
  });

  test('keeps what `unique` promises: the same text with other parameters is refused', async () => {
    const world = setup();
    await givenUp(world);
    await start(world, 7);
    await expect(world.engine.start({ runbookId: 'demo', params: { pr: 7, more: true }, by })).rejects.toMatchObject({
      code: 'instance.exists',
      details: { instanceId: 'demo.pr-7.start-2' },
    });
  });

  test('also when it is given up while it starts: it goes on under the next id, and one of them begins', async () => {
    const { world, once } = watched();
    await publish(world, both);
    once(isEntry, async () => {
      world.now += 60_000;
      await start(world, 8);
      await world.engine.cancel('demo.pr-8', 'over', bob);
    });
    expect(await start(world, 7)).toMatchObject({ created: true, view: { instanceId: 'demo.pr-7.start-2' } });
    expect(await world.entries('demo.pr-7')).toMatchObject([{ kind: 'cancelled' }]);
    await expect(start(world, 9)).rejects.toMatchObject({ details: { holder: 'demo.pr-7.start-2' } });
  });
});

describe('idempotency keys of two stores', () => {
  const tokens = (name: string) => {
    let drawn = 0;
    return { token: () => sha256(`${name} ${drawn++}`).slice(0, 32), fraction: () => 0 };
  };
  /** A laptop with tables of its own, and another process on the same tables. */
  const laptop = (name: string) => {
    const world = setup();
    const access = { client: clientOf(world.tables), appendBy: 'put' } as const;
    const process = (n: number) =>
      createEngine({ ...world.ports, storeId: createStoreId(access, tokens(`${name} ${n}`)) });
    return { world, process };
  };
  const keysOf = async (world: ReturnType<typeof setup>) =>
    (await world.entries('demo.pr-7')).flatMap((entry) => (entry.kind === 'reserved' ? [entry.key] : []));

  test('two laptops that start the same `unique` run send different ones (I9)', async () => {
    const keys = await Promise.all(
      ['one', 'two'].map(async (name) => {
        const { world, process } = laptop(name);
        const engine = process(1);
        await publish(world, { unique: ['pr-', ...param('pr')] });
        await engine.start({ runbookId: 'demo', params: { pr: 7 }, by });
        await engine.advance('demo.pr-7', { budgetMs: 60_000, by });
        return world.begun[0]?.step.idempotencyKey;
      }),
    );
    expect(keys[0]).toMatch(/^test\/[0-9a-f]{12}\/demo\.pr-7\/c0\/1$/);
    expect(keys[1]).toMatch(/^test\/[0-9a-f]{12}\/demo\.pr-7\/c0\/1$/);
    expect(keys[0]).not.toBe(keys[1]);
  });

  test('of one visit it is one, whoever takes over, even were the store to say another id by then (I9)', async () => {
    const { world, process } = laptop('one');
    const runbook = runbookOf([{ interrupted: 'retry' }], { unique: ['pr-', ...param('pr')] });
    await world.engine.publish(JSON.stringify(runbook), by);
    await process(1).start({ runbookId: 'demo', params: { pr: 7 }, by });
    const began = new Promise<void>((resolve) => {
      world.behave = () => {
        resolve();
        return new Promise(() => {});
      };
    });
    void process(2).advance('demo.pr-7', { budgetMs: 60_000, by });
    await began;
    world.behave = () => ({ status: 'completed', output: '{}' });
    world.now += 120_000;
    const elsewhere = createEngine({ ...world.ports, storeId: async () => 'ffffffffffff' });
    await elsewhere.advance('demo.pr-7', { budgetMs: 60_000, by });
    const keys = await keysOf(world);
    expect(keys).toHaveLength(2);
    expect(new Set(keys).size).toBe(1);
  });

  test('a store that does not say its id starts nothing and holds no lock', async () => {
    const world = setup();
    await publish(world, { concurrency: ['db'] });
    const away = async (): Promise<string> => {
      throw new PawlError('store.unavailable', 'The store gave no answer; ask again.');
    };
    const engine = createEngine({ ...world.ports, storeId: away });
    await expect(engine.start({ runbookId: 'demo', params: {}, instanceId: 'i1', by })).rejects.toMatchObject({
      code: 'store.unavailable',
      details: { instanceId: 'i1' },
    });
    expect([world.tables.rows('journal'), world.tables.rows('claims')]).toEqual([[], []]);
  });
});

test('a store that is away while somebody starts: the answer names the id to ask again with', async () => {
  const world = setup();
  await publish(world, {});
  const away = createEngine({
    ...world.ports,
    marks: {
      ...world.ports.marks,
      arm: async () => {
        throw new PawlError('store.unavailable', 'The store gave no answer.', { name: 'TimeoutError' });
      },
    },
  });
  const request = { runbookId: 'demo', params: {}, by };
  const drawn = await away.start(request).catch((error: PawlError) => error);
  expect(drawn).toMatchObject({ code: 'store.unavailable', details: { instanceId: expect.stringMatching(/^demo-/) } });
  const named = await away.start({ ...request, instanceId: 'i7' }).catch((error: PawlError) => error);
  expect(named).toMatchObject({ code: 'store.unavailable', details: { instanceId: 'i7' } });
});

test('the first advance reads entry 0 once: it is the head', async () => {
  const asked: string[] = [];
  const world = setup((client) => ({
    send: ((command: Command) => {
      asked.push(command.kind);
      return client.send(command as never);
    }) as typeof client.send,
  }));
  const id = await world.start(runbookOf([{ name: 'a' }]));
  asked.length = 0;
  await world.engine.advance(id, { budgetMs: 60_000, by });
  // Head, arm, reservation, outcome, view.
  expect(asked).toEqual(['query', 'update', 'putIf', 'putIf', 'update']);
});

test('a version that is another than the one it started with is not run', async () => {
  const world = setup();
  const id = await world.start(runbookOf([{ name: 'a' }]));
  const { get } = world.ports.versions;
  const versions = {
    ...world.ports.versions,
    get: async (...args: Parameters<typeof get>) => {
      const version = await get(...args);
      return version && { ...version, runHash: 'f'.repeat(64) };
    },
  };
  const engine = createEngine({ ...world.ports, versions });
  await expect(engine.advance(id, { budgetMs: 60_000, by })).rejects.toMatchObject({
    code: 'journal.broken',
    details: { instanceId: id, seq: 0 },
  });
  expect(world.begun).toEqual([]);
});
