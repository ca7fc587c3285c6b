/** What a family costs its schedule: who is looked at because of whom. */
import { expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import { createEngine, type Engine } from '../../src/engine/index.ts';
import { alice, setup, type World } from './world.ts';

const source = `---
runbook: fleet
title: The fleet
params:
  nodes: { type: array, items: { type: string } }
---
## Restart { name=restart each="params.nodes" as=node max=4 stopAfter=4 onFailure=ask }
\`\`\`js { name=works timeout=5s }
export default () => 2;
\`\`\`
`;
const child = (index: number): string => `p~restart.${index}`;
const schedule = {
  by: { ...alice, actor: 'schedule' },
  budgetMs: 60_000,
  maxCells: Number.POSITIVE_INFINITY,
  explicit: false,
};

const inDoubt = async (): Promise<{ world: World; engine: Engine }> => {
  const world = setup();
  const engine = createEngine({ ...world.ports, authoring });
  await engine.publish(source, alice);
  const params = { nodes: ['a', 'b', 'c', 'd'] };
  await engine.start({ runbookId: 'fleet', params, instanceId: 'p', drive: 'auto', by: alice });
  world.behave = () => ({ status: 'unknown' });
  await engine.advance('p', schedule);
  expect((await world.ports.journal.head('p'))?.entry).toMatchObject({ kind: 'progress', stuck: { length: 4 } });
  world.behave = () => ({ status: 'completed' });
  world.wakes.length = 0;
  return { world, engine };
};

test('an element in doubt that its parent has seen so wakes it no more, however often it is looked at', async () => {
  const { world, engine } = await inDoubt();
  for (let round = 0; round < 3; round += 1)
    for (const index of [0, 1, 2, 3]) expect((await engine.advance(child(index), schedule)).result).toBe('in_doubt');
  expect(world.wakes).toEqual([]);
  expect((await world.ports.views.get('p'))?.dueAtMs).toBeNull();
});

test('a verdict about one wakes the parent, and so does its end, until that was seen', async () => {
  const { world, engine } = await inDoubt();
  world.now += 60_000;
  const woken = () => world.wakes.filter(({ instanceId }) => instanceId === 'p').length;
  await engine.verdict(child(0), { seq: 1, verdict: 'retry', reason: 'looked', by: alice });
  expect(woken()).toBe(1);
  await engine.advance(child(0), schedule);
  expect(woken()).toBe(2);
  // Nobody has come to the parent: whoever looks at the child wakes it again.
  await engine.advance(child(0), schedule);
  expect(woken()).toBe(3);
  await engine.advance('p', schedule);
  expect((await world.ports.journal.head('p'))?.entry.state.open).toMatchObject({ family: { completed: 1, stuck: 3 } });
  await engine.advance(child(0), schedule);
  expect(woken()).toBe(3);
  for (const index of [1, 2, 3])
    await engine.verdict(child(index), { seq: 1, verdict: 'succeeded', reason: 'looked', by: alice });
  expect(woken()).toBeGreaterThan(3);
  expect((await engine.advance('p', schedule)).result).toBe('completed');
});
