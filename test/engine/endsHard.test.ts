/** What must not be taken back yet, be taken back by itself, or be called taken back. */
import { describe, expect, test } from 'vitest';
import type { Cell } from '../../src/engine/index.ts';
import { begin, failing, leaveEarly, nodes, ran, request, stuckAt, undo, undoNodes } from './sections.ts';
import { alice, bob, T0, type World } from './world.ts';

const no = { status: 'failed', error: { code: 'cell.exit', message: 'no' } } as const;
const unknown = { status: 'unknown', error: { code: 'x', message: 'x' } } as const;
const done = { status: 'completed', output: '1' } as const;
const off: Partial<Cell>[] = [{ name: 'off' }, undo('off')];
const two: Partial<Cell>[] = [{ name: 'off' }, { name: 'restart' }, undo('off')];
const stateIn = async (world: World, id = 'p') => (await world.entries(id)).at(-1)?.state;
const takenBack = (world: World): string[] => ran(world).filter((step) => step.includes(':undo_'));

describe('an element that is cancelled by itself', () => {
  test('while it is in doubt stays so until somebody decides: its section is taken back only then', async () => {
    const cells = [nodes({ max: { count: 2 }, stopAfter: 2 }, two), undoNodes];
    const world = await begin(cells, ['a', 'b'], { onFailure: 'undo' });
    world.behave = ({ step }) => (step.instanceId === 'p~nodes.1' && step.cell === 'restart' ? unknown : done);
    await world.engine.advance('p', request);
    await world.engine.cancel('p~nodes.1', 'lost', bob);
    expect((await world.engine.advance('p', request)).result).toBe('parked');
    expect(await stateIn(world, 'p~nodes.1')).toMatchObject({ ended: null, halted: { doubt: true } });
    expect(takenBack(world)).toEqual([]);
    world.now += 60_000;
    const seq = await stuckAt(world, 'p~nodes.1');
    await world.engine.verdict('p~nodes.1', { seq, verdict: 'failed', reason: 'it did not', by: bob });
    expect((await world.engine.advance('p', request)).result).toBe('failed');
    expect(await stateIn(world, 'p~nodes.1')).toMatchObject({ ended: 'cancelled' });
    expect(takenBack(world).sort()).toEqual(['undo_nodes.0:undo_off', 'undo_nodes.1:undo_off']);
  });

  test('ends at once where nothing is in doubt, and where nothing takes its section back', async () => {
    const world = await begin([nodes({}, two), undoNodes], ['a']);
    world.behave = failing('nodes.0:restart');
    await world.engine.advance('p', request);
    await world.engine.cancel('p~nodes.0', 'no', bob);
    expect(await stateIn(world, 'p~nodes.0')).toMatchObject({ ended: 'cancelled' });
    const other = await begin([nodes({}, [{ name: 'off' }])], ['a']);
    other.behave = () => unknown;
    await other.engine.advance('p', request);
    await other.engine.cancel('p~nodes.0', 'lost', bob);
    expect(await stateIn(other, 'p~nodes.0')).toMatchObject({ ended: 'cancelled', halted: { doubt: true } });
  });

  test('after it was decided early is not taken back before what it began can act no more', async () => {
    const world = await begin(
      [
        nodes({}, [
          { name: 'off', timeoutMs: 60_000 },
          { ...undo('off'), cleanup: { undo: 'off', of: 'begun' } },
        ]),
        undoNodes,
      ],
      ['a'],
      { onFailure: 'undo' },
    );
    await leaveEarly(world);
    world.behave = () => done;
    await world.engine.advance('p', { ...request, budgetMs: 1_000 });
    expect(await stateIn(world)).toMatchObject({ ended: null, open: { cell: 'nodes' } });
    expect(takenBack(world)).toEqual([]);
    world.now = T0 + 80_000;
    await world.engine.advance('p', request);
    expect(await stateIn(world)).toMatchObject({ ended: 'rolled_back' });
    expect(takenBack(world)).toEqual(['undo_nodes.0:undo_off']);
  });

  test('with a section of its own keeps the doubts in that', async () => {
    const disks = { ...nodes({}, off), name: 'disks' };
    const { body } = undoNodes;
    const undoDisks: Partial<Cell> = { name: 'undo_disks', cleanup: { undo: 'disks' } };
    if (body?.kind === 'each') undoDisks.body = { ...body, undoes: 'disks' };
    const world = await begin([nodes({}, [disks, undoDisks]), undoNodes], ['a', 'b'], { onFailure: 'undo' });
    world.behave = ({ step }) => (step.instanceId === 'p~nodes.0~disks.1' ? unknown : done);
    await world.engine.advance('p', request);
    await world.engine.cancel('p~nodes.0', 'lost', bob);
    await world.engine.advance('p', request);
    expect(await stateIn(world, 'p~nodes.0~disks.1')).toMatchObject({ ended: null, halted: { doubt: true } });
    expect(takenBack(world)).toEqual([]);
    world.now += 60_000;
    const seq = await stuckAt(world, 'p~nodes.0~disks.1');
    await world.engine.verdict('p~nodes.0~disks.1', { seq, verdict: 'failed', reason: 'it did not', by: bob });
    for (const id of ['p~nodes.0', 'p']) await world.engine.advance(id, request);
    expect(takenBack(world)).toEqual(['undo_nodes.0~undo_disks.0:undo_off']);
  });
});

test('a run that is cancelled goes through its own end only after the doubts in its elements', async () => {
  const tell: Partial<Cell> = { name: 'tell', cleanup: { on: 'cancel' } };
  const world = await begin([nodes({}, [{ name: 'off' }]), tell], ['a']);
  world.behave = ({ step }) => (step.cell === 'off' ? unknown : done);
  await world.engine.advance('p', request);
  await world.engine.cancel('p', 'stop', bob);
  await world.engine.advance('p', request);
  expect(ran(world)).toEqual(['nodes.0:off']);
  world.now += 60_000;
  const seq = await stuckAt(world, 'p~nodes.0');
  await world.engine.verdict('p~nodes.0', { seq, verdict: 'succeeded', reason: 'seen', by: bob });
  expect((await world.engine.advance('p', request)).result).toBe('cancelled');
  expect(ran(world)).toEqual(['nodes.0:off', ':tell']);
});

test('a person steps through a section that is taken back: one cell of its first unfinished element at a time', async () => {
  const all = [{ name: 'off' }, { name: 'restart' }, undo('restart'), undo('off')];
  const world = await begin([nodes({ max: { count: 2 } }, all), { name: 'after' }, undoNodes], ['a', 'b']);
  world.behave = failing(':after');
  await world.engine.advance('p', request);
  await world.engine.undo('p', { reason: 'no', manual: true, by: bob });
  const scheduled = async (): Promise<void> => {
    for (const id of ['p', 'p~undo_nodes.1', 'p~undo_nodes.0'])
      await world.engine.advance(id, { ...request, explicit: false }).catch(() => undefined);
  };
  const steps = [
    'undo_nodes.1:undo_restart',
    'undo_nodes.1:undo_off',
    'undo_nodes.0:undo_restart',
    'undo_nodes.0:undo_off',
  ];
  for (let count = 1; count <= steps.length; count += 1) {
    await scheduled();
    await world.engine.advance('p', { ...request, maxCells: 1 });
    await scheduled();
    expect(takenBack(world)).toEqual(steps.slice(0, count));
  }
});

describe('a run is not called rolled back', () => {
  const unmet = { name: 'a', expect: [{ source: 'false', line: 1 }] };
  const last = { name: 'undo_b', cleanup: { undo: 'b', of: 'begun' as const } };

  test('where a cell was done again in the run that continues it: the first time stays', async () => {
    const world = await begin([{ name: 'a' }, { name: 'b' }, last, undo('a')], []);
    world.behave = failing(':b', '2:b');
    await world.engine.advance('p', request);
    const continues = { instanceId: 'p', at: 'a', reason: 'twice is fine' };
    await world.engine.start({ runbookId: 'demo', params: { nodes: [] }, by: bob, drive: 'auto', continues });
    await world.engine.advance('p.2', request);
    await world.engine.undo('p.2', { reason: 'no', by: bob });
    expect((await world.engine.advance('p.2', request)).result).toBe('failed');
    const [ending] = (await world.entries('p.2')).filter((entry) => entry.kind === 'ending');
    expect(ending).toMatchObject({ stays: ['a'] });
    expect(takenBack(world)).toEqual(['2:undo_b', '2:undo_a']);
  });

  test('where it was done again by a fresh key', async () => {
    const world = await begin([unmet, undo('a')], []);
    await world.engine.advance('p', request);
    const fresh = { seq: await stuckAt(world), verdict: 'retry', freshKey: true, reason: 'again', by: bob } as const;
    await world.engine.verdict('p', fresh);
    await world.engine.advance('p', request);
    await world.engine.undo('p', { reason: 'no', by: bob });
    expect((await world.engine.advance('p', request)).result).toBe('failed');
    const { ending } = await world.engine.inspect('p', alice);
    expect(ending).toMatchObject({ stays: ['a'], takenBack: ['a'] });
  });

  test('but it is where the first time did not happen, as somebody says who looked', async () => {
    const world = await begin([unmet, undo('a')], []);
    world.behave = ({ step }) => (step.attempt === 1 && world.begun.length === 1 ? unknown : done);
    await world.engine.advance('p', request);
    world.now += 60_000;
    const about = { seq: await stuckAt(world), reason: 'not there', by: bob } as const;
    await world.engine.verdict('p', { ...about, verdict: 'failed' });
    await world.engine.verdict('p', { ...about, verdict: 'retry', freshKey: true });
    await world.engine.advance('p', request);
    await world.engine.undo('p', { reason: 'no', by: bob });
    expect((await world.engine.advance('p', request)).result).toBe('rolled_back');
  });

  test('where a person passed over what takes back: that is named, with who and why', async () => {
    const world = await begin([unmet, undo('a')], [], { onFailure: 'undo' });
    world.behave = ({ step }) => (step.cell === 'undo_a' ? no : done);
    await world.engine.advance('p', request);
    const seq = await stuckAt(world);
    await world.engine.verdict('p', { seq, verdict: 'skip', reason: 'gone already', by: bob });
    const { view, ending } = await world.engine.inspect('p', alice);
    expect(view.status).toBe('failed');
    expect(ending).toMatchObject({ stays: ['a'], skipped: [{ cell: 'a', by: 'bob', reason: 'gone already' }] });
  });
});

describe('what takes back does not begin again where it did so, or may have, in an earlier run of the line', () => {
  const after: Partial<Cell> = { name: 'after' };
  const goOn = async (world: World): Promise<void> => {
    const continues = { instanceId: 'p', at: 'after' };
    await world.engine.start({ runbookId: 'demo', params: { nodes: [] }, by: bob, drive: 'auto', continues });
    await world.engine.advance('p.2', request);
    const [ending] = (await world.entries('p.2')).filter((entry) => entry.kind === 'ending');
    expect(ending).toMatchObject({ undos: 0 });
  };

  test('of a cell: it is in doubt there, and a person passed over it', async () => {
    const world = await begin([{ name: 'a' }, after, undo('a')], [], { onFailure: 'undo' });
    world.behave = ({ step }) => (step.cell === 'undo_a' ? unknown : step.cell === 'after' ? no : done);
    await world.engine.advance('p', request);
    world.now += 60_000;
    const seq = await stuckAt(world);
    await world.engine.verdict('p', { seq, verdict: 'skip', reason: 'leave it', by: bob });
    await goOn(world);
    expect(takenBack(world)).toEqual([':undo_a']);
  });

  test('of a section: one of its elements could not be taken back whole', async () => {
    const world = await begin([nodes({}, two), after, undoNodes], ['a', 'b'], { onFailure: 'undo' });
    world.behave = ({ step }) => (step.cell === 'after' ? no : done);
    await world.engine.advance('p', request);
    await goOn(world);
    expect(takenBack(world)).toEqual(['undo_nodes.1:undo_off', 'undo_nodes.0:undo_off']);
  });

  test('of an element: what it tried at its own end is not tried by the section', async () => {
    const world = await begin([nodes({ onFailure: 'undo' }, two), undoNodes], ['a'], { onFailure: 'undo' });
    world.behave = ({ step }) => (step.cell === 'undo_off' ? unknown : step.cell === 'restart' ? no : done);
    await world.engine.advance('p', request);
    world.now += 60_000;
    const seq = await stuckAt(world, 'p~nodes.0');
    await world.engine.verdict('p~nodes.0', { seq, verdict: 'skip', reason: 'leave it', by: bob });
    expect((await world.engine.advance('p', request)).result).toBe('failed');
    expect(takenBack(world)).toEqual(['nodes.0:undo_off']);
  });

  test('of what a person did, which has no key', async () => {
    const world = await begin([{ name: 'a', body: { kind: 'manual', instructions: [] } }, after, undo('a')], [], {
      onFailure: 'undo',
    });
    world.behave = () => no;
    await world.engine.advance('p', request);
    await world.engine.done('p', 'a', { result: 'done', note: 'plugged in', by: bob });
    await world.engine.advance('p', request);
    const seq = await stuckAt(world);
    await world.engine.verdict('p', { seq, verdict: 'skip', reason: 'leave it', by: bob });
    await goOn(world);
    expect(takenBack(world)).toEqual([':undo_a']);
  });

  test('but it does for what was done again since, where that was stopped before it began for this', async () => {
    const world = await begin([{ name: 'a' }, after, undo('a')], [], { onFailure: 'undo' });
    world.behave = ({ step }) => (step.cell === 'a' ? done : no);
    await world.engine.advance('p', request);
    const stop = async (id: string): Promise<void> => {
      const { seq } = (await world.entries(id)).at(-1) ?? { seq: 0 };
      await world.engine.cancel(id, 'leave it', bob, { stopCleanup: true, expectedSeq: seq });
    };
    await stop('p');
    const continues = { instanceId: 'p', at: 'a', reason: 'twice is fine' };
    await world.engine.start({ runbookId: 'demo', params: { nodes: [] }, by: bob, drive: 'auto', continues });
    await world.engine.advance('p.2', { ...request, maxCells: 2 });
    await stop('p.2');
    expect(takenBack(world)).toEqual([':undo_a']);
    const again = { instanceId: 'p.2', at: 'after' };
    await world.engine.start({ runbookId: 'demo', params: { nodes: [] }, by: bob, drive: 'auto', continues: again });
    await world.engine.advance('p.3', request);
    expect(takenBack(world)).toEqual([':undo_a', '3:undo_a']);
  });
});
