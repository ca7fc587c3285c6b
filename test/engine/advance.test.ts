import { describe, expect, test } from 'vitest';
import { type CellResult, createEngine, type Entry, PawlError } from '../../src/engine/index.ts';
import type { StoreClient } from '../../src/store/access.ts';
import { createTables } from '../../src/testing/tables.ts';
import type { Command } from '../support/operations.ts';
import { broken, fail, pass, runbookOf } from './runbooks.ts';
import { alice, bob, isEntry, setup, T0, type World, watched } from './world.ts';

const request = { budgetMs: 60_000, by: alice };
const kinds = (entries: Entry[]): string[] =>
  entries.map((entry) => (entry.kind === 'outcome' ? `${entry.status}>${entry.then}` : entry.kind));
const manual = { name: 'look', body: { kind: 'manual' as const, instructions: ['Look.'] } };

describe('advance moves an instance forward, one reservation at a time', () => {
  test('one cell: reserved, run, recorded; the view follows', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, {}]));
    const answer = await world.engine.advance(id, { ...request, expectedSeq: 0 });
    expect(answer.result).toBe('advanced');
    expect(answer.steps).toEqual([
      { cell: 'c0', seq: 1, status: 'completed', then: 'next', attempt: 1, durationMs: 0, error: null, recorded: true },
    ]);
    expect(kinds(await world.entries(id))).toEqual(['started', 'reserved', 'completed>next']);
    expect(answer.view).toMatchObject({ seq: 2, status: 'ready', cell: 'c1', cellsDone: 1, cells: 2 });
    expect(await world.ports.views.get(id)).toEqual(answer.view);
  });

  test('the cell gets its key, its attempt, its seq as fence and its deadline', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}]));
    await world.engine.advance(id, request);
    expect(world.begun[0]?.step).toEqual({
      instanceId: 'i1',
      runbookId: 'demo',
      version: 1,
      cell: 'c0',
      seq: 1,
      visit: 1,
      attempt: 1,
      idempotencyKey: 'test/5707e1d0aaaa/i1/c0/1',
      deadlineAtMs: T0 + 5_000,
    });
  });

  test('the trace of whoever asked stands in the entries and reaches the cell', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, {}]));
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await world.engine.advance(id, { ...request, by: { ...alice, trace } });
    await world.engine.advance(id, request);
    expect(world.begun.map((input) => input.trace)).toEqual([trace, undefined]);
    expect((await world.entries(id)).map((entry) => entry.by.trace)).toEqual([
      undefined,
      trace,
      trace,
      undefined,
      undefined,
    ]);
    const forged = { ...alice, trace: '00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01' };
    await expect(world.engine.cancel(id, 'x', forged)).rejects.toThrow();
  });

  test('run goes to the end, and a run without expectations is never called passed', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, {}, {}]));
    const answer = await world.engine.run(id, request);
    expect(answer).toMatchObject({
      result: 'completed',
      verdict: 'completed procedurally',
      coverage: { declared: 0, cells: 3 },
    });
    expect(answer.view).toMatchObject({ status: 'completed', cell: null, dueAtMs: null, drive: 'auto' });
  });

  test('outputs reach the cells that read them, across calls', async () => {
    const world = setup();
    world.behave = (input) => ({
      status: 'completed',
      output: `{"from":"${input.step.cell}","big":12345678901234567890}`,
    });
    const id = await world.start(runbookOf([{}, {}, { reads: ['c0'] }, { reads: 'all' }]));
    for (let i = 0; i < 4; i += 1) await world.engine.advance(id, request);
    expect(world.begun.map((input) => Object.keys(input.outputs))).toEqual([[], [], ['c0'], ['c0', 'c1', 'c2']]);
    expect(world.begun[2]?.outputs.c0).toBe('{"from":"c0","big":12345678901234567890}');
  });

  test('an output over 8 KB stands beside the chain and is read back whole; one over 5 MB is cut, and its reader refused', async () => {
    const world = setup();
    const large = JSON.stringify('x'.repeat(100_000));
    world.behave = (input) => ({
      status: 'completed',
      output: input.step.cell === 'c0' ? large : JSON.stringify('y'.repeat(5 * 1024 * 1024)),
    });
    const id = await world.start(runbookOf([{}, { reads: ['c0'] }, { reads: ['c1'] }]));
    await world.engine.run(id, request);
    expect(world.begun[1]?.outputs.c0).toBe(large);
    const outcomes = (await world.entries(id)).filter((entry) => entry.kind === 'outcome');
    expect(outcomes[0]?.output).toMatchObject({ kind: 'stored', bytes: 100_002 });
    expect(outcomes[1]).toMatchObject({
      status: 'completed',
      output: { kind: 'truncated', bytes: 5_242_882, limitBytes: 5_242_880 },
      error: {
        code: 'output.truncated',
        message: 'The output has 5242882 bytes; outputBytesMax is 5242880. Only its beginning is kept.',
      },
    });
    expect(world.begun).toHaveLength(2);
    expect(outcomes[2]).toMatchObject({
      cell: 'c2',
      closes: null,
      status: 'failed',
      then: 'halt',
      error: {
        code: 'inputs.unresolvable',
        message: expect.stringContaining('The output of cell c1 cannot be read. The output has 5242882 bytes'),
      },
    });
  });

  test('an output that was cut on its way is not taken for a whole one, however small it is', async () => {
    const world = setup();
    world.behave = () => ({ status: 'completed', output: '[1,2,3', outputBytes: 4_800_000 });
    const id = await world.start(runbookOf([{}, { reads: 'all' }]));
    await world.engine.run(id, request);
    const outcomes = (await world.entries(id)).filter((entry) => entry.kind === 'outcome');
    expect(outcomes[0]).toMatchObject({
      output: { kind: 'truncated', bytes: 4_800_000, limitBytes: 5_900_000, head: '[1,2,3' },
      error: { message: expect.stringContaining('remotePayloadBytesMax is 5900000') },
    });
    expect(outcomes[1]).toMatchObject({ then: 'halt', error: { code: 'inputs.unresolvable' } });
    expect(world.begun).toHaveLength(1);
  });

  test('an expectation over an output that was cut cannot be evaluated, and says why', async () => {
    const world = setup();
    world.behave = () => ({ status: 'completed', output: '"xxx', outputBytes: 6_000_000 });
    const status = { source: 'status == "completed"', line: 1 };
    const id = await world.start(runbookOf([{ expect: [status, broken] }]));
    await world.engine.advance(id, request);
    expect((await world.entries(id))[2]).toMatchObject({
      then: 'halt',
      expectations: [{ result: 'pass' }, { result: 'error', message: expect.stringContaining('6000000 bytes') }],
    });
  });

  test('an output that the store does not take leaves its cell unsatisfied, and its readers are refused after a verdict', async () => {
    const world = setup();
    world.ports.journal.putOutput = () => Promise.reject(new PawlError('store.unavailable', 'throttled'));
    world.engine = createEngine(world.ports);
    const large = JSON.stringify('x'.repeat(100_000));
    world.behave = () => ({ status: 'completed', output: large });
    const id = await world.start(runbookOf([{ retryMax: 3, expect: [pass] }, { reads: ['c0'] }]));
    expect((await world.engine.run(id, request)).result).toBe('halted');
    expect((await world.entries(id))[3]).toMatchObject({
      status: 'completed',
      then: 'halt',
      output: { kind: 'truncated', bytes: 100_002, limitBytes: 0 },
      error: { message: expect.stringContaining('the store did not take it') },
    });
    expect(world.begun).toHaveLength(1);
  });

  test.each([{}, { retryMax: 2 }, { retryMax: 2, retryOn: 'unexpected', expect: [fail] }, { optional: true }] as const)(
    'what completed with an output that cannot be read halts, and is never repeated: %o',
    async (cell) => {
      const world = setup();
      world.behave = () => ({ status: 'completed', output: '{"a":' });
      const id = await world.start(runbookOf([cell as object, {}]));
      const answer = await world.engine.run(id, request);
      expect(answer).toMatchObject({ result: 'halted' });
      expect(answer.steps).toMatchObject([{ status: 'completed', then: 'halt', error: { code: 'output.invalid' } }]);
      expect(world.begun).toHaveLength(1);
    },
  );

  test("a failure is its author's own word, whatever was left as its output", async () => {
    const world = setup();
    world.behave = () => ({ status: 'failed', output: '{"a":', error: { code: 'cell.exit', message: 'exit 1' } });
    const id = await world.start(runbookOf([{ retryMax: 1 }]));
    await world.engine.run(id, request);
    expect(kinds(await world.entries(id)).slice(2)).toEqual(['reserved', 'failed>retry', 'reserved', 'failed>halt']);
  });

  test('an executor that throws leaves the step unknown, never failed', async () => {
    const world = setup();
    world.behave = () => Promise.reject(new Error('defect'));
    const id = await world.start(runbookOf([{}]));
    expect(await world.engine.advance(id, request)).toMatchObject({
      result: 'in_doubt',
      steps: [{ status: 'unknown', then: 'halt' }],
    });
  });
});

describe('what satisfies a cell', () => {
  const one = async (cell: object, result: CellResult) => {
    const world = setup();
    world.behave = () => result;
    const id = await world.start(runbookOf([cell, {}]));
    const answer = await world.engine.advance(id, request);
    return { step: answer.steps[0], result: answer.result, entries: await world.entries(id) };
  };

  test('a predicted failure counts as success', async () => {
    const ran = await one({ expect: [{ source: 'exitCode == 3', line: 1 }] }, { status: 'failed', exitCode: 3 });
    expect(ran.step).toMatchObject({ status: 'failed', then: 'next' });
  });
  test('a completed cell whose expectation fails halts', async () => {
    const ran = await one({ expect: [pass, fail] }, { status: 'completed' });
    expect(ran).toMatchObject({ result: 'halted', step: { status: 'completed', then: 'halt' } });
    expect(ran.entries.at(-1)).toMatchObject({
      expectations: [
        { source: 'true', result: 'pass' },
        { source: 'false', result: 'fail' },
      ],
    });
  });
  test('an expectation that cannot be evaluated is an error, not a pass', async () => {
    const ran = await one({ expect: [broken] }, { status: 'completed' });
    expect(ran.entries.at(-1)).toMatchObject({
      then: 'halt',
      expectations: [{ result: 'error', message: 'broken on purpose' }],
    });
  });
  test('optional forgives failed, and what is forgiven is counted', async () => {
    const ran = await one({ optional: true }, { status: 'failed' });
    expect(ran.step).toMatchObject({ status: 'failed', then: 'next' });
    expect(ran.entries.at(-1)?.state.counters.forgiven).toBe(1);
  });
  test('optional never forgives doubt, and expectations are not evaluated for it', async () => {
    const ran = await one({ optional: true, expect: [pass] }, { status: 'unknown' });
    expect(ran).toMatchObject({ result: 'in_doubt', step: { status: 'unknown', then: 'halt' } });
    expect(ran.entries.at(-1)).toMatchObject({ expectations: [{ result: 'skipped' }] });
  });
  test('what was overridden or forgiven proves nothing: such a run is not called passed', async () => {
    const world = setup();
    const overridden = await world.start(runbookOf([{ expect: [fail] }]));
    await world.engine.advance(overridden, request);
    await world.engine.verdict(overridden, { seq: 1, verdict: 'succeeded', reason: 'seen by eye', by: bob });
    const forgiven = await world.start(runbookOf([{ expect: [fail], optional: true }]), 'i2');
    const counts = { [overridden]: { overridden: 1, forgiven: 0 }, [forgiven]: { overridden: 0, forgiven: 1 } };
    for (const [id, counted] of Object.entries(counts)) {
      expect(await world.engine.run(id, request)).toMatchObject({
        verdict: 'completed procedurally',
        coverage: { declared: 0, cells: 1, ...counted },
      });
    }
  });

  test('what a person overrode is told as such also where the step was still open: nobody forgave it', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{ expect: [fail] }]));
    void createEngine({ ...world.ports, execute: () => new Promise(() => {}) }).advance(id, request);
    await expect.poll(async () => (await world.entries(id)).length).toBe(2);
    world.now = T0 + 20_000;
    await world.engine.verdict(id, { seq: 1, verdict: 'succeeded', reason: 'seen by eye', by: bob });
    const { coverage } = await world.engine.run(id, request);
    expect(coverage).toEqual({ declared: 0, cells: 1, forgiven: 0, skipped: 0, overridden: 1 });
    expect((await world.engine.inspect(id, alice)).cells).toMatchObject([
      { state: 'completed', closedBy: 'person', verdict: { verdict: 'succeeded', actor: 'bob' } },
    ]);
  });

  test('what completed and is not as expected is told so, halted and forgiven', async () => {
    for (const optional of [false, true]) {
      const world = setup();
      const id = await world.start(runbookOf([{ expect: [fail], optional }]));
      await world.engine.advance(id, request);
      expect((await world.engine.inspect(id, alice)).cells[0]?.state).toBe('completed, not as expected');
    }
  });

  test('a run whose cells declared expectations that all pass has passed', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{ expect: [pass] }, {}]));
    expect(await world.engine.run(id, request)).toMatchObject({
      verdict: 'passed',
      coverage: { declared: 1, cells: 2 },
    });
  });
});

describe('cells without effects take one outcome and no reservation', () => {
  test('a false `when` skips; a skipped cell has no output', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{ when: fail }, { reads: ['c0'] }]));
    const answer = await world.engine.advance(id, request);
    expect(answer.steps.map((s) => [s.cell, s.status])).toEqual([
      ['c0', 'skipped'],
      ['c1', 'completed'],
    ]);
    expect(kinds(await world.entries(id))).toEqual(['started', 'skipped>next', 'reserved', 'completed>next']);
    expect(world.begun[0]?.outputs).toEqual({});
  });
  test('assert passes or halts', async () => {
    const world = setup();
    const id = await world.start(
      runbookOf([{ body: { kind: 'assert', expressions: [pass] } }, { body: { kind: 'assert', expressions: [fail] } }]),
    );
    expect(await world.engine.run(id, request)).toMatchObject({ result: 'halted', verdict: 'halted' });
    expect(kinds(await world.entries(id))).toEqual(['started', 'control', 'completed>next', 'completed>halt']);
  });
  test('end stops green when its `when` is true, and is skipped otherwise', async () => {
    const world = setup();
    const id = await world.start(
      runbookOf([{ body: { kind: 'end' }, when: fail }, { body: { kind: 'end' }, when: pass }, {}]),
    );
    expect(await world.engine.run(id, request)).toMatchObject({
      result: 'completed',
      view: { status: 'completed', cellsDone: 2 },
    });
    expect(world.begun).toEqual([]);
  });
  test('a `when` that cannot be evaluated fails the cell before anything runs', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{ when: broken }]));
    expect(await world.engine.advance(id, request)).toMatchObject({
      result: 'halted',
      steps: [{ status: 'failed', error: { code: 'when.error' } }],
    });
    expect(world.begun).toEqual([]);
  });
});

describe('retries after a known failure', () => {
  test('as many as `retry` says, with the attempt and the same key, then a halt', async () => {
    const world = setup();
    world.behave = () => ({ status: 'failed', error: { code: 'cell.exit', message: 'exit 1' } });
    const id = await world.start(runbookOf([{ retryMax: 2 }]));
    expect(await world.engine.run(id, request)).toMatchObject({ result: 'halted' });
    expect(world.begun.map((i) => [i.step.seq, i.step.attempt, i.step.idempotencyKey])).toEqual([
      [2, 1, 'test/5707e1d0aaaa/i1/c0/1'],
      [4, 2, 'test/5707e1d0aaaa/i1/c0/1'],
      [6, 3, 'test/5707e1d0aaaa/i1/c0/1'],
    ]);
    expect(kinds(await world.entries(id))).toEqual([
      'started',
      'control',
      'reserved',
      'failed>retry',
      'reserved',
      'failed>retry',
      'reserved',
      'failed>halt',
    ]);
  });
  const blocked: CellResult = {
    status: 'failed',
    error: { code: 'http.blocked', message: 'db.internal (10.0.0.1) is not a public address.' },
    unbegun: true,
  };

  test('what was refused before anything began, and would be again, is not tried again: a person has all attempts afterwards', async () => {
    const world = setup();
    world.behave = () => blocked;
    const id = await world.start(runbookOf([{ retryMax: 2 }]));
    expect(await world.engine.run(id, request)).toMatchObject({ result: 'halted' });
    expect(kinds(await world.entries(id)).slice(2)).toEqual(['reserved', 'failed>halt']);
    world.behave = () => ({ status: 'failed', error: { code: 'cell.exit', message: 'exit 1' } });
    await world.engine.verdict(id, { seq: 2, verdict: 'retry', reason: 'mended', by: alice });
    expect(await world.engine.run(id, request)).toMatchObject({ result: 'halted' });
    expect(world.begun.map((i) => [i.step.seq, i.step.attempt])).toEqual([
      [2, 1],
      [5, 1],
      [7, 2],
      [9, 3],
    ]);
    expect(await world.engine.verify(id)).toMatchObject({ intact: true });
  });

  test('refused after an attempt that may have happened it stays in doubt, and interrupted=retry does not repeat it', async () => {
    const world = setup();
    const post = { kind: 'http' as const, method: 'POST', url: ['https://x.test/'], headers: [], body: null };
    world.behave = ({ step }) => (step.seq === 2 ? { status: 'unknown' } : blocked);
    const id = await world.start(runbookOf([{ body: post, interrupted: 'retry', retryMax: 5 }]));
    expect(await world.engine.run(id, request)).toMatchObject({ result: 'in_doubt' });
    expect(kinds(await world.entries(id)).slice(2)).toEqual([
      'reserved',
      'unknown>halt',
      'resolved',
      'reserved',
      'unknown>halt',
    ]);
    const [last] = (await world.entries(id)).slice(-1);
    expect(last?.state).toMatchObject({ attempt: 1, halted: { doubt: true, unbegun: true } });
  });

  test('an `optional` cell that is refused so is forgiven, and an expected refusal is as expected', async () => {
    const world = setup();
    world.behave = ({ step }) => (step.cell === 'c2' ? { status: 'completed' } : blocked);
    const id = await world.start(runbookOf([{ retryMax: 2, optional: true }, { retryMax: 2, expect: [pass] }, {}]));
    expect(await world.engine.run(id, request)).toMatchObject({ result: 'completed' });
    expect(world.begun.map((i) => i.step.cell)).toEqual(['c0', 'c1', 'c2']);
  });

  test('a retry that was permitted in time, and is looked at after the key window, is left to a person (scenario 34)', async () => {
    const world = setup();
    world.behave = () => ({ status: 'failed' });
    const id = await world.start(runbookOf([{ retryMax: 5, keyWindowMs: 3_600_000 }]));
    await world.engine.advance(id, request);
    expect((await world.entries(id))[2]).toMatchObject({ then: 'retry', permission: { kind: 'retry' } });
    world.now = T0 + 6 * 3_600_000;
    expect(await world.engine.run(id, request)).toMatchObject({ result: 'halted', stop: { seq: 4 } });
    expect((await world.entries(id))[4]).toMatchObject({
      status: 'failed',
      then: 'halt',
      error: { code: 'key.lapsed' },
    });
    expect(world.begun).toHaveLength(1);
    // A person decides in the knowledge of the time, and buys one attempt.
    await world.engine.verdict(id, { seq: 4, verdict: 'retry', reason: 'the key is not needed', by: alice });
    await world.engine.run(id, request);
    expect(world.begun).toHaveLength(2);
  });
  test('after the key window nothing is retried', async () => {
    const world = setup();
    world.behave = () => {
      world.now += 3_000;
      return { status: 'failed' };
    };
    const id = await world.start(runbookOf([{ retryMax: 5, keyWindowMs: 2_000 }]));
    await world.engine.run(id, request);
    expect(world.begun).toHaveLength(1);
  });
});

describe('a manual cell parks until somebody records it', () => {
  test('parked, done, on to the next', async () => {
    const world = setup();
    const id = await world.start(runbookOf([manual, {}]));
    expect(await world.engine.run(id, request)).toMatchObject({
      result: 'parked',
      stop: { cell: 'look' },
      view: { status: 'waiting' },
    });
    const { view } = await world.engine.done(id, 'look', { result: 'done', note: 'all green', by: bob });
    expect(view).toMatchObject({ status: 'ready', cell: 'c1' });
    const [outcome] = (await world.entries(id)).filter((e) => e.kind === 'outcome');
    expect(outcome).toMatchObject({
      closedBy: 'person',
      note: 'all green',
      by: bob,
      output: { text: '{"result":"done","note":"all green","by":"bob"}' },
    });
    expect((await world.engine.run(id, request)).result).toBe('completed');
  });
  test('recorded as failed, it halts', async () => {
    const world = setup();
    const id = await world.start(runbookOf([manual, {}]));
    await world.engine.advance(id, request);
    expect((await world.engine.done(id, 'look', { result: 'failed', note: 'red', by: bob })).view.status).toBe(
      'halted',
    );
  });
  test('an answer that its expect refuses is refused at the door: nothing is written, and another one is taken', async () => {
    const world = setup();
    const asks = { ...manual, expect: [{ source: 'output.note == "green"', line: 1 }] };
    const id = await world.start(runbookOf([asks, {}]));
    await world.engine.run(id, request);
    const before = await world.entries(id);
    await expect(world.engine.done(id, 'look', { result: 'done', note: 'dont know', by: bob })).rejects.toMatchObject({
      code: 'answer.refused',
      message: expect.stringContaining('`output.note == "green"` does not hold'),
      details: { cell: 'look', expectations: [{ result: 'fail' }] },
    });
    expect(await world.entries(id)).toEqual(before);
    await world.engine.done(id, 'look', { result: 'done', note: 'green', by: bob });
    const [cell] = (await world.engine.inspect(id, alice)).cells;
    expect(cell).toMatchObject({ state: 'completed', closedBy: 'person', verdict: null });
  });

  test('that it failed can be recorded whatever it expects', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{ ...manual, expect: [fail] }, {}]));
    await world.engine.advance(id, request);
    const { view } = await world.engine.done(id, 'look', { result: 'failed', note: 'red', by: bob });
    expect(view.status).toBe('halted');
  });

  test('a cell that does not wait is refused, naming what does', async () => {
    const world = setup();
    const id = await world.start(runbookOf([manual, {}]));
    const done = { result: 'done', note: 'x', by: bob } as const;
    await expect(world.engine.done(id, 'look', done)).rejects.toMatchObject({ code: 'cell.notWaiting' });
    await world.engine.advance(id, request);
    await expect(world.engine.done(id, 'c1', done)).rejects.toMatchObject({
      code: 'cell.notWaiting',
      message: expect.stringContaining('it waits for look'),
    });
    await expect(world.engine.done(id, 'look', { ...done, note: ' ' })).rejects.toMatchObject({
      code: 'request.invalid',
    });
  });
});

describe('many callers at once', () => {
  test('50 advances that name the same seq: one runs the cell, the others are told and run nothing (I4)', async () => {
    const world = setup();
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    world.behave = async () => {
      await held;
      return { status: 'completed' };
    };
    const id = await world.start(runbookOf([{}, {}]));
    const calls = Array.from({ length: 50 }, () =>
      world.engine.advance(id, { ...request, expectedSeq: 0 }).then(
        (a) => a.result,
        (error: { code: string }) => error.code,
      ),
    );
    const losers = Promise.all(calls).then((results) => results.sort());
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(world.begun).toHaveLength(1);
    release();
    expect((await losers).filter((r) => r === 'advanced')).toHaveLength(1);
    expect(new Set(await losers)).toEqual(new Set(['advanced', 'in_flight']));
    expect(world.begun).toHaveLength(1);
  });

  test('a stale seq is refused with the present view, before anything else is said', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, {}]));
    await world.engine.advance(id, request);
    const stale = world.engine.advance(id, { ...request, expectedSeq: 0, cell: 'c0' });
    await expect(stale).rejects.toMatchObject({ code: 'seq.stale', details: { seq: 2, view: { seq: 2, cell: 'c1' } } });
  });

  test('whoever named a seq and lost the slot does not run the cell after it', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, {}]));
    // The rival goes through the whole first cell between this call's load and its put.
    let raced = false;
    const arm = world.ports.marks.arm;
    const rival = setup(undefined, world.tables);
    const engineMarks = {
      ...world.ports.marks,
      arm: async (...args: Parameters<typeof arm>) => {
        if (!raced) {
          raced = true;
          await rival.engine.advance(id, { ...request, by: bob });
        }
        return await arm(...args);
      },
    };
    const engine = createEngine({ ...world.ports, marks: engineMarks });
    await expect(engine.advance(id, { ...request, expectedSeq: 0 })).rejects.toMatchObject({ code: 'seq.stale' });
    expect(world.begun).toEqual([]);
    expect(rival.begun).toHaveLength(1);
  });
});

describe('what the simulation found: a refusal is told only by a call of which nothing stands (I10)', () => {
  /** An engine whose first arm lets somebody else go first. */
  const after = (world: World, act: (rival: World) => Promise<unknown>) => {
    const rival = setup(undefined, world.tables);
    rival.now = world.now;
    let done = false;
    const { marks } = world.ports;
    const arm: typeof marks.arm = async (...args) => {
      if (!done) {
        done = true;
        await act(rival);
      }
      return await marks.arm(...args);
    };
    return createEngine({ ...world.ports, marks: { ...marks, arm } });
  };

  test('whoever named a seq does not change the drive after somebody else moved on', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, {}]));
    const engine = after(world, (rival) => rival.engine.advance(id, { ...request, by: bob }));
    const push = { ...request, expectedSeq: 0, drive: 'auto' } as const;
    await expect(engine.advance(id, push)).rejects.toMatchObject({ code: 'seq.stale' });
    expect(kinds(await world.entries(id))).toEqual(['started', 'reserved', 'completed>next']);
  });

  test('whoever named a cell and closed its interruption is told where it stands, not that the cell is done', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{ interrupted: 'continue' }]));
    void createEngine({ ...world.ports, execute: () => new Promise(() => {}) }).advance(id, { ...request, by: bob });
    await expect.poll(async () => (await world.entries(id)).length).toBe(2);
    world.now = T0 + 20_000;
    expect((await world.engine.advance(id, { ...request, cell: 'c0' })).result).toBe('completed');
    expect(kinds(await world.entries(id))).toEqual(['started', 'reserved', 'unknown>next']);
  });

  test('a command that slept past its mark makes the instance due again before it writes', async () => {
    const world = setup();
    world.behave = () => ({ status: 'failed' });
    const id = await world.start(runbookOf([{}]));
    await world.engine.advance(id, request);
    const engine = createEngine({
      ...world.ports,
      marks: {
        ...world.ports.marks,
        arm: async (...args) => {
          const armed = await world.ports.marks.arm(...args);
          // Frozen for five minutes; meanwhile the schedule looks twice, and takes the mark down.
          if (world.now < T0 + 300_000) {
            for (const nowMs of [T0 + 200_000, T0 + 300_000]) {
              world.now = nowMs;
              await world.engine.advance(id, { ...request, explicit: false });
            }
            expect(await world.ports.views.get(id)).toMatchObject({ status: 'halted', dueAtMs: null });
          }
          return armed;
        },
      },
      views: {
        ...world.ports.views,
        save: async () => {
          throw new Error('its view was never saved');
        },
      },
    });
    await engine.verdict(id, { seq: 1, verdict: 'retry', reason: 'the disk is back', by: alice });
    expect(await world.ports.views.get(id)).toMatchObject({ status: 'halted', dueAtMs: T0 + 300_000 + 45_000 });
  });
});

test('a put of the call that got no answer may still land: its mark is not taken down (I7)', async () => {
  const late: (() => void)[] = [];
  const tables = createTables();
  const world = setup(
    (client) => ({
      send: ((command: Command) => {
        const item = command.item;
        if (command.kind !== 'putIf' || item?.seq !== 3) return client.send(command as never);
        late.push(() => tables.execute(command as never));
        return Promise.reject(Object.assign(new Error('socket hang up'), { name: 'TimeoutError' }));
      }) as typeof client.send,
    }),
    tables,
  );
  const id = await world.start(runbookOf([{}, { body: { kind: 'assert', expressions: [pass] } }]));
  const answer = await world.engine.advance(id, { ...request, maxCells: 5 });
  expect(answer).toMatchObject({ result: 'deferred', stop: { why: 'store' }, steps: [{ cell: 'c0' }] });
  late[0]?.();
  expect(kinds(await world.entries(id)).at(-1)).toBe('completed>next');
  // Nobody else knows of that entry: the schedule has to come by.
  expect((await world.ports.views.get(id))?.dueAtMs).toBe(T0 + request.budgetMs + 15_000);
});

test.each([
  ['arming', 'update', false],
  ['a put without an answer', 'putIf', true],
] as const)(
  '%s takes so long that a reservation would be held beyond the call: none is put',
  async (_, slow, isSent) => {
    let sent = 0;
    const world = setup((client) => ({
      send: (async (command: Command) => {
        const isReserving = command.kind === 'putIf' && command.item?.seq === 1;
        if (isReserving) sent += 1;
        if (isReserving || (command.kind === 'update' && slow === 'update' && world.now > T0)) world.now += 58_000;
        if (isReserving) throw Object.assign(new Error('socket hang up'), { name: 'TimeoutError' });
        return await client.send(command as never);
      }) as typeof client.send,
    }));
    const id = await world.start(runbookOf([{ timeoutMs: 2_000 }]));
    world.now += 1;
    const advancing = world.engine.advance(id, request);
    if (isSent) await expect(advancing).rejects.toMatchObject({ code: 'store.unavailable' });
    else expect(await advancing).toMatchObject({ result: 'deferred', stop: { why: 'budget' } });
    expect(sent).toBe(isSent ? 1 : 0);
    expect(world.begun).toEqual([]);
  },
);

test('an instance that is held for its epoch is looked at ever more rarely, by a schedule that comes again and again', async () => {
  const world = setup();
  await world.engine.publish(JSON.stringify(runbookOf([{}, {}])), alice);
  await world.engine.start({ runbookId: 'demo', params: {}, instanceId: 'held', drive: 'auto', by: alice });
  const restored = createEngine({ ...world.ports, deployment: { ...world.ports.deployment, epoch: 1 } });
  const pauses: number[] = [];
  for (let look = 0; look < 8; look += 1) {
    const answer = await restored.advance('held', { ...request, explicit: false });
    expect(answer.stop).toMatchObject({ result: 'halted', why: 'epoch' });
    const dueAtMs = (await world.ports.views.get('held'))?.dueAtMs as number;
    pauses.push(dueAtMs - world.now);
    world.now = dueAtMs;
  }
  expect(pauses[0]).toBeGreaterThanOrEqual(15_000);
  expect(pauses.at(-1)).toBeGreaterThanOrEqual(8 * 60_000);
  // Compared was another journal than the one that stands now.
  await expect(restored.release('held', 'checked', alice, { expectedSeq: 7 })).rejects.toMatchObject({
    code: 'seq.stale',
  });
  // Released, it goes on at once.
  await restored.release('held', 'checked', alice, { expectedSeq: 0 });
  expect((await world.ports.views.get('held'))?.dueAtMs).toBeLessThanOrEqual(world.now);
});

test('a mark that could not be made counts for nothing: the next entry of the call makes it (I7)', async () => {
  const world = setup();
  const id = await world.start(runbookOf([{ interrupted: 'retry' }]));
  world.behave = () => {
    // The sandbox freezes in the cell until long after the mark of its call.
    world.now = T0 + 300_000;
    return { status: 'unknown' };
  };
  const asked: string[] = [];
  const { marks } = world.ports;
  const arm: typeof marks.arm = async (...args) => {
    asked.push((await world.entries(id)).at(-1)?.kind ?? '');
    if (asked.length === 2) throw new PawlError('store.unavailable', 'The store gave no answer.');
    return await marks.arm(...args);
  };
  const engine = createEngine({ ...world.ports, marks: { ...marks, arm } });
  await engine.advance(id, request);
  expect(kinds(await world.entries(id))).toEqual(['started', 'reserved', 'unknown>halt', 'resolved']);
  // Before the reservation; before the outcome, in vain: it is recorded all the same; before what follows it.
  expect(asked).toEqual(['started', 'reserved', 'outcome']);
});

describe('cancelling', () => {
  test('with nothing open: ended at once; again: the same answer', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}]));
    expect(await world.engine.cancel(id, 'wrong region', alice)).toMatchObject({
      view: { status: 'cancelled' },
      mayStillRun: null,
    });
    expect(await world.engine.cancel(id, 'again', bob)).toMatchObject({ view: { status: 'cancelled' } });
    expect((await world.engine.run(id, request)).result).toBe('cancelled');
    expect(world.begun).toEqual([]);
  });
  test('while a step is open: told what may still run; its outcome is recorded and nothing follows (I6)', async () => {
    const world = setup();
    const told: unknown[] = [];
    const id = await world.start(runbookOf([{}, {}]));
    world.behave = async () => {
      told.push((await world.engine.cancel(id, 'stop', bob)).mayStillRun);
      return { status: 'completed' };
    };
    expect(await world.engine.run(id, request)).toMatchObject({
      result: 'cancelled',
      verdict: 'cancelled',
      steps: [{ recorded: true }],
    });
    expect(told).toEqual([{ cell: 'c0', seq: 2, deadlineAtMs: T0 + 5_000 }]);
    expect(kinds(await world.entries(id))).toEqual(['started', 'control', 'reserved', 'cancelled', 'completed>next']);
  });
  test('a completed instance cannot be cancelled', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}]));
    await world.engine.run(id, request);
    await expect(world.engine.cancel(id, 'late', alice)).rejects.toMatchObject({ code: 'instance.finished' });
  });
  test('a reason is asked for', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}]));
    await expect(world.engine.cancel(id, ' ', alice)).rejects.toMatchObject({ code: 'request.invalid' });
  });
});

describe('refusals', () => {
  test('cells that are unknown, out of order, or of a finished instance', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, {}]));
    await expect(world.engine.advance(id, { ...request, cell: 'nope' })).rejects.toMatchObject({
      code: 'cell.unknown',
    });
    await expect(world.engine.advance(id, { ...request, cell: 'c1' })).rejects.toMatchObject({
      code: 'cell.outOfOrder',
      details: { next: 'c0' },
    });
    await world.engine.run(id, request);
    await expect(world.engine.advance(id, { ...request, cell: 'c1' })).rejects.toMatchObject({
      code: 'instance.finished',
    });
    expect((await world.engine.advance(id, request)).result).toBe('completed');
    await expect(world.engine.advance('nobody', request)).rejects.toMatchObject({ code: 'instance.unknown' });
  });
  test('with `cell`, the call stops after that cell', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, { body: { kind: 'assert', expressions: [pass] } }, {}]));
    const answer = await world.engine.advance(id, { ...request, cell: 'c0', maxCells: 9 });
    expect([answer.result, answer.steps.length]).toEqual(['advanced', 1]);
  });
  test('what does not fit the budget is deferred and nothing is written', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}]));
    expect(await world.engine.advance(id, { ...request, budgetMs: 4_999 })).toMatchObject({
      result: 'deferred',
      stop: { why: 'budget' },
    });
    expect(await world.entries(id)).toHaveLength(1);
  });
});

describe('a store that loses answers', () => {
  /** Drops the answer of the nth put to the journal after it landed; `blind` also drops the read that follows. */
  const losing = (nth: number, blind = false) => {
    let puts = 0;
    let gets = 0;
    return (client: StoreClient): StoreClient =>
      ({
        send: async (command: Command) => {
          const journal = command.table === 'journal';
          const put = command.kind === 'putIf' && journal;
          if (blind && puts === nth && command.kind === 'get' && gets++ === 0) throw new Error('timeout');
          const answer = await client.send(command as never);
          if (put) puts += 1;
          if (put && puts === nth) throw Object.assign(new Error('socket hang up'), { name: 'TimeoutError' });
          return answer;
        },
      }) as unknown as StoreClient;
  };
  // Puts to the journal: 1 started, 2 reserved, 3 outcome.
  test.each([
    [2, false],
    [2, true],
    [3, false],
    [3, true],
  ])('put %i landed, answer lost (read lost too: %s): the call knows that it won', async (nth, blind) => {
    const world = setup(losing(nth, blind));
    const id = await world.start(runbookOf([{}]));
    const answer = await world.engine.advance(id, request);
    expect(answer).toMatchObject({ result: 'completed', steps: [{ recorded: true }] });
    expect(world.begun).toHaveLength(1);
    expect(kinds(await world.entries(id))).toEqual(['started', 'reserved', 'completed>next']);
  });

  test('a store that never answers the reservation: 503 that names the id, and nothing begins', async () => {
    let dead = false;
    const world = setup(
      (client) =>
        ({
          send: async (command: Command) => {
            if (dead && command.kind !== 'query' && command.kind !== 'update') throw new Error('timeout');
            return await client.send(command as never);
          },
        }) as unknown as StoreClient,
    );
    const id = await world.start(runbookOf([{}]));
    await world.engine.inspect(id, alice);
    dead = true;
    await expect(world.engine.advance(id, request)).rejects.toMatchObject({
      code: 'store.unavailable',
      details: { instanceId: 'i1' },
    });
    expect(world.begun).toEqual([]);
  });

  test('an outcome that cannot be written is told as unrecorded; the log and the failure queue have it', async () => {
    let dead = false;
    const world = setup(
      (client) =>
        ({
          send: async (command: Command) => {
            if (dead) throw new Error('timeout');
            return await client.send(command as never);
          },
        }) as unknown as StoreClient,
    );
    const id = await world.start(runbookOf([{}]));
    world.behave = () => {
      dead = true;
      return { status: 'completed', output: '{"paid":true}' };
    };
    await expect(world.engine.advance(id, request)).rejects.toMatchObject({
      code: 'outcome.unrecorded',
      details: { seq: 1, cell: 'c0' },
    });
    expect(world.events.find((e) => e.kind === 'outcome.unrecorded')?.item).toContain('paid');
    expect(world.aside).toMatchObject([{ instanceId: 'i1', about: 1, outcome: { closes: 1, status: 'completed' } }]);
    dead = false;
    world.now += 15_000;
    expect((await world.engine.advance(id, request)).result).toBe('in_doubt');
    expect(world.begun).toHaveLength(1);
  });
});

test('a holder that slept past its deadline before it began records never, and begins again', async () => {
  const world = setup();
  const id = await world.start(runbookOf([{}]));
  // The sandbox froze between the reservation's answer and the beginning: the time jumps with the put.
  const putOnce = world.ports.journal.putOnce;
  let frozen = false;
  const engine = createEngine({
    ...world.ports,
    journal: {
      ...world.ports.journal,
      putOnce: async (entry) => {
        const put = await putOnce(entry);
        if (entry.kind === 'reserved' && !frozen) {
          frozen = true;
          world.now += 30_000;
        }
        return put;
      },
    },
  });
  expect((await engine.advance(id, { ...request, budgetMs: 120_000, maxCells: 2 })).result).toBe('completed');
  expect(kinds(await world.entries(id))).toEqual(['started', 'reserved', 'never>retry', 'reserved', 'completed>next']);
  expect(world.begun).toHaveLength(1);
});

describe('a machine that slept between the reservation and the beginning, which its clock does not know (I4)', () => {
  /** It sleeps right after its reservation stands; the answers after that tell the time again. */
  const slept = async (ms: number) => {
    const world = setup();
    const id = await world.start(runbookOf([{}]));
    const { putOnce } = world.ports.journal;
    let pending = ms;
    const journal = {
      ...world.ports.journal,
      putOnce: async (entry: Entry) => {
        world.now += world.slept;
        world.slept = 0;
        const put = await putOnce(entry);
        if (entry.kind === 'reserved') {
          world.slept = pending;
          pending = 0;
        }
        return put;
      },
    };
    const engine = createEngine({ ...world.ports, journal });
    const answer = await engine.advance(id, { ...request, budgetMs: 120_000, maxCells: 2 });
    return { answer, world, entries: await world.entries(id) };
  };

  // A cell of 4 s is reserved for 5 s.
  test.each([1_000, 5_000, 60_000])('%d ms, so that the deadline is near or over: it does not begin', async (ms) => {
    const { answer, world, entries } = await slept(ms);
    expect(answer.result).toBe('completed');
    expect(kinds(entries)).toEqual(['started', 'reserved', 'never>retry', 'reserved', 'completed>next']);
    expect(world.begun.map(({ step }) => [step.seq, step.attempt])).toEqual([[3, 1]]);
  });

  test('less than would matter: it begins', async () => {
    const { world, entries } = await slept(900);
    expect(kinds(entries)).toEqual(['started', 'reserved', 'completed>next']);
    expect(world.begun).toHaveLength(1);
  });
});

describe('what the schedule finds, the view says from then on (failure table: the tick repairs it)', () => {
  const scheduled = { ...request, explicit: false, maxCells: 3 };

  test('a view that was lost after the last outcome: repaired at once, and due until nothing of its writer can land', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}]));
    const lossy = createEngine({
      ...world.ports,
      views: {
        ...world.ports.views,
        save: async () => {
          throw new Error('lost');
        },
      },
    });
    expect((await lossy.advance(id, request)).result).toBe('completed');
    expect(await world.ports.views.get(id)).toMatchObject({ seq: 0, status: 'ready', dueAtMs: T0 + 75_000 });
    world.now = T0 + 80_000;
    await world.engine.advance(id, scheduled);
    const stillDue = { seq: 2, status: 'completed', dueAtMs: expect.any(Number) };
    expect(await world.ports.views.get(id)).toMatchObject(stillDue);
    world.now = T0 + 75_000 + 60_000;
    await world.engine.advance(id, scheduled);
    expect(await world.ports.views.get(id)).toMatchObject({ seq: 2, status: 'completed', dueAtMs: null });
  });

  test('a step that needs a person stays due, ever more rarely, up to ten minutes', async () => {
    const world = setup();
    world.behave = () => ({ status: 'unknown' });
    const id = await world.start(runbookOf([{}]));
    await world.engine.advance(id, request);
    const dueIn: number[] = [];
    for (const afterMs of [60_000, 240_000, 3_600_000]) {
      world.now = T0 + afterMs;
      await world.engine.advance(id, scheduled);
      dueIn.push(((await world.ports.views.get(id))?.dueAtMs ?? 0) - world.now);
    }
    expect(dueIn).toEqual([60_000, 240_000, 600_000]);
  });
});

test('the cost of an advance does not grow with the journal', async () => {
  const world = setup();
  world.behave = (input) => (input.step.attempt < 3_000 ? { status: 'failed' } : { status: 'completed' });
  const id = await world.start(runbookOf([{ output: '{}' } as object, { retryMax: 50_000, reads: ['c0'] }]));
  await world.engine.advance(id, request);
  const requestsOf = async () => {
    world.tables.requests.clear();
    await world.engine.advance(id, { ...request, budgetMs: 600_000 });
    return Object.fromEntries(world.tables.requests);
  };
  const early = await requestsOf();
  await requestsOf();
  for (let i = 0; i < 200; i += 1) {
    await world.engine.advance(id, { ...request, budgetMs: 600_000 });
    world.now += 300_000;
  }
  expect(await requestsOf()).toEqual(early);
});

describe('a call that is refused changes no drive', () => {
  const push = { ...request, drive: 'auto', by: bob } as const;
  const held = (world: World, id: string): void => {
    void createEngine({ ...world.ports, execute: () => new Promise(() => {}) }).advance(id, request);
  };
  const isDrive = (command: Command): boolean =>
    isEntry(command as never) && String(command.item?.entry).includes('"drive":"auto"');
  const isReserving = (command: Command): boolean => isEntry(command as never) && command.item?.kind === 'reserved';

  test('a step of somebody else is in flight: nothing of the call stands', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, {}]));
    held(world, id);
    await expect.poll(async () => (await world.entries(id)).length).toBe(2);
    expect(await world.engine.run(id, request)).toMatchObject({ result: 'in_flight', wrote: false });
    expect((await world.entries(id)).map(({ kind }) => kind)).toEqual(['started', 'reserved']);
  });

  test('it loses the slot of its drive to a reservation, and decides anew', async () => {
    const { world, once } = watched();
    const id = await world.start(runbookOf([{}, {}]));
    once(isDrive, async () => {
      held(world, id);
      await expect.poll(async () => (await world.entries(id)).length).toBe(2);
    });
    expect(await world.engine.advance(id, push)).toMatchObject({ result: 'in_flight', wrote: false });
    expect((await world.entries(id)).map(({ kind }) => kind)).toEqual(['started', 'reserved']);
  });

  test('it loses the slot after its drive stands: the answer says that something of it does', async () => {
    const { world, once } = watched();
    const id = await world.start(runbookOf([{}, {}]));
    once(isReserving, async () => {
      held(world, id);
      await expect.poll(async () => (await world.entries(id)).length).toBe(3);
    });
    expect(await world.engine.advance(id, push)).toMatchObject({
      result: 'in_flight',
      steps: [],
      wrote: true,
      view: { drive: 'auto' },
    });
  });
});
