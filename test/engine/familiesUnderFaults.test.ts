/** Families when something goes wrong on the way: each of these the simulation has found (test/simulation/families.ts). */
import { expect, test } from 'vitest';
import { type Cell, type CellResult, PawlError } from '../../src/engine/index.ts';
import { cellOf, pass, runbookOf } from './runbooks.ts';
import { alice, bob, type World, watched } from './world.ts';

const inner = (cells: Partial<Cell>[]): Cell[] =>
  cells.map((over, index) => cellOf(index, over.name ?? `e${index}`, over));
const section = (cells: Partial<Cell>[], output: string | null = null): Partial<Cell> => ({
  name: 'nodes',
  body: {
    kind: 'each',
    over: { source: 'params.nodes', line: 1 },
    as: 'node',
    max: { count: 2 },
    stopAfter: 1,
    output: output === null ? null : { source: output, line: 1 },
    cells: inner(cells),
  },
});
const request = { budgetMs: 600_000, maxCells: Number.POSITIVE_INFINITY, by: alice };

const begin = async (cells: Partial<Cell>[], nodes = ['n0', 'n1']) => {
  const { world, once } = watched();
  await world.engine.publish(JSON.stringify(runbookOf(cells)), alice);
  await world.engine.start({ runbookId: 'demo', params: { nodes }, instanceId: 'p', drive: 'auto', by: alice });
  return { world, once };
};

const outputIn = async (world: World): Promise<unknown> => {
  const { cells } = await world.engine.inspect('p', alice);
  return JSON.parse(cells.find(({ kind }) => kind === 'each')?.output ?? 'null');
};

test('an element that an `end` has ended is told of like any other', async () => {
  const ends = { name: 'enough', body: { kind: 'end' as const }, when: pass };
  const { world } = await begin([section([{ name: 'off' }, ends, { name: 'on' }], 'outputs.off.good')]);
  world.behave = (): CellResult => ({ status: 'completed', output: '{"good":true}' });
  expect((await world.engine.advance('p', request)).result).toBe('completed');
  expect(new Set(world.begun.map(({ step }) => step.cell))).toEqual(new Set(['off']));
  expect(await outputIn(world)).toEqual(['n0', 'n1'].map((item) => ({ item, status: 'completed', output: true })));
});

test('an output that cannot be read as a whole is told of its element, and the section closes', async () => {
  const { world } = await begin([section([{ name: 'off', optional: true }], 'outputs.off.good')]);
  world.behave = ({ step }): CellResult =>
    step.instanceId.endsWith('.1')
      ? { status: 'completed', output: JSON.stringify('x'.repeat(1_000)), outputBytes: 100_000_000 }
      : { status: 'completed', output: '{"good":true}' };
  expect((await world.engine.advance('p', request)).result).toBe('completed');
  expect(await outputIn(world)).toMatchObject([
    { status: 'completed', output: true },
    { status: 'completed', output: { error: expect.stringContaining('The output of cell off cannot be read') } },
  ]);
});

test('whoever cancels a run is answered although an element completes meanwhile', async () => {
  const { world, once } = await begin([section([{ name: 'off' }])], ['n0']);
  let cancelled: Promise<unknown> | undefined;
  let goOn = (): void => {};
  const completes = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  world.behave = async () => {
    // The cancellation reaches the element's slot when its outcome stands there.
    once(
      ({ kind, item }) => kind === 'putIf' && item?.instanceId === 'p~nodes.0' && item.kind === 'cancelled',
      async () => {
        goOn();
        await advanced;
      },
    );
    cancelled = world.engine.cancel('p', 'enough', bob);
    await completes;
    return { status: 'completed' };
  };
  const advanced = world.engine.advance('p', request).catch(() => null);
  await advanced;
  expect(await cancelled).toMatchObject({ elements: [] });
  expect((await world.entries('p~nodes.0')).at(-1)?.state.ended).toBe('completed');
});

test('a section whose elements could not be begun stays due, and whoever asked is told the id of the run', async () => {
  const { world } = await begin([{ name: 'before' }, section([{ name: 'off' }])]);
  const { marks } = world.ports;
  const { arm } = marks;
  marks.arm = async (seed, ...more) => {
    if (seed.instanceId !== 'p')
      throw new PawlError('store.unavailable', 'The store is away.', { instanceId: seed.instanceId });
    return await arm(seed, ...more);
  };
  expect((await world.engine.advance('p', request)).result).toBe('deferred');
  expect((await world.entries('p')).at(-1)).toMatchObject({ kind: 'progress', spawned: 2 });
  expect((await world.ports.views.get('p'))?.dueAtMs).toBe(world.now);
  await expect(world.engine.advance('p', request)).rejects.toMatchObject({
    code: 'store.unavailable',
    details: { instanceId: 'p' },
  });
});

test('who has looked before elements began does not put the section to rest that it finds afterwards', async () => {
  const { world, once } = await begin([section([{ name: 'off' }, { name: 'on' }])]);
  await world.engine.advance('p', { ...request, maxCells: 0 });
  once(
    ({ kind, key }) => kind === 'update' && key?.instanceId === 'p',
    async () => {
      await world.engine.advance('p', { ...request, maxCells: 1 });
      await world.engine.advance('p~nodes.0', request);
    },
  );
  await world.engine.advance('p', { ...request, maxCells: 0 });
  expect((await world.entries('p')).at(-1)).toMatchObject({ kind: 'progress', spawned: 2, ended: [] });
  expect((await world.entries('p~nodes.0')).at(-1)?.state.ended).toBe('completed');
  expect((await world.ports.views.get('p'))?.dueAtMs).toBe(world.now);
});

test('a call into an element ends with the call into its parent, however long it takes to open', async () => {
  const { world } = await begin([section([{ name: 'off' }, { name: 'on', timeoutMs: 40_000 }])], ['n0']);
  await world.engine.advance('p', { ...request, maxCells: 1 });
  const { journal } = world.ports;
  const { head } = journal;
  journal.head = async (instanceId) => {
    if (instanceId !== 'p') world.now += 30_000;
    return await head(instanceId);
  };
  await world.engine.advance('p', { ...request, budgetMs: 100_000 });
  expect(world.begun.map(({ step }) => step.cell)).toEqual(['off']);
});
