/** What happens at the end of elements, and of runs with sections over a list: taking back, failing, going through them again. */
import { describe, expect, test } from 'vitest';
import type { EntryOf } from '../../src/engine/index.ts';
import { begin, failing, nodes, outputIn, ran, request, stuckAt, undo, undoNodes } from './sections.ts';
import { alice, bob, type World } from './world.ts';

describe('an element that fails', () => {
  test('takes itself back with onFailure=undo, and counts for stopAfter', async () => {
    const world = await begin([nodes({ onFailure: 'undo' })], ['a', 'b', 'c']);
    world.behave = failing('nodes.1:restart');
    const { stop } = await world.engine.advance('p', request);
    expect(stop).toMatchObject({ result: 'halted', cell: 'nodes' });
    expect(ran(world)).toEqual([
      'nodes.0:off',
      'nodes.0:restart',
      'nodes.0:tidy',
      'nodes.1:off',
      'nodes.1:restart',
      'nodes.1:undo_off',
      'nodes.1:tidy',
    ]);
    expect(await outputIn(world)).toEqual([
      { item: 'a', status: 'completed', output: null },
      { item: 'b', status: 'failed', output: null },
      { item: 'c', status: 'not_begun', output: null },
    ]);
  });

  test('ends as it stands with onFailure=end, goes through its sections for that, and lets others begin', async () => {
    const world = await begin([nodes({ onFailure: 'end', stopAfter: 2 })], ['a', 'b', 'c']);
    world.behave = failing('nodes.0:restart');
    await world.engine.advance('p', request);
    expect(ran(world).slice(0, 3)).toEqual(['nodes.0:off', 'nodes.0:restart', 'nodes.0:tidy']);
    expect((await outputIn(world)) as unknown[]).toMatchObject([
      { status: 'failed' },
      { status: 'completed' },
      { status: 'completed' },
    ]);
  });

  test('asks otherwise, and a person takes that one back', async () => {
    const world = await begin([nodes()], ['a']);
    world.behave = failing('nodes.0:restart');
    expect((await world.engine.advance('p', request)).result).toBe('parked');
    await world.engine.undo('p~nodes.0', { reason: 'not this one', by: bob });
    expect((await world.engine.advance('p', request)).stop).toMatchObject({ result: 'halted', cell: 'nodes' });
    expect(ran(world).slice(2)).toEqual(['nodes.0:undo_off', 'nodes.0:tidy']);
    const [ending] = (await world.entries('p~nodes.0')).filter((entry) => entry.kind === 'ending');
    expect(ending).toMatchObject({ failed: { cell: 'restart' }, began: { by: 'bob' }, stays: ['restart'] });
    expect(world.begun.at(-1)?.run?.failed).toMatchObject({ cell: 'restart', item: 'a' });
  });

  test('goes through its own end when its run is cancelled', async () => {
    const world = await begin([nodes({ max: { count: 2 } })], ['a', 'b']);
    world.behave = async ({ step }) => {
      if (step.instanceId === 'p~nodes.0' && step.cell === 'off') await world.engine.cancel('p', 'stop', bob);
      return { status: 'completed', output: '1' };
    };
    await world.engine.advance('p', request);
    for (const id of ['p', 'p~nodes.0', 'p~nodes.1', 'p']) await world.engine.advance(id, request);
    const { view } = await world.engine.inspect('p', alice);
    expect(view.status).toBe('cancelled');
    expect(ran(world)).toContain('nodes.0:tidy');
    expect(ran(world)).not.toContain('nodes.0:restart');
  });
});

describe('a run whose section is taken back', () => {
  const cells = [{ name: 'before' }, nodes(), { name: 'after' }, undoNodes, undo('before')];

  test('takes nothing back of one that was never opened: who declared it done did that elsewhere, and it stays', async () => {
    const world = await begin(cells, 'no list' as never);
    world.behave = failing(':after');
    expect((await world.engine.advance('p', request)).stop).toMatchObject({ result: 'halted', cell: 'nodes' });
    const verdict = { verdict: 'succeeded', output: '[]', reason: 'by hand', by: bob } as const;
    await world.engine.verdict('p', { seq: await stuckAt(world), ...verdict });
    expect((await world.engine.advance('p', request)).stop).toMatchObject({ result: 'halted', cell: 'after' });
    await world.engine.undo('p', { reason: 'all of it', by: bob });
    expect((await world.engine.advance('p', request)).result).toBe('failed');
    expect(ran(world)).toEqual([':before', ':after', ':undo_before']);
    const [ending] = (await world.entries('p')).filter((entry) => entry.kind === 'ending');
    expect(ending).toMatchObject({ undos: 1, stays: ['nodes', 'after'] });
  });

  test('goes through its elements in descending order, each by its own outputs and keys; then what came before', async () => {
    const world = await begin(cells, ['a', 'b', 'c'], { onFailure: 'undo' });
    world.behave = failing(':after', 'after');
    world.behave = ({ step }) =>
      step.cell === 'after'
        ? { status: 'failed', error: { code: 'cell.exit', message: 'no' } }
        : { status: 'completed', output: JSON.stringify(step.instanceId) };
    const { result } = await world.engine.advance('p', request);
    const done = ran(world);
    expect(done.slice(done.indexOf(':after') + 1)).toEqual([
      'undo_nodes.2:undo_restart',
      'undo_nodes.2:undo_off',
      'undo_nodes.1:undo_restart',
      'undo_nodes.1:undo_off',
      'undo_nodes.0:undo_restart',
      'undo_nodes.0:undo_off',
      ':undo_before',
    ]);
    // `after` began, and nothing takes it back.
    expect(result).toBe('failed');
    const back = world.begun.find(({ step }) => step.instanceId === 'p~undo_nodes.1' && step.cell === 'undo_off');
    const there = world.begun.find(({ step }) => step.instanceId === 'p~nodes.1' && step.cell === 'off');
    expect(back?.outputs).toEqual({ off: '"p~nodes.1"' });
    expect(back?.step.originalKey).toBe(there?.step.idempotencyKey);
    expect(back?.each).toMatchObject({ node: 'b', index: 1 });
    expect((await world.entries('p~nodes.1')).at(-1)?.state.ended).toBe('completed');
  });

  test('leaves alone what never began, and what took itself back', async () => {
    const body = { onFailure: 'undo' as const };
    const fence = { name: 'undo_restart', cleanup: { undo: 'restart', of: 'begun' as const } };
    const all = [{ name: 'off' }, { name: 'restart' }, fence, undo('off')];
    const world = await begin([{ name: 'before' }, nodes(body, all), undoNodes, undo('before')], ['a', 'b', 'c'], body);
    world.behave = failing('nodes.1:restart');
    expect((await world.engine.advance('p', request)).result).toBe('rolled_back');
    expect(ran(world)).toEqual([
      ':before',
      'nodes.0:off',
      'nodes.0:restart',
      'nodes.1:off',
      'nodes.1:restart',
      'nodes.1:undo_restart',
      'nodes.1:undo_off',
      'undo_nodes.0:undo_restart',
      'undo_nodes.0:undo_off',
      ':undo_before',
    ]);
  });
});

test('a section of which an element could not be taken back was not taken back: a continuation asks for a reason', async () => {
  const cells = [nodes({}, [{ name: 'off' }, { name: 'restart' }, undo('off')]), { name: 'after' }, undoNodes];
  const world = await begin(cells, ['a', 'b'], { onFailure: 'undo' });
  world.behave = failing(':after');
  expect((await world.engine.advance('p', request)).result).toBe('failed');
  // `restart` completed in each, and nothing takes it back.
  expect(ran(world).slice(-2)).toEqual(['undo_nodes.1:undo_off', 'undo_nodes.0:undo_off']);
  const again = { runbookId: 'demo', params: {}, by: bob } as const;
  const continues = { instanceId: 'p', at: 'nodes' };
  await expect(world.engine.start({ ...again, continues })).rejects.toMatchObject({ code: 'continue.refused' });
  const { created } = await world.engine.start({ ...again, continues: { ...continues, reason: 'restarted by hand' } });
  expect(created).toBe(true);
});

describe('a section that failed is gone through again', () => {
  const retry = async (world: World): Promise<void> => {
    const seq = await stuckAt(world);
    await world.engine.verdict('p', { seq, verdict: 'retry', reason: 'mended', by: bob });
  };

  test('over the same list: completed elements are cited, one that stood goes on there, others begin', async () => {
    const output = { source: 'outputs.restart', line: 1 };
    const world = await begin([nodes({ onFailure: 'end', output }), { name: 'after' }], ['a', 'b', 'c']);
    world.behave = failing('nodes.1:restart');
    await world.engine.advance('p', request);
    await retry(world);
    world.behave = failing();
    expect((await world.engine.advance('p', request)).result).toBe('completed');
    expect(ran(world).slice(6)).toEqual([
      'nodes-2.1:restart',
      'nodes-2.1:tidy',
      'nodes-2.2:off',
      'nodes-2.2:restart',
      'nodes-2.2:tidy',
      ':after',
    ]);
    expect((await outputIn(world)) as unknown[]).toMatchObject([
      { item: 'a', status: 'completed' },
      { item: 'b', status: 'completed' },
      { item: 'c', status: 'completed' },
    ]);
    const [started] = (await world.entries('p~nodes-2.1')) as [EntryOf<'started'>];
    expect(started.continues).toMatchObject({ instanceId: 'p~nodes.1', at: 'restart', index: 1 });
  });

  test('twice: what completed in any visit is never begun again', async () => {
    const world = await begin([nodes({ onFailure: 'end' })], ['a', 'b', 'c']);
    world.behave = failing('nodes.1:restart', 'nodes-2.1:restart');
    await world.engine.advance('p', request);
    await retry(world);
    await world.engine.advance('p', request);
    await retry(world);
    expect((await world.engine.advance('p', request)).result).toBe('completed');
    const done = ran(world).filter((step) => step.endsWith(':off'));
    expect(done).toEqual(['nodes.0:off', 'nodes.1:off', 'nodes-3.2:off']);
  });

  test('one that was taken back begins anew', async () => {
    const fence = { name: 'undo_restart', cleanup: { undo: 'restart', of: 'begun' as const } };
    const all = [{ name: 'off' }, { name: 'restart' }, fence, undo('off')];
    const world = await begin([nodes({ onFailure: 'undo' }, all)], ['a']);
    world.behave = failing('nodes.0:restart');
    await world.engine.advance('p', request);
    await retry(world);
    expect((await world.engine.advance('p', request)).result).toBe('completed');
    expect(ran(world).slice(4)).toEqual(['nodes-2.0:off', 'nodes-2.0:restart']);
  });

  test('by no fresh key, and not while an element ended in doubt', async () => {
    const world = await begin([nodes({ onFailure: 'end' })], ['a']);
    world.behave = failing('nodes.0:restart');
    await world.engine.advance('p', request);
    const seq = await stuckAt(world);
    const fresh = { seq, verdict: 'retry', reason: 'x', freshKey: true, by: bob } as const;
    await expect(world.engine.verdict('p', fresh)).rejects.toMatchObject({ code: 'verdict.refused' });
    const other = await begin([nodes({}, [{ name: 'off' }])], ['a']);
    other.behave = () => ({ status: 'unknown', error: { code: 'x', message: 'x' } });
    await other.engine.advance('p', request);
    await other.engine.cancel('p~nodes.0', 'lost', bob);
    await other.engine.advance('p', request);
    const again = { seq: await stuckAt(other), verdict: 'retry', reason: 'x', by: bob } as const;
    await expect(other.engine.verdict('p', again)).rejects.toMatchObject({ code: 'verdict.refused' });
  });
});
