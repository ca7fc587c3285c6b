/** A run that goes by itself is woken by whoever answers it; one that people drive is not. */
import { describe, expect, test } from 'vitest';
import { type By, type Cell, createEngine, type Engine } from '../../src/engine/index.ts';
import { approving, runbookOf } from './runbooks.ts';
import { alice, bob, setup, T0, type World } from './world.ts';

const request = { budgetMs: 60_000, by: alice };
const carol: By = { actor: 'carol', via: 'test', where: 'host:4' };
const manual: Partial<Cell> = { name: 'look', body: { kind: 'manual', instructions: ['Look.'] } };
const asking: Partial<Cell> = { name: 'go', body: approving(['bob', 'carol']) };

type Case = { name: string; cell: Partial<Cell>; fails?: true; answer(engine: Engine): Promise<unknown> };
const vote = async (engine: Engine, by: (hash: string) => Promise<unknown>): Promise<unknown> => {
  const { waits } = await engine.inspect('i1', alice);
  return await by(waits?.kind === 'approve' ? waits.shownHash : '');
};
const cases: Case[] = [
  { name: 'done', cell: manual, answer: (e) => e.done('i1', 'look', { result: 'done', note: 'fine', by: bob }) },
  {
    name: 'vote',
    cell: asking,
    answer: (e) => vote(e, (shownHash) => e.vote('i1', 'go', { decision: 'approve', shownHash, groups: [], by: bob })),
  },
  {
    name: 'one-time link',
    cell: asking,
    answer: async (e) => {
      const { secret } = await e.makeLink('i1', 'go', { actor: 'bob', by: carol });
      return await vote(e, (shownHash) => e.useLink(secret, { decision: 'approve', shownHash, where: 'phone' }));
    },
  },
  {
    name: 'verdict',
    cell: {},
    fails: true,
    answer: async (e) => {
      const { halted } = (await e.journal('i1', 0, 100)).at(-1)?.entry.state ?? {};
      return await e.verdict('i1', { seq: halted?.seq ?? 0, verdict: 'retry', reason: 'mended', by: bob });
    },
  },
];

describe.each(cases)('$name', ({ cell, fails, answer }) => {
  const parked = async (drive: 'auto' | 'manual'): Promise<World> => {
    const world = setup();
    if (fails) world.behave = () => ({ status: 'failed' });
    await world.start(runbookOf([cell, {}]));
    await world.engine.advance('i1', { ...request, drive });
    expect(world.wakes).toEqual([]);
    return world;
  };

  test('wakes a run that goes by itself, at once', async () => {
    const world = await parked('auto');
    await answer(world.engine);
    expect(world.wakes).toEqual([{ instanceId: 'i1', atMs: T0 }]);
  });

  test('leaves a run alone that people drive', async () => {
    const world = await parked('manual');
    await answer(world.engine);
    expect(world.wakes).toEqual([]);
  });

  test('stands also where the wake cannot be sent', async () => {
    const world = await parked('auto');
    const wakeAt = async (): Promise<void> => {
      throw new Error('the queue is away');
    };
    await answer(createEngine({ ...world.ports, wakeAt }));
    expect((await world.engine.inspect('i1', alice)).view).toMatchObject({ status: 'ready' });
    expect(world.events).toContainEqual(expect.objectContaining({ kind: 'wake.unsent', instanceId: 'i1' }));
  });
});
