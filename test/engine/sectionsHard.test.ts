/** What is easily done twice, or taken back wrongly or never, where elements of a section ended before that. */
import { describe, expect, test } from 'vitest';
import type { Cell, Runbook } from '../../src/engine/index.ts';
import type { Row } from '../../src/testing/tables.ts';
import { begin, failing, leaveEarly, nodes, outputIn, ran, request, stuckAt, undo, undoNodes } from './sections.ts';
import { alice, bob, T0, type World } from './world.ts';

const no = { status: 'failed', error: { code: 'cell.exit', message: 'no' } } as const;
const unknown = { status: 'unknown', error: { code: 'x', message: 'x' } } as const;
const done = { status: 'completed', output: '1' } as const;
const off: Partial<Cell>[] = [{ name: 'off' }, undo('off')];

const retry = async (world: World): Promise<void> => {
  const seq = await stuckAt(world);
  await world.engine.verdict('p', { seq, verdict: 'retry', reason: 'mended', by: bob });
};
const refused = { code: 'verdict.refused' };

describe('a section is taken back', () => {
  test('also where the run that opened it is one that this one goes on from', async () => {
    const world = await begin([nodes({}, off), { name: 'after' }, undoNodes], ['a', 'b']);
    world.behave = ({ step }) => (step.cell === 'after' ? no : done);
    await world.engine.advance('p', request);
    const continues = { instanceId: 'p', at: 'after' };
    await world.engine.start({ runbookId: 'demo', params: {}, by: bob, drive: 'auto', continues });
    await world.engine.advance('p.2', request);
    await world.engine.undo('p.2', { reason: 'given up', by: bob });
    expect((await world.engine.advance('p.2', request)).result).toBe('failed');
    expect(ran(world).slice(3)).toEqual(['2:after', '2~undo_nodes.1:undo_off', '2~undo_nodes.0:undo_off']);
    const back = world.begun.find(({ step }) => step.instanceId === 'p.2~undo_nodes.1');
    const there = world.begun.find(({ step }) => step.instanceId === 'p~nodes.1');
    expect(back?.step.originalKey).toBe(there?.step.idempotencyKey);
  });

  test('of the newest run alone where two of a line opened it: then the other stays', async () => {
    const after = { name: 'undo_after', cleanup: { undo: 'after', of: 'begun' as const } };
    const world = await begin([nodes({ onFailure: 'end' }, off), { name: 'after' }, after, undoNodes], ['a', 'b']);
    world.behave = failing('nodes.1:off', '2:after');
    await world.engine.advance('p', request);
    const continues = { instanceId: 'p', at: 'nodes', reason: 'all anew' };
    const params = { nodes: ['c'] };
    await world.engine.start({ runbookId: 'demo', params, by: bob, drive: 'auto', continues });
    expect((await world.engine.advance('p.2', request)).stop).toMatchObject({ result: 'halted', cell: 'after' });
    await world.engine.undo('p.2', { reason: 'given up', by: bob });
    // `p~nodes.0` completed, and is nobody's any more.
    expect((await world.engine.advance('p.2', request)).result).toBe('failed');
    expect(ran(world).slice(-2)).toEqual(['2:undo_after', '2~undo_nodes.0:undo_off']);
    const [ending] = (await world.entries('p.2')).filter((entry) => entry.kind === 'ending');
    expect(ending).toMatchObject({ stays: ['nodes'] });
  });

  test('also where it stands in an element of another', async () => {
    const disks = { ...nodes({}, off), name: 'disks' };
    const { body } = undoNodes;
    const undoDisks: Partial<Cell> = { name: 'undo_disks', cleanup: { undo: 'disks' } };
    if (body?.kind === 'each') undoDisks.body = { ...body, undoes: 'disks' };
    const cells = [nodes({}, [disks, undoDisks]), { name: 'after' }, undoNodes];
    const world = await begin(cells, ['a', 'b'], { onFailure: 'undo' });
    world.behave = failing(':after');
    expect((await world.engine.advance('p', request)).result).toBe('failed');
    expect(ran(world).slice(5)).toEqual([
      'undo_nodes.1~undo_disks.1:undo_off',
      'undo_nodes.1~undo_disks.0:undo_off',
      'undo_nodes.0~undo_disks.1:undo_off',
      'undo_nodes.0~undo_disks.0:undo_off',
    ]);
  });

  test('after a cancellation not beside a doubt in an element: that is settled first', async () => {
    const world = await begin(
      [{ name: 'before' }, nodes({}, [{ name: 'off' }, { name: 'restart' }, undo('off')]), undoNodes],
      ['a'],
    );
    world.behave = ({ step }) => (step.cell === 'restart' ? unknown : done);
    await world.engine.advance('p', request);
    await world.engine.cancel('p', 'stop', bob, { undo: true });
    await world.engine.advance('p', request);
    expect(ran(world)).not.toContain('nodes.0:undo_off');
    expect(ran(world)).not.toContain('undo_nodes.0:undo_off');
    world.now += 60_000;
    const about = { seq: await stuckAt(world, 'p~nodes.0'), verdict: 'failed', reason: 'it did not', by: bob } as const;
    await world.engine.verdict('p~nodes.0', about);
    expect((await world.engine.advance('p', request)).result).toBe('cancelled');
    // By the element itself, once.
    expect(ran(world).filter((step) => step.endsWith('undo_off'))).toEqual(['nodes.0:undo_off']);
  });

  test('whole, where of an element nothing had begun', async () => {
    const skipped = { name: 'off', when: { source: 'false', line: 1 } };
    const after = { name: 'undo_after', cleanup: { undo: 'after', of: 'begun' as const } };
    const cells = [nodes({}, [skipped, undo('off')]), { name: 'after' }, after, undoNodes];
    const world = await begin(cells, ['a'], { onFailure: 'undo' });
    world.behave = failing(':after');
    expect((await world.engine.advance('p', request)).result).toBe('rolled_back');
    expect(ran(world)).toEqual([':after', ':undo_after']);
  });

  test('no further once that is stopped, also by those of its elements that halted', async () => {
    const cells = [nodes({}, off), { name: 'after' }, undoNodes];
    const world = await begin(cells, ['a', 'b'], { onFailure: 'undo' });
    world.behave = ({ step }) => (step.cell === 'off' ? done : no);
    expect((await world.engine.advance('p', request)).stop).toMatchObject({ result: 'parked', cell: 'undo_nodes' });
    const expectedSeq = (await world.entries('p')).at(-1)?.seq ?? 0;
    const { stays } = await world.engine.cancel('p', 'by hand', bob, { stopCleanup: true, expectedSeq });
    expect(stays).toEqual(['after', 'nodes']);
    expect((await world.engine.advance('p', request)).result).toBe('failed');
    expect(ran(world).at(-1)).toBe('undo_nodes.1:undo_off');
  });
});

describe('a section that failed is not gone through again', () => {
  test('where an element would do again what it completed, and what nothing took back', async () => {
    const cells = [{ name: 'a' }, { name: 'b' }, { name: 'c' }, undo('a')];
    const world = await begin([nodes({ onFailure: 'undo' }, cells)], ['x']);
    world.behave = failing('nodes.0:c');
    await world.engine.advance('p', request);
    await expect(retry(world)).rejects.toMatchObject(refused);
  });

  test('where an element would go through a section of its own from the start, of which something was taken back', async () => {
    const disks = { ...nodes({ onFailure: 'end' }, off), name: 'disks' };
    const { body } = undoNodes;
    const undoDisks: Partial<Cell> = { name: 'undo_disks', cleanup: { undo: 'disks' } };
    if (body?.kind === 'each') undoDisks.body = { ...body, undoes: 'disks' };
    const cells = [{ name: 'a' }, disks, undoDisks, undo('a')];
    const world = await begin([nodes({ onFailure: 'undo' }, cells)], ['a', 'b']);
    world.behave = failing('nodes.0~disks.1:off');
    await world.engine.advance('p', request);
    expect(ran(world).slice(-2)).toEqual(['nodes.0~undo_disks.0:undo_off', 'nodes.0:undo_a']);
    await expect(retry(world)).rejects.toMatchObject(refused);
  });

  test('while what an element began may still act that was decided early', async () => {
    const world = await begin([nodes({}, [{ name: 'off', timeoutMs: 60_000 }])], ['a']);
    await leaveEarly(world);
    world.behave = () => done;
    await world.engine.advance('p', request);
    await expect(retry(world)).rejects.toMatchObject(refused);
    world.now = T0 + 80_000;
    await retry(world);
    expect((await world.engine.advance('p', request)).result).toBe('completed');
  });
});

describe('an element that is gone through again', () => {
  test('judges anew what ended it', async () => {
    const stop: Partial<Cell> = {
      name: 'stop',
      when: { source: 'true', line: 1 },
      body: { kind: 'end', as: 'failed' },
    };
    const world = await begin([nodes({ onFailure: 'end' }, [{ name: 'a' }, stop])], ['x']);
    await world.engine.advance('p', request);
    await retry(world);
    expect((await world.engine.advance('p', request)).stop).toMatchObject({ result: 'halted', cell: 'nodes' });
    expect(ran(world)).toEqual(['nodes.0:a']);
    const [started] = await world.entries('p~nodes-2.0');
    expect(started).toMatchObject({ continues: { at: 'stop', index: 1 } });
  });

  test('cites what completed in a section of its own', async () => {
    const disks = { ...nodes({ onFailure: 'end' }, [{ name: 'off' }]), name: 'disks' };
    const world = await begin([nodes({ onFailure: 'end' }, [disks])], ['a', 'b']);
    world.behave = failing('nodes.0~disks.1:off');
    await world.engine.advance('p', request);
    await retry(world);
    expect((await world.engine.advance('p', request)).result).toBe('completed');
    expect(ran(world).slice(2)).toEqual(['nodes-2.0~disks.1:off', 'nodes-2.1~disks.0:off', 'nodes-2.1~disks.1:off']);
  });

  test('goes through its end alone where it was past its cells', async () => {
    const tidy: Partial<Cell> = { name: 'tidy', cleanup: { on: 'always' } };
    const world = await begin([nodes({}, [{ name: 'a' }, tidy])], ['x']);
    world.behave = failing('nodes.0:tidy');
    await world.engine.advance('p', request);
    const expectedSeq = (await world.entries('p~nodes.0')).at(-1)?.seq ?? 0;
    await world.engine.cancel('p~nodes.0', 'later', bob, { stopCleanup: true, expectedSeq });
    await world.engine.advance('p', request);
    await retry(world);
    expect((await world.engine.advance('p', request)).result).toBe('completed');
    expect(ran(world)).toEqual(['nodes.0:a', 'nodes.0:tidy', 'nodes-2.0:tidy']);
    expect(await outputIn(world)).toMatchObject([{ item: 'x', status: 'completed' }]);
  });
});

test('what was stopped in doubt stays in doubt', async () => {
  const tidy: Partial<Cell> = { name: 'tidy', cleanup: { on: 'always' } };
  const world = await begin([nodes({}, [{ name: 'a' }, tidy])], ['x']);
  world.behave = ({ step }) => (step.cell === 'tidy' ? unknown : done);
  await world.engine.advance('p', request);
  const expectedSeq = (await world.entries('p~nodes.0')).at(-1)?.seq ?? 0;
  await world.engine.cancel('p~nodes.0', 'later', bob, { stopCleanup: true, expectedSeq });
  await world.engine.advance('p', request);
  await expect(retry(world)).rejects.toMatchObject(refused);
  const { view } = await world.engine.inspect('p~nodes.0', alice);
  expect(view.status).toBe('cancelled');
});

test('an element that is cancelled beside others goes through its own end, and is taken back once', async () => {
  const cells = [nodes({ max: { count: 3 } }, [{ name: 'off' }, { name: 'restart' }, undo('off'), undo('restart')])];
  const world = await begin([...cells, { name: 'after' }, undoNodes], ['a', 'b', 'c']);
  world.behave = async ({ step }) => {
    if (step.instanceId === 'p~nodes.1' && step.cell === 'restart')
      await world.engine.cancel('p', 'stop', bob, { undo: true });
    return done;
  };
  await world.engine.advance('p', request);
  for (const id of ['p', 'p~nodes.0', 'p~nodes.1', 'p~nodes.2', 'p']) await world.engine.advance(id, request);
  expect((await world.entries('p')).at(-1)?.state.ended).toBe('cancelled');
  const back = ran(world).filter((step) => step.includes(':undo_'));
  const forth = ran(world).filter((step) => !step.includes(':undo_'));
  expect(back).toHaveLength(forth.length);
  expect(new Set(back.map((step) => step.replace('undo_nodes', 'nodes'))).size).toBe(forth.length);
});

describe('an element whose journal is broken, and that was given up', () => {
  const broken = async (over: Partial<Runbook>): Promise<World> => {
    const world = await begin([nodes({}, off), undoNodes], ['a'], over);
    world.behave = () => no;
    await world.engine.advance('p', request);
    const head = (await world.entries('p~nodes.0')).length - 1;
    const row = world.tables.row('journal', 'p~nodes.0', head) as Row;
    world.tables.tamper('journal', { ...row, entry: '{' });
    await world.engine.cancel('p~nodes.0', 'broken', bob);
    world.behave = () => done;
    await world.engine.advance('p', request);
    return world;
  };

  test('does not begin anew: what it did is not known', async () => {
    const world = await broken({});
    await expect(retry(world)).rejects.toMatchObject(refused);
    expect(ran(world)).toEqual(['nodes.0:off']);
  });

  test('is not said to be taken back', async () => {
    const world = await broken({ onFailure: 'undo' });
    const { state } = (await world.entries('p')).at(-1) ?? {};
    expect(state?.ended).toBe('failed');
    expect(ran(world)).toEqual(['nodes.0:off']);
  });
});
