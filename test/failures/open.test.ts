import { describe, expect, test } from 'vitest';
import { createExecute } from '../../src/cells/index.ts';
import type { CellInput, CellResult } from '../../src/engine/index.ts';
import type { StoreClient } from '../../src/store/access.ts';
import { runbookOf } from '../engine/runbooks.ts';
import { setup, T0 } from '../engine/world.ts';
import { rivalOf } from '../support/deaths.ts';
import type { Fate } from '../support/proxy.ts';
import { alice, bob, createScene, lines, request } from '../support/scene.ts';

const hourMs = 3_600_000;

describe('open', () => {
  // D1
  test('scenario 34: a permission given inside the key window is not used after it, however late the schedule comes', async () => {
    const world = setup();
    const payments: string[] = [];
    const kept = new Map<string, number>();
    world.behave = ({ step }: CellInput): CellResult => {
      const seen = kept.get(step.idempotencyKey);
      if (seen === undefined || world.now - seen >= hourMs) payments.push(step.idempotencyKey);
      if (seen === undefined) kept.set(step.idempotencyKey, world.now);
      return step.attempt === 1 ? { status: 'unknown' } : { status: 'completed' };
    };
    const id = await world.start(runbookOf([{ interrupted: 'retry', keyWindowMs: hourMs }]));
    await world.engine.advance(id, request);
    expect(payments).toEqual(['test/i1/c0/1']);
    // closed as abandoned inside the window; the call may not reserve any more
    await world.engine.advance(id, { ...request, maxCells: 0 });
    console.log(lines(await world.entries(id)));
    world.now = T0 + 24 * hourMs;
    await world.engine.advance(id, request);
    expect(payments).toEqual(['test/i1/c0/1']);
  });

  test('scenario 34: a known failure is not retried after the window either', async () => {
    const world = setup();
    world.behave = () => ({ status: 'failed' });
    const id = await world.start(runbookOf([{ retryMax: 3, keyWindowMs: hourMs }]));
    await world.engine.advance(id, request);
    world.now = T0 + 24 * hourMs;
    await world.engine.advance(id, request);
    expect(world.begun).toHaveLength(1);
  });

  // D2
  test.for([
    ['an sh cell that writes an emoji that is no JSON', 'sh', `printf '🎉 done' > "$PAWL_OUTPUT"`],
    ['an error message cut in the middle of an emoji', 'ts', `export default () => { throw new Error('x'.repeat(291) + '🎉'); }`],
  ] as const)('outcome not encodable: %s', async ([, kind, code], t) => {
    const scene = await createScene(t);
    const id = await scene.start([{ timeoutMs: 2_000, body: { kind, code } }]);
    const told = await scene.another({ execute: createExecute() }).advance(id, request).catch((e) => e);
    console.log(told.code ?? told.steps);
    expect(lines(await scene.entries(id))).toEqual(['started', 'reserved', 'failed by holder > halt']);
  });

  test('outcome not encodable: an executor whose output and error hold half a character', async () => {
    const world = setup();
    world.behave = () => ({ status: 'failed', output: '"\ud83d"', error: { code: 'x', message: 'y\ud83d' } });
    const id = await world.start(runbookOf([{}]));
    await world.engine.advance(id, request).catch((e) => console.log(e.code));
    expect(lines(await world.entries(id))).toEqual(['started', 'reserved', 'failed by holder > halt']);
  });

  // D3
  test('scenario 20: a call in which every put hangs ends with its invocation', async () => {
    let hanging = false;
    const world = setup((client) => ({
      send: async (command: { constructor: { name: string }; input: { TableName: string } }) => {
        if (hanging && command.input.TableName.endsWith('journal') && command.constructor.name !== 'QueryCommand') {
          world.now += 9_000;
          throw new Error('timeout');
        }
        return client.send(command as never);
      },
    }) as unknown as StoreClient);
    const id = await world.start(runbookOf([{}]));
    await world.engine.inspect(id, alice);
    hanging = true;
    const budgetMs = 12_000;
    await expect(world.engine.advance(id, { ...request, budgetMs })).rejects.toMatchObject({ code: 'store.unavailable' });
    console.log((world.now - T0) / 1000);
    expect(world.now - T0).toBeLessThanOrEqual(budgetMs + 18_000);
  });

  // D4
  test('scenario 21: when a call ends because one of its reads failed, none of the others is still under way', async (t) => {
    const scene = await createScene(t);
    const cells = [{}, {}, {}, {}];
    const id = await scene.start([...cells, scene.effect({ reads: 'all' })]);
    await scene.another({ execute: async () => ({ status: 'completed', output: '{}' }) }).advance(id, { ...request, maxCells: 4 });
    const { engine } = scene.proxied();
    await engine.inspect(id, alice);
    const asked = scene.proxy.asked.length;
    let reads = 0;
    scene.proxy.fate((one): Fate => {
      if (one.target !== 'GetItem' || one.table !== 'journal') return 'pass';
      reads += 1;
      if (reads === 1) return { refuse: 'ValidationException' };
      return { answerAfter: new Promise((resolve) => setTimeout(resolve, 400)) };
    });
    await expect(engine.advance(id, request)).rejects.toMatchObject({ name: 'PawlError' });
    console.log('open', scene.proxy.open(), scene.proxy.asked.length - asked);
    expect(scene.proxy.open()).toBe(0);
  });

  // D5
  test('scenario 1: counted as self_conflict', async (t) => {
    const scene = await createScene(t);
    const id = await scene.start([scene.effect()]);
    const { engine, events } = scene.proxied();
    let lost = 0;
    scene.proxy.dropWhen((_, body) => body.includes('"kind":{"S":"reserved"}') && lost++ === 0);
    await engine.advance(id, request);
    expect(events.filter((event) => event.kind === 'self_conflict')).toEqual([{ kind: 'self_conflict', instanceId: id, seq: 1 }]);
  });

  // D6
  test('scenario 27: a probe whose closing entry is too large', async () => {
    const world = setup();
    const probe = { line: 1, timeoutMs: 1_000, done: null, notDone: null, reads: [], body: { kind: 'ts' as const, code: 'probe' } };
    const wide = Array.from({ length: 12_000 }, (_, line) => ({ source: 'status == "completed"', line }));
    const id = await world.start(runbookOf([{ interrupted: 'probe', probe, settleMs: 0, expect: wide }, {}]));
    world.behave = (input) => ('code' in input.body && input.body.code === 'probe' ? { status: 'completed', output: '{"answer":"done"}' } : { status: 'unknown' });
    const told = await world.engine.advance(id, request).catch((e) => e);
    console.log(told.code ?? told.result, told.message);
    expect(told.code).toBeUndefined();
  });
  test('scenario 27: an assert whose entry is too large', async () => {
    const world = setup();
    const wide = Array.from({ length: 12_000 }, (_, line) => ({ source: 'status == "completed"', line }));
    const id = await world.start(runbookOf([{ body: { kind: 'assert', expressions: wide } }, {}]));
    const told = await world.engine.advance(id, request).catch((e) => e);
    console.log(told.code ?? told.result, told.message);
    expect(told.code).toBeUndefined();
  });
  test('scenario 27: a verdict whose entry is too large', async () => {
    const world = setup();
    const wide = Array.from({ length: 12_000 }, (_, line) => ({ source: 'status == "completed"', line }));
    world.behave = () => ({ status: 'unknown' });
    const id = await world.start(runbookOf([{ expect: wide }, {}]));
    await world.engine.advance(id, request);
    const told = await world.engine.verdict(id, { seq: 1, verdict: 'succeeded', reason: 'x', by: bob }).catch((e) => e);
    console.log(told.code ?? told.view.status, told.message);
    expect(told.code).toBeUndefined();
  });

  // D7
  test('scenario 6: a lock or note in seconds', async () => {
    const world = setup();
    const { locks } = world.ports;
    await expect(locks.putOnce({ lock: 'a', revision: 1, instanceId: 'i1', token: 'f'.repeat(32), atMs: Math.floor(T0 / 1_000) })).rejects.toThrow();
  });
  test('scenario 26: a grandchild without the marker', async (t) => {
    const scene = await createScene(t);
    const url = `${scene.witness.url}/effect`;
    const late = `fetch('${url}', { method: 'POST', headers: { 'idempotency-key': 'late' } })`;
    const sh = `PATH=$PATH; env -i PATH="$PATH" setsid node -e "setTimeout(() => { ${late} }, 500)" >/dev/null 2>&1 </dev/null & sleep 0.3`;
    const id = await scene.start([{ timeoutMs: 3_000, body: { kind: 'sh', code: sh } }]);
    console.log((await scene.another({ execute: createExecute() }).advance(id, request)).steps);
    await new Promise((r) => setTimeout(r, 1_000));
    expect(scene.witness.effects).toEqual([]);
  });
});
void rivalOf;
