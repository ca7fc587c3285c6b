/** Families of which a journal is broken: none of it is due for ever, and what is not broken goes on. */
import { describe, expect, test } from 'vitest';
import { createEngine } from '../../src/engine/index.ts';
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
