import { describe, expect, test } from 'vitest';
import { createExecute } from '../../src/cells/index.ts';
import type { CellInput, CellResult } from '../../src/engine/index.ts';
import type { StoreClient } from '../../src/store/access.ts';
import { runbookOf } from '../engine/runbooks.ts';
import { setup, T0 } from '../engine/world.ts';
import type { Fate } from '../support/proxy.ts';
import { alice, createScene, lines, request } from '../support/scene.ts';

const hourMs = 3_600_000;

describe('what the scenarios found', () => {
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
    // Closed as abandoned inside the window, by a call that may not reserve any more.
    await world.engine.advance(id, { ...request, maxCells: 0 });
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

  test.for([
    ['an sh cell that writes an emoji that is no JSON', 'sh', `printf '🎉 done' > "$PAWL_OUTPUT"`],
    [
      'an error message cut in the middle of an emoji',
      'ts',
      `export default () => { throw new Error('x'.repeat(291) + '🎉'); }`,
    ],
  ] as const)('outcome not encodable: %s', async ([, kind, code], t) => {
    const scene = await createScene(t);
    const id = await scene.start([{ timeoutMs: 2_000, body: { kind, code } }]);
    await scene.another({ execute: createExecute() }).advance(id, request);
    expect(lines(await scene.entries(id))).toEqual(['started', 'reserved', 'failed by holder > halt']);
  });

  test('outcome not encodable: an executor whose output and error hold half a character', async () => {
    const world = setup();
    world.behave = () => ({ status: 'failed', output: '"\ud83d"', error: { code: 'x', message: 'y\ud83d' } });
    const id = await world.start(runbookOf([{}]));
    await world.engine.advance(id, request).catch(() => undefined);
    expect(lines(await world.entries(id))).toEqual(['started', 'reserved', 'failed by holder > halt']);
  });

  test('scenario 20: a call in which every put hangs ends with its invocation', async () => {
    let hanging = false;
    const world = setup(
      (client) =>
        ({
          send: async (command: { constructor: { name: string }; input: { TableName: string } }) => {
            if (hanging && command.input.TableName.endsWith('journal') && command.constructor.name !== 'QueryCommand') {
              world.now += 9_000;
              throw new Error('timeout');
            }
            return client.send(command as never);
          },
        }) as unknown as StoreClient,
    );
    const id = await world.start(runbookOf([{}]));
    await world.engine.inspect(id, alice);
    hanging = true;
    const budgetMs = 12_000;
    await expect(world.engine.advance(id, { ...request, budgetMs })).rejects.toMatchObject({
      code: 'store.unavailable',
    });
    expect(world.now - T0).toBeLessThanOrEqual(budgetMs + 18_000);
  });

  test('scenario 21: when a call ends because one of its reads failed, none of the others is still under way', async (t) => {
    const scene = await createScene(t);
    const cells = [{}, {}, {}, {}];
    const id = await scene.start([...cells, scene.effect({ reads: 'all' })]);
    await scene
      .another({ execute: async () => ({ status: 'completed', output: '{}' }) })
      .advance(id, { ...request, maxCells: 4 });
    const { engine } = scene.proxied();
    await engine.inspect(id, alice);
    let reads = 0;
    scene.proxy.fate((one): Fate => {
      if (one.target !== 'GetItem' || one.table !== 'journal') return 'pass';
      reads += 1;
      if (reads === 1) return { refuse: 'ValidationException' };
      return { answerAfter: new Promise((resolve) => setTimeout(resolve, 400)) };
    });
    await expect(engine.advance(id, request)).rejects.toMatchObject({ name: 'PawlError' });
    expect(scene.proxy.open()).toBe(0);
  });

  test('scenario 1: counted as self_conflict', async (t) => {
    const scene = await createScene(t);
    const id = await scene.start([scene.effect()]);
    const { engine, events } = scene.proxied();
    let lost = 0;
    scene.proxy.dropWhen((_, body) => body.includes('"kind":{"S":"reserved"}') && lost++ === 0);
    await engine.advance(id, request);
    expect(events.filter((event) => event.kind === 'self_conflict')).toMatchObject([
      { instanceId: id, seq: 1, meant: 'reserved', stands: 'reserved' },
    ]);
  });

  test('scenario 6: a lock or note in seconds', async () => {
    const world = setup();
    const { locks } = world.ports;
    await expect(
      locks.putOnce({ lock: 'a', revision: 1, instanceId: 'i1', token: 'f'.repeat(32), atMs: Math.floor(T0 / 1_000) }),
    ).rejects.toThrow();
  });
});
