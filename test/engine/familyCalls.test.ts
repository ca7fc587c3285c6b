/** Calls into a family that stop for their time, and what becomes of those that were handed over. */
import { describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import { type By, createEngine, createFollower, type Engine } from '../../src/engine/index.ts';
import { alice, setup, T0 } from './world.ts';

const source = (max: number, cells: string) => `---
runbook: fleet
title: The fleet
params:
  nodes: { type: array, items: { type: string } }
---
## Before
\`\`\`js { name=first }
export default () => 1;
\`\`\`
\`\`\`js { name=second }
export default () => 1;
\`\`\`
## Restart { name=restart each="params.nodes" as=node max=${max} }
${cells}
`;
const works = (attributes: string) => `\`\`\`js { name=works ${attributes} }\nexport default () => 2;\n\`\`\``;
const all = Number.POSITIVE_INFINITY;
const begin = async (document: string, nodes: string[], drive: 'auto' | 'manual' = 'auto') => {
  const world = setup();
  const engine: Engine = createEngine({ ...world.ports, authoring });
  await engine.publish(document, alice);
  await engine.start({ runbookId: 'fleet', params: { nodes }, instanceId: 'p', drive, by: alice });
  await engine.advance('p', { budgetMs: 600_000, maxCells: 2, by: alice });
  return { world, engine };
};

describe('an advance of a family', () => {
  test.each(['auto', 'manual'] as const)(
    'in drive %s that has no time for a cell of an element says so, so that it is handed over',
    async (drive) => {
      const { world, engine } = await begin(source(1, works('timeout=60s')), ['a', 'b'], drive);
      const short = await engine.advance('p', { budgetMs: 20_000, maxCells: all, by: alice });
      expect(short.stop).toMatchObject({ result: 'deferred', cell: 'restart', why: 'budget' });
      expect(world.begun).toHaveLength(2);
      const long = await engine.advance('p', { budgetMs: 600_000, maxCells: all, by: alice });
      expect(long.result).toBe('completed');
    },
  );

  test('whose time is over while more may begin says so too', async () => {
    const { world, engine } = await begin(source(1, works('timeout=5s')), ['a', 'b', 'c']);
    world.behave = () => {
      world.now += 20_000;
      return { status: 'completed' };
    };
    const short = await engine.advance('p', { budgetMs: 30_000, maxCells: all, by: alice });
    expect(short.stop).toMatchObject({ result: 'deferred', cell: 'restart', why: 'budget' });
  });

  test('of which an element is to be tried again later says when', async () => {
    const { world, engine } = await begin(source(2, works('timeout=5s retry=9')), ['a', 'b']);
    world.behave = ({ step }) => ({ status: step.instanceId === 'p~restart.0' ? 'failed' : 'completed' });
    const short = await engine.advance('p', { budgetMs: 600_000, maxCells: all, by: alice });
    const { state } = short;
    expect(state.open).toMatchObject({ family: { completed: 1 } });
    const head = await world.ports.journal.head('p~restart.0');
    expect(short.stop).toMatchObject({ result: 'deferred', why: 'backoff', untilMs: head?.entry.state.dueAtMs });
  });

  test('that waits for a person alone is parked; its report says when an element goes on by itself', async () => {
    const pause = '```wait { name=pause for=10m }\n```';
    const { engine } = await begin(source(2, pause), ['a', 'b']);
    const { stop } = await engine.advance('p', { budgetMs: 600_000, maxCells: all, by: alice });
    expect(stop).toMatchObject({ result: 'parked', cell: 'restart' });
    const { waits } = await engine.inspect('p', alice);
    expect(waits).toMatchObject({
      nextAtMs: T0 + 600_000,
      elements: [0, 1].map((index) => ({ index, status: 'waiting', waitsFor: new Date(T0 + 600_000).toISOString() })),
    });
    const asks = '```manual { name=asks }\nDo it.\n```';
    const other = await begin(source(2, asks), ['a', 'b']);
    await other.engine.advance('p', { budgetMs: 600_000, maxCells: all, by: alice });
    expect((await other.engine.inspect('p', alice)).waits).toMatchObject({ nextAtMs: null });
  });
});

test('a hand-over of an element is followed through the cells of its section', async () => {
  const cells = [works(''), works('').replace('works', 'more'), '```manual { name=asks }\nDo it.\n```'].join('\n');
  const { world, engine } = await begin(source(1, cells), ['a'], 'manual');
  await engine.advance('p', { budgetMs: 20_000, maxCells: 0, by: alice });
  const id = 'p~restart.0';
  world.behave = () => ({ status: 'completed' });
  const by: By = { ...alice, where: 'api-1 work-9' };
  await engine.advance('p', { budgetMs: 600_000, maxCells: 1, by: alice });
  const told = await engine.advance(id, { budgetMs: 600_000, maxCells: 1, by });
  expect(told).toMatchObject({ result: 'parked', stop: { cell: 'asks' } });
  const pages = {
    page: async (after: number, limit: number) => {
      const page = await engine.journal(id, after, limit);
      const deployment = { ...world.ports.deployment, ...world.ports.here };
      const entries = page.map(({ entry }) => entry);
      return { entries, lastHash: page.at(-1)?.hash ?? null, next: null, nowMs: world.ports.clock.nowMs(), deployment };
    },
    runbook: async (runbookId: string, version: number) => {
      const found = await world.ports.versions.get(runbookId, version);
      if (found === undefined) throw new Error('no such version');
      return found.runbook;
    },
    render: async () => null,
  };
  const afterSeq = (await engine.journal(id, -1, 100)).findIndex(({ entry }) => entry.by.where === by.where) - 1;
  const seen = await createFollower(pages, { afterSeq, maxCells: 1, isOurs: ({ where }) => where === by.where })();
  expect(seen).toMatchObject({ kind: 'over', answer: { result: 'parked', stop: { cell: 'asks' } } });
});
