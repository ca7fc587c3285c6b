/** `run` cells: a parent, and a run of another runbook's version for every element. */
import { describe, expect, test } from 'vitest';
import type { Cell } from '../../src/engine/index.ts';
import { approving } from './runbooks.ts';
import { begin, json, last, numbered, other, outputIn, ran, request, running, runningEach, stuckAt } from './runs.ts';
import { nodes } from './sections.ts';
import { alice, bob, type World } from './world.ts';

const completed = async (world: World): Promise<void> =>
  expect((await world.engine.advance('p', request)).result).toBe('completed');

describe('a run cell', () => {
  test('goes through another runbook, which has its own version, parameters and keys, and sees nothing of its parent', async () => {
    const deploy = other([{ name: 'build' }, { name: 'push', reads: 'all' }], {}, ['image']);
    const cell = { ...running(deploy, { params: { image: json('params.image') } }), reads: 'all' as const };
    const world = await begin([deploy], [{ name: 'before' }, cell, { name: 'after' }], {
      params: { image: 'a:1', b: 2 },
    });
    world.behave = ({ step }) => ({ status: 'completed', output: JSON.stringify(step.cell) });
    await completed(world);
    expect(ran(world)).toEqual(['p:before', 'p~ship.0:build', 'p~ship.0:push', 'p:after']);
    const [, , push] = world.begun;
    expect(push?.params).toEqual({ image: 'a:1' });
    expect(push?.outputs).toEqual({ build: '"build"' });
    expect(push?.each).toBeUndefined();
    const [first] = await world.entries('p~ship.0');
    expect(first).toMatchObject({
      runbookId: 'deploy',
      version: 1,
      cells: 2,
      params: { image: 'a:1' },
      parent: { instanceId: 'p', seq: 3, cell: 'ship', index: 0, run: true },
    });
    expect(await outputIn(world)).toEqual([{ item: 'deploy', status: 'completed', output: null }]);
    const { cells } = await world.engine.inspect('p', alice);
    expect(cells.map(({ kind }) => kind)).toEqual(['ts', 'run', 'ts']);
    for (const id of ['p', 'p~ship.0']) expect(await world.engine.verify(id), id).toMatchObject({ intact: true });
  });

  test('runs it for every element of a list, each with parameters of its own, and says what each came to', async () => {
    const deploy = other([{ name: 'push' }], {}, ['node']);
    const world = await begin(
      [deploy],
      [runningEach(deploy, { output: { source: 'outputs.push', line: 1 }, max: { count: 2 } })],
      {
        params: { nodes: ['a', 'b', 'c'] },
      },
    );
    world.behave = ({ params }) => ({ status: 'completed', output: JSON.stringify(params) });
    await completed(world);
    expect(await outputIn(world)).toEqual(
      ['a', 'b', 'c'].map((node) => ({ item: node, status: 'completed', output: { node } })),
    );
  });

  test('in a section hides nothing of that: parameters of its one run read the element around it, and its index', async () => {
    const deploy = other([{ name: 'push' }], {}, ['node', 'at']);
    const once = running(deploy, { as: 'runbook', params: { node: json('each.node'), at: json('each.index') } });
    const world = await begin([deploy], [nodes({}, [once])], { params: { nodes: ['a', 'b'] } });
    await completed(world);
    expect(ran(world)).toEqual(['p~nodes.0~ship.0:push', 'p~nodes.1~ship.0:push']);
    expect(world.begun.map(({ params }) => params)).toEqual([
      { node: 'a', at: 0 },
      { node: 'b', at: 1 },
    ]);
    for (const id of ['p', 'p~nodes.1', 'p~nodes.1~ship.0'])
      expect(await world.engine.verify(id), id).toMatchObject({ intact: true });
  });

  test('has its own word on what a failure leads to', async () => {
    const undo = { name: 'undo_push', cleanup: { undo: 'push' } };
    const deploy = other([{ name: 'push' }, { name: 'check' }, undo], { onFailure: 'undo' });
    const world = await begin([deploy], [running(deploy)]);
    world.behave = ({ step }) => ({ status: step.cell === 'check' ? 'failed' : 'completed' });
    expect((await world.engine.advance('p', request)).result).toBe('halted');
    expect(ran(world)).toEqual(['p~ship.0:push', 'p~ship.0:check', 'p~ship.0:undo_push']);
    expect((await last(world, 'p~ship.0'))?.state.ended).toBe('failed');
    expect(await last(world)).toMatchObject({ status: 'failed', error: { code: 'each.unfinished' } });
  });

  test('halts where it halts: it is decided there, and the parent goes on', async () => {
    const deploy = other([{ name: 'push' }]);
    const world = await begin([deploy], [running(deploy), { name: 'after' }]);
    let isUp = false;
    world.behave = ({ step }) => ({ status: step.cell === 'push' && !isUp ? 'failed' : 'completed' });
    expect((await world.engine.advance('p', request)).result).toBe('parked');
    const { view, waits } = await world.engine.inspect('p', alice);
    expect(view).toMatchObject({ status: 'waiting', waitsFor: '0/1 elements, 1 needs somebody' });
    expect(waits).toMatchObject({ elements: [{ instanceId: 'p~ship.0', status: 'halted', cell: 'push' }] });
    isUp = true;
    const seq = await stuckAt(world, 'p~ship.0');
    await world.engine.verdict('p~ship.0', { seq, verdict: 'retry', reason: 'up', by: bob });
    await completed(world);
    expect(ran(world)).toEqual(['p~ship.0:push', 'p~ship.0:push', 'p:after']);
  });

  test('whose runbook has sections of its own: these go by that, not by the parent’s', async () => {
    const each: Partial<Cell> = {
      name: 'ship',
      body: {
        kind: 'each',
        over: { source: 'params.disks', line: 1 },
        as: 'disk',
        max: { count: 1 },
        stopAfter: 1,
        output: null,
        cells: numbered([{ name: 'wipe', reads: 'all' }]),
      },
    };
    const deploy = other([{ name: 'first' }, each, { name: 'done', reads: 'all' }]);
    const cell = runningEach(deploy, { params: { disks: json('each.node') } });
    const world = await begin([deploy], [{ name: 'before' }, cell], { params: { nodes: [['x', 'y'], ['z']], n: 1 } });
    world.behave = ({ step }) => ({ status: 'completed', output: JSON.stringify(step.cell) });
    await completed(world);
    expect(ran(world).slice(1, 5)).toEqual([
      'p~ship.0:first',
      'p~ship.0~ship.0:wipe',
      'p~ship.0~ship.1:wipe',
      'p~ship.0:done',
    ]);
    const wipe = world.begun.find(({ step }) => step.instanceId === 'p~ship.0~ship.1');
    expect(wipe).toMatchObject({ params: { disks: ['x', 'y'] }, outputs: { first: '"first"' } });
    expect(wipe?.each).toEqual({ disk: 'y', index: 1 });
    expect(wipe?.outputs).not.toHaveProperty('before');
    expect(await world.engine.verify('p~ship.0~ship.1')).toMatchObject({ intact: true });
  });

  test('that runs a runbook which runs another', async () => {
    const leaf = other([{ name: 'leaf' }], { runbookId: 'leaf' }, ['n']);
    const deploy = other([running(leaf, { params: { n: json('params.n') } }, 'sub')], {}, ['n']);
    const world = await begin([leaf, deploy], [running(deploy, { params: { n: json('params.n') } })], {
      params: { n: 7 },
    });
    await completed(world);
    expect(ran(world)).toEqual(['p~ship.0~sub.0:leaf']);
    expect(world.begun[0]?.params).toEqual({ n: 7 });
  });
});

describe('a run cell fails before anything begins', () => {
  const halted = async (world: World) => {
    expect((await world.engine.advance('p', request)).result).toBe('halted');
    expect(world.begun).toEqual([]);
    return await last(world);
  };
  test('where parameters of one element do not fit: both are named', async () => {
    const deploy = other([{ name: 'push' }], {}, ['node', 'image']);
    const world = await begin([deploy], [runningEach(deploy)], { params: { nodes: ['a', 'b'] } });
    expect(await halted(world)).toMatchObject({
      closes: null,
      error: {
        code: 'run.params',
        message: 'Parameters of deploy for element 1, "a": params.image is missing',
      },
    });
  });

  test('where its version is missing, or another than was pinned', async () => {
    const deploy = other([{ name: 'push' }]);
    const gone = await halted(await begin([], [running(deploy)]));
    expect(gone).toMatchObject({ error: { code: 'run.version', message: expect.stringContaining('is missing') } });
    const changed = await halted(await begin([other([{ name: 'pull' }])], [running(deploy)]));
    expect(changed).toMatchObject({
      error: { code: 'run.version', message: expect.stringContaining('another content') },
    });
  });

  test('where it would stand too deep in others', async () => {
    const r1 = other([{ name: 'work' }], { runbookId: 'r1' });
    const r2 = other([running(r1, {}, 'c1')], { runbookId: 'r2' });
    const r3 = other([running(r2, {}, 'c2')], { runbookId: 'r3' });
    const r4 = other([running(r3, {}, 'c3')], { runbookId: 'r4' });
    const deep = await begin([r1, r2, r3, r4], [running(r4, {}, 'c4')]);
    await completed(deep);
    const r5 = other([running(r4, {}, 'c4')], { runbookId: 'r5' });
    const tooDeep = await begin([r1, r2, r3, r4, r5], [running(r5, {}, 'c5')]);
    expect((await tooDeep.engine.advance('p', request)).result).toBe('parked');
    expect(tooDeep.begun).toEqual([]);
    expect(await last(tooDeep, 'p~c5.0~c4.0~c3.0~c2.0')).toMatchObject({ error: { code: 'run.nested' } });
  });
});

describe('an approval in a run', () => {
  const deploy = other([{ name: 'ask', body: approving(['alice', 'bob']) }, { name: 'push' }]);
  const cells = [{ name: 'before' }, runningEach(deploy, { max: { count: 2 } }), { name: 'after' }];
  const asked = async () => {
    const world = await begin([deploy], cells, { params: { nodes: ['a', 'b'] } });
    await world.engine.advance('p', request);
    const shownIn = async (id: string) => {
      const { waits } = await world.engine.inspect(id, alice);
      if (waits?.kind !== 'approve' || waits.shown === null) throw new Error(`${id} asks nobody.`);
      return { shown: waits.shown, freed: waits.freed };
    };
    return { world, shownIn };
  };
  test('shows both documents, its own parameters and the element; the vote is about that alone', async () => {
    const { world, shownIn } = await asked();
    const { shown, freed } = await shownIn('p~ship.0');
    expect(shown).toMatchObject({ params: { node: 'a' }, each: { node: 'a', index: 0 } });
    expect(shown.document).toContain('"runbookId":"demo"');
    expect(shown.document).toContain('"runbookId":"deploy"');
    expect(freed?.cells).toEqual(['push', 'after']);
    const vote = { decision: 'approve' as const, groups: [], by: bob };
    const stale = world.engine.vote('p~ship.1', 'ask', { ...vote, shownHash: shown.hash });
    await expect(stale).rejects.toMatchObject({ code: 'vote.stale' });
    const { shownHash } = await world.engine.vote('p~ship.0', 'ask', { ...vote, shownHash: shown.hash });
    expect(shownHash).toBe(shown.hash);
  });

  test('in a section shows the element around the one run of its cell, with the index of that', async () => {
    const once = running(deploy, { as: 'runbook' });
    const world = await begin([deploy], [nodes({ max: { count: 2 } }, [once])], { params: { nodes: ['a', 'b'] } });
    await world.engine.advance('p', request);
    const { waits } = await world.engine.inspect('p~nodes.1~ship.0', alice);
    expect(waits).toMatchObject({ kind: 'approve', shown: { each: { node: 'b', index: 1 } } });
    expect(waits).not.toHaveProperty('shown.each.runbook');
  });

  test('is not given by who started the parent', async () => {
    const { world, shownIn } = await asked();
    const { shown } = await shownIn('p~ship.0');
    const vote = world.engine.vote('p~ship.0', 'ask', {
      decision: 'approve',
      groups: [],
      by: alice,
      shownHash: shown.hash,
    });
    await expect(vote).rejects.toMatchObject({ code: 'vote.self' });
  });
});
