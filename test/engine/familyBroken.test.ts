/** Families of which a journal is broken: none of it is due for ever, and what is not broken goes on. */
import { describe, expect, test } from 'vitest';
import { type Cell, createEngine } from '../../src/engine/index.ts';
import type { Row } from '../../src/testing/tables.ts';
import { begin, failing, nodes, ran, request, undo, undoNodes } from './sections.ts';
import { alice, bob, type World } from './world.ts';

/** Past every condition, as somebody with rights on the table can. */
const tamper = (world: World, id: string, seq: number): Row => {
  const row = world.tables.row('journal', id, seq) as Row;
  const whole = { ...row };
  world.tables.tamper('journal', { ...row, entry: '{' });
  return whole;
};
const dueOf = async (world: World, id: string) => (await world.ports.views.get(id))?.dueAtMs;

describe('a run that was ended since its journal is broken', () => {
  /** Two elements under way in it: both halted. */
  const ended = async (): Promise<World> => {
    const world = await begin([nodes({ max: { count: 2 }, stopAfter: 3 })], ['a', 'b']);
    world.behave = failing('nodes.0:off', 'nodes.1:off');
    await world.engine.advance('p', request);
    tamper(world, 'p', 1);
    // A caller that has not read it before.
    world.engine = createEngine(world.ports);
    await expect(world.engine.inspect('p', alice)).rejects.toMatchObject({ code: 'journal.broken' });
    await world.engine.cancel('p', 'it cannot be read', bob);
    expect(await world.ports.views.get('p')).toMatchObject({ status: 'cancelled', dueAtMs: null });
    return world;
  };

  test('is not due for ever once somebody ends an element of it', async () => {
    const world = await ended();
    await world.engine.cancel('p~nodes.0', 'this one too', bob);
    await world.engine.advance('p', request).catch(() => undefined);
    expect(await world.ports.views.get('p')).toMatchObject({ status: 'cancelled', dueAtMs: null });
  });

  test('nor once the journal of its element is broken too, and somebody ends that', async () => {
    const world = await ended();
    tamper(world, 'p~nodes.0', 1);
    await world.engine.cancel('p~nodes.0', 'this one too', bob);
    expect(await dueOf(world, 'p')).toBeLessThanOrEqual(world.now);
    await world.engine.advance('p', request).catch(() => undefined);
    expect(await world.ports.views.get('p')).toMatchObject({ status: 'cancelled', dueAtMs: null });
  });
});

describe('a section that is taken back, of which the journal of one element is broken', () => {
  /** All of a, b and c went through it; the run stands at `after`. */
  const halted = async (): Promise<World> => {
    const cells = [nodes({ max: { count: 3 } }, [{ name: 'off' }, undo('off')]), { name: 'after' }, undoNodes];
    const world = await begin(cells, ['a', 'b', 'c']);
    world.behave = failing(':after');
    await world.engine.advance('p', request);
    return world;
  };
  const undone = (world: World): string[] => ran(world).filter((step) => step.endsWith(':undo_off'));

  test('takes the others back; that one stands until somebody ends it, and is not told as taken back', async () => {
    const world = await halted();
    tamper(world, 'p~nodes.2', 1);
    world.engine = createEngine(world.ports);
    await world.engine.undo('p', { reason: 'all of it', by: bob });
    const { view } = await world.engine.advance('p', request);
    expect(undone(world)).toEqual(['undo_nodes.1:undo_off', 'undo_nodes.0:undo_off']);
    expect(view).toMatchObject({ status: 'waiting', waitsFor: '2/3 elements, 1 needs somebody' });
    expect(await world.entries('p~undo_nodes.2')).toEqual([]);
    const { waits } = await world.engine.inspect('p', alice);
    expect(waits).toMatchObject({ elements: [{ index: 2, status: 'broken', waitsFor: 'p~nodes.2' }] });
    // Whoever looks again finds it as it was, and says nothing new.
    const length = (await world.entries('p')).length;
    await world.engine.advance('p', request);
    expect(await world.entries('p')).toHaveLength(length);

    await world.engine.cancel('p~nodes.2', 'it cannot be read', bob);
    expect(await dueOf(world, 'p')).toBeLessThanOrEqual(world.now);
    expect((await world.engine.advance('p', request)).result).toBe('failed');
    const { cells, ending } = await world.engine.inspect('p', alice);
    expect(cells.find(({ name }) => name === 'undo_nodes')?.note).toBe('2 of 3 taken back');
    expect(cells.find(({ name }) => name === 'nodes')?.state).toBe('completed');
    expect(ending).toMatchObject({ takenBack: [], stays: ['after', 'nodes'] });
  });

  test.each([0, 1])('goes on with it once it is restored: %i before its newest', async (back) => {
    const world = await halted();
    const whole = tamper(world, 'p~nodes.2', (await world.entries('p~nodes.2')).length - 1 - back);
    world.engine = createEngine(world.ports);
    await world.engine.undo('p', { reason: 'all of it', by: bob });
    await world.engine.advance('p', request);
    expect(undone(world)).toEqual(['undo_nodes.1:undo_off', 'undo_nodes.0:undo_off']);
    world.tables.tamper('journal', whole);
    await world.engine.advance('p', request);
    expect(undone(world).at(-1)).toBe('undo_nodes.2:undo_off');
    const { cells } = await world.engine.inspect('p', alice);
    expect(cells.find(({ name }) => name === 'nodes')?.state).toBe('taken back');
  });

  test('is named among what stays where the rest of the end was stopped after it', async () => {
    const on: Partial<Cell> = { name: 'tell', cleanup: { on: 'always' } };
    const cells = [nodes({ max: { count: 3 } }, [{ name: 'off' }, undo('off')]), { name: 'after' }, undoNodes, on];
    const world = await begin(cells, ['a', 'b', 'c']);
    world.behave = failing(':after', ':tell');
    await world.engine.advance('p', request);
    tamper(world, 'p~nodes.2', 1);
    world.engine = createEngine(world.ports);
    await world.engine.cancel('p~nodes.2', 'it cannot be read', bob);
    await world.engine.undo('p', { reason: 'all of it', by: bob });
    expect((await world.engine.advance('p', request)).stop).toMatchObject({ result: 'halted', cell: 'tell' });
    const expectedSeq = (await world.entries('p')).at(-1)?.seq ?? -1;
    const { stays } = await world.engine.cancel('p', 'enough', bob, { stopCleanup: true, expectedSeq });
    expect(stays).toEqual(['after', 'nodes']);
  });
});

describe('a section that is gone on with in a new run, of which the journal of one element is broken', () => {
  /** The first element completed, the second and the third stand at their second cell. */
  const halted = async (): Promise<World> => {
    const two = [{ name: 'off' }, { name: 'restart' }];
    const world = await begin([nodes({ max: { count: 3 }, stopAfter: 3 }, two)], ['a', 'b', 'c']);
    world.behave = failing('nodes.1:restart', 'nodes.2:restart');
    await world.engine.advance('p', request);
    world.behave = failing();
    return world;
  };
  const goOn = async (world: World) => {
    const continues = { instanceId: 'p', at: 'nodes' };
    const params = { nodes: ['a', 'b', 'c'] };
    return await world.engine.start({ runbookId: 'demo', params, by: bob, drive: 'auto', continues });
  };

  test('goes on with the others; that one begins once it is restored', async () => {
    const world = await halted();
    await goOn(world);
    const whole = tamper(world, 'p~nodes.1', 2);
    world.engine = createEngine(world.ports);
    const { view } = await world.engine.advance('p.2', request);
    expect(view).toMatchObject({ status: 'waiting', waitsFor: '2/3 elements, 1 needs somebody' });
    expect(ran(world).filter((step) => step.startsWith('2~'))).toEqual(['2~nodes.2:restart']);
    world.tables.tamper('journal', whole);
    expect((await world.engine.advance('p.2', request)).result).toBe('completed');
    expect(ran(world).filter((step) => step.startsWith('2~'))).toEqual(['2~nodes.2:restart', '2~nodes.1:restart']);
  });

  test('gives that one up once somebody has ended the one that cannot be read', async () => {
    const world = await halted();
    await goOn(world);
    tamper(world, 'p~nodes.1', 2);
    world.engine = createEngine(world.ports);
    await world.engine.advance('p.2', request);
    await world.engine.cancel('p~nodes.1', 'it cannot be read', bob);
    expect(await dueOf(world, 'p.2')).toBeLessThanOrEqual(world.now);
    expect((await world.engine.advance('p.2', request)).stop).toMatchObject({ result: 'halted', cell: 'nodes' });
    expect(ran(world).filter((step) => step.startsWith('2~'))).toEqual(['2~nodes.2:restart']);
    expect(await world.entries('p.2~nodes.1')).toMatchObject([
      { kind: 'cancelled', reason: 'What it did cannot be read, so nothing goes on from it.' },
    ]);
  });

  test.each([0, 1, 2])('is not begun where it is so before: refused, by its id, %i before its newest', async (back) => {
    const world = await halted();
    tamper(world, 'p~nodes.1', (await world.entries('p~nodes.1')).length - 1 - back);
    world.engine = createEngine(world.ports);
    await expect(goOn(world)).rejects.toMatchObject({
      code: 'continue.refused',
      message: expect.stringContaining('p~nodes.1 has a broken journal'),
    });
    expect(await world.entries('p.2')).toEqual([]);
  });
});
