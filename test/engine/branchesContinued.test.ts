/**
 * A continuation under a version whose sections are others: what was judged there stands, and nothing that was passed over runs, nor
 * anything done runs again, without a person's reason.
 */
import { describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import { createEngine } from '../../src/engine/index.ts';
import { alice, bob, setup, type World } from './world.ts';

const front = '---\nrunbook: demo\nparams:\n  env: { type: string, default: test }\n---\n';
const cell = (name: string): string => `\`\`\`js { name=${name} }\nexport default () => 1\n\`\`\`\n`;
const when = (env: string, name: string): string => `{ when="params.env == '${env}'" name=${name} }`;
const section = (name: string, ...cells: string[]): string[] => [`## S ${when('prod', name)}`, ...cells.map(cell)];
const entered = (name: string, ...cells: string[]): string[] => [`## S ${when('test', name)}`, ...cells.map(cell)];
const behind = (...cells: string[]): string[] => ['## After', ...cells.map(cell)];

type Went = World & { continueAt(at: string, reason?: string): Promise<string[]> };
/** Goes through `first` until cell `halts` fails, and publishes `second`. */
const between = async (first: string[], halts: string, second: string[]): Promise<Went> => {
  const world = setup();
  const engine = createEngine({ ...world.ports, authoring });
  await engine.publish(`${front}${first.join('\n')}\n`, alice);
  world.behave = ({ step }) => ({ status: step.cell === halts ? 'failed' : 'completed' });
  await engine.start({ runbookId: 'demo', params: {}, instanceId: 'i1', by: alice });
  const request = { budgetMs: 600_000, maxCells: 1_000, by: alice };
  expect((await engine.advance('i1', request)).result).toBe('halted');
  expect(await engine.publish(`${front}${second.join('\n')}\n`, alice)).toMatchObject({ version: 2 });
  world.behave = () => ({ status: 'completed' });
  world.begun.length = 0;
  const continueAt = async (at: string, reason?: string): Promise<string[]> => {
    const continues = { instanceId: 'i1', at, ...(reason === undefined ? {} : { reason }) };
    const { view } = await engine.start({ runbookId: 'demo', params: {}, continues, by: bob });
    expect((await engine.advance(view.instanceId, request)).result).toBe('completed');
    expect(await engine.verify(view.instanceId)).toMatchObject({ intact: true });
    return world.begun.map(({ step }) => step.cell);
  };
  return Object.assign(world, { continueAt });
};
const refused = (said: RegExp | string) => ({ code: 'continue.refused', message: expect.stringMatching(said) });

describe('of a section that was passed over', () => {
  const first = [cell('a'), ...section('s', 'b', 'c'), ...behind('d')].flat();

  test('its cells are passed over there, wherever the heading is now: at the cell that halted nothing of them runs', async () => {
    const run = await between(first, 'd', [cell('a'), ...section('s', 'b'), ...behind('c', 'd')]);
    expect(await run.continueAt('d')).toEqual(['d']);
  });

  test('a cell that has left it does not run by itself: to begin at it is asked for with a reason', async () => {
    const run = await between(first, 'd', [cell('a'), ...section('s', 'b'), ...behind('c', 'd')]);
    await expect(run.continueAt('c')).rejects.toMatchObject(refused(/give a reason/));
    expect(await run.continueAt('c', 'it is to be done')).toEqual(['c', 'd']);
  });

  test('a cell that has come into it was not done, so it cannot be cited', async () => {
    const run = await between(first, 'd', [cell('a'), ...section('s', 'b', 'new', 'c'), ...behind('d')]);
    await expect(run.continueAt('d')).rejects.toMatchObject(refused('new comes before d and was not done'));
    await expect(run.continueAt('new')).rejects.toMatchObject(refused(/give a reason/));
    await expect(run.continueAt('new', 'looked')).rejects.toMatchObject(refused(/which i1 passed over/));
    await expect(run.continueAt('s')).rejects.toMatchObject(refused(/give a reason/));
    expect(await run.continueAt('s', 'looked')).toEqual(['d']);
  });

  test('the cell that halted is not gone into with it when it was moved into the section', async () => {
    const run = await between(first, 'd', [cell('a'), ...section('s', 'b', 'c', 'd')]);
    await expect(run.continueAt('d')).rejects.toMatchObject(refused(/which i1 passed over/));
    expect(await run.continueAt('s', 'looked')).toEqual([]);
  });

  test('one that has another name now was not judged: the run begins at it, and judges it', async () => {
    const run = await between(first, 'd', [cell('a'), ...section('t', 'b', 'c'), ...behind('d')]);
    for (const at of ['b', 'c', 'd'])
      await expect(run.continueAt(at)).rejects.toMatchObject(refused('t comes before \\w and was not done'));
    await expect(run.continueAt('t')).rejects.toMatchObject(refused(/give a reason/));
    expect(await run.continueAt('t', 'renamed')).toEqual(['d']);
  });

  test('one that is a cell now was not done', async () => {
    const run = await between(first, 'd', [cell('a'), cell('s'), cell('b'), cell('c'), cell('d')]);
    await expect(run.continueAt('d')).rejects.toMatchObject(refused('s comes before d and was not done'));
    await expect(run.continueAt('s')).rejects.toMatchObject(refused(/give a reason/));
    expect(await run.continueAt('s', 'it is a cell now')).toEqual(['s', 'b', 'c', 'd']);
  });

  test('where the heading has gone its cells are still passed over, unless there is a reason', async () => {
    const run = await between(first, 'd', [cell('a'), cell('b'), cell('c'), ...behind('d')]);
    await expect(run.continueAt('b')).rejects.toMatchObject(refused(/give a reason/));
    expect(await run.continueAt('d')).toEqual(['d']);
  });

  test('an else that has come is judged by what was judged there', async () => {
    const second = [cell('a'), ...section('s', 'b', 'c'), '## E { else name=e }', cell('x'), ...behind('d')];
    const run = await between(first, 'd', second);
    await expect(run.continueAt('d')).rejects.toMatchObject(refused('e comes before d and was not done'));
    await expect(run.continueAt('x')).rejects.toMatchObject(refused('e comes before x and was not done'));
    expect(await run.continueAt('e')).toEqual(['x', 'd']);
  });
});

describe('of a section that was gone into', () => {
  const first = [cell('a'), ...entered('s', 'b', 'c'), ...behind('d')];

  test('what was done in it does not run again because its heading says another thing now', async () => {
    const run = await between(first, 'd', [cell('a'), ...section('s', 'b', 'c'), ...behind('d')]);
    await expect(run.continueAt('s')).rejects.toMatchObject(refused(/give a reason/));
    expect(await run.continueAt('d')).toEqual(['d']);
  });

  test('which halted in it, it goes on in it; where its heading says another thing now, with a reason', async () => {
    const same = await between(first, 'c', [cell('a'), ...entered('s', 'b', 'new'), cell('c'), ...behind('d')]);
    expect(await same.continueAt('new')).toEqual(['new', 'c', 'd']);
    const run = await between(first, 'c', [cell('a'), ...section('s', 'b', 'c'), ...behind('d')]);
    await expect(run.continueAt('c')).rejects.toMatchObject(refused(/^Cell c stands in the section s, .*another/));
    expect(await run.continueAt('c', 'half of it is done')).toEqual(['c', 'd']);
  });

  test('a reason for another heading is used up by one run: the next one asks again', async () => {
    const run = await between(first, 'c', [cell('a'), ...section('s', 'b', 'c'), ...behind('d')]);
    run.behave = () => ({ status: 'failed' });
    const continues = { instanceId: 'i1', at: 'c', reason: 'half of it is done' };
    const { view } = await run.engine.start({ runbookId: 'demo', params: {}, continues, by: bob });
    const request = { budgetMs: 600_000, maxCells: 1_000, by: alice };
    expect((await run.engine.advance(view.instanceId, request)).result).toBe('halted');
    const again = { instanceId: view.instanceId, at: 'c' };
    await expect(run.engine.start({ runbookId: 'demo', params: {}, continues: again, by: bob })).rejects.toMatchObject(
      refused(/^Cell c stands in the section s, which i1 went into by another/),
    );
  });

  test('a cell that has come into it goes on there only where it is the same section', async () => {
    const same = await between(first, 'd', [cell('a'), ...entered('s', 'b', 'c', 'd')]);
    expect(await same.continueAt('d')).toEqual(['d']);
    const run = await between(first, 'd', [cell('a'), ...section('s', 'b', 'c', 'd')]);
    await expect(run.continueAt('d')).rejects.toMatchObject(refused(/^Cell d stands in the section s, .*another/));
  });

  test('under another name of it what was done in it asks for a reason', async () => {
    const run = await between(first, 'c', [cell('a'), ...entered('t', 'b', 'c'), ...behind('d')]);
    await expect(run.continueAt('c')).rejects.toMatchObject(refused('t comes before c and was not done'));
    await expect(run.continueAt('t')).rejects.toMatchObject(refused(/Cell b was done in i1/));
    expect(await run.continueAt('t', 'renamed')).toEqual(['b', 'c', 'd']);
  });

  test('an else that has come after it is passed over', async () => {
    const second = [cell('a'), ...entered('s', 'b', 'c'), '## E { else name=e }', cell('x'), ...behind('d')];
    const run = await between(first, 'd', second);
    expect(await run.continueAt('e')).toEqual(['d']);
  });
});

test('a section around cells that were done is judged, and they ask for a reason', async () => {
  const run = await between([cell('a'), cell('b'), cell('d')], 'd', [cell('a'), ...entered('s', 'b'), ...behind('d')]);
  await expect(run.continueAt('d')).rejects.toMatchObject(refused('s comes before d and was not done'));
  await expect(run.continueAt('s')).rejects.toMatchObject(refused(/Cell b was done in i1/));
});

test('a cell whose name is that of a section now was no judgement: its cells are not gone into by it', async () => {
  const run = await between([cell('s'), cell('d')], 'd', [...section('s', 'd')]);
  await expect(run.continueAt('d')).rejects.toMatchObject(refused('s comes before d and was not done'));
  expect(await run.continueAt('s', 'it is a section now')).toEqual([]);
});

test('a section whose name had a cell that was skipped was not judged false, so an else of it is not gone into', async () => {
  const skipped = '```js { name=s when="1 == 2" }\nexport default () => 1\n```\n';
  const second = [...entered('s', 'b'), '## E { else name=e }', cell('x'), ...behind('d')];
  const run = await between([skipped, cell('b'), cell('e'), cell('d')], 'd', second);
  await expect(run.continueAt('x')).rejects.toMatchObject(refused('s comes before x and was not done'));
});
