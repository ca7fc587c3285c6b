import { describe, expect, test } from 'vitest';
import { seal } from '../../src/engine/call/chain.ts';
import { type CellResult, createEngine, type Template } from '../../src/engine/index.ts';
import { fail, probe, runbookOf } from './runbooks.ts';
import { alice, bob, isEntry, setup, T0, type World, watched } from './world.ts';

const request = { budgetMs: 60_000, by: alice };
const all = { ...request, maxCells: Number.POSITIVE_INFINITY };
const names = ['take', 'check', 'pay', 'tell'];
const book = (over: Record<string, object> = {}, order = names) =>
  runbookOf(order.map((name, index) => ({ name, reads: order.slice(0, index), ...over[name] })));

/** A run that halted at `pay`; a second version of its runbook is published. */
const halted = async (fixed = book({ pay: { timeoutMs: 5_000 } })): Promise<{ world: World; id: string }> => {
  const world = setup();
  world.behave = ({ step }) =>
    step.cell === 'pay' ? { status: 'failed' } : { status: 'completed', output: JSON.stringify({ by: step.cell }) };
  const id = await world.start(book());
  expect((await world.engine.advance(id, all)).result).toBe('halted');
  await world.engine.publish(JSON.stringify(fixed), alice);
  world.behave = ({ step }) => ({ status: 'completed', output: JSON.stringify({ anew: step.cell }) });
  world.begun.length = 0;
  return { world, id };
};
const go = (world: World, instanceId: string, at: string, over: object = {}) =>
  world.engine.start({ runbookId: 'demo', params: {}, continues: { instanceId, at }, by: bob, ...over });

describe('a halted run goes on under a new version', () => {
  test('it cites the earlier outputs, begins at the named cell, and the earlier run is cancelled first', async () => {
    const { world, id } = await halted();
    expect(await go(world, id, 'pay')).toMatchObject({
      created: true,
      view: { instanceId: 'i1.2', version: 2, cell: 'pay' },
    });
    expect((await world.entries(id)).at(-1)).toMatchObject({ kind: 'cancelled', reason: 'goes on as i1.2', by: bob });
    expect((await world.entries('i1.2'))[0]).toMatchObject({
      continues: {
        instanceId: 'i1',
        at: 'pay',
        index: 2,
        outputs: { take: { instanceId: 'i1', seq: 2 }, check: { seq: 3 } },
      },
    });
    expect((await world.engine.run('i1.2', request)).coverage.cells).toBe(2);
    expect(world.begun.map((input) => [input.step.cell, input.outputs])).toEqual([
      ['pay', { take: '{"by":"take"}', check: '{"by":"check"}' }],
      ['tell', { take: '{"by":"take"}', check: '{"by":"check"}', pay: '{"anew":"pay"}' }],
    ]);
    expect((await world.engine.inspect('i1.2', alice)).cells).toMatchObject([
      { name: 'take', state: 'cited', output: '{"by":"take"}', note: 'done in i1' },
      { name: 'check', state: 'cited' },
      { name: 'pay', state: 'completed' },
      { name: 'tell', state: 'completed' },
    ]);
  });

  test('keys of the new run differ from those of the earlier one (I9)', async () => {
    const { world, id } = await halted();
    await go(world, id, 'pay');
    await world.engine.run('i1.2', request);
    expect(world.begun[0]?.step.idempotencyKey).toBe('test/5707e1d0aaaa/i1.2/pay/1');
  });

  test('ten people who continue it at once get one run', async () => {
    const { world, id } = await halted();
    const started = await Promise.all(Array.from({ length: 10 }, () => go(world, id, 'pay')));
    expect(started.filter((one) => one.created)).toHaveLength(1);
    expect(new Set(started.map((one) => one.view.instanceId))).toEqual(new Set(['i1.2']));
    await expect(
      go(world, id, 'check', { continues: { instanceId: id, at: 'check', reason: 'again' } }),
    ).rejects.toMatchObject({
      code: 'instance.exists',
    });
  });

  test('a continuation is continued as .3, and outputs are still found where they first stood', async () => {
    const { world, id } = await halted();
    await go(world, id, 'pay');
    world.behave = ({ step }) =>
      step.cell === 'tell' ? { status: 'failed' } : { status: 'completed', output: '"paid"' };
    await world.engine.run('i1.2', request);
    expect(await go(world, 'i1.2', 'tell')).toMatchObject({ view: { instanceId: 'i1.3' } });
    world.begun.length = 0;
    await world.engine.run('i1.3', request);
    expect(world.begun[0]?.outputs).toEqual({ take: '{"by":"take"}', check: '{"by":"check"}', pay: '"paid"' });
  });

  test('a verdict that comes first wins: the run is not halted any more, and is not continued', async () => {
    const { world, id } = await halted();
    const seq = (await world.entries(id)).at(-1)?.state.halted?.seq ?? -1;
    await world.engine.verdict(id, { seq, verdict: 'retry', reason: 'mended', by: alice });
    await expect(go(world, id, 'pay')).rejects.toMatchObject({ code: 'continue.refused' });
    expect((await world.entries(id)).at(-1)?.kind).toBe('resolved');
  });

  test('a cancelled run may be continued as well, and parameters are those of that run unless given', async () => {
    const { world, id } = await halted();
    await world.engine.cancel(id, 'wrong version', alice);
    await go(world, id, 'pay', { params: { region: 'eu' } });
    expect((await world.entries('i1.2'))[0]).toMatchObject({ params: { region: 'eu' } });
  });
});

describe('what is not continued', () => {
  const refused = (message: RegExp) => ({ code: 'continue.refused', message: expect.stringMatching(message) });

  test('a run with a step in flight or in doubt', async () => {
    const world = setup();
    const id = await world.start(book());
    const lost = createEngine({ ...world.ports, execute: () => new Promise(() => {}) });
    void lost.advance(id, { ...request, by: bob });
    await new Promise((resolve) => setTimeout(resolve, 20));
    await expect(go(world, id, 'take')).rejects.toMatchObject(refused(/take of i1 is in flight or in doubt.*--seq 1/));
    world.now = T0 + 20_000;
    await expect(go(world, id, 'take')).rejects.toMatchObject(refused(/in doubt/));
    await world.engine.cancel(id, 'stop', alice);
    await expect(go(world, id, 'take')).rejects.toMatchObject(refused(/in doubt/));
    await world.engine.verdict(id, { seq: 1, verdict: 'failed', reason: 'it did not happen', by: alice });
    expect(await go(world, id, 'take')).toMatchObject({ created: true });
  });

  test('a run whose step was closed as unknown', async () => {
    const world = setup();
    world.behave = () => ({ status: 'unknown' });
    const id = await world.start(book());
    await world.engine.advance(id, request);
    await expect(go(world, id, 'take')).rejects.toMatchObject(refused(/pawl verdict i1 --seq 1/));
    await world.engine.cancel(id, 'stop', alice);
    await expect(go(world, id, 'take')).rejects.toMatchObject(refused(/cancelled so/));
  });

  test('a run that goes on by itself, and one that completed', async () => {
    const world = setup();
    const id = await world.start(book());
    await expect(go(world, id, 'take')).rejects.toMatchObject(refused(/neither halted nor cancelled/));
    await world.engine.run(id, request);
    await expect(go(world, id, 'take')).rejects.toMatchObject(refused(/completed/));
  });

  test('at a cell whose predecessors were not done, at a cell that is not there, in another runbook', async () => {
    const { world, id } = await halted();
    await expect(go(world, id, 'tell')).rejects.toMatchObject(refused(/pay comes before tell .*: continue at pay/));
    await expect(go(world, id, 'nowhere')).rejects.toMatchObject({ code: 'cell.unknown' });
    await expect(go(world, 'nobody', 'pay')).rejects.toMatchObject({ code: 'instance.unknown' });
    await world.engine.publish(JSON.stringify(runbookOf([{ name: 'pay' }], { runbookId: 'other' })), alice);
    await expect(go(world, id, 'pay', { runbookId: 'other' })).rejects.toMatchObject(refused(/one of runbook demo/));
    await expect(go(world, id, 'pay', { instanceId: 'mine' })).rejects.toMatchObject({ code: 'request.invalid' });
    expect((await world.entries(id)).at(-1)?.kind).toBe('outcome');
  });

  test('at a cell that was done, unless somebody says why: it would run again', async () => {
    const { world, id } = await halted();
    await expect(go(world, id, 'check')).rejects.toMatchObject(refused(/check was done in i1 and would run again/));
    await go(world, id, 'check', { continues: { instanceId: id, at: 'check', reason: 'it checked the wrong thing' } });
    expect((await world.entries('i1.2'))[0]).toMatchObject({
      by: bob,
      continues: { reason: 'it checked the wrong thing' },
    });
  });

  test('a cell that moved behind in the new version counts as done there', async () => {
    const { world, id } = await halted(book({}, ['take', 'pay', 'check', 'tell']));
    await expect(go(world, id, 'pay')).rejects.toMatchObject(refused(/check was done/));
  });
});

describe('a continuation that is refused leaves the earlier run as it was', () => {
  const lockedBook = (concurrency: Template) =>
    runbookOf(
      names.map((name) => ({ name })),
      { concurrency },
    );

  test('when somebody else holds its lock', async () => {
    const { world, id } = await halted(lockedBook(['one']));
    await world.engine.start({ runbookId: 'demo', params: {}, instanceId: 'other', by: alice });
    await expect(go(world, id, 'pay')).rejects.toMatchObject({
      code: 'concurrency.held',
      details: { holder: 'other' },
    });
    expect((await world.entries(id)).at(-1)).toMatchObject({ kind: 'outcome', state: { ended: null } });
    await world.engine.cancel('other', 'over', alice);
    expect(await go(world, id, 'pay')).toMatchObject({ view: { instanceId: 'i1.2' } });
  });

  test('when its lock cannot be filled in', async () => {
    const { world, id } = await halted(lockedBook([{ expression: 'missing', write: 'text' }]));
    await expect(go(world, id, 'pay')).rejects.toMatchObject({ code: 'params.invalid' });
    expect((await world.entries(id)).at(-1)).toMatchObject({ kind: 'outcome', state: { ended: null } });
  });

  test('the earlier run’s own lock is no reason', async () => {
    const world = setup();
    world.behave = () => ({ status: 'failed' });
    const id = await world.start(lockedBook(['one']));
    await world.engine.advance(id, request);
    expect(await go(world, id, 'take')).toMatchObject({ view: { instanceId: 'i1.2' } });
  });
});

describe('the lock of a continuation goes over before the earlier run ends', () => {
  const book = runbookOf(
    names.map((name) => ({ name })),
    { concurrency: ['one'] },
  );
  const lockedRun = async () => {
    const { world, once } = watched();
    world.behave = () => ({ status: 'failed' });
    const id = await world.start(book);
    await world.engine.advance(id, request);
    world.behave = () => ({ status: 'completed', output: '{}' });
    return { world, id, once };
  };
  const startOther = (world: World, instanceId = 'other') =>
    world.engine.start({ runbookId: 'demo', params: {}, instanceId, by: alice });
  const isOf = (instanceId: string) => (command: Parameters<typeof isEntry>[0]) =>
    isEntry(command) && command.item?.instanceId === instanceId;
  const heldBy = (holder: string) => ({ code: 'concurrency.held', details: { holder } });

  test('nobody takes it in between: not before the earlier run has ended, and not after', async () => {
    const { world, id, once } = await lockedRun();
    const told: unknown[] = [];
    const ask = async (): Promise<void> => {
      told.push(await startOther(world).catch((error: unknown) => error));
    };
    once(isOf(id), async () => {
      await ask();
      once(isOf('i1.2'), ask);
    });
    expect(await go(world, id, 'take')).toMatchObject({ created: true, view: { instanceId: 'i1.2' } });
    expect(told).toMatchObject([heldBy('i1'), heldBy('i1.2')]);
    await expect(startOther(world)).rejects.toMatchObject(heldBy('i1.2'));
  });

  test('a continuation that is refused after all leaves the lock with the earlier run, for as long as that goes on', async () => {
    const { world, id, once } = await lockedRun();
    once(isOf(id), async () => {
      await world.engine.verdict(id, { seq: 1, verdict: 'retry', reason: 'mended', by: alice });
    });
    await expect(go(world, id, 'take')).rejects.toMatchObject({ code: 'continue.refused' });
    world.now += 3_600_000;
    await expect(startOther(world)).rejects.toMatchObject(heldBy('i1'));
    // Nor does the id of the continuation get it so.
    await expect(startOther(world, 'i1.2')).rejects.toMatchObject(heldBy('i1'));
    await world.engine.run(id, request);
    expect(await startOther(world)).toMatchObject({ created: true });
    await expect(startOther(world, 'i1.2')).rejects.toMatchObject({ code: 'instance.exists' });
  });

  test('one that died before it ended the earlier run is gone on with by anybody, also when its id was given up', async () => {
    const { world, id, once } = await lockedRun();
    once(isOf(id), () => new Promise(() => {}));
    void go(world, id, 'take');
    await new Promise((resolve) => setImmediate(resolve));
    expect(await world.ports.locks.newest('one')).toMatchObject({ instanceId: 'i1.2', after: 'i1' });
    world.now += 3_600_000;
    await expect(startOther(world)).rejects.toMatchObject(heldBy('i1'));
    expect(await go(world, id, 'take')).toMatchObject({ created: true, view: { instanceId: 'i1.2' } });
    await expect(startOther(world)).rejects.toMatchObject(heldBy('i1.2'));
  });

  test('one that died after it is given up after a minute, and the next begins as .3', async () => {
    const { world, id, once } = await lockedRun();
    once(isOf('i1.2'), () => new Promise(() => {}));
    void go(world, id, 'take');
    await new Promise((resolve) => setImmediate(resolve));
    expect((await world.entries(id)).at(-1)?.state.ended).toBe('cancelled');
    await expect(startOther(world)).rejects.toMatchObject(heldBy('i1.2'));
    world.now += 60_000;
    await startOther(world);
    await world.engine.cancel('other', 'over', alice);
    expect(await go(world, id, 'take')).toMatchObject({ created: true, view: { instanceId: 'i1.3' } });
  });

  test('where the continuation asks for another lock, that one is free again when it is refused', async () => {
    const { world, id, once } = await lockedRun();
    await world.engine.publish(JSON.stringify({ ...book, concurrency: ['two'] }), alice);
    once(isOf(id), async () => {
      await world.engine.verdict(id, { seq: 1, verdict: 'retry', reason: 'mended', by: alice });
    });
    await expect(go(world, id, 'take')).rejects.toMatchObject({ code: 'continue.refused' });
    world.now += 60_000;
    expect(await startOther(world)).toMatchObject({ created: true });
  });
});

describe('a continuation that loses a race after it ended the earlier run is told so', () => {
  test('somebody else continued it at another cell', async () => {
    const { world, once } = watched();
    world.behave = ({ step }) => ({ status: step.cell === 'pay' ? 'failed' : 'completed', output: '{}' });
    const id = await world.start(book());
    await world.engine.advance(id, all);
    once(
      (command) => isEntry(command) && command.item?.instanceId === 'i1.2',
      () => go(world, id, 'check', { continues: { instanceId: id, at: 'check', reason: 'from there' } }),
    );
    await expect(go(world, id, 'pay')).rejects.toMatchObject({
      code: 'instance.exists',
      message: expect.stringContaining('i1 was ended for it all the same'),
      details: { ended: 'i1' },
    });
    // The other one ended nothing, and is told nothing of it.
    await expect(go(world, id, 'pay')).rejects.toMatchObject({
      code: 'instance.exists',
      message: expect.not.stringContaining('all the same'),
    });
  });

  test('its own id was given up while it began: it goes on under the next one', async () => {
    const { world, once } = watched();
    world.behave = () => ({ status: 'failed' });
    const id = await world.start(book({}, ['take']));
    await world.engine.advance(id, request);
    const from = { instanceId: 'i1.2', token: 'f'.repeat(32), by: bob, atMs: world.now };
    once(
      (command) => isEntry(command) && command.item?.instanceId === 'i1.2',
      () => world.ports.journal.putOnce(seal(null, { kind: 'cancelled', reason: 'never started' }, from)),
    );
    expect(await go(world, id, 'take')).toMatchObject({ created: true, view: { instanceId: 'i1.3' } });
  });
});

describe('an id that says something else for ever is passed over', () => {
  test('another run of that name', async () => {
    const { world, id } = await halted();
    await world.engine.start({ runbookId: 'demo', params: {}, instanceId: 'i1.2', by: alice });
    expect(await go(world, id, 'pay')).toMatchObject({ created: true, view: { instanceId: 'i1.3' } });
    expect(await go(world, id, 'pay')).toMatchObject({ created: false, view: { instanceId: 'i1.3' } });
  });

  test('a start that was given up because it never began', async () => {
    const { world, id } = await halted(
      runbookOf(
        names.map((name) => ({ name })),
        { concurrency: ['one'] },
      ),
    );
    const lock = { lock: 'one', revision: 1, instanceId: 'i1.2', token: 'f'.repeat(32), atMs: world.now };
    await world.ports.locks.putOnce(lock);
    world.now += 61_000;
    await world.engine.start({ runbookId: 'demo', params: {}, instanceId: 'other', by: alice });
    await world.engine.cancel('other', 'over', alice);
    expect(await go(world, id, 'pay')).toMatchObject({ created: true, view: { instanceId: 'i1.3' } });
  });
});

test('a cell whose body completed, and only not as expected, begins again for a reason alone: its key is a new one', async () => {
  const world = setup();
  const id = await world.start(runbookOf([{ expect: [fail] }, {}]));
  await world.engine.advance(id, request);
  await expect(go(world, id, 'c0')).rejects.toMatchObject({ code: 'continue.refused', details: { cell: 'c0' } });
  expect((await world.entries(id)).at(-1)).toMatchObject({ kind: 'outcome' });
  const continues = { instanceId: id, at: 'c0', reason: 'it was paid back' };
  expect(await go(world, id, 'c0', { continues })).toMatchObject({ view: { instanceId: 'i1.2' } });
});

describe('a cell that may have happened begins again for a reason alone: its key is a new one', () => {
  const gone = 5_000 + 15_000;
  const asksWhy = async (world: World, id: string): Promise<void> => {
    const refusal = { code: 'continue.refused', details: { cell: 'c0' }, message: expect.stringContaining('--reason') };
    await expect(go(world, id, 'c0')).rejects.toMatchObject(refusal);
    await expect(go(world, id, 'c0', { continues: { instanceId: id, at: 'c0', reason: ' ' } })).rejects.toMatchObject(
      refusal,
    );
    const continues = { instanceId: id, at: 'c0', reason: 'the bank knows nothing of it' };
    expect(await go(world, id, 'c0', { continues })).toMatchObject({ created: true });
  };
  /** Its first attempt vanished, and its policy permits another one. */
  const interrupted = async (over: object = {}, answer?: CellResult): Promise<{ world: World; id: string }> => {
    const world = setup();
    if (answer !== undefined) world.behave = () => answer;
    const id = await world.start(runbookOf([{ interrupted: 'retry', ...over }, {}]));
    const lost = createEngine({ ...world.ports, execute: () => new Promise(() => {}) });
    void lost.advance(id, { ...request, by: bob });
    await new Promise((resolve) => setTimeout(resolve, 20));
    world.now = T0 + gone;
    await world.engine.advance(id, { ...request, maxCells: 0 });
    return { world, id };
  };

  test('interrupted, then failed', async () => {
    const { world, id } = await interrupted();
    world.behave = () => ({ status: 'failed' });
    expect((await world.engine.advance(id, request)).result).toBe('halted');
    await asksWhy(world, id);
  });

  test('interrupted, and cancelled before it was tried again', async () => {
    const { world, id } = await interrupted();
    await world.engine.cancel(id, 'stop', alice);
    await asksWhy(world, id);
  });

  test('interrupted, lapsed, and left undecided until somebody decides', async () => {
    const { world, id } = await interrupted({ keyWindowMs: 60_000 });
    world.now = T0 + 3_600_000;
    expect((await world.engine.advance(id, request)).result).toBe('in_doubt');
    await expect(go(world, id, 'c0')).rejects.toMatchObject({
      code: 'continue.refused',
      message: expect.stringContaining('in doubt'),
    });
    await world.engine.verdict(id, { seq: 3, verdict: 'failed', reason: 'it did not happen', by: alice });
    // A named person has said so, with a reason.
    expect(await go(world, id, 'c0')).toMatchObject({ created: true });
  });

  test('completed not as expected, then failed', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{ expect: [fail] }, {}]));
    await world.engine.advance(id, request);
    await world.engine.verdict(id, { seq: 1, verdict: 'retry', reason: 'once more', by: alice });
    world.behave = () => ({ status: 'failed' });
    expect((await world.engine.advance(id, request)).result).toBe('halted');
    await asksWhy(world, id);
  });

  test('ended by itself, with an output that cannot be read', async () => {
    const world = setup();
    world.behave = () => ({ status: 'completed', output: 'paid 5 EUR' });
    const id = await world.start(runbookOf([{}, {}]));
    expect((await world.engine.advance(id, request)).result).toBe('halted');
    await asksWhy(world, id);
  });

  test('a probe found it done, and not as expected', async () => {
    const world = setup();
    world.behave = ({ body }) =>
      'code' in body && body.code === 'probe'
        ? { status: 'completed', output: '{"answer":"done"}' }
        : { status: 'unknown' };
    const id = await world.start(runbookOf([{ interrupted: 'probe', probe, expect: [fail] }, {}]));
    world.now = T0 + gone;
    expect((await world.engine.run(id, request)).result).toBe('halted');
    await asksWhy(world, id);
  });

  test('permitted under a fresh key, which failed: what was under the key before may have happened', async () => {
    const { world, id } = await interrupted({ interrupted: 'hold' });
    await world.engine.verdict(id, { seq: 1, verdict: 'retry', freshKey: true, reason: 'once more', by: alice });
    world.behave = () => ({ status: 'failed' });
    expect((await world.engine.advance(id, request)).result).toBe('halted');
    await asksWhy(world, id);
  });

  test('also where the new version calls it otherwise: nobody can tell that it is another one', async () => {
    const { world, id } = await interrupted();
    world.behave = () => ({ status: 'failed' });
    await world.engine.advance(id, request);
    await world.engine.publish(JSON.stringify(runbookOf([{ name: 'pay' }, {}])), alice);
    await expect(go(world, id, 'pay')).rejects.toMatchObject({ code: 'continue.refused', details: { cell: 'c0' } });
  });

  test('a known failure, and an attempt that a probe did not find, need no reason', async () => {
    const world = setup();
    world.behave = () => ({ status: 'failed' });
    const id = await world.start(runbookOf([{}, {}]));
    await world.engine.advance(id, request);
    expect(await go(world, id, 'c0')).toMatchObject({ created: true });
    const notDone = { status: 'completed', output: '{"answer":"not-done"}' } as const;
    const again = await interrupted({ interrupted: 'probe', probe, settleMs: 0 }, notDone);
    again.world.now += 5_000;
    again.world.behave = () => ({ status: 'failed' });
    expect((await again.world.engine.advance(again.id, request)).result).toBe('halted');
    expect(await go(again.world, again.id, 'c0')).toMatchObject({ created: true });
  });
});

describe('what happened in any run of its line begins again for a reason alone', () => {
  test('a reason is used up by the run it was given for: the next continuation asks anew', async () => {
    const { world, id } = await halted(book());
    // `check` was done in i1; with a reason it runs again in i1.2, where it fails for known.
    await go(world, id, 'check', { continues: { instanceId: id, at: 'check', reason: 'wrong account' } });
    world.behave = () => ({ status: 'failed' });
    expect((await world.engine.run('i1.2', request)).result).toBe('halted');
    const refusal = { code: 'continue.refused', details: { cell: 'check' } };
    await expect(go(world, 'i1.2', 'check')).rejects.toMatchObject(refusal);
  });

  test('a cell that was done is one that happened, whatever its name is in the new version', async () => {
    const { world, id } = await halted(book({}, ['take', 'verify', 'pay', 'tell']));
    // `check` was done and is called `verify` now.
    await expect(go(world, id, 'verify')).rejects.toMatchObject({ code: 'continue.refused' });
  });
});
