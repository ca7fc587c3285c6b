/**
 * The failure table of the design, a test for each row, named by its first column. Where a process has to die one does;
 * a witness outside of every engine counts what really happened.
 */
import { describe, expect, test } from 'vitest';
import { readUnrecorded, type Unrecorded } from '../../src/engine/index.ts';
import { runbookOf } from '../engine/runbooks.ts';
import { setup, T0 } from '../engine/world.ts';
import { dieAfter, dieBefore, freezeBefore, rivalOf } from '../support/deaths.ts';
import fc from '../support/properties.ts';
import type { Fate } from '../support/proxy.ts';
import {
  alice,
  bob,
  brief,
  createScene,
  disagreements,
  eventually,
  lines,
  request,
  type Scene,
} from '../support/scene.ts';

const at = (kind: string) => (asked: { kind: string | undefined }) => asked.kind === kind;
/** What the schedule does with an instance that is due. */
const tick = { ...request, explicit: false, maxCells: Number.POSITIVE_INFINITY };

const dueAt = async (scene: Scene, instanceId: string): Promise<unknown> =>
  (await scene.fresh.raw.get('views', { instanceId }))?.dueAtMs;

/** Nothing is seen that the journal does not allow, and the effects are these. */
const expectWitnessed = async (scene: Scene, instanceId: string, effects: string[]): Promise<void> => {
  expect(scene.witness.effects).toEqual(effects);
  expect(disagreements(await scene.entries(instanceId), scene.witness.effects)).toEqual([]);
};

describe.concurrent('the failure table', () => {
  test('before the reservation is stored: nothing is seen; anyone advances', async (t) => {
    const scene = await createScene(t);
    const id = await scene.start([scene.effect()]);
    await dieBefore(scene, await scene.worker(id), id, at('reserved'));
    expect(lines(await scene.entries(id))).toEqual(['started']);
    expect(await dueAt(scene, id)).toBeTypeOf('number');
    expect(await scene.engine.advance(id, request)).toMatchObject({ result: 'completed', steps: [{ recorded: true }] });
    await expectWitnessed(scene, id, [`test/5707e1d0aaaa/${id}/c0/1`]);
  });

  test('reservation stored, its answer lost: our own token, we won; goes on', async (t) => {
    const scene = await createScene(t);
    const id = await scene.start([scene.effect()]);
    const { engine } = scene.proxied();
    let lost = 0;
    scene.proxy.dropWhen((_, body) => body.includes('"kind":{"S":"reserved"}') && lost++ < 3);
    expect(await engine.advance(id, request)).toMatchObject({
      result: 'completed',
      steps: [{ seq: 1, recorded: true }],
    });
    expect(lost).toBe(3);
    expect(lines(await scene.entries(id))).toEqual(['started', 'reserved', 'completed by holder > next']);
    await expectWitnessed(scene, id, [`test/5707e1d0aaaa/${id}/c0/1`]);
  });

  test.for([
    ['retry', ['abandoned by policy > retry', 'reserved', 'completed by holder > next'], 1],
    ['hold', [], 0],
  ] as const)(
    'a put that lands after its sender died: a reservation without a holder; deadline, then policy (%s)',
    async ([interrupted, after, effects], t) => {
      const scene = await createScene(t);
      const id = await scene.start([scene.effect({ ...brief, interrupted })]);
      const landing = Promise.withResolvers<void>();
      const worker = await scene.worker(id);
      await dieBefore(scene, worker, id, at('reserved'), { carryOutAfter: landing.promise });
      expect(lines(await scene.entries(id))).toEqual(['started']);
      landing.resolve();
      await eventually(async () => (await scene.entries(id)).length === 2);
      expect(lines(await scene.entries(id))).toEqual(['started', 'reserved']);
      expect(await scene.engine.advance(id, request)).toMatchObject({
        result: 'in_flight',
        steps: [],
        stop: { holder: { seq: 1, by: { actor: `worker-${worker.pid}` } } },
      });
      expect((await scene.whenGone(id)).result).toBe(effects === 1 ? 'completed' : 'in_doubt');
      expect(lines(await scene.entries(id))).toEqual(['started', 'reserved', ...after]);
      await expectWitnessed(scene, id, Array(effects).fill(`test/5707e1d0aaaa/${id}/c0/1`));
    },
  );

  test.for(['before', 'during'] as const)(
    'after the reservation, before or during the cell (%s): in_flight until deadline and grace, then in_doubt; policy',
    async (when, t) => {
      const scene = await createScene(t);
      const id = await scene.start([scene.effect(brief)]);
      const worker = await scene.worker(id);
      const key = `test/5707e1d0aaaa/${id}/c0/1`;
      if (when === 'before') await dieAfter(scene, worker, id, 'reserved');
      else {
        scene.witness.onEffect(() => worker.kill());
        void worker.advance(id);
        await scene.witness.effectsReach(1);
        await worker.kill();
        scene.witness.onEffect(() => {});
      }
      expect((await scene.engine.advance(id, request)).result).toBe('in_flight');
      expect(await scene.whenGone(id)).toMatchObject({ result: 'in_doubt', stop: { cell: 'c0', seq: 1 } });
      expect((await scene.engine.run(id, request)).result).toBe('in_doubt');
      await expectWitnessed(scene, id, when === 'before' ? [] : [key]);
      await scene.engine.verdict(id, { seq: 1, verdict: 'retry', reason: 'looked it up', by: bob });
      expect((await scene.engine.run(id, request)).result).toBe('completed');
      await expectWitnessed(scene, id, when === 'before' ? [key] : [key, key]);
    },
  );

  test('after the effects, before the outcome: in_flight, then in_doubt; the key and the probe tell', async (t) => {
    const scene = await createScene(t);
    const id = await scene.start([scene.effect({ ...brief, interrupted: 'probe', probe: scene.probe, settleMs: 0 })]);
    await dieBefore(scene, await scene.worker(id), id, at('outcome'));
    await expectWitnessed(scene, id, [`test/5707e1d0aaaa/${id}/c0/1`]);
    expect((await scene.engine.advance(id, request)).result).toBe('in_flight');
    expect((await scene.whenGone(id)).result).toBe('completed');
    expect(lines(await scene.entries(id))).toEqual(['started', 'reserved', 'completed by probe > next']);
    await expectWitnessed(scene, id, [`test/5707e1d0aaaa/${id}/c0/1`]);
  });

  test('outcome stored, answer lost: our own token, recorded; goes on', async (t) => {
    const scene = await createScene(t);
    const id = await scene.start([scene.effect(), scene.effect()]);
    const { engine } = scene.proxied();
    let lost = 0;
    scene.proxy.dropWhen((_, body) => body.includes('"kind":{"S":"outcome"}') && lost++ < 3);
    expect(await engine.advance(id, { ...request, maxCells: 2 })).toMatchObject({
      result: 'completed',
      steps: [
        { cell: 'c0', recorded: true },
        { cell: 'c1', recorded: true },
      ],
    });
    expect(lost).toBeGreaterThanOrEqual(3);
    await expectWitnessed(scene, id, [`test/5707e1d0aaaa/${id}/c0/1`, `test/5707e1d0aaaa/${id}/c1/1`]);
  });

  test.for([
    ['goes on', 'completed', 'completed by holder > next'],
    ['halts', 'halted', 'failed by holder > halt'],
  ] as const)('outcome too large, not encodable, refused: the fallback outcome; %s', async ([, result, line], t) => {
    const scene = await createScene(t);
    const passes = line.startsWith('completed');
    // Over 400 KB together; only the first twenty fit into the fallback.
    const large = Array.from({ length: 200 }, (_, i) => ({ source: `output.a${i}x${'y'.repeat(3_000)}`, line: 1 }));
    const expectations = (count: number) => (passes ? [] : large.slice(0, count));
    const execute = async () => ({ status: passes ? 'completed' : 'failed', output: '{"paid":true}' }) as const;
    const id = await scene.start([scene.effect({ expect: expectations(200) })]);
    const refusing = scene.proxied({ execute });
    let refusals = 0;
    scene.proxy.fate((asked) =>
      asked.kind === 'outcome' && passes && refusals++ === 0 ? { refuse: 'ValidationException' } : 'pass',
    );
    expect(await refusing.engine.advance(id, request)).toMatchObject({ result, steps: [{ recorded: true }] });
    expect(refusing.events.map((event) => event.kind)).toContain('outcome.fallback');
    const entries = await scene.entries(id);
    expect(lines(entries)).toEqual(['started', 'reserved', line]);
    expect(entries[2]).toMatchObject({ output: { kind: 'truncated', bytes: 13, head: '' } });
    if (!passes) expect(entries[2]).toMatchObject({ expectations: { length: 20 } });
  });

  test.for([
    ['written by a script that is no JSON', `printf '🎉 done' > "$PAWL_OUTPUT"`, 'sh'],
    ['thrown in a message that is cut', `export default () => { throw new Error('x'.repeat(292) + '🎉'); }`, 'ts'],
  ] as const)(
    'outcome too large, not encodable, refused: half a character, %s, keeps no outcome from being written; halts',
    async ([, code, kind], t) => {
      const scene = await createScene(t);
      const id = await scene.start([{ timeoutMs: 40_000, body: { kind, code } }]);
      expect(await scene.another().advance(id, request)).toMatchObject({
        result: 'halted',
        steps: [{ recorded: true }],
      });
      const entries = await scene.entries(id);
      const ended = kind === 'sh' ? 'completed' : 'failed';
      expect(lines(entries)).toEqual(['started', 'reserved', `${ended} by holder > halt`]);
      // V8 quotes the half of a character that it met; a message of 300 characters ends in the middle of one.
      expect(entries[2]).toMatchObject({ error: { message: expect.stringContaining('\ufffd') } });
    },
  );

  test('outcome too large, not encodable, refused: an executor that answers with half a character; halts, whole', async () => {
    const world = setup();
    world.behave = () => ({ status: 'failed', output: '"\ud83d"', error: { code: 'x', message: 'y\ud83d' } });
    const id = await world.start(runbookOf([{}]));
    expect((await world.engine.advance(id, request)).result).toBe('halted');
    expect((await world.entries(id))[2]).toMatchObject({
      status: 'failed',
      output: { kind: 'inline', text: '"\ufffd"' },
      error: { code: 'x', message: 'y\ufffd' },
    });
  });

  test('after the outcome, before the view: the view is stale but still due; the tick repairs it', async (t) => {
    const scene = await createScene(t);
    const id = await scene.start([scene.effect()]);
    const saves = (asked: { table: string; body: string }) =>
      asked.table === 'views' && asked.body.includes('revision');
    await dieBefore(scene, await scene.worker(id), id, saves);
    expect(lines(await scene.entries(id))).toEqual(['started', 'reserved', 'completed by holder > next']);
    const { views } = scene.fresh.store;
    expect(await views.get(id)).toMatchObject({ seq: 0, status: 'ready' });
    expect(await dueAt(scene, id)).toBeTypeOf('number');
    expect(await scene.engine.advance(id, tick)).toMatchObject({ result: 'completed', steps: [] });
    expect(await views.get(id)).toMatchObject({ seq: 2, status: 'completed', cellsDone: 1 });
    await expectWitnessed(scene, id, [`test/5707e1d0aaaa/${id}/c0/1`]);
  });

  test.for([
    ['open: its truth is accepted', 'hold', true, ['completed by holder > next']],
    [
      'closed: fenced, what it saw is a note',
      'retry',
      false,
      ['abandoned by policy > retry', 'reserved', 'completed by holder > next'],
    ],
  ] as const)('holder paused past its deadline, then wakes; %s', async ([, interrupted, recorded, after], t) => {
    const scene = await createScene(t);
    const id = await scene.start([scene.effect({ ...brief, interrupted })]);
    const worker = await scene.worker(id);
    const frozen = freezeBefore(scene, worker, at('outcome'));
    const late = worker.advance(id);
    await frozen;
    const answer = await scene.whenGone(id);
    expect(answer.result).toBe(recorded ? 'in_doubt' : 'completed');
    worker.thaw();
    expect(await late).toMatchObject({ steps: [{ cell: 'c0', seq: 1, status: 'completed', recorded }] });
    expect(lines(await scene.entries(id))).toEqual(['started', 'reserved', ...after]);
    const notes = await scene.engine.notes(id, 1);
    expect(notes.map((note) => note.kind)).toEqual(recorded ? [] : ['fenced']);
    await expectWitnessed(scene, id, Array(recorded ? 1 : 2).fill(`test/5707e1d0aaaa/${id}/c0/1`));
  });

  test('schedule, Lambda or client delivers twice or six hours late: in_flight or seq.stale; nothing', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, {}, {}]));
    const handOver = { ...request, expectedSeq: 0, cell: 'c0', maxCells: 1 };
    const told: string[] = [];
    const deliver = () =>
      rivalOf(world)
        .advance(id, handOver)
        .then(
          (answer) => told.push(answer.result),
          (error) => told.push(error.code),
        );
    world.behave = async () => {
      // In the middle of the cell: the same hand-over as it was sent, and one without a seq, as the schedule sends it.
      await deliver();
      told.push((await rivalOf(world).advance(id, tick)).result);
      return { status: 'completed' };
    };
    expect((await world.engine.advance(id, handOver)).result).toBe('advanced');
    await deliver();
    world.now += 6 * 3_600_000;
    await deliver();
    told.push((await rivalOf(world).advance(id, tick)).result);
    expect(told).toEqual(['seq.stale', 'in_flight', 'seq.stale', 'seq.stale', 'parked']);
    expect(world.begun.map((input) => input.step.cell)).toEqual(['c0']);
  });

  test('store throttles or is away before the effect: 503, nothing done', async (t) => {
    const scene = await createScene(t);
    const id = await scene.start([scene.effect()]);
    const { engine } = scene.proxied();
    for (const refuse of ['ThrottlingException', 'ProvisionedThroughputExceededException']) {
      scene.proxy.fate((asked) => (asked.kind === 'reserved' ? { refuse } : 'pass'));
      await expect(engine.advance(id, request)).rejects.toMatchObject({
        code: 'store.unavailable',
        details: { instanceId: id },
      });
    }
    scene.proxy.fate(() => 'reset');
    await expect(engine.advance(id, request)).rejects.toMatchObject({ code: 'store.unavailable' });
    expect(lines(await scene.entries(id))).toEqual(['started']);
    await expectWitnessed(scene, id, []);
  });

  test.for([
    ['away, then recorded while the step is open', 'hold', 'reset', 'in_doubt', 'recorded'],
    ['throttled, then noted since the tick has closed the step', 'retry', 'throttle', 'parked', 'noted'],
  ] as const)(
    'store throttles or is away after the effect: the outcome is unrecorded; tick, redrive (%s)',
    async ([, interrupted, how, ticked, redriven], t) => {
      const scene = await createScene(t);
      const id = await scene.start([scene.effect({ ...brief, interrupted })]);
      const key = `test/5707e1d0aaaa/${id}/c0/1`;
      const aside: Unrecorded[] = [];
      const { engine, events } = scene.proxied({ setAside: async (item) => void aside.push(item) });
      const fate: Fate = how === 'reset' ? 'reset' : { refuse: 'ThrottlingException' };
      scene.witness.onEffect(() => scene.proxy.fate(() => fate));
      await expect(engine.advance(id, request)).rejects.toMatchObject({
        code: 'outcome.unrecorded',
        details: { instanceId: id, seq: 1, cell: 'c0' },
      });
      // Both the log and the failure queue have it.
      const logged = String(events.find((event) => event.kind === 'outcome.unrecorded')?.item);
      expect(readUnrecorded(logged)).toMatchObject({ instanceId: id, about: 1, outcome: { status: 'completed' } });
      expect(aside).toEqual([readUnrecorded(logged)]);
      expect((await scene.whenGone(id, tick)).result).toBe(ticked);
      const item = readUnrecorded(JSON.stringify(aside[0]));
      expect(await scene.engine.redrive(item, bob)).toMatchObject({ result: redriven });
      expect(await scene.another().redrive(item, alice)).toMatchObject({ result: 'known' });
      expect((await scene.engine.run(id, request)).result).toBe('completed');
      expect((await scene.engine.notes(id, 1)).map((note) => note.kind)).toEqual(
        redriven === 'noted' ? ['fenced'] : [],
      );
      await expectWitnessed(scene, id, redriven === 'noted' ? [key, key] : [key]);
    },
  );

  test('clocks differ by less than the grace: nothing is seen, nothing happens', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: -14_999, max: 14_999 }),
        // Anywhere from the body's beginning to its holder's deadline, at which nothing of it is alive any more.
        fc.integer({ min: 0, max: 5_000 }),
        fc.constantFrom('hold' as const, 'retry' as const, 'continue' as const),
        async (offMs, afterMs, interrupted) => {
          const world = setup();
          const id = await world.start(runbookOf([{ interrupted }]));
          const told: string[] = [];
          world.behave = async () => {
            world.now = T0 + afterMs;
            told.push((await rivalOf(world, offMs).run(id, { ...request, by: bob })).result);
            return { status: 'completed' };
          };
          expect((await world.engine.advance(id, request)).steps).toMatchObject([{ recorded: true }]);
          expect(told).toEqual(['in_flight']);
          expect(world.begun).toHaveLength(1);
        },
      ),
      { numRuns: 100 },
    );
  });

  test.for([
    ['hold', 'in_doubt', 1, true],
    ['retry', 'completed', 2, false],
  ] as const)(
    'clocks differ by more: two attempts of a cell declared safe may overlap, others still need a permission (%s)',
    async ([interrupted, result, begun, recorded]) => {
      const world = setup();
      const id = await world.start(runbookOf([{ interrupted }]));
      const told: string[] = [];
      world.behave = async ({ step }) => {
        if (step.attempt > 1) return { status: 'completed', output: '"second"' };
        told.push((await rivalOf(world, 600_000).run(id, { ...request, by: bob })).result);
        return { status: 'completed', output: '"first"' };
      };
      expect((await world.engine.advance(id, request)).steps).toMatchObject([{ recorded }]);
      expect(told).toEqual([result]);
      expect(world.begun).toHaveLength(begun);
      const keys = world.begun.map((input) => input.step.idempotencyKey);
      expect(disagreements(await world.entries(id), keys)).toEqual([]);
      expect((await world.engine.notes(id, 1)).map((note) => note.kind)).toEqual(recorded ? [] : ['fenced']);
    },
  );
});

test('the witness and the journal do disagree when an effect has no reservation, or an attempt no permission', async () => {
  const world = setup();
  const id = await world.start(runbookOf([{}]));
  await world.engine.advance(id, { ...request, by: alice });
  const entries = await world.entries(id);
  expect(disagreements(entries, ['test/5707e1d0aaaa/i1/c0/1'])).toEqual([]);
  expect(disagreements(entries, ['test/5707e1d0aaaa/i1/c0/1', 'test/5707e1d0aaaa/i1/c0/1'])).toHaveLength(1);
  expect(disagreements(entries, ['test/5707e1d0aaaa/i1/c0/2'])).toHaveLength(1);
  const twice = entries.map((entry) =>
    entry.kind === 'outcome' ? { ...entry, kind: 'reserved', attempt: 2, key: 'test/5707e1d0aaaa/i1/c0/1' } : entry,
  );
  expect(disagreements(twice as typeof entries, [])).toHaveLength(1);
});
