/** What of a run cell others may hold, what is gone through again, what is taken back, and who dies in between. */
import { describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import type { Cell } from '../../src/engine/index.ts';
import type { StoreClient } from '../../src/store/access.ts';
import { createTables } from '../../src/testing/tables.ts';
import { runbookOf } from './runbooks.ts';
import { begin, failing, last, other, outputIn, pinOf, ran, request, running, runningEach, stuckAt } from './runs.ts';
import { alice, bob, setup, T0, type World } from './world.ts';

const prod = { concurrency: ['prod'] };
const hold: Partial<Cell> = { name: 'hold', body: { kind: 'manual', instructions: ['wait'] } };
const startOther = async (world: World, params: Record<string, unknown> = {}, id?: string) =>
  await world.engine.start({
    runbookId: 'deploy',
    params,
    ...(id === undefined ? {} : { instanceId: id }),
    drive: 'auto',
    by: bob,
  });

describe('the lock of a run', () => {
  const deploy = other([{ name: 'push' }, hold], prod);
  const locked = async (over = {}, params = {}) => {
    const world = setup();
    world.ports.authoring = { ...world.ports.authoring, lasts: authoring.lasts };
    await begin([deploy], [running(deploy, over), { name: 'after' }], { params, world });
    await startOther(world, {}, 'x');
    return world;
  };

  test('held by somebody else: it is not started, who holds it is told, and the parent looks again', async () => {
    const world = await locked();
    const { result, stop } = await world.engine.advance('p', request);
    expect(result).toBe('deferred');
    expect(stop).toMatchObject({ untilMs: T0 + 15_000, why: 'backoff' });
    expect(world.begun).toEqual([]);
    expect(await last(world)).toMatchObject({ kind: 'progress', spawned: 1, locked: [{ index: 0, holder: 'x' }] });
    const { view, waits } = await world.engine.inspect('p', alice);
    expect(view).toMatchObject({ waitsFor: '0/1 elements, 1 locked', dueAtMs: T0 + 15_000 });
    expect(waits).toMatchObject({ elements: [{ status: 'not begun', waitsFor: 'lock "prod" of x' }] });
    // However often it is looked at, nothing more is written of it.
    world.now += 15_000;
    const { seq } = (await last(world)) ?? {};
    await world.engine.advance('p', { ...request, explicit: false });
    expect(await last(world)).toMatchObject({ seq });
    expect((await world.ports.views.get('p'))?.dueAtMs).toBe(T0 + 30_000);
    await world.engine.cancel('x', 'over', bob);
    await world.engine.advance('p', request);
    expect(ran(world)).toEqual(['p~ship.0:push']);
    expect((await last(world))?.state.open).not.toHaveProperty('family.locked');
    // Now it holds the lock itself.
    await expect(startOther(world, {}, 'y')).rejects.toMatchObject({
      code: 'concurrency.held',
      details: { holder: 'p~ship.0' },
    });
    await world.engine.done('p~ship.0', 'hold', { result: 'done', note: 'held', by: bob });
    expect((await world.engine.advance('p', request)).result).toBe('completed');
    await startOther(world, {}, 'y');
  });

  test('is given up in time where its author says so: then the run has failed, and nothing of it began', async () => {
    const world = await locked({ withinMs: 20_000 });
    await world.engine.advance('p', request);
    world.now += 15_000;
    await world.engine.advance('p', { ...request, explicit: false });
    expect((await world.ports.views.get('p'))?.dueAtMs).toBe(T0 + 20_000);
    world.now += 5_000;
    expect((await world.engine.advance('p', request)).result).toBe('halted');
    expect(await outputIn(world)).toEqual([
      {
        item: 'deploy',
        status: 'failed',
        output: null,
        error: { code: 'run.locked', message: expect.stringContaining('x still holds "prod"') },
      },
    ]);
    expect(await last(world)).toMatchObject({ error: { code: 'run.locked' } });
    expect(await last(world, 'p~ship.0')).toMatchObject({ seq: 0, state: { ended: 'failed', cells: 0 } });
    expect(world.begun).toEqual([]);
    for (const id of ['p', 'p~ship.0']) expect(await world.engine.verify(id), id).toMatchObject({ intact: true });
    // Gone through again it is another start.
    await world.engine.cancel('x', 'over', bob);
    await world.engine.verdict('p', { seq: await stuckAt(world), verdict: 'retry', reason: 'free', by: bob });
    await world.engine.advance('p', request);
    expect(ran(world)).toEqual(['p~ship-2.0:push']);
  });

  test('for how long may come from a parameter, which is judged when the cell opens, and fixed then', async () => {
    const withinMs = [{ expression: 'params.time', write: 'text' }];
    const world = await locked({ withinMs }, { time: '20s' });
    await world.engine.advance('p', request);
    expect((await world.entries('p')).find(({ kind }) => kind === 'waiting')).toMatchObject({ dueAtMs: T0 + 20_000 });
    world.now += 19_999;
    expect((await world.engine.advance('p', request)).result).toBe('deferred');
    world.now += 1;
    expect((await world.engine.advance('p', request)).result).toBe('halted');
    expect(await last(world)).toMatchObject({ error: { code: 'run.locked' } });
    const wrong = await locked({ withinMs }, { time: 'soon' });
    expect((await wrong.engine.advance('p', request)).result).toBe('halted');
    expect(await last(wrong)).toMatchObject({ kind: 'outcome', error: { code: 'inputs.unresolvable' } });
    expect([...wrong.begun, ...world.begun]).toEqual([]);
  });

  test('which it has in time: the time is told no more, and wakes nobody', async () => {
    const world = await begin([deploy], [running(deploy, { withinMs: 20_000 })]);
    for (const waitMs of [0, 20_000, 60_000]) {
      world.now += waitMs;
      expect((await world.engine.advance('p', request)).stop).toMatchObject({ result: 'parked', dueAtMs: null });
    }
    expect(world.wakes.filter(({ instanceId }) => instanceId === 'p')).toEqual([]);
    expect((await world.engine.inspect('p', alice)).waits).toMatchObject({ dueAtMs: null });
  });

  test('held by a run around it: that counts as its own', async () => {
    const inner = other([{ name: 'push' }], prod);
    const middle = other([running(inner, {}, 'sub')], { runbookId: 'middle' });
    const world = await begin([inner, middle], [running(middle)], prod);
    expect((await world.engine.advance('p', request)).result).toBe('completed');
    expect(ran(world)).toEqual(['p~ship.0~sub.0:push']);
    expect((await world.entries('p~ship.0~sub.0'))[0]).toMatchObject({ lock: null });
  });

  test('of two runs of one cell goes from one to the other', async () => {
    const one = other([{ name: 'push' }], prod, ['node']);
    const world = await begin([one], [runningEach(one, { max: { count: 2 } })], { params: { nodes: ['a', 'b'] } });
    let running = 0;
    let most = 0;
    world.behave = async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return { status: 'completed' };
    };
    expect((await world.engine.advance('p', request)).result).toBe('completed');
    expect(most).toBe(1);
    expect(ran(world)).toEqual(['p~ship.0:push', 'p~ship.1:push']);
  });

  test('of one that took it and never began is not given up by another of its cell, however late', async () => {
    const one = other([{ name: 'push' }], prod, ['node']);
    const world = await begin([one], [runningEach(one, { max: { count: 2 } })], { params: { nodes: ['a', 'b'] } });
    const { arm } = world.ports.marks;
    world.ports.marks.arm = (seed, ...more) =>
      seed.instanceId === 'p' ? arm(seed, ...more) : Promise.reject(new Error('the process is gone'));
    await expect(world.engine.advance('p', request)).rejects.toThrow('gone');
    world.ports.marks.arm = arm;
    world.now += 3_600_000;
    expect((await world.engine.advance('p', request)).result).toBe('completed');
    expect(ran(world)).toEqual(['p~ship.0:push', 'p~ship.1:push']);
  });

  test('of a run that took it and never began is followed a minute later, and that run begins no more', async () => {
    const world = await begin([deploy], [running(deploy)]);
    const { arm } = world.ports.marks;
    world.ports.marks.arm = (seed, ...more) =>
      seed.instanceId === 'p' ? arm(seed, ...more) : Promise.reject(new Error('the process is gone'));
    await expect(world.engine.advance('p', request)).rejects.toThrow('gone');
    world.ports.marks.arm = arm;
    await expect(startOther(world, {}, 'x')).rejects.toMatchObject({ code: 'concurrency.held' });
    world.now += 60_000;
    await startOther(world, {}, 'x');
    expect((await world.engine.advance('p', request)).result).toBe('halted');
    expect(world.begun).toEqual([]);
    expect(await outputIn(world)).toMatchObject([{ status: 'cancelled' }]);
  });

  test('is not taken by who waited for it once the parent was cancelled', async () => {
    const world = await locked();
    await world.engine.advance('p', request);
    await world.engine.cancel('p', 'enough', bob);
    expect((await last(world))?.state.ended).toBe('cancelled');
    await world.engine.cancel('x', 'over', bob);
    await startOther(world, {}, 'y');
    expect(ran(world)).toEqual([]);
  });
});

describe('a run of a runbook with `unique`', () => {
  const deploy = other([{ name: 'push' }], { unique: [{ expression: 'order', write: 'text' }] }, ['order']);
  const cell = (over = {}) =>
    runningEach(deploy, { params: { order: [{ expression: 'each.node', write: 'json' }] }, ...over });
  const params = { nodes: [7, 8] };

  test('is not started where another instance has that id, which is named', async () => {
    const world = await begin([deploy], [cell({ max: { count: 2 }, stopAfter: 2 })], { params });
    await startOther(world, { order: 7 });
    expect((await world.engine.advance('p', request)).result).toBe('halted');
    expect(ran(world)).toEqual(['p~ship.1:push']);
    expect(await outputIn(world)).toMatchObject([
      {
        item: 7,
        status: 'failed',
        error: { code: 'unique.exists', message: expect.stringContaining('deploy.7 has it') },
      },
      { item: 8, status: 'completed' },
    ]);
    expect(await last(world)).toMatchObject({ error: { code: 'unique.exists' } });
  });

  test('has that id for ever: neither a start nor another child gets it', async () => {
    const world = await begin([deploy], [cell(), { ...cell(), name: 'more' }], { params });
    expect((await world.engine.advance('p', request)).result).toBe('halted');
    expect(ran(world)).toEqual(['p~ship.0:push', 'p~ship.1:push']);
    expect(await last(world, 'p~more.0')).toMatchObject({
      refused: { message: expect.stringContaining('p~ship.0 has it') },
    });
    await expect(startOther(world, { order: 7 })).rejects.toMatchObject({
      code: 'instance.exists',
      details: { instanceId: 'deploy.7', runsAs: 'p~ship.0' },
    });
    expect(await world.engine.verify('deploy.7')).toMatchObject({ intact: true });
    await expect(world.engine.inspect('deploy.7', alice)).rejects.toMatchObject({
      code: 'instance.unknown',
      message: expect.stringContaining('p~ship.0'),
    });
  });

  test('has it also in a later visit of its cell, begun anew', async () => {
    const undo = { name: 'undo_push', cleanup: { undo: 'push', of: 'begun' as const } };
    const one = other([{ name: 'push' }, undo], { unique: ['it'], onFailure: 'undo' });
    const world = await begin([one], [running(one)]);
    world.behave = failing('p~ship.0:push');
    expect((await world.engine.advance('p', request)).result).toBe('halted');
    expect((await last(world, 'p~ship.0'))?.state.ended).toBe('rolled_back');
    await world.engine.verdict('p', { seq: await stuckAt(world), verdict: 'retry', reason: 'mended', by: bob });
    expect((await world.engine.advance('p', request)).result).toBe('completed');
    expect(ran(world).at(-1)).toBe('p~ship-2.0:push');
    await expect(startOther(world)).rejects.toMatchObject({ details: { runsAs: 'p~ship.0' } });
  });

  test('lets the id go where it never began, and never can', async () => {
    const one = other([{ name: 'push' }], { unique: ['it'], ...prod });
    const world = await begin([one], [running(one)]);
    const holder = other([hold], { runbookId: 'holder', ...prod });
    await world.engine.publish(JSON.stringify(holder), alice);
    await world.engine.start({ runbookId: 'holder', params: {}, instanceId: 'x', drive: 'auto', by: bob });
    await world.engine.advance('p', request);
    await world.engine.cancel('x', 'over', bob);
    await expect(startOther(world)).rejects.toMatchObject({ details: { runsAs: 'p~ship.0' } });
    await world.engine.cancel('p', 'enough', bob);
    const { view } = await startOther(world);
    expect(view.instanceId).toBe('deploy.it.start-2');
    await world.engine.advance('p', request);
    expect(world.begun).toEqual([]);
  });

  test('of a child and a start at once one begins', async () => {
    for (const isFirst of [true, false]) {
      const one = other([{ name: 'push' }], { unique: ['it'] });
      const world = await begin([one], [running(one)]);
      const { putOnce } = world.ports.journal;
      let raced = false;
      world.ports.journal.putOnce = async (entry) => {
        const isSlot = entry.instanceId === 'deploy.it' && !raced;
        if (isSlot) {
          raced = true;
          if (isFirst) await startOther(world);
          else await world.engine.advance('p', request);
        }
        return await putOnce(entry);
      };
      const started = isFirst ? world.engine.advance('p', request) : startOther(world);
      const answer = await started.then(
        () => 'answered',
        (error: { code: string }) => error.code,
      );
      expect(answer).toBe(isFirst ? 'answered' : 'instance.exists');
      await world.engine.advance('p', request);
      const slot = (await world.entries('deploy.it'))[0]?.kind;
      expect(slot).toBe(isFirst ? 'started' : 'cancelled');
      expect((await last(world, 'p~ship.0'))?.state.ended).toBe(isFirst ? 'failed' : 'completed');
    }
  });
});

describe('a run cell is gone through again', () => {
  const deploy = other([{ name: 'build' }, { name: 'push' }], {}, ['node']);
  test('by those of its runs that did not complete, each where it stood, with its own version and parameters', async () => {
    const world = await begin([deploy], [runningEach(deploy)], { params: { nodes: ['a', 'b', 'c'] } });
    world.behave = failing('p~ship.1:push');
    await world.engine.advance('p', request);
    // A newer version changes nothing of it.
    await world.engine.publish(JSON.stringify(other([{ name: 'other' }], {}, ['node'])), alice);
    await world.engine.cancel('p~ship.1', 'not this one', bob);
    expect((await world.engine.advance('p', request)).result).toBe('halted');
    await world.engine.verdict('p', { seq: await stuckAt(world), verdict: 'retry', reason: 'mended', by: bob });
    expect((await world.engine.advance('p', request)).result).toBe('completed');
    expect(ran(world)).toEqual([
      'p~ship.0:build',
      'p~ship.0:push',
      'p~ship.1:build',
      'p~ship.1:push',
      'p~ship-2.1:push',
      'p~ship-2.2:build',
      'p~ship-2.2:push',
    ]);
    expect(world.begun.slice(4, 6).map(({ params }) => params)).toEqual([{ node: 'b' }, { node: 'c' }]);
    expect((await world.entries('p~ship-2.1'))[0]).toMatchObject({ version: 1, continues: { instanceId: 'p~ship.1' } });
  });

  test('also where the runs had a lock: those that go on take it anew', async () => {
    const one = other([{ name: 'push' }, { name: 'check' }], prod);
    const world = await begin([one], [running(one)]);
    world.behave = failing('p~ship.0:check');
    await world.engine.advance('p', request);
    await world.engine.cancel('p~ship.0', 'not this one', bob);
    await world.engine.advance('p', request);
    await startOther(world, {}, 'x');
    await world.engine.verdict('p', { seq: await stuckAt(world), verdict: 'retry', reason: 'mended', by: bob });
    expect((await world.engine.advance('p', request)).result).toBe('deferred');
    await world.engine.cancel('x', 'over', bob);
    expect((await world.engine.advance('p', request)).result).toBe('completed');
    expect(ran(world)).toEqual(['p~ship.0:push', 'p~ship.0:check', 'p~ship-2.0:check']);
    expect((await world.entries('p~ship-2.0'))[0]).toMatchObject({ lock: 'prod' });
  });

  test('also by what goes on from its parent: past it, what it came to is cited', async () => {
    const world = await begin([deploy], [runningEach(deploy), { name: 'after', reads: ['ship'] }], {
      params: { nodes: ['a'] },
    });
    world.behave = failing('p:after');
    await world.engine.advance('p', request);
    const continues = { instanceId: 'p', at: 'after' };
    await world.engine.start({ runbookId: 'demo', params: {}, by: bob, drive: 'auto', continues });
    expect((await world.engine.advance('p.2', request)).result).toBe('completed');
    expect(ran(world).at(-1)).toBe('p.2:after');
    expect(world.begun.at(-1)?.outputs.ship).toContain('"completed"');
  });

  const left = async (): Promise<World> => {
    const world = await begin([deploy], [runningEach(deploy), { name: 'after' }], { params: { nodes: ['a'] } });
    world.behave = failing('p~ship.0:push');
    await world.engine.advance('p', request);
    await world.engine.cancel('p~ship.0', 'not this one', bob);
    await world.engine.advance('p', request);
    world.behave = failing();
    return world;
  };
  const goOn = (world: World, reason?: string) =>
    world.engine.start({
      runbookId: 'demo',
      params: { nodes: ['a'] },
      by: bob,
      drive: 'auto',
      continues: { instanceId: 'p', at: 'ship', ...(reason === undefined ? {} : { reason }) },
    });

  test('in a run that goes on from its parent: what was done is cited', async () => {
    const world = await left();
    await goOn(world);
    expect((await world.engine.advance('p.2', request)).result).toBe('completed');
    expect(ran(world).slice(-2)).toEqual(['p.2~ship.0:push', 'p.2:after']);
    expect((await world.entries('p.2~ship.0'))[0]).toMatchObject({
      version: 1,
      continues: { instanceId: 'p~ship.0', at: 'push' },
    });
  });

  test('in a fixed version of its runbook, which the run that goes on has pinned', async () => {
    const world = await left();
    const fixed = other([{ name: 'build' }, { name: 'look' }, { name: 'push' }], {}, ['node']);
    await world.engine.publish(JSON.stringify(fixed), alice);
    const pinned = { ...pinOf(fixed), version: 2 };
    await world.engine.publish(
      JSON.stringify(runbookOf([runningEach(fixed, { pin: pinned }), { name: 'after' }])),
      alice,
    );
    await goOn(world);
    expect((await world.engine.advance('p.2', request)).result).toBe('completed');
    expect(ran(world).slice(-3)).toEqual(['p.2~ship.0:look', 'p.2~ship.0:push', 'p.2:after']);
    expect((await world.entries('p.2~ship.0'))[0]).toMatchObject({ version: 2, params: { node: 'a' } });
  });

  test('not without a reason in one in which a cell that it did is not there any more', async () => {
    const world = await left();
    const fixed = other([{ name: 'make' }, { name: 'push' }], {}, ['node']);
    await world.engine.publish(JSON.stringify(fixed), alice);
    const pinned = { ...pinOf(fixed), version: 2 };
    await world.engine.publish(
      JSON.stringify(runbookOf([runningEach(fixed, { pin: pinned }), { name: 'after' }])),
      alice,
    );
    await expect(goOn(world)).rejects.toMatchObject({
      code: 'continue.refused',
      message: expect.stringContaining('p~ship.0'),
    });
    await goOn(world, 'made by hand');
    expect((await world.engine.advance('p.2', request)).result).toBe('completed');
    expect(ran(world).slice(-3)).toEqual(['p.2~ship.0:make', 'p.2~ship.0:push', 'p.2:after']);
  });
});

describe('a run cell is taken back', () => {
  const deploy = other(
    [{ name: 'build' }, { name: 'push' }, { name: 'undo_push', reads: 'all', cleanup: { undo: 'push' } }],
    prod,
    ['node'],
  );
  const undoShip: Partial<Cell> = {
    ...runningEach(deploy, { undoes: 'ship', params: {} }, 'undo_ship'),
    cleanup: { undo: 'ship' },
  };
  const cells = [runningEach(deploy), { name: 'after' }, undoShip];
  test('by its runs, the last first, each over what its version takes back', async () => {
    const world = await begin([deploy], cells, { params: { nodes: ['a', 'b'] }, onFailure: 'undo' });
    world.behave = failing('p:after');
    expect((await world.engine.advance('p', request)).result).toBe('failed');
    expect(ran(world).slice(5)).toEqual(['p~undo_ship.1:undo_push', 'p~undo_ship.0:undo_push']);
    const [, back] = world.begun.slice(5);
    expect(back).toMatchObject({ params: { node: 'a' }, outputs: { push: '"p~ship.0:push"' } });
    const there = world.begun.find(({ step }) => step.instanceId === 'p~ship.0' && step.cell === 'push');
    expect(back?.step.originalKey).toBe(there?.step.idempotencyKey);
    for (const id of ['p', 'p~undo_ship.0']) expect(await world.engine.verify(id), id).toMatchObject({ intact: true });
  });

  test('not beside the holder of its lock', async () => {
    const world = await begin([deploy], cells, { params: { nodes: ['a'] } });
    world.behave = failing('p:after');
    await world.engine.advance('p', request);
    await startOther(world, { node: 'z' }, 'x');
    await world.engine.undo('p', { reason: 'given up', by: bob });
    expect((await world.engine.advance('p', request)).result).toBe('deferred');
    expect(ran(world)).not.toContain('p~undo_ship.0:undo_push');
    await world.engine.cancel('x', 'over', bob);
    expect((await world.engine.advance('p', request)).result).toBe('failed');
    expect(ran(world).at(-1)).toBe('p~undo_ship.0:undo_push');
  });

  test('with sections of its own', async () => {
    const leaf = other([{ name: 'work' }, { name: 'undo_work', cleanup: { undo: 'work' } }], { runbookId: 'leaf' });
    const undoSub = { ...running(leaf, { undoes: 'sub' }, 'undo_sub'), cleanup: { undo: 'sub' } };
    const middle = other([running(leaf, {}, 'sub'), undoSub]);
    const undoIt = { ...running(middle, { undoes: 'ship' }, 'undo_ship'), cleanup: { undo: 'ship' } };
    const world = await begin([leaf, middle], [running(middle), { name: 'after' }, undoIt], { onFailure: 'undo' });
    world.behave = failing('p:after');
    expect((await world.engine.advance('p', request)).result).toBe('failed');
    expect(ran(world)).toEqual(['p~ship.0~sub.0:work', 'p:after', 'p~undo_ship.0~undo_sub.0:undo_work']);
  });

  test('by the runs themselves where they are under way when their parent is cancelled', async () => {
    const stop = other([{ name: 'push' }, hold, { name: 'undo_push', cleanup: { undo: 'push' } }]);
    const undoIt = { ...running(stop, { undoes: 'ship' }, 'undo_ship'), cleanup: { undo: 'ship' } };
    const world = await begin([stop], [running(stop), undoIt]);
    await world.engine.advance('p', request);
    await world.engine.cancel('p', 'enough', bob, { undo: true });
    expect((await world.engine.advance('p', request)).result).toBe('cancelled');
    expect(ran(world)).toEqual(['p~ship.0:push', 'p~ship.0:undo_push']);
    expect((await last(world, 'p~ship.0'))?.state.ended).toBe('cancelled');
  });
});

describe('whoever is at the parent dies at any command', () => {
  const once: Partial<Cell> = { interrupted: 'retry', retryMax: 5 };
  const leaf = other([{ name: 'work', ...once }], { runbookId: 'leaf', unique: [{ expression: 'n', write: 'text' }] }, [
    'n',
  ]);
  const deploy = other(
    [
      { name: 'push', ...once },
      running(leaf, { params: { n: [{ expression: 'params.node', write: 'json' }] } }, 'sub'),
    ],
    prod,
    ['node'],
  );
  const cells = [runningEach(deploy, { max: { count: 2 } }), { name: 'after', ...once }];

  /** A process whose commands are answered no more, from one on. */
  const dying = (from: number) => {
    let sent = 0;
    let died = (): void => {};
    const death = new Promise<void>((resolve) => {
      died = resolve;
    });
    const wrap = (client: StoreClient): StoreClient => {
      const send = (command: never): Promise<unknown> => {
        sent += 1;
        if (sent < from) return client.send(command) as Promise<unknown>;
        died();
        return new Promise(() => {});
      };
      return { send } as unknown as StoreClient;
    };
    return { wrap, death };
  };

  test('and the next one goes on: every run begins once, and each cell of them has one key', async () => {
    for (let from = 30; ; from += 5) {
      const tables = createTables();
      const { wrap, death } = dying(from);
      const first = setup(wrap, tables);
      const advanced = begin([leaf, deploy], cells, { params: { nodes: ['a', 'b'] }, world: first }).then((world) =>
        world.engine.advance('p', request),
      );
      const isOver = (await Promise.race([advanced, death])) !== undefined;
      const next = setup((client) => client, tables);
      next.now = first.now + 3_600_000;
      // Its tokens are others.
      for (let drawn = 0; drawn < 20_000; drawn += 1) next.ports.random.token();
      if ((await next.entries('p')).length > 0) {
        for (let round = 0; round < 8; round += 1) {
          const { result, stop } = await next.engine.advance('p', request);
          if (result === 'completed') break;
          next.now = Math.max(next.now, stop.result === 'deferred' ? stop.untilMs : 0) + 60_000;
          for (const id of ['p~ship.0', 'p~ship.1', 'p~ship.0~sub.0', 'p~ship.1~sub.0'])
            if ((await next.entries(id)).length > 0) await next.engine.advance(id, request).catch(() => null);
        }
        expect((await last(next))?.state.ended, `from ${from}`).toBe('completed');
        const keys = new Set([...first.begun, ...next.begun].map(({ step }) => step.idempotencyKey));
        expect(keys.size, `from ${from}`).toBe(5);
        for (const n of ['a', 'b'])
          expect((await next.entries(`leaf.${n}`)).map(({ kind }) => kind)).toEqual(['cancelled']);
      }
      if (isOver) return;
    }
  }, 240_000);
});
