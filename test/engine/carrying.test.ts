/** A cancellation is carried into a family for so long, and its answer comes in time whatever the store takes. */
import { describe, expect, test } from 'vitest';
import { createEngine, limits } from '../../src/engine/index.ts';
import { begin, nodes, request } from './sections.ts';
import { bob, type World } from './world.ts';

/** API Gateway cuts its caller off. */
const cutOffMs = 30_000;

/** So many elements, all halted. */
const halted = async (count: number): Promise<World> => {
  const list = Array.from({ length: count }, (_, index) => `n${index}`);
  const world = await begin([nodes({ max: { count }, stopAfter: count + 1 }, [{ name: 'off' }])], list);
  world.behave = () => ({ status: 'failed', error: { code: 'cell.exit', message: 'no' } });
  await world.engine.advance('p', request);
  return world;
};
/** From now on each answer of the store about an element moves the clock: sixteen at a time, so one page by sixteen of these. */
const slow = (world: World, readMs: number, putMs: number): void => {
  const { head, putOnce } = world.ports.journal;
  world.ports.journal.head = async (id) => {
    if (id !== 'p') world.now += readMs;
    return await head(id);
  };
  world.ports.journal.putOnce = async (entry) => {
    if (entry.instanceId !== 'p') world.now += putMs;
    return await putOnce(entry);
  };
  world.engine = createEngine(world.ports);
};

describe('the answer to a cancellation', () => {
  test.each([
    ['puts take long', 0, 400],
    ['reads take long', 100, 0],
    ['both do', 60, 200],
    ['the reading alone takes longer than there is', 400, 0],
  ])('comes before its caller is cut off, and names whom it did not reach: %s', async (_what, readMs, putMs) => {
    const count = 100;
    const world = await halted(count);
    slow(world, readMs, putMs);
    const beganMs = world.now;
    const { view, unreached } = await world.engine.cancel('p', 'enough', bob);
    expect(world.now - beganMs).toBeLessThan(cutOffMs);
    const told = await Promise.all(
      Array.from({ length: count }, async (_, index) => (await world.entries(`p~nodes.${index}`)).at(-1)?.kind),
    );
    const untold = told.flatMap((kind, index) => (kind === 'cancelled' ? [] : [`p~nodes.${index}`]));
    expect(untold.length).toBeGreaterThan(0);
    expect(unreached.map(({ instanceId }) => instanceId)).toEqual(expect.arrayContaining(untold));
    expect(new Set(unreached.map(({ why }) => why))).toEqual(new Set(['late']));
    expect(view).toMatchObject({ status: 'waiting', dueAtMs: expect.any(Number) });
    await world.engine.advance('p', { ...request, explicit: false });
    expect((await world.entries('p')).at(-1)?.state.ended).toBe('cancelled');
  });

  test('leaves time for itself', () => {
    expect(limits.tellWithinMs).toBeLessThan(limits.answerWithinMs);
    expect(limits.answerWithinMs).toBeLessThan(cutOffMs);
  });
});
