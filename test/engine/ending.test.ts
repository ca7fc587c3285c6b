/** What is gone through at the end of a run: undo cells, sections with `on`, and how the run then ended. */
import { describe, expect, test } from 'vitest';
import type { Cell, CellInput, CellResult, EntryOf, Runbook } from '../../src/engine/index.ts';
import { approving, runbookOf } from './runbooks.ts';
import { alice, bob, setup, type World } from './world.ts';

const undoOf = (name: string, over: Partial<Cell> = {}): Partial<Cell> => ({
  name: `undo_${name}`,
  reads: [name],
  cleanup: { undo: name },
  ...over,
});
const on = (when: 'failure' | 'cancel' | 'always', name = `on_${when}`): Partial<Cell> => ({
  name,
  cleanup: { on: when },
});
/** Two cells that can be taken back, one that cannot, and a section for every end. */
const way: Partial<Cell>[] = [{ name: 'a' }, { name: 'b' }, { name: 'c' }];
const ends: Partial<Cell>[] = [undoOf('b'), undoOf('a'), on('failure'), on('cancel'), on('always')];

const request = { budgetMs: 600_000, maxCells: Number.POSITIVE_INFINITY, by: alice };
const failed: CellResult = { status: 'failed', error: { code: 'cell.exit', message: 'it said no' } };
const failing =
  (...names: string[]) =>
  ({ step }: CellInput): CellResult =>
    names.includes(step.cell) ? failed : { status: 'completed', output: JSON.stringify(step.cell) };

const begin = async (cells: Partial<Cell>[], over: Partial<Runbook> = {}, drive: 'auto' | 'manual' = 'auto') => {
  const world = setup();
  await world.engine.publish(JSON.stringify(runbookOf(cells, over)), alice);
  await world.engine.start({ runbookId: 'demo', params: {}, instanceId: 'i1', drive, by: alice });
  return world;
};
const ran = (world: World): string[] => world.begun.map(({ step }) => step.cell);
const endingIn = async (world: World): Promise<EntryOf<'ending'>> => {
  const found = (await world.entries('i1')).filter((entry) => entry.kind === 'ending');
  expect(found).toHaveLength(1);
  return found[0] as EntryOf<'ending'>;
};
const stateIn = async (world: World) => (await world.entries('i1')).at(-1)?.state;

describe('a run that completes', () => {
  test('goes through its sections for every end, and takes nothing back', async () => {
    const world = await begin([...way, ...ends]);
    expect((await world.engine.advance('i1', request)).result).toBe('completed');
    expect(ran(world)).toEqual(['a', 'b', 'c', 'on_always']);
    expect(await endingIn(world)).toMatchObject({ as: 'completed', undos: 0, stays: [], failed: null });
  });

  test('without such a section ends with its last cell, by no entry of its own', async () => {
    const world = await begin([...way, undoOf('b'), on('failure')]);
    expect((await world.engine.advance('i1', request)).result).toBe('completed');
    expect((await world.entries('i1')).map(({ kind }) => kind)).not.toContain('ending');
  });

  test('and whose section for every end fails halts, and never takes back what it did', async () => {
    const world = await begin([...way, ...ends], { onFailure: 'undo' });
    world.behave = failing('on_always');
    expect((await world.engine.advance('i1', request)).stop).toMatchObject({ result: 'halted', cell: 'on_always' });
    expect((await world.engine.advance('i1', request)).stop).toMatchObject({ result: 'halted', cell: 'on_always' });
    expect(ran(world)).toEqual(['a', 'b', 'c', 'on_always']);
  });
});

describe('a known failure', () => {
  test('with onFailure=undo: takes back what completed, the newest first, then goes through its sections', async () => {
    const world = await begin([...way, ...ends], { onFailure: 'undo' });
    world.behave = failing('c');
    const { result, view } = await world.engine.advance('i1', request);
    expect(ran(world)).toEqual(['a', 'b', 'c', 'undo_b', 'undo_a', 'on_failure', 'on_always']);
    // What failed began, and nothing takes it back.
    expect([result, view.status]).toEqual(['failed', 'failed']);
    expect(await endingIn(world)).toMatchObject({
      as: 'failed',
      undos: 2,
      stays: ['c'],
      failed: { cell: 'c', how: 'failed', code: 'cell.exit', message: 'it said no' },
      began: { by: 'onFailure', reason: null },
    });
  });

  test('is rolled back where all that began was taken back, also what failed', async () => {
    const cells = [...way, undoOf('c', { cleanup: { undo: 'c', of: 'begun' } }), ...ends];
    const world = await begin(cells, { onFailure: 'undo' });
    world.behave = failing('c');
    expect((await world.engine.advance('i1', request)).result).toBe('rolled_back');
    expect(ran(world)).toEqual(['a', 'b', 'c', 'undo_c', 'undo_b', 'undo_a', 'on_failure', 'on_always']);
  });

  test('hands the key of what is taken back to the cell and to its probe', async () => {
    const body = { kind: 'js', code: 'probe' } as const;
    const probe = { line: 9, timeoutMs: 1_000, done: null, notDone: null, reads: [], body };
    const undoA = undoOf('a', { interrupted: 'probe', probe, settleMs: 0 });
    const world = await begin([{ name: 'a' }, { name: 'b' }, undoA], { onFailure: 'undo' });
    const keys: unknown[] = [];
    world.behave = ({ step, free }): CellResult => {
      if (step.cell === 'b') return failed;
      if (step.cell === 'undo_a') keys.push([free === true, step.originalKey]);
      if (step.cell === 'undo_a' && free !== true) return { status: 'unknown', error: { code: 'x', message: 'x' } };
      return { status: 'completed', output: JSON.stringify({ answer: 'done' }) };
    };
    await world.engine.advance('i1', request);
    const key = (await endingIn(world)).keys.a;
    expect(key).toMatch(/a\/1$/);
    expect(keys).toEqual([
      [false, key],
      [true, key],
    ]);
  });

  test('asks a person otherwise, who takes it back', async () => {
    const world = await begin([...way, ...ends]);
    world.behave = failing('c');
    expect((await world.engine.advance('i1', request)).result).toBe('halted');
    const { view } = await world.engine.undo('i1', { reason: 'not tonight', by: bob });
    expect(view).toMatchObject({ status: 'ready', cell: 'undo_b' });
    expect((await world.engine.advance('i1', request)).result).toBe('failed');
    expect(ran(world).slice(3)).toEqual(['undo_b', 'undo_a', 'on_failure', 'on_always']);
    expect(await endingIn(world)).toMatchObject({ began: { by: 'bob', reason: 'not tonight' } });
    await expect(world.engine.undo('i1', { reason: 'again', by: bob })).rejects.toMatchObject({
      code: 'instance.finished',
    });
  });

  test('is not taken back for a page that was left open: what it saw has been decided, and it halted again', async () => {
    const world = await begin([...way, ...ends]);
    world.behave = failing('c');
    await world.engine.advance('i1', request);
    const seen = (await world.entries('i1')).at(-1)?.seq ?? -1;
    await world.engine.verdict('i1', {
      seq: (await stateIn(world))?.halted?.seq ?? -1,
      verdict: 'retry',
      reason: 'once more',
      by: alice,
    });
    expect((await world.engine.advance('i1', request)).result).toBe('halted');
    const undo = (expectedSeq: number) => world.engine.undo('i1', { reason: 'not tonight', by: bob, expectedSeq });
    await expect(undo(seen)).rejects.toMatchObject({ code: 'seq.stale', details: { expectedSeq: seen } });
    expect((await stateIn(world))?.ending).toBeUndefined();
    const now = (await world.entries('i1')).at(-1)?.seq ?? -1;
    const again = { seq: (await stateIn(world))?.halted?.seq ?? -1, verdict: 'retry', reason: 'and again' } as const;
    // Both saw the same: one of them is taken, the other one told that it was late.
    const both = await Promise.allSettled([undo(now), world.engine.verdict('i1', { ...again, by: alice })]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  test('goes by itself in drive manual too, unless a person steps through it', async () => {
    const world = await begin([...way, ...ends], {}, 'manual');
    world.behave = failing('b');
    await world.engine.advance('i1', request);
    await world.engine.undo('i1', { reason: 'no', manual: true, by: bob });
    expect((await world.engine.advance('i1', { ...request, explicit: false })).stop).toMatchObject({
      result: 'parked',
    });
    await world.engine.advance('i1', { ...request, maxCells: 1 });
    expect(ran(world)).toEqual(['a', 'b', 'undo_a']);
    const other = await begin([...way, ...ends], {}, 'manual');
    other.behave = failing('b');
    await other.engine.advance('i1', request);
    const { view } = await other.engine.undo('i1', { reason: 'no', by: bob });
    expect(view.dueAtMs).not.toBeNull();
    expect((await other.engine.advance('i1', { ...request, explicit: false })).result).toBe('failed');
  });

  test('what it does not take back halts, and is left as it is by a person; then it is failed, and not rolled back', async () => {
    const cells = [{ name: 'a' }, { name: 'b', expect: [{ source: 'false', line: 1 }] }, undoOf('b'), undoOf('a')];
    const world = await begin(cells, { onFailure: 'undo' });
    world.behave = failing('undo_b');
    const { stop } = await world.engine.advance('i1', request);
    expect(stop).toMatchObject({ result: 'halted', cell: 'undo_b' });
    expect((await stateIn(world))?.ending).toMatchObject({ undos: 2, undone: 0, whole: true });
    const { seq } = (await stateIn(world))?.halted ?? { seq: -1 };
    await world.engine.verdict('i1', { seq, verdict: 'skip', reason: 'gone already', by: bob });
    expect((await world.engine.advance('i1', request)).result).toBe('failed');
    expect(ran(world)).toEqual(['a', 'b', 'undo_b', 'undo_a']);
  });

  test('nothing is taken back while anything is in doubt', async () => {
    const world = await begin([...way, ...ends], { onFailure: 'undo' });
    world.behave = ({ step }) =>
      step.cell === 'c' ? { status: 'unknown', error: { code: 'x', message: 'x' } } : { status: 'completed' };
    expect((await world.engine.advance('i1', request)).result).toBe('in_doubt');
    await expect(world.engine.undo('i1', { reason: 'no', by: bob })).rejects.toMatchObject({ code: 'undo.refused' });
    const { seq } = (await stateIn(world))?.halted ?? { seq: -1 };
    world.now += 3_600_000;
    await world.engine.verdict('i1', { seq, verdict: 'failed', reason: 'not in the ledger', by: bob });
    expect((await world.engine.advance('i1', request)).result).toBe('failed');
    expect(ran(world)).toEqual(['a', 'b', 'c', 'undo_b', 'undo_a', 'on_failure', 'on_always']);
  });

  test('what was done by one key, and then only tried by a fresh one, is taken back by the key by which it was done', async () => {
    const unmet = { expect: [{ source: 'output.good == true', line: 1 }], optional: true };
    const world = await begin([{ name: 'a', ...unmet, optional: false }, { name: 'b' }, undoOf('a')]);
    world.behave = () => ({ status: 'completed', output: '{"good":false}' });
    await world.engine.advance('i1', request);
    world.behave = failing('a');
    const { seq } = (await stateIn(world))?.halted ?? { seq: -1 };
    await world.engine.verdict('i1', { seq, verdict: 'retry', freshKey: true, reason: 'once more', by: bob });
    await world.engine.advance('i1', request);
    await world.engine.undo('i1', { reason: 'not tonight', by: bob });
    await world.engine.advance('i1', request);
    const [first, second, taken] = world.begun.map(({ step }) => step);
    expect(ran(world)).toEqual(['a', 'a', 'undo_a']);
    expect(second?.idempotencyKey).not.toBe(first?.idempotencyKey);
    expect(taken?.originalKey).toBe(first?.idempotencyKey);
  });

  test('a person who says that something was taken back is believed, whatever was expected of that', async () => {
    const unmet = { expect: [{ source: 'false', line: 1 }] };
    const cells = [
      { name: 'a' },
      { name: 'b' },
      undoOf('b', { cleanup: { undo: 'b', of: 'begun' } }),
      undoOf('a', unmet),
    ];
    const world = await begin(cells, { onFailure: 'undo' });
    world.behave = async ({ step }) => {
      if (step.cell !== 'undo_a') return step.cell === 'b' ? failed : { status: 'completed' };
      world.now += 3_600_000;
      await world.engine.verdict('i1', { seq: step.seq, verdict: 'succeeded', reason: 'seen', by: bob });
      return { status: 'completed' };
    };
    await world.engine.advance('i1', request);
    expect((await stateIn(world))?.ended).toBe('rolled_back');
  });

  test('a cell of the end is told how it came, and by which key that was done which it takes back', async () => {
    const world = await begin([...way, ...ends], { onFailure: 'undo' });
    world.behave = failing('c');
    await world.engine.advance('i1', request);
    const [a, , , , undoA, onFailure] = world.begun;
    expect(undoA?.run).toEqual({
      failed: { cell: 'c', item: null, code: 'cell.exit', message: 'it said no' },
      began: { by: 'onFailure', reason: null },
      url: null,
    });
    expect(undoA?.step.originalKey).toBe(a?.step.idempotencyKey);
    expect(undoA?.step.idempotencyKey).not.toBe(a?.step.idempotencyKey);
    expect(undoA?.outputs).toEqual({ a: '"a"' });
    expect(onFailure?.step.originalKey).toBeUndefined();
    expect(onFailure?.run).toEqual(undoA?.run);
    expect(a?.run).toBeUndefined();
  });

  test('a cell of the end reads nothing of what failed, also by the call that has just recorded it', async () => {
    const asked = { name: 'ask', body: approving(['bob'], { withinMs: 60_000, onExpiry: 'reject' }) };
    const world = await begin([asked, { ...on('failure'), reads: ['ask'] }], { onFailure: 'undo' });
    await world.engine.advance('i1', request);
    world.now += 120_000;
    expect((await world.engine.advance('i1', request)).result).toBe('failed');
    expect(world.begun.map(({ outputs }) => outputs)).toEqual([{}]);
  });
});

describe('a run that goes on from one whose way was over', () => {
  const goOn = (world: World, at: string, reason?: string) =>
    world.engine.start({
      runbookId: 'demo',
      params: {},
      continues: { instanceId: 'i1', at, ...(reason === undefined ? {} : { reason }) },
      by: alice,
    });

  test('needs a reason to do again what happened there, also where nothing was gone through at its end', async () => {
    const cells = [{ name: 'a', expect: [{ source: 'false', line: 1 }] }, { name: 'b' }, undoOf('b')];
    const world = await begin(cells, { onFailure: 'undo' });
    expect((await world.engine.advance('i1', request)).result).toBe('failed');
    await expect(goOn(world, 'a')).rejects.toMatchObject({ code: 'continue.refused' });
    const { instanceId } = (await goOn(world, 'a', 'looked')).view;
    expect((await world.entries(instanceId))[0]).toMatchObject({
      continues: { states: { a: 'unexpected', b: 'not_reached' } },
    });
  });

  test('takes nothing back that was taken back there', async () => {
    const when = { source: 'params.again == true', line: 1 };
    const cells = [{ name: 'a', when }, { name: 'b' }, undoOf('a', { cleanup: { undo: 'a', of: 'begun' } })];
    const world = setup();
    await world.engine.publish(JSON.stringify(runbookOf(cells, { onFailure: 'undo' })), alice);
    await world.engine.start({ runbookId: 'demo', params: { again: true }, instanceId: 'i1', by: alice });
    world.behave = failing('b');
    expect((await world.engine.advance('i1', request)).result).toBe('failed');
    const { view } = await world.engine.start({
      runbookId: 'demo',
      params: { again: false },
      continues: { instanceId: 'i1', at: 'a' },
      by: alice,
    });
    expect((await world.engine.advance(view.instanceId, request)).result).toBe('failed');
    expect(ran(world)).toEqual(['a', 'b', 'undo_a', 'b']);
  });
});

describe('a cancellation', () => {
  test('goes through its sections, and takes nothing back', async () => {
    const world = await begin([...way, ...ends]);
    await world.engine.advance('i1', { ...request, maxCells: 2 });
    const { view } = await world.engine.cancel('i1', 'wrong region', bob);
    expect(view).toMatchObject({ status: 'ready' });
    expect(view.dueAtMs).not.toBeNull();
    expect((await world.engine.cancel('i1', 'again', bob)).view.seq).toBe(view.seq);
    expect((await world.engine.advance('i1', request)).result).toBe('cancelled');
    expect(ran(world)).toEqual(['a', 'b', 'on_cancel', 'on_always']);
    expect(await endingIn(world)).toMatchObject({ began: { by: 'bob', reason: 'wrong region' } });
  });

  test('takes back as well where that is said', async () => {
    const world = await begin([...way, ...ends]);
    await world.engine.advance('i1', { ...request, maxCells: 2 });
    await world.engine.cancel('i1', 'wrong region', bob, { undo: true });
    expect((await world.engine.advance('i1', request)).result).toBe('cancelled');
    expect(ran(world)).toEqual(['a', 'b', 'undo_b', 'undo_a', 'on_cancel', 'on_always']);
  });

  test('of what cannot be taken back is refused with --undo', async () => {
    const world = await begin(way);
    await expect(world.engine.cancel('i1', 'x', bob, { undo: true })).rejects.toMatchObject({ code: 'cancel.refused' });
  });

  test('while a step is under way: its end is gone through once the step is closed', async () => {
    const world = await begin([...way, ...ends]);
    world.behave = async ({ step }) => {
      if (step.cell === 'b') await world.engine.cancel('i1', 'stop', bob, { undo: true });
      return { status: 'completed', output: '1' };
    };
    expect((await world.engine.advance('i1', request)).result).toBe('cancelled');
    expect(ran(world)).toEqual(['a', 'b', 'undo_b', 'undo_a', 'on_cancel', 'on_always']);
  });

  test('does not stop what is at the end; that is stopped by its own word, which says what stays', async () => {
    const world = await begin([...way, ...ends], { onFailure: 'undo' });
    world.behave = failing('c', 'undo_b');
    await world.engine.advance('i1', request);
    await expect(world.engine.cancel('i1', 'enough', bob)).rejects.toMatchObject({ code: 'cancel.refused' });
    const seq = (await world.entries('i1')).length - 1;
    await expect(
      world.engine.cancel('i1', 'enough', bob, { stopCleanup: true, expectedSeq: seq - 1 }),
    ).rejects.toMatchObject({ code: 'seq.stale' });
    await expect(world.engine.cancel('i1', 'enough', bob, { stopCleanup: true })).rejects.toMatchObject({
      code: 'request.invalid',
    });
    const { view, stays } = await world.engine.cancel('i1', 'enough', bob, { stopCleanup: true, expectedSeq: seq });
    expect(view.status).toBe('failed');
    expect(stays).toEqual(['c', 'b', 'a']);
    expect((await world.engine.advance('i1', request)).result).toBe('failed');
    expect(ran(world)).toEqual(['a', 'b', 'c', 'undo_b']);
  });
});

describe('a cancellation of what is cancelled, while its end is under way', () => {
  const refused = { code: 'cancel.refused', message: expect.stringContaining('--stop-cleanup') };
  /** Asked where a step of the end is in flight, and where it is in doubt. */
  const stands = async (where: 'in flight' | 'in doubt', ask: (world: World) => Promise<void>): Promise<World> => {
    const world = await begin([...way, ...ends]);
    await world.engine.advance('i1', { ...request, maxCells: 2 });
    await world.engine.cancel('i1', 'wrong region', bob, { undo: true });
    world.behave = async ({ step }) => {
      if (step.cell !== 'undo_b') return { status: 'completed', output: '1' };
      if (where === 'in flight') await ask(world);
      return { status: 'unknown', error: { code: 'cell.killed', message: 'gone' } };
    };
    await world.engine.advance('i1', request);
    expect((await stateIn(world))?.halted).toMatchObject({ cell: 'undo_b', doubt: true });
    if (where === 'in doubt') await ask(world);
    return world;
  };

  test.each(['in flight', 'in doubt'] as const)('%s: is refused, and names what stops it', async (where) => {
    let asked = 0;
    await stands(where, async ({ engine }) => {
      await expect(engine.cancel('i1', 'stop it', bob)).rejects.toMatchObject(refused);
      await expect(engine.cancel('i1', 'wrong region', bob)).rejects.toMatchObject(refused);
      await expect(engine.cancel('i1', 'wrong region', alice, { undo: true })).rejects.toMatchObject(refused);
      asked++;
    });
    expect(asked).toBe(1);
  });

  test.each(['in flight', 'in doubt'] as const)('%s: said once more as it was said, it stays so', async (where) => {
    const seqs: number[] = [];
    await stands(where, async ({ engine, entries }) => {
      const { view } = await engine.cancel('i1', 'wrong region', bob, { undo: true });
      seqs.push(view.seq, (await entries('i1')).length - 1);
    });
    expect(seqs).toHaveLength(2);
    expect(seqs[0]).toBe(seqs[1]);
  });

  test('what was stopped is stopped: whoever cancels it then is not refused', async () => {
    const { engine, entries } = await stands('in doubt', async () => undefined);
    const expectedSeq = (await entries('i1')).length - 1;
    await engine.cancel('i1', 'stop it', bob, { stopCleanup: true, expectedSeq });
    const { view } = await engine.cancel('i1', 'stop it', alice);
    expect(view.seq).toBe(expectedSeq + 1);
  });
});

describe('an end cell with as=failed', () => {
  test('ends the run failed: nothing is taken back, its sections are gone through', async () => {
    const end = { name: 'stop', when: { source: 'true', line: 1 }, body: { kind: 'end', as: 'failed' } } as const;
    const world = await begin([{ name: 'a' }, end, { name: 'b' }, undoOf('a'), on('failure'), on('cancel')]);
    expect((await world.engine.advance('i1', request)).result).toBe('failed');
    expect(ran(world)).toEqual(['a', 'on_failure']);
    expect(await endingIn(world)).toMatchObject({ failed: null, began: { by: 'as=failed', reason: null } });
    const plain = await begin([{ name: 'a' }, end, { name: 'b' }]);
    expect((await plain.engine.advance('i1', request)).result).toBe('failed');
  });
});
