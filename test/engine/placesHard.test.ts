/** What a process leaves behind at a place where nobody is any more: somebody else comes by (I7). */
import { expect, test } from 'vitest';
import { createEngine, type Engine, limits } from '../../src/engine/index.ts';
import { shardOf } from '../../src/store/items.ts';
import { runbookOf } from './runbooks.ts';
import { alice, setup, type World } from './world.ts';

const request = { budgetMs: 60_000, by: alice };
const engineAt = (world: World, place: string): Engine =>
  createEngine({ ...world.ports, here: { place, home: 'local', missing: async () => [] } });

/** The next body never ends: its process is gone. */
const dies = (world: World): Promise<void> =>
  new Promise((resolve) => {
    world.behave = () => {
      resolve();
      return new Promise(() => {});
    };
  });

const dueAt = async (world: World, place: string): Promise<string[]> => {
  const { due } = await world.ports.marks.due(world.now, place, shardOf('i1', limits.dueShards));
  return due.map(({ instanceId }) => instanceId);
};

test('a process that dies in mid-step leaves it due at its own place; home finds it there, and nobody waits for ever', async () => {
  const world = setup();
  const bastion = engineAt(world, 'bastion');
  await bastion.publish(JSON.stringify(runbookOf([{ interrupted: 'continue' }, { at: ['local'] }])), alice);
  await bastion.start({ runbookId: 'demo', params: {}, instanceId: 'i1', drive: 'auto', by: alice });
  // What only waits there is nobody's leavings.
  expect(await world.ports.marks.orphans(['i1'], world.now)).toEqual([]);
  const dead = dies(world);
  void bastion.run('i1', request);
  await dead;
  world.now += limits.placeUnmannedMs + 1;
  expect(await dueAt(world, 'local')).toEqual([]);
  expect(await dueAt(world, 'bastion')).toEqual(['i1']);
  expect(await world.ports.marks.orphans(['i0', 'i1'], world.now)).toEqual(['i1']);
  world.behave = () => ({ status: 'completed', output: '{}' });
  const looked = await world.engine.advance('i1', { ...request, explicit: false, maxCells: Number.POSITIVE_INFINITY });
  expect(looked.result).toBe('completed');
  expect(world.begun.map(({ step }) => step.cell)).toEqual(['c0', 'c1']);
  expect(await world.ports.marks.orphans(['i1'], world.now)).toEqual([]);
});
