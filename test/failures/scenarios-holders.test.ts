/** Scenarios of FAILURES.md about holders: gone, slow, frozen, taken over. Real tables, real processes, a witness. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { CellInput, CellResult } from '../../src/engine/index.ts';
import {
  alice,
  attemptsOf,
  bob,
  brief,
  createScene,
  disagreements,
  eventually,
  lines,
  request,
  type Scene,
} from '../support/scene.ts';
import { freezeProcess } from '../support/workers.ts';

const tick = { ...request, explicit: false, maxCells: Number.POSITIVE_INFINITY };
const inDoubt = (scene: Scene, id: string): Promise<void> =>
  eventually(async () => (await scene.engine.inspect(id, bob)).view.status === 'in_doubt');
const settled = (results: PromiseSettledResult<{ result: string }>[]): unknown[] =>
  results.map((one) => (one.status === 'fulfilled' ? one.value.result : one.reason));

describe.concurrent('holders', () => {
  test('scenario 3: a step left in progress by one killed worker after another never blocks for good', async (t) => {
    const scene = await createScene(t);
    const id = await scene.start([scene.effect({ ...brief, interrupted: 'retry', retryMax: 1 })]);
    const key = `test/5707e1d0aaaa/${id}/c0/1`;
    for (const attempt of [1, 2]) {
      const worker = await scene.worker(id);
      scene.witness.onEffect(() => worker.kill());
      // The second one takes over what the first has left.
      void scene.whenGone(id, {}, worker);
      await scene.witness.effectsReach(attempt);
      await worker.kill();
    }
    scene.witness.onEffect(() => {});
    // No attempt is left: it is in doubt, due again by itself, and a person has the last word.
    await inDoubt(scene, id);
    const held = await scene.engine.advance(id, tick);
    expect(held).toMatchObject({ result: 'in_doubt', view: { dueAtMs: expect.any(Number) } });
    expect(scene.witness.effects).toEqual([key, key]);
    const seq = attemptsOf(await scene.entries(id)).at(-1)?.seq ?? 0;
    await scene.engine.verdict(id, { seq, verdict: 'retry', reason: 'both were cut before they paid', by: bob });
    expect((await scene.engine.run(id, request)).result).toBe('completed');
    expect(scene.witness.effects).toEqual([key, key, key]);
    const entries = await scene.entries(id);
    expect(entries.flatMap((e) => ('permission' in e && e.permission !== null ? [e.permission.kind] : []))).toEqual([
      'interrupted',
      'person',
    ]);
    expect(disagreements(entries, scene.witness.effects)).toEqual([]);
  });

  test('scenario 4: a withdrawal whose function timed out is not made again by anybody, however often they ask', async (t) => {
    const scene = await createScene(t);
    const code = `export default async ({ step }) => {
      await fetch('${scene.witness.url}/effect', { method: 'POST', headers: { 'idempotency-key': step.idempotencyKey } });
      await new Promise((resolve) => setTimeout(resolve, 600_000));
    };`;
    // \`retry\` is for what is known to have failed; this is not known.
    const id = await scene.start([{ timeoutMs: 10_000, retryMax: 3, body: { kind: 'ts', code } }, scene.effect()]);
    const first = await scene.another().run(id, request);
    expect(first).toMatchObject({
      result: 'in_doubt',
      steps: [{ cell: 'c0', status: 'unknown', error: { code: 'cell.timeout' } }],
    });
    const asked = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) =>
        i % 2 === 0 ? scene.another().advance(id, tick) : scene.another().run(id, request),
      ),
    );
    expect(new Set(settled(asked))).toEqual(new Set(['in_doubt']));
    expect(scene.witness.effects).toEqual([`test/5707e1d0aaaa/${id}/c0/1`]);
  });

  test('scenario 8: a frozen holder that acts after its lease is fenced by its seq at the target, and by the journal', async (t) => {
    const scene = await createScene(t);
    // A target that takes nothing from an older fence number than it has seen.
    const told: { pid: number; runner: number; seq: number; response: ServerResponse }[] = [];
    const writes: [fence: number, taken: boolean][] = [];
    const target = createServer((asked, response) => {
      const { pid, runner, seq } = JSON.parse(decodeURIComponent(asked.url?.split('?')[1] ?? '{}'));
      if (asked.url?.startsWith('/begin')) {
        told.push({ pid, runner, seq, response });
        if (told.length > 1) response.end();
        return;
      }
      const taken = writes.every(([fence]) => fence <= seq);
      writes.push([seq, taken]);
      response.writeHead(taken ? 200 : 409).end();
    }).listen(0, '127.0.0.1');
    t.onTestFinished(() => void target.close().closeAllConnections());
    await eventually(() => target.listening);
    const url = `http://127.0.0.1:${(target.address() as AddressInfo).port}`;
    const code = `export default async ({ step }) => {
      const me = encodeURIComponent(JSON.stringify({ pid: process.pid, runner: process.ppid, seq: step.seq }));
      await fetch('${url}/begin?' + me);
      return { taken: (await fetch('${url}/write?' + me)).status === 200 };
    };`;
    const id = await scene.start([{ timeoutMs: 10_000, interrupted: 'retry', body: { kind: 'ts', code } }]);
    const worker = await scene.worker(id);
    const late = worker.advance(id);
    await eventually(() => told.length === 1);
    const [first] = told;
    if (first === undefined) throw new Error('nobody began');
    // The whole sandbox stands still: the engine, the runner, the cell.
    await worker.freeze();
    const [thawRunner, thawCell] = await Promise.all([freezeProcess(first.runner), freezeProcess(first.pid)]);
    expect((await scene.whenGone(id)).result).toBe('completed');
    expect(writes).toEqual([[3, true]]);
    // It wakes, the cell before whatever would have killed it.
    thawCell();
    first.response.end();
    await eventually(() => writes.length === 2);
    thawRunner();
    worker.thaw();
    expect(await late).toMatchObject({ steps: [{ seq: 1, recorded: false }] });
    expect(writes).toEqual([
      [3, true],
      [1, false],
    ]);
    expect(lines(await scene.entries(id))).toEqual([
      'started',
      'reserved',
      'abandoned by policy > retry',
      'reserved',
      'completed by holder > next',
    ]);
    expect(await scene.engine.notes(id, 1)).toMatchObject([{ kind: 'fenced', cell: 'c0' }]);
  });

  test('scenario 8: a holder that acts while the attempt after its own is under way closes nothing but its own', async (t) => {
    const scene = await createScene(t);
    const id = await scene.start([scene.effect({ ...brief, interrupted: 'retry' })]);
    const late = Promise.withResolvers<void>();
    const second = Promise.withResolvers<void>();
    let begun = 0;
    const execute = (mine: Promise<void>, output: string) => async (): Promise<CellResult> => {
      begun += 1;
      await mine;
      return { status: 'completed', output };
    };
    const first = scene.another({ execute: execute(late.promise, '"first"') }).advance(id, request);
    await eventually(() => begun === 1);
    const successor = scene.another({ execute: execute(second.promise, '"second"') });
    const next = scene.whenGone(id, {}, successor);
    await eventually(() => begun === 2);
    late.resolve();
    expect((await first).steps).toMatchObject([{ seq: 1, attempt: 1, recorded: false }]);
    expect((await scene.entries(id)).at(-1)).toMatchObject({ seq: 3, kind: 'reserved', attempt: 2 });
    second.resolve();
    expect((await next).steps).toMatchObject([{ seq: 3, attempt: 2, recorded: true }]);
    expect((await scene.entries(id)).at(-1)).toMatchObject({ closes: 3, attempt: 2, output: { text: '"second"' } });
    expect(await scene.engine.notes(id)).toMatchObject([{ kind: 'fenced', about: 1 }]);
  });

  test('scenario 12: engines that start, however many, leave a live run alone', async (t) => {
    const scene = await createScene(t);
    const id = await scene.start([scene.effect(), scene.effect()]);
    const held = Promise.withResolvers<void>();
    scene.witness.onEffect(() => held.promise);
    const live = scene.engine.advance(id, request);
    await scene.witness.effectsReach(1);
    const before = scene.proxy.asked.length;
    const started = Array.from({ length: 5 }, () => scene.proxied().engine);
    // Starting is no reason to look at anything.
    expect(scene.proxy.asked.length).toBe(before);
    const told = await Promise.all(started.flatMap((one) => [one.run(id, request), one.advance(id, tick)]));
    expect(new Set(told.map((one) => one.result))).toEqual(new Set(['in_flight']));
    held.resolve();
    expect(await live).toMatchObject({ steps: [{ cell: 'c0', seq: 1, status: 'completed', recorded: true }] });
    const entries = await scene.entries(id);
    expect(attemptsOf(entries).filter((one) => one.cell === 'c0')).toHaveLength(1);
    expect(scene.witness.effects).toEqual([`test/5707e1d0aaaa/${id}/c0/1`]);
  });

  test('scenario 13: two recoveries with two answers give the one that stands, to callers and to later cells', async (t) => {
    const scene = await createScene(t);
    const id = await scene.start([
      scene.effect({ interrupted: 'probe', probe: scene.probe, settleMs: 0, ...brief }),
      scene.effect({ reads: ['c0'] }),
    ]);
    const gone = scene.another({ execute: () => new Promise(() => {}) });
    void gone.advance(id, request);
    await inDoubt(scene, id);
    const both = Promise.withResolvers<void>();
    const bothLook = Promise.withResolvers<void>();
    let looks = 0;
    let asked = 0;
    const later: string[] = [];
    // Each looks how often was asked before either asks: the later one would keep the pause after the earlier one.
    const { journal } = scene.fresh.store;
    const notes: typeof journal.notes = async (...args) => {
      const before = await journal.notes(...args);
      looks += 1;
      if (looks === 2) bothLook.resolve();
      await bothLook.promise;
      return before;
    };
    const recovery = (name: string) =>
      scene.another({
        journal: { ...journal, notes },
        execute: async (input: CellInput): Promise<CellResult> => {
          if (input.step.cell === 'c1') {
            later.push(input.outputs.c0 ?? '');
            return { status: 'completed', output: '{}' };
          }
          // Both have their answer before either can record it.
          asked += 1;
          if (asked === 2) both.resolve();
          await both.promise;
          return { status: 'completed', output: JSON.stringify({ status: 200, message: name }) };
        },
      });
    const engines = [recovery('one'), recovery('two')];
    await Promise.all(engines.map((engine) => scene.whenGone(id, { maxCells: 2 }, engine)));
    const closing = (await scene.entries(id)).find((entry) => entry.kind === 'outcome');
    const stands = closing?.kind === 'outcome' && closing.output?.kind === 'inline' ? closing.output.text : '';
    expect(JSON.parse(stands)).toEqual({ status: 200, message: expect.stringMatching(/^(one|two)$/) });
    const told = await Promise.all([...engines, scene.engine].map((engine) => engine.inspect(id, alice)));
    expect(told.map((one) => one.cells[0]?.output)).toEqual([stands, stands, stands]);
    expect(later).toEqual([stands]);
    expect(asked).toBe(2);
  });

  test('scenario 15: a long step that is dispatched again and again: the witness and the journal count one attempt', async (t) => {
    const scene = await createScene(t);
    const id = await scene.start([scene.effect({ interrupted: 'retry' })]);
    const [worker, other] = await Promise.all([scene.worker(id), scene.worker(id)]);
    const held = Promise.withResolvers<void>();
    scene.witness.onEffect(() => held.promise);
    const long = worker.advance(id);
    await scene.witness.effectsReach(1);
    const again = await Promise.all([
      ...Array.from({ length: 10 }, () => other.advance(id)),
      ...Array.from({ length: 10 }, () => worker.run(id)),
      ...Array.from({ length: 10 }, () => scene.engine.advance(id, tick)),
    ]);
    expect(new Set(again.map((one) => one.result))).toEqual(new Set(['in_flight']));
    held.resolve();
    expect((await long).steps).toMatchObject([{ attempt: 1, recorded: true }]);
    const entries = await scene.entries(id);
    expect(attemptsOf(entries)).toMatchObject([{ seq: 1, attempt: 1, by: { actor: `worker-${worker.pid}` } }]);
    expect(scene.witness.effects).toEqual([`test/5707e1d0aaaa/${id}/c0/1`]);
    expect(disagreements(entries, scene.witness.effects)).toEqual([]);
  });
});
