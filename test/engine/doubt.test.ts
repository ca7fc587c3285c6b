import { describe, expect, test } from 'vitest';
import {
  type Cell,
  type CellResult,
  createEngine,
  type Entry,
  limits,
  type Note,
  PawlError,
  type Probe,
  type Runbook,
} from '../../src/engine/index.ts';
import { fail, pass, probe, runbookOf } from './runbooks.ts';
import { alice, bob, setup, T0, type World } from './world.ts';

const request = { budgetMs: 60_000, by: alice };
const lines = (entries: Entry[]): string[] =>
  entries.map((entry) => {
    if (entry.kind === 'outcome') return `${entry.status} by ${entry.closedBy} > ${entry.then}`;
    return entry.kind === 'resolved' ? `resolved ${entry.verdict} by ${entry.closedBy} > ${entry.then}` : entry.kind;
  });
const answering = (answer: string, output?: unknown): CellResult => ({
  status: 'completed',
  output: JSON.stringify({ answer, output }),
});
const isProbe = (input: { body: { kind: string } }): boolean => 'code' in input.body && input.body.code === 'probe';

/** An instance whose first cell was reserved by a call that then vanished. */
const vanished = async (world: World, runbook: Runbook): Promise<string> => {
  const id = await world.start(runbook);
  const lost = createEngine({ ...world.ports, execute: () => new Promise(() => {}) });
  void lost.advance(id, { ...request, by: bob });
  await new Promise((resolve) => setTimeout(resolve, 20));
  return id;
};
const gone = 5_000 + 15_000;
const answersOf = async (world: World, id: string): Promise<Note[]> =>
  (await world.engine.notes(id, 1)).filter(({ kind }) => kind === 'probe');

describe('a holder that vanished', () => {
  test('is in flight until deadline and grace have passed, then in doubt; nothing runs again (hold, scenario 4)', async () => {
    const world = setup();
    const id = await vanished(world, runbookOf([{}, {}]));
    world.now = T0 + gone - 1;
    expect(await world.engine.advance(id, request)).toMatchObject({
      result: 'in_flight',
      stop: { holder: { by: bob } },
    });
    world.now = T0 + gone;
    expect(await world.engine.advance(id, request)).toMatchObject({
      result: 'in_doubt',
      stop: { cell: 'c0', seq: 1, nextAtMs: null },
    });
    expect(await world.engine.run(id, request)).toMatchObject({ result: 'in_doubt', verdict: 'halted' });
    expect(world.begun).toEqual([]);
  });

  test('interrupted=retry: closed with the permission in the same entry, then tried again with the same key', async () => {
    const world = setup();
    const id = await vanished(world, runbookOf([{ interrupted: 'retry' }]));
    world.now = T0 + gone;
    expect((await world.engine.advance(id, request)).result).toBe('completed');
    const entries = await world.entries(id);
    expect(lines(entries)).toEqual([
      'started',
      'reserved',
      'abandoned by policy > retry',
      'reserved',
      'completed by holder > next',
    ]);
    expect(entries[2]).toMatchObject({
      closes: 1,
      permission: { kind: 'interrupted', detail: 'interrupted=retry, attempt 1 of 3' },
    });
    expect(world.begun.map((i) => [i.step.attempt, i.step.idempotencyKey])).toEqual([[2, 'test/5707e1d0aaaa/i1/c0/1']]);
  });

  test('another attempt has the same key although the deployment was renamed meanwhile (I9)', async () => {
    const world = setup();
    const id = await vanished(world, runbookOf([{ interrupted: 'retry' }]));
    world.now = T0 + gone;
    const deployment = { ...world.ports.deployment, name: 'renamed' };
    expect((await createEngine({ ...world.ports, deployment }).advance(id, request)).result).toBe('completed');
    const keys = (await world.entries(id)).flatMap((entry) => (entry.kind === 'reserved' ? [entry.key] : []));
    expect(keys).toEqual(['test/5707e1d0aaaa/i1/c0/1', 'test/5707e1d0aaaa/i1/c0/1']);
  });

  test('interruptions use up the budget: two further attempts by default, then a person', async () => {
    const world = setup();
    world.behave = () => ({ status: 'unknown', error: { code: 'cell.timeout', message: 'cut' } });
    const id = await world.start(runbookOf([{ interrupted: 'retry' }]));
    expect((await world.engine.run(id, request)).result).toBe('in_doubt');
    expect(world.begun.map((i) => i.step.attempt)).toEqual([1, 2, 3]);
    expect(lines(await world.entries(id)).slice(2)).toEqual([
      'reserved',
      'unknown by holder > halt',
      'resolved retry by policy > retry',
      'reserved',
      'unknown by holder > halt',
      'resolved retry by policy > retry',
      'reserved',
      'unknown by holder > halt',
    ]);
  });

  test('after the key window an interruption holds (scenario 34)', async () => {
    const world = setup();
    const id = await vanished(world, runbookOf([{ interrupted: 'retry', keyWindowMs: 10_000 }]));
    world.now = T0 + gone;
    expect((await world.engine.advance(id, request)).result).toBe('in_doubt');
  });

  test('interrupted=continue: neither repeated nor waited for', async () => {
    const world = setup();
    const id = await vanished(world, runbookOf([{ interrupted: 'continue' }, {}]));
    world.now = T0 + gone;
    expect((await world.engine.advance(id, { ...request, maxCells: 5 })).result).toBe('completed');
    expect(lines(await world.entries(id))[2]).toBe('unknown by policy > next');
    expect(world.begun.map((i) => i.step.cell)).toEqual(['c1']);
  });

  test('a late holder: its truth is accepted while the step is open (failure table)', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}]));
    world.behave = () => {
      world.now += 120_000;
      return { status: 'completed', output: '{"paid":true}' };
    };
    expect(await world.engine.advance(id, request)).toMatchObject({ result: 'completed', steps: [{ recorded: true }] });
  });

  test('a late holder after somebody closed the step: fenced, what it saw is a note (scenario 8)', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, {}]));
    world.behave = async () => {
      world.now += gone;
      await world.engine.verdict(id, { seq: 1, verdict: 'skip', reason: 'moved on', by: bob });
      return { status: 'completed', output: '{"paid":true}' };
    };
    expect(await world.engine.advance(id, request)).toMatchObject({
      steps: [{ recorded: false, status: 'completed' }],
    });
    expect(lines(await world.entries(id))).toEqual(['started', 'reserved', 'skipped by person > next']);
    const [note] = await world.engine.notes(id, 1);
    expect(note).toMatchObject({ kind: 'fenced', cell: 'c0' });
    expect(note?.text).toContain('paid');
  });
});

describe('probes', () => {
  const withProbe = (over: object = {}) => runbookOf([{ interrupted: 'probe', probe, settleMs: 60_000, ...over }, {}]);

  test('done: the step is completed by the probe, with its output, and never started again', async () => {
    const world = setup();
    const id = await vanished(world, withProbe({ expect: [{ source: 'output.id == 7', line: 1 }] }));
    world.behave = () => answering('done', { id: 7 });
    world.now = T0 + gone;
    expect((await world.engine.advance(id, { ...request, maxCells: 0 })).result).toBe('advanced');
    const entries = await world.entries(id);
    expect(lines(entries)).toEqual(['started', 'reserved', 'completed by probe > next']);
    expect(entries[2]).toMatchObject({ output: { text: '{"id":7}' }, expectations: [{ result: 'pass' }] });
  });

  test('not-done counts only once the step has settled; then the permission stands in the closing entry', async () => {
    const world = setup();
    const id = await vanished(world, withProbe());
    world.behave = (input) => (isProbe(input) ? answering('not-done') : { status: 'completed' });
    world.now = T0 + gone;
    expect(await world.engine.advance(id, request)).toMatchObject({
      result: 'in_doubt',
      stop: { nextAtMs: T0 + gone + 15_000 },
    });
    world.now = T0 + 5_000 + 60_000;
    await world.engine.advance(id, request);
    const entries = await world.entries(id);
    expect(lines(entries)).toEqual([
      'started',
      'reserved',
      'abandoned by probe > retry',
      'reserved',
      'completed by holder > next',
    ]);
    expect(entries[2]).toMatchObject({ permission: { kind: 'probe' } });
    expect((await answersOf(world, id)).map((note) => JSON.parse(note.text).answer)).toEqual(['unsure', 'not-done']);
  });

  test('unsure, errors and nonsense: asked five times with backoff, each a note, then a person', async () => {
    const world = setup();
    const id = await vanished(world, withProbe());
    const answers: CellResult[] = [
      answering('unsure'),
      { status: 'failed' },
      { status: 'completed', output: '42' },
      { status: 'unknown' },
      answering('maybe'),
    ];
    let asked = 0;
    world.behave = () => answers[asked++] as CellResult;
    for (let look = 0; look < 12; look += 1) {
      world.now = T0 + gone + look * 400_000;
      expect((await world.engine.advance(id, request)).result).toBe('in_doubt');
    }
    expect(asked).toBe(5);
    expect(await answersOf(world, id)).toHaveLength(5);
    expect(lines(await world.entries(id))).toEqual(['started', 'reserved']);
  });

  test('it is asked only once a note says so: a store that takes none keeps it from being asked, with a pause', async () => {
    const world = setup();
    const id = await vanished(world, withProbe());
    const { journal } = world.ports;
    const notes = { taken: false };
    const addNote: typeof journal.addNote = async (...note) => {
      if (!notes.taken) throw new PawlError('store.unavailable', 'The store takes no note.');
      await journal.addNote(...note);
    };
    const engine = createEngine({ ...world.ports, journal: { ...journal, addNote } });
    let asked = 0;
    world.behave = () => {
      asked += 1;
      return answering('unsure');
    };
    world.now = T0 + gone;
    for (let look = 0; look < 3; look += 1)
      expect(await engine.advance(id, request)).toMatchObject({
        stop: { nextAtMs: world.now + limits.probeBackoffMs },
      });
    expect(asked).toBe(0);
    // Its answers are lost, its questions are not: five times, with growing pauses, and no more.
    const first: typeof journal.addNote = async (instanceId, note) => {
      if (note.kind === 'probe') throw new PawlError('store.unavailable', 'The store takes no note.');
      await journal.addNote(instanceId, note);
    };
    const forgetful = createEngine({ ...world.ports, journal: { ...journal, addNote: first } });
    const times: number[] = [];
    for (let look = 0; look < 600; look += 1) {
      const before = asked;
      await forgetful.advance(id, request);
      if (asked > before) times.push(world.now);
      world.now += 5_000;
    }
    expect(asked).toBe(limits.probesMax);
    const pauses = times.slice(1).map((time, at) => time - (times[at] as number));
    expect(pauses.every((pause, at) => pause >= limits.probeBackoffMs * 2 ** at)).toBe(true);
  });

  test('an http probe answers by done= and notDone=; both or neither is unsure', async () => {
    for (const [status, expected] of [
      [200, 'completed by probe > next'],
      [404, 'abandoned by probe > retry'],
      [500, undefined],
    ] as const) {
      const world = setup();
      const http: Probe = {
        ...probe,
        done: 'output.status == 200',
        notDone: 'output.status == 404',
        body: { kind: 'http', method: 'GET', url: [], headers: [], body: null },
      };
      const id = await vanished(world, withProbe({ probe: http, settleMs: 0 }));
      world.behave = () => ({ status: status === 200 ? 'completed' : 'failed', output: JSON.stringify({ status }) });
      world.now = T0 + gone;
      await world.engine.advance(id, { ...request, maxCells: 0 });
      expect(lines(await world.entries(id))[2]).toBe(expected);
    }
  });

  test('an unknown outcome is settled by its probe too, in a resolved entry', async () => {
    const world = setup();
    world.behave = (input) => (isProbe(input) ? answering('done', 1) : { status: 'unknown' });
    const id = await world.start(withProbe());
    await world.engine.advance(id, request);
    expect(lines(await world.entries(id))).toEqual([
      'started',
      'reserved',
      'unknown by holder > halt',
      'resolved succeeded by probe > next',
    ]);
  });
});

describe('whoever loses the slot to a decision is told, and decides nothing', () => {
  /** An engine whose first put of a person meets what `first` has done meanwhile. */
  const overtaken = (world: World, first: () => Promise<unknown>) => {
    let done = false;
    const { journal } = world.ports;
    const putOnce: typeof journal.putOnce = async (entry) => {
      if (!done && 'closedBy' in entry && entry.closedBy === 'person') {
        done = true;
        await first();
      }
      return await journal.putOnce(entry);
    };
    return createEngine({ ...world.ports, journal: { ...journal, putOnce } });
  };

  test('a retry that loses to the late truth of the holder, which halts', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{ expect: [fail] }]));
    let answer = (_result: CellResult): void => {};
    world.behave = () => new Promise((resolve) => (answer = resolve));
    const holder = world.engine.advance(id, request);
    await expect.poll(() => world.begun.length).toBe(1);
    world.now = T0 + gone;
    const engine = overtaken(world, async () => {
      answer({ status: 'completed', output: '{"paid":true}' });
      await holder;
    });
    const verdict = engine.verdict(id, { seq: 1, verdict: 'retry', reason: 'nobody knows', by: bob });
    await expect(verdict).rejects.toMatchObject({ code: 'seq.stale', details: { view: { status: 'halted' } } });
    expect(lines(await world.entries(id))).toEqual(['started', 'reserved', 'completed by holder > halt']);
    expect(world.begun).toHaveLength(1);
  });

  test('of two people at once one decides', async () => {
    const world = setup();
    world.behave = () => ({ status: 'unknown' });
    const id = await world.start(runbookOf([{}]));
    await world.engine.advance(id, request);
    world.now = T0 + gone;
    const say = (engine: typeof world.engine, verdict: 'failed' | 'retry') =>
      engine.verdict(id, { seq: 1, verdict, reason: 'looked', by: bob });
    const engine = overtaken(world, () => say(world.engine, 'failed'));
    await expect(say(engine, 'retry')).rejects.toMatchObject({ code: 'seq.stale' });
    expect((await world.entries(id)).at(-1)).toMatchObject({ kind: 'resolved', verdict: 'failed' });
  });

  test('a cancellation in between says nothing of the step: the verdict stands', async () => {
    const world = setup();
    const id = await vanished(world, runbookOf([{}]));
    world.now = T0 + gone;
    const engine = overtaken(world, () => world.engine.cancel(id, 'enough', alice));
    await engine.verdict(id, { seq: 1, verdict: 'succeeded', reason: 'it is there', by: bob });
    expect(lines(await world.entries(id))).toEqual(['started', 'reserved', 'cancelled', 'completed by person > next']);
  });

  test('onlyInDoubt: refused once the late truth is known, also when it halts', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{ expect: [fail] }]));
    world.behave = () => ({ status: 'completed', output: '{"paid":true}' });
    await world.engine.advance(id, request);
    const say = (over: object) =>
      world.engine.verdict(id, { seq: 1, verdict: 'retry', reason: 'nobody knows', by: bob, ...over });
    await expect(say({ onlyInDoubt: true })).rejects.toMatchObject({ code: 'seq.stale' });
    expect(world.begun).toHaveLength(1);
    await say({});
  });

  test('evidence stands in the entry of the verdict, and one that is refused leaves none', async () => {
    const world = setup();
    const id = await vanished(world, runbookOf([{}]));
    world.now = T0 + gone;
    const engine = overtaken(world, () => world.engine.cancel(id, 'enough', alice));
    await engine.verdict(id, { seq: 1, verdict: 'skip', reason: 'it is there', evidence: 'line 12', by: bob });
    expect((await world.entries(id)).at(-1)).toMatchObject({ verdict: 'skip', evidence: 'line 12' });
    const late = { seq: 1, verdict: 'retry', reason: 'no', evidence: 'line 13', by: bob } as const;
    await expect(world.engine.verdict(id, late)).rejects.toMatchObject({ code: 'instance.finished' });
    expect(await world.engine.notes(id, 1)).toEqual([]);
    expect(JSON.stringify(await world.entries(id))).not.toContain('line 13');
  });
});

test('a probe that finds it done, but not as expected, is forgiven where the cell is optional', async () => {
  const world = setup();
  world.behave = (input) => (isProbe(input) ? answering('done', 1) : { status: 'unknown' });
  const over = { interrupted: 'probe' as const, probe, settleMs: 0, optional: true, expect: [fail] };
  const id = await world.start(runbookOf([over, {}]));
  await world.engine.advance(id, request);
  expect(lines(await world.entries(id)).at(-1)).toBe('resolved failed by probe > next');
});

test('bodies that never begin are tried again at once, then ever later, and at last not at all', async () => {
  const world = setup();
  world.behave = () => ({ status: 'never' });
  world.ports.random.fraction = () => 1;
  const id = await world.start(runbookOf([{}]));
  for (let calls = 0; calls < 10; calls += 1) {
    await world.engine.run(id, { budgetMs: 600_000, by: alice });
    world.now = Math.max(world.now, (await world.entries(id)).at(-1)?.state.dueAtMs ?? 0);
  }
  const ends = (await world.entries(id)).filter((entry) => entry.kind === 'outcome');
  expect(ends.map(({ dueAtMs, atMs }) => (dueAtMs === null ? null : dueAtMs - atMs))).toEqual([
    0,
    1_000,
    2_000,
    4_000,
    8_000,
    16_000,
    32_000,
    64_000,
    128_000,
    null,
  ]);
  expect(ends.at(-1)?.then).toBe('halt');
});

test('bodies that never begin are counted anew after a person has let it try again', async () => {
  const world = setup();
  world.behave = () => ({ status: 'never' });
  world.ports.random.fraction = () => 0;
  const id = await world.start(runbookOf([{}]));
  const { result } = await world.engine.run(id, { budgetMs: 600_000, by: alice });
  expect(result).toBe('halted');
  const seq = (await world.entries(id)).at(-1)?.state.halted?.seq ?? 0;
  await world.engine.verdict(id, { seq, verdict: 'retry', reason: 'the pool has room again', by: bob });
  const before = world.begun.length;
  expect((await world.engine.run(id, { budgetMs: 600_000, by: alice })).result).toBe('halted');
  expect(world.begun.length - before).toBe(10);
});

describe('verdicts', () => {
  const decide = (world: World, id: string, verdict: 'succeeded' | 'failed' | 'retry' | 'skip', over: object = {}) =>
    world.engine.verdict(id, { seq: 1, verdict, reason: 'looked it up', by: bob, ...over });

  test('before deadline and grace a verdict is refused, naming until when', async () => {
    const world = setup();
    const id = await vanished(world, runbookOf([{}]));
    world.now = T0 + gone - 1;
    await expect(decide(world, id, 'skip')).rejects.toMatchObject({
      code: 'verdict.early',
      details: { untilMs: T0 + gone },
    });
  });

  test('a step that was closed as unknown may act until its deadline as well: nothing begins beside it by a verdict', async () => {
    const world = setup();
    world.behave = () => ({ status: 'unknown' });
    const id = await world.start(runbookOf([{}, {}]));
    await world.engine.advance(id, request);
    for (const verdict of ['succeeded', 'failed', 'retry', 'skip'] as const) {
      world.now = T0 + 5_000 - 1;
      await expect(decide(world, id, verdict)).rejects.toMatchObject({
        code: 'verdict.early',
        details: { untilMs: T0 + 5_000 },
      });
    }
    world.now = T0 + 5_000;
    await decide(world, id, 'retry');
    expect((await world.entries(id)).map(({ kind }) => kind)).toEqual(['started', 'reserved', 'outcome', 'resolved']);
  });

  test('nor by one about a further attempt that never began, while an earlier one may act', async () => {
    const world = setup();
    const cell: Partial<Cell> = { interrupted: 'retry', keyWindowMs: 2_000, timeoutMs: 60_000, retryMax: 3 };
    const id = await world.start(runbookOf([cell]));
    world.behave = () => ({ status: 'unknown' });
    const long = { ...request, budgetMs: 600_000 };
    await world.engine.advance(id, { ...long, maxCells: 1 });
    await world.engine.advance(id, { ...long, maxCells: 0 });
    world.now = T0 + 3_000;
    expect((await world.engine.advance(id, long)).result).toBe('in_doubt');
    const { seq } = (await world.entries(id)).at(-1) as Entry;
    const untilMs = T0 + 60_000 + 10_000;
    await expect(decide(world, id, 'retry', { seq })).rejects.toMatchObject({
      code: 'verdict.early',
      details: { untilMs },
    });
  });

  test.each([
    ['succeeded', 'completed by person > next'],
    ['failed', 'failed by person > halt'],
    ['retry', 'abandoned by person > retry'],
    ['skip', 'skipped by person > next'],
  ] as const)('for an open step `%s` is its outcome: %s', async (verdict, line) => {
    const world = setup();
    const id = await vanished(world, runbookOf([{}, {}]));
    world.now = T0 + gone;
    await decide(world, id, verdict);
    const entry = (await world.entries(id))[2];
    expect(lines([entry as Entry])).toEqual([line]);
    expect(entry).toMatchObject({ note: 'looked it up', by: bob, verdict });
  });

  test.each([
    ['succeeded', 'resolved succeeded by person > next'],
    ['failed', 'resolved failed by person > halt'],
    ['retry', 'resolved retry by person > retry'],
    ['skip', 'resolved skip by person > next'],
  ] as const)('for an unknown outcome `%s` is a resolved entry: %s', async (verdict, line) => {
    const world = setup();
    world.behave = () => ({ status: 'unknown' });
    const id = await world.start(runbookOf([{}, {}]));
    await world.engine.advance(id, request);
    world.now = T0 + gone;
    await decide(world, id, verdict, { evidence: 'ticket 7' });
    const entry = (await world.entries(id))[3];
    expect(lines([entry as Entry])).toEqual([line]);
    expect(entry).toMatchObject({ about: 1, reason: 'looked it up', evidence: 'ticket 7' });
  });

  test('what `failed` will lead to is known before it is given: of an open step the cell’s own retry, else a halt', async () => {
    for (const [over, closed] of [
      [{ retryMax: 2 }, false],
      [{ retryMax: 2 }, true],
      [{ optional: true }, true],
      [{}, false],
    ] as const) {
      const world = setup();
      const book = runbookOf([over, {}]);
      world.behave = () => ({ status: 'unknown' });
      const id = closed ? await world.start(book) : await vanished(world, book);
      if (closed) await world.engine.advance(id, request);
      world.now = T0 + gone;
      const { undecided } = await world.engine.inspect(id, alice);
      await decide(world, id, 'failed');
      expect((await world.entries(id)).at(-1)).toMatchObject({ then: undecided?.ifFailed });
    }
  });

  test('one permission buys one attempt (I5)', async () => {
    const world = setup();
    const id = await vanished(world, runbookOf([{}]));
    world.behave = () => ({ status: 'unknown' });
    world.now = T0 + gone;
    await decide(world, id, 'retry');
    expect((await world.engine.run(id, request)).result).toBe('in_doubt');
    expect((await world.engine.run(id, request)).result).toBe('in_doubt');
    expect(world.begun).toHaveLength(1);
  });

  test('a fresh key is a new visit with another idempotency key (I9)', async () => {
    const world = setup();
    const id = await vanished(world, runbookOf([{}]));
    world.now = T0 + gone;
    await decide(world, id, 'retry', { freshKey: true });
    await world.engine.advance(id, request);
    expect(world.begun[0]?.step).toMatchObject({ visit: 2, attempt: 1, idempotencyKey: 'test/5707e1d0aaaa/i1/c0/2' });
  });

  test('succeeded with an output: expectations are evaluated, failing ones marked overridden, and later cells read it', async () => {
    const world = setup();
    const id = await vanished(world, runbookOf([{ expect: [pass, fail] }, { reads: ['c0'] }]));
    world.now = T0 + gone;
    await decide(world, id, 'succeeded', { output: '{"paid":true}', evidence: 'bank statement' });
    await world.engine.advance(id, request);
    expect((await world.entries(id))[2]).toMatchObject({
      expectations: [{ result: 'pass' }, { result: 'fail', overridden: true }],
    });
    expect(world.begun[0]?.outputs.c0).toBe('{"paid":true}');
    expect((await world.entries(id))[2]).toMatchObject({ verdict: 'succeeded', evidence: 'bank statement' });
    expect((await world.engine.inspect(id, alice)).cells[0]).toMatchObject({
      state: 'completed',
      verdict: { verdict: 'succeeded', actor: 'bob' },
    });
  });

  test('a halted step may be decided as well', async () => {
    const world = setup();
    world.behave = () => ({ status: 'failed' });
    const id = await world.start(runbookOf([{}, {}]));
    await world.engine.advance(id, request);
    await decide(world, id, 'retry');
    world.behave = () => ({ status: 'completed' });
    expect((await world.engine.run(id, request)).result).toBe('completed');
  });

  test('two operators at once: one wins, the other is told (hostile 58)', async () => {
    const world = setup();
    const id = await vanished(world, runbookOf([{}, {}]));
    world.now = T0 + gone;
    const both = await Promise.allSettled([decide(world, id, 'skip'), decide(world, id, 'retry', { by: alice })]);
    expect(both.map((one) => one.status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(both.find((one) => one.status === 'rejected')).toMatchObject({ reason: { code: 'seq.stale' } });
  });

  test('stale, finished, nothing to decide, no reason, nonsense', async () => {
    const world = setup();
    const id = await vanished(world, runbookOf([{}]));
    world.now = T0 + gone;
    await expect(decide(world, id, 'skip', { seq: 3 })).rejects.toMatchObject({ code: 'seq.stale' });
    await expect(decide(world, id, 'skip', { reason: ' ' })).rejects.toMatchObject({ code: 'request.invalid' });
    await expect(decide(world, id, 'skip', { output: '1' })).rejects.toMatchObject({ code: 'request.invalid' });
    await expect(decide(world, id, 'succeeded', { output: '{' })).rejects.toMatchObject({ code: 'request.invalid' });
    await expect(decide(world, id, 'skip', { freshKey: true })).rejects.toMatchObject({ code: 'request.invalid' });
    await decide(world, id, 'skip');
    await expect(decide(world, id, 'skip')).rejects.toMatchObject({ code: 'instance.finished' });
  });

  test('after a cancellation a doubt is still settled by a verdict, and nothing is begun', async () => {
    const world = setup();
    const id = await vanished(world, runbookOf([{ interrupted: 'hold' }, {}]));
    expect(await world.engine.cancel(id, 'stop', alice)).toMatchObject({ mayStillRun: { cell: 'c0', seq: 1 } });
    world.now = T0 + gone;
    expect((await decide(world, id, 'retry')).view.status).toBe('cancelled');
    expect(world.begun).toEqual([]);
  });
});

describe('what may have happened is not failed because it was not tried again', () => {
  const windowed = { interrupted: 'retry', keyWindowMs: 3_600_000, optional: true } as const;
  /** Interrupted after its effect, and permitted to be tried again; nobody looks before the window is over. */
  const lapsed = async (world: World, over: object = {}): Promise<string> => {
    const id = await vanished(world, runbookOf([{ ...windowed, ...over }, {}]));
    world.now = T0 + gone;
    await world.engine.advance(id, { ...request, maxCells: 0 });
    world.now = T0 + 2 * 3_600_000;
    return id;
  };

  test('a permission that lapses after an interruption leaves a doubt, which optional does not forgive', async () => {
    const world = setup();
    const id = await lapsed(world);
    expect(await world.engine.run(id, request)).toMatchObject({ result: 'in_doubt', stop: { seq: 4, nextAtMs: null } });
    const entries = await world.entries(id);
    expect(lines(entries)).toEqual([
      'started',
      'reserved',
      'abandoned by policy > retry',
      'control',
      'unknown by holder > halt',
    ]);
    expect(entries[4]).toMatchObject({ closes: null, error: { code: 'key.lapsed' } });
    expect(world.begun).toEqual([]);
    await world.engine.verdict(id, { seq: 4, verdict: 'succeeded', reason: 'the bank shows it', by: bob });
    expect((await world.engine.run(id, request)).result).toBe('completed');
    expect(world.begun.map(({ step }) => step.cell)).toEqual(['c1']);
  });

  test('a person permitted a retry that never began, and it lapsed: in doubt as well, unless interrupted=continue', async () => {
    for (const interrupted of ['hold', 'continue'] as const) {
      const world = setup();
      const id = await vanished(world, runbookOf([{ ...windowed, interrupted }, {}]));
      world.now = T0 + gone;
      await world.engine.verdict(id, { seq: 1, verdict: 'retry', reason: 'once more', by: bob });
      world.behave = () => ({ status: 'never' });
      await world.engine.advance(id, request);
      world.now = T0 + 2 * 3_600_000;
      world.behave = () => ({ status: 'completed' });
      const holds = interrupted === 'hold';
      expect((await world.engine.run(id, request)).result).toBe(holds ? 'in_doubt' : 'completed');
      expect(lines(await world.entries(id))).toContain(holds ? 'unknown by holder > halt' : 'unknown by policy > next');
    }
  });

  test('after a known failure, and after a probe that found nothing, a lapse is a failure and may be forgiven', async () => {
    for (const how of ['failed', 'probed'] as const) {
      const world = setup();
      const probed: Partial<Cell> = { ...windowed, interrupted: 'probe', probe, settleMs: 0 };
      const book = runbookOf([how === 'probed' ? probed : { ...windowed, retryMax: 3 }, {}]);
      world.behave = (input) => (isProbe(input) ? answering('not-done') : { status: 'failed' });
      const id = how === 'probed' ? await vanished(world, book) : await world.start(book);
      world.now = how === 'probed' ? T0 + gone : T0;
      await world.engine.advance(id, { ...request, maxCells: how === 'probed' ? 0 : 1 });
      world.now = T0 + 2 * 3_600_000;
      world.behave = () => ({ status: 'completed' });
      expect((await world.engine.run(id, request)).result, how).toBe('completed');
      expect(lines(await world.entries(id)), how).toContain('failed by holder > next');
    }
  });

  test('a further attempt that cannot begin leaves the doubt too, and no policy permits it over and over', async () => {
    const world = setup();
    const id = await vanished(world, runbookOf([{ interrupted: 'retry', optional: true, when: pass }, {}]));
    world.now = T0 + gone;
    const slow = { ...world.ports.authoring, evaluate: () => ({ kind: 'error', message: 'out of time' }) as const };
    const engine = createEngine({ ...world.ports, authoring: slow });
    expect(await engine.run(id, request)).toMatchObject({ result: 'in_doubt', stop: { seq: 4 } });
    expect((await world.entries(id))[4]).toMatchObject({ status: 'unknown', error: { code: 'when.error' } });
    expect((await world.engine.run(id, request)).result).toBe('in_doubt');
    expect(await world.entries(id)).toHaveLength(5);
    await world.engine.verdict(id, { seq: 4, verdict: 'retry', reason: 'once more', by: bob });
    expect((await world.engine.run(id, request)).result).toBe('completed');
  });
});
