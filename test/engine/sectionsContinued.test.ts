/** A run goes on as another at a section over a list: its elements go on, and none does again what it has done. */
import { describe, expect, test } from 'vitest';
import type { Cell, EntryOf, Runbook } from '../../src/engine/index.ts';
import { createEngine } from '../../src/engine/index.ts';
import { runbookOf } from './runbooks.ts';
import { begin, failing, nodes, outputIn, ran, request, stuckAt, undo, undoNodes } from './sections.ts';
import { alice, bob, type World } from './world.ts';

const no = { status: 'failed', error: { code: 'cell.exit', message: 'no' } } as const;
const unknown = { status: 'unknown', error: { code: 'x', message: 'x' } } as const;
const done = { status: 'completed', output: '1' } as const;
const two: Partial<Cell>[] = [{ name: 'off' }, { name: 'restart' }];

type Over = { reason?: string; params?: Record<string, unknown>; at?: string };
const goOn = async (world: World, instanceId: string, { reason, params, at = 'nodes' }: Over = {}) => {
  const [first] = (await world.entries(instanceId)) as [EntryOf<'started'>];
  const continues = { instanceId, at, ...(reason === undefined ? {} : { reason }) };
  return await world.engine.start({
    runbookId: 'demo',
    params: params ?? first.params,
    by: bob,
    drive: 'auto',
    continues,
  });
};
const publish = async (world: World, cells: Partial<Cell>[], over: Partial<Runbook> = {}): Promise<unknown> =>
  await world.engine.publish(JSON.stringify(runbookOf(cells, over)), alice);
const refused = { code: 'continue.refused' };
const openingIn = async (world: World, id: string): Promise<EntryOf<'waiting'>['each']> =>
  (await world.entries(id)).flatMap((entry) => (entry.kind === 'waiting' ? [entry] : [])).at(-1)?.each;

describe('a run is continued at its section', () => {
  test('that failed: what completed is cited and not begun, what stood goes on there, others begin', async () => {
    const output = { source: 'outputs.restart', line: 1 };
    const world = await begin([nodes({ onFailure: 'end', output }, two)], ['a', 'b', 'c']);
    world.behave = failing('nodes.1:restart');
    await world.engine.advance('p', request);
    await goOn(world, 'p');
    expect((await world.engine.advance('p.2', request)).result).toBe('completed');
    expect(ran(world).slice(4)).toEqual(['2~nodes.1:restart', '2~nodes.2:off', '2~nodes.2:restart']);
    const { cells } = await world.engine.inspect('p.2', alice);
    expect(JSON.parse(cells[0]?.output ?? '')).toEqual([
      { item: 'a', status: 'completed', output: 'p~nodes.0' },
      { item: 'b', status: 'completed', output: 'p.2~nodes.1' },
      { item: 'c', status: 'completed', output: 'p.2~nodes.2' },
    ]);
    const [first] = (await world.entries('p.2~nodes.1')) as [EntryOf<'started'>];
    expect(first.continues).toMatchObject({ instanceId: 'p~nodes.1', at: 'restart', index: 1 });
    expect(await openingIn(world, 'p.2')).toMatchObject({ after: { instanceId: 'p', left: 0 } });
  });

  test('of which an element had nothing left to do: that has ended as it begins, and its view says so', async () => {
    const world = await begin([nodes({}, [{ name: 'off' }])], ['a']);
    world.behave = async () => {
      await world.engine.cancel('p', 'stop', bob);
      return done;
    };
    await world.engine.advance('p', request);
    world.behave = () => done;
    await goOn(world, 'p');
    expect((await world.engine.advance('p.2', request)).result).toBe('completed');
    expect((await world.entries('p.2~nodes.0')).map(({ kind }) => kind)).toEqual(['started']);
    expect(await world.ports.views.get('p.2~nodes.0')).toMatchObject({ status: 'completed', dueAtMs: null });
  });

  test('that stands open: its elements are cancelled before the new run begins, and go through nothing at their end', async () => {
    const tidy: Partial<Cell> = { name: 'tidy', cleanup: { on: 'always' } };
    const world = await begin([nodes({ max: { count: 2 } }, [...two, tidy])], ['a', 'b', 'c']);
    world.behave = failing('nodes.1:restart');
    expect((await world.engine.advance('p', request)).result).toBe('parked');
    await goOn(world, 'p');
    const [first] = (await world.entries('p.2')) as [EntryOf<'started'>];
    const last = (await world.entries('p~nodes.1')).at(-1);
    expect(last).toMatchObject({ kind: 'cancelled', continuedAs: 'p.2', state: { ended: 'cancelled' } });
    expect((await world.entries('p')).at(-1)).toMatchObject({
      state: { ended: 'cancelled' },
      seq: first.continues?.seq,
    });
    expect((await world.engine.advance('p.2', request)).result).toBe('completed');
    const after = ran(world).filter((step) => step.startsWith('2~'));
    expect(after.sort()).toEqual([
      '2~nodes.1:restart',
      '2~nodes.1:tidy',
      '2~nodes.2:off',
      '2~nodes.2:restart',
      '2~nodes.2:tidy',
    ]);
  });

  test('twice, and after a retry of it: what completed in any run is never begun again', async () => {
    const world = await begin([nodes({ onFailure: 'end' }, two)], ['a', 'b', 'c']);
    world.behave = failing('nodes.1:restart', '2~nodes.1:restart', '2~nodes-2.1:restart');
    await world.engine.advance('p', request);
    await goOn(world, 'p');
    await world.engine.advance('p.2', request);
    const seq = await stuckAt(world, 'p.2');
    await world.engine.verdict('p.2', { seq, verdict: 'retry', reason: 'mended', by: bob });
    await world.engine.advance('p.2', request);
    await goOn(world, 'p.2');
    expect((await world.engine.advance('p.3', request)).result).toBe('completed');
    expect(ran(world).filter((step) => step.endsWith(':off'))).toEqual(['nodes.0:off', 'nodes.1:off', '3~nodes.2:off']);
    expect(ran(world)).toContain('3~nodes.1:restart');
  });

  test('that was never opened in the run between', async () => {
    const world = await begin([nodes({ onFailure: 'end' }, two)], ['a', 'b']);
    world.behave = failing('nodes.1:off');
    await world.engine.advance('p', request);
    await goOn(world, 'p');
    await world.engine.cancel('p.2', 'not now', bob);
    await goOn(world, 'p.2');
    expect((await world.engine.advance('p.3', request)).result).toBe('completed');
    expect(ran(world).slice(3)).toEqual(['3~nodes.1:off', '3~nodes.1:restart']);
  });

  test('an element that was taken back begins anew', async () => {
    const undoing = { name: 'undo_restart', cleanup: { undo: 'restart', of: 'begun' as const } };
    const world = await begin([nodes({ onFailure: 'undo' }, [...two, undoing, undo('off')])], ['a']);
    world.behave = failing('nodes.0:restart');
    await world.engine.advance('p', request);
    await goOn(world, 'p');
    expect((await world.engine.advance('p.2', request)).result).toBe('completed');
    expect(ran(world).slice(-2)).toEqual(['2~nodes.0:off', '2~nodes.0:restart']);
  });

  test('in a section of its own an element cites what completed there', async () => {
    const disks = { ...nodes({ onFailure: 'end' }, [{ name: 'wipe' }]), name: 'disks' };
    const world = await begin([nodes({}, [{ name: 'off' }, disks])], ['a', 'b']);
    world.behave = failing('nodes.0~disks.1:wipe');
    await world.engine.advance('p', request);
    await goOn(world, 'p');
    expect((await world.engine.advance('p.2', request)).result).toBe('completed');
    expect(ran(world)).toEqual([
      'nodes.0:off',
      'nodes.0~disks.0:wipe',
      'nodes.0~disks.1:wipe',
      '2~nodes.0~disks.1:wipe',
      '2~nodes.1:off',
      '2~nodes.1~disks.0:wipe',
      '2~nodes.1~disks.1:wipe',
    ]);
  });

  test('an element is the same by its value, wherever that stands in the list now', async () => {
    const world = await begin([nodes({ onFailure: 'end' }, two)], ['a', 'b']);
    world.behave = failing('nodes.1:restart');
    await world.engine.advance('p', request);
    await goOn(world, 'p', { params: { nodes: ['c', 'b', 'a'] } });
    expect((await world.engine.advance('p.2', request)).result).toBe('completed');
    expect(ran(world).slice(4)).toEqual(['2~nodes.0:off', '2~nodes.0:restart', '2~nodes.1:restart']);
  });
});

describe('an element that is left out of the list', () => {
  const left = async (): Promise<World> => {
    const world = await begin(
      [nodes({ onFailure: 'end' }, [{ name: 'off' }, undo('off')]), { name: 'after' }, undoNodes],
      ['a', 'b'],
    );
    world.behave = failing('nodes.1:off', '3:after');
    await world.engine.advance('p', request);
    return world;
  };

  test('needs a reason, since it may be there under another value', async () => {
    const world = await left();
    await goOn(world, 'p', { params: { nodes: ['b'] } });
    expect((await world.engine.advance('p.2', request)).stop).toMatchObject({ result: 'halted', cell: 'nodes' });
    const outcome = (await world.entries('p.2')).at(-1);
    expect(outcome).toMatchObject({ kind: 'outcome', error: { code: 'each.changed' } });
    expect(ran(world)).toHaveLength(2);
    await goOn(world, 'p.2', { reason: 'a is gone' });
    await world.engine.advance('p.3', request);
    expect(ran(world).slice(2)).toEqual(['3~nodes.0:off', '3:after']);
  });

  test('is not taken back by the run that goes on, which names the section as what stays', async () => {
    const world = await left();
    await goOn(world, 'p', { params: { nodes: ['b'] }, reason: 'a is gone' });
    world.behave = failing('2:after');
    await world.engine.advance('p.2', request);
    await world.engine.undo('p.2', { reason: 'given up', by: bob });
    expect((await world.engine.advance('p.2', request)).result).toBe('failed');
    expect(ran(world).slice(-1)).toEqual(['2~undo_nodes.0:undo_off']);
    const [ending] = (await world.entries('p.2')).filter((entry) => entry.kind === 'ending');
    expect(ending).toMatchObject({ stays: ['nodes', 'after'] });
  });

  test('is cited all the same where a later run has it again', async () => {
    const world = await left();
    await goOn(world, 'p', { params: { nodes: ['b'] }, reason: 'without a' });
    world.behave = failing('2~nodes.0:off');
    await world.engine.advance('p.2', request);
    await goOn(world, 'p.2', { params: { nodes: ['a', 'b'] } });
    world.behave = failing();
    expect((await world.engine.advance('p.3', request)).result).toBe('completed');
    expect(ran(world).slice(3)).toEqual(['3~nodes.1:off', '3:after']);
  });
});

test('what went through its elements in two runs is taken back whole, each by its own key', async () => {
  const back = { name: 'undo_off', reads: ['off'], cleanup: { undo: 'off', of: 'begun' as const } };
  const after = { name: 'undo_after', cleanup: { undo: 'after', of: 'begun' as const } };
  const world = await begin(
    [nodes({ onFailure: 'end' }, [{ name: 'off' }, back]), { name: 'after' }, after, undoNodes],
    ['a', 'b'],
  );
  world.behave = failing('nodes.1:off', '2:after');
  await world.engine.advance('p', request);
  await goOn(world, 'p');
  await world.engine.advance('p.2', request);
  await world.engine.undo('p.2', { reason: 'given up', by: bob });
  expect((await world.engine.advance('p.2', request)).result).toBe('rolled_back');
  expect(ran(world).slice(-3)).toEqual(['2:undo_after', '2~undo_nodes.1:undo_off', '2~undo_nodes.0:undo_off']);
  const keyOf = (id: string): string | undefined =>
    world.begun.find(({ step }) => step.instanceId === id && step.cell === 'off')?.step.idempotencyKey;
  const taken = world.begun.filter(({ step }) => step.cell === 'undo_off').map(({ step }) => step.originalKey);
  expect(taken).toEqual([keyOf('p.2~nodes.1'), keyOf('p~nodes.0')]);
});

describe('a section is not gone on with', () => {
  test('while an element is in doubt, whatever the reason', async () => {
    const world = await begin([nodes({}, two)], ['a']);
    world.behave = () => unknown;
    await world.engine.advance('p', request);
    await expect(goOn(world, 'p', { reason: 'again' })).rejects.toMatchObject({
      ...refused,
      details: { elements: ['p~nodes.0'] },
    });
    expect((await world.entries('p')).at(-1)?.state.cancelled).toBeNull();
  });

  test('while an element goes through its end', async () => {
    const world = await begin([nodes({ onFailure: 'undo' }, [...two, undo('off')])], ['a']);
    world.behave = failing('nodes.0:restart', 'nodes.0:undo_off');
    await world.engine.advance('p', request);
    await expect(goOn(world, 'p', { reason: 'again' })).rejects.toMatchObject(refused);
  });

  test('without a reason where an element completed a cell that comes later now, or has another name', async () => {
    const world = await begin([nodes({ onFailure: 'end' }, two)], ['a']);
    world.behave = failing('nodes.0:restart');
    await world.engine.advance('p', request);
    await publish(world, [nodes({ onFailure: 'end' }, [{ name: 'check' }, { name: 'off' }, { name: 'restart' }])]);
    await expect(goOn(world, 'p')).rejects.toMatchObject(refused);
    await publish(world, [nodes({ onFailure: 'end' }, [{ name: 'stop' }, { name: 'restart' }])]);
    await expect(goOn(world, 'p')).rejects.toMatchObject(refused);
    await goOn(world, 'p', { reason: 'off is harmless' });
    expect((await world.engine.advance('p.2', request)).result).toBe('completed');
    expect(ran(world).slice(2)).toEqual(['2~nodes.0:stop', '2~nodes.0:restart']);
  });

  test('without a reason where an element stands at what happened, and is not as expected', async () => {
    const expecting = { name: 'off', expect: [{ source: 'false', line: 1 }] };
    const world = await begin([nodes({}, [expecting])], ['a']);
    await world.engine.advance('p', request);
    await expect(goOn(world, 'p')).rejects.toMatchObject(refused);
    await goOn(world, 'p', { reason: 'harmless' });
  });

  test('at another cell while it stands open', async () => {
    const world = await begin([{ name: 'before' }, nodes({}, two)], ['a']);
    world.behave = failing('nodes.0:off');
    await world.engine.advance('p', request);
    await expect(goOn(world, 'p', { at: 'before', reason: 'x' })).rejects.toMatchObject(refused);
  });
});

test('a new version goes on in elements after what they have done', async () => {
  const world = await begin([nodes({ onFailure: 'end' }, two)], ['a', 'b']);
  world.behave = failing('nodes.0:restart');
  await world.engine.advance('p', request);
  await publish(world, [nodes({ onFailure: 'end' }, [{ name: 'off' }, { name: 'wait' }, { name: 'restart' }])]);
  await goOn(world, 'p');
  await world.engine.advance('p.2', request);
  expect(ran(world).slice(2)).toEqual([
    '2~nodes.0:wait',
    '2~nodes.0:restart',
    '2~nodes.1:off',
    '2~nodes.1:wait',
    '2~nodes.1:restart',
  ]);
});

test('an element that begins something while its run is left is waited for: the new run does not begin beside it', async () => {
  const world = await begin([nodes({ max: { count: 2 }, stopAfter: 2 }, two)], ['a', 'b']);
  world.behave = ({ step }) => (step.instanceId === 'p~nodes.0' ? no : done);
  let release = (): void => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  world.behave = async ({ step }) => {
    if (step.instanceId === 'p~nodes.1') await held;
    return step.instanceId === 'p~nodes.0' ? no : done;
  };
  const going = world.engine.advance('p', request);
  await new Promise((resolve) => setTimeout(resolve, 20));
  await expect(goOn(world, 'p', { reason: 'x' })).rejects.toMatchObject(refused);
  release();
  await going;
  expect(await world.entries('p.2')).toEqual([]);
  expect(await outputIn(world).catch(() => null)).toBeNull();
});

test('an element that comes to be in doubt while its run is left: the new run does not begin, and asking again is refused', async () => {
  const world = await begin([nodes({}, two)], ['a']);
  world.behave = () => no;
  await world.engine.advance('p', request);
  world.behave = () => unknown;
  const { journal } = world.ports;
  const putOnce: typeof journal.putOnce = async (entry) => {
    const put = await journal.putOnce(entry);
    if (entry.instanceId !== 'p' || entry.kind !== 'cancelled') return put;
    // Nobody has told the element yet.
    const verdict = { verdict: 'retry', reason: 'x', by: bob } as const;
    await world.engine.verdict('p~nodes.0', { seq: await stuckAt(world, 'p~nodes.0'), ...verdict });
    await world.engine.advance('p~nodes.0', request);
    return put;
  };
  const leaving = createEngine({ ...world.ports, journal: { ...journal, putOnce } });
  await expect(goOn({ ...world, engine: leaving }, 'p', { reason: 'x' })).rejects.toMatchObject(refused);
  expect((await world.entries('p~nodes.0')).at(-1)?.state).toMatchObject({
    ended: 'cancelled',
    halted: { doubt: true },
  });
  await expect(goOn(world, 'p', { reason: 'x' })).rejects.toMatchObject(refused);
  expect(await world.entries('p.2')).toEqual([]);
});

test('an element whose newest entry a read misses is not gone on from: it may have done more', async () => {
  const world = await begin([nodes({}, two)], ['a']);
  world.behave = async () => {
    await world.engine.cancel('p', 'stop', bob);
    return done;
  };
  await world.engine.advance('p', request);
  world.behave = () => done;
  await goOn(world, 'p');
  const { journal } = world.ports;
  const missing: Partial<typeof journal> = {
    head: async (id) => {
      const head = await journal.head(id);
      return id === 'p~nodes.0' && head !== undefined ? await journal.entry(id, head.entry.seq - 1) : head;
    },
    opening: async (id, seq) => (id === 'p~nodes.0' ? undefined : await journal.opening(id, seq)),
  };
  const behind = createEngine({ ...world.ports, journal: { ...journal, ...missing } });
  await expect(behind.advance('p.2', request)).rejects.toMatchObject({ code: 'store.unavailable' });
  expect((await world.engine.advance('p.2', request)).result).toBe('completed');
  expect(ran(world)).toEqual(['nodes.0:off', '2~nodes.0:restart']);
});
