/** Scenarios of FAILURES.md about calls: suspended, repeated, cut off, and what may be left of one in the next. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type Cell, limits } from '../../src/engine/index.ts';
import { runbookOf } from '../engine/runbooks.ts';
import { setup, T0 } from '../engine/world.ts';
import { rivalOf } from '../support/deaths.ts';
import { alice, attemptsOf, bob, createScene, disagreements, lines, request } from '../support/scene.ts';

const hourMs = 3_600_000;
const tick = { ...request, explicit: false, maxCells: Number.POSITIVE_INFINITY };
const manual: Partial<Cell> = { name: 'look', body: { kind: 'manual', instructions: ['Look.'] } };

describe.concurrent('scenario 7: a suspended run is not its own duplicate', () => {
  test('scenario 7: a run that waits for a person ends its call, waits a year without doubt, and is resumed by anybody', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, manual, {}, {}]));
    // The same process throughout, and the same caller: a warm sandbox that is asked again by the same request id.
    const first = await world.engine.run(id, request);
    expect(first).toMatchObject({ result: 'parked', stop: { cell: 'look' }, steps: [{ cell: 'c0' }] });
    for (const laterMs of [0, hourMs, 365 * 24 * hourMs]) {
      world.now = T0 + laterMs;
      expect(await world.engine.run(id, request)).toMatchObject({ result: 'parked', steps: [] });
      expect((await world.engine.advance(id, tick)).result).toBe('parked');
    }
    await rivalOf(world).done(id, 'look', { result: 'done', note: 'all green', by: bob });
    expect(await world.engine.run(id, request)).toMatchObject({
      result: 'completed',
      steps: [{ cell: 'c2' }, { cell: 'c3' }],
    });
    const entries = await world.entries(id);
    const tokens = entries.map((entry) => entry.token);
    const waiting = entries.findIndex((entry) => entry.kind === 'waiting');
    // Nothing after the wait carries a token of before it.
    expect(tokens.slice(waiting + 1).filter((token) => tokens.slice(0, waiting + 1).includes(token))).toEqual([]);
    expect(attemptsOf(entries).map((one) => [one.cell, one.attempt])).toEqual([
      ['c0', 1],
      ['c2', 1],
      ['c3', 1],
    ]);
  });

  test('scenario 7: a run suspended between two attempts goes on with the next attempt, under a token of its own', async () => {
    const world = setup();
    world.behave = ({ step }) => ({ status: step.attempt < 9 ? 'failed' : 'completed' });
    const id = await world.start(runbookOf([{ retryMax: 8 }]));
    const told: string[] = [];
    for (let call = 0; call < 20 && told.at(-1) !== 'completed'; call += 1) {
      told.push((await world.engine.run(id, request)).result);
      world.now += limits.retryBackoffMaxMs;
    }
    expect(new Set(told)).toEqual(new Set(['deferred', 'completed']));
    expect(world.begun.map((input) => input.step.attempt)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test('scenario 7: on real tables, parked by one process, recorded in another, resumed by the first', async (t) => {
    const scene = await createScene(t);
    const id = await scene.start([scene.effect(), manual, scene.effect()]);
    const worker = await scene.worker(id);
    expect((await worker.run(id)).result).toBe('parked');
    expect((await worker.run(id)).result).toBe('parked');
    await scene.engine.done(id, 'look', { result: 'done', note: 'all green', by: bob });
    expect(await worker.run(id)).toMatchObject({ result: 'completed', steps: [{ cell: 'c2', attempt: 1 }] });
    expect(scene.witness.effects).toEqual([`test/${id}/c0/1`, `test/${id}/c2/1`]);
  });
});

describe.concurrent('scenario 18: what is carried out elsewhere is asked for once', () => {
  /** How a target may fail after it has the request. */
  const targets: [string, RequestListener][] = [
    ['never answers', () => {}],
    ['cuts the connection', (asked) => asked.socket.destroy()],
    [
      'answers half',
      (_, response) => void response.writeHead(200, { 'content-length': '9' }).write('{"a"', () => response.destroy()),
    ],
    ['is behind a gateway that gave up', (_, response) => void response.writeHead(504).end()],
    ['asks to come again', (_, response) => void response.writeHead(502, { 'retry-after': '0' }).end()],
  ];

  test.for(targets)(
    'scenario 18: a target that %s: one request, outcome unknown, no further call',
    async ([, answer], t) => {
      const scene = await createScene(t);
      const asked: string[] = [];
      const target = createServer((incoming, response) => {
        incoming.resume().on('end', () => {
          asked.push(String(incoming.headers['idempotency-key']));
          answer(incoming, response);
        });
      }).listen(0, '127.0.0.1');
      t.onTestFinished(() => void target.close().closeAllConnections());
      await new Promise((resolve) => target.once('listening', resolve));
      const { port } = target.address() as AddressInfo;
      const { createExecute } = await import('../../src/cells/index.ts');
      const engine = scene.another({ execute: createExecute({ httpAllow: [`127.0.0.1:${port}`] }) });
      const url = `http://127.0.0.1:${port}/pay`;
      const body = { kind: 'http', method: 'POST', url, headers: [], body: null } as unknown as Cell['body'];
      // \`retry\` is for what is known to have failed.
      const id = await scene.start([{ timeoutMs: 1_000, retryMax: 5, body }, scene.effect()]);
      expect(await engine.run(id, request)).toMatchObject({
        result: 'in_doubt',
        steps: [{ status: 'unknown', then: 'halt' }],
      });
      expect(await engine.run(id, request)).toMatchObject({ result: 'in_doubt', steps: [] });
      expect(asked).toEqual([`test/${id}/c0/1`]);
    },
  );

  test('scenario 18: an executor that throws is not called again: what it did is not known', async () => {
    const world = setup();
    world.behave = () => Promise.reject(new Error('socket hang up'));
    const id = await world.start(runbookOf([{ retryMax: 5 }]));
    for (let i = 0; i < 3; i += 1) expect((await world.engine.run(id, request)).result).toBe('in_doubt');
    expect(world.begun).toHaveLength(1);
  });
});

describe('scenario 21: nothing of a finished call goes on in the next', () => {
  test('scenario 21: what a cell left running is gone with its call: after a freeze and a thaw there is no effect, no log, no handle of it', async (t) => {
    const scene = await createScene(t);
    const url = `${scene.witness.url}/effect`;
    const late = (key: string) => `fetch('${url}', { method: 'POST', headers: { 'idempotency-key': '${key}' } })`;
    const ts = `export default ({ log }) => {
      setTimeout(() => { log('late line'); ${late('late ts')}; }, 300);
      // One branch fails at once, the other would go on.
      return Promise.all([Promise.reject(new Error('first branch')), new Promise((r) => setTimeout(r, 400)).then(() => ${late('late branch')})]);
    };`;
    const sh = `nohup setsid node -e "setTimeout(() => { console.log('late line'); ${late('late sh').replaceAll('"', '\\"')} }, 300)" &`;
    const code = (kind: 'ts' | 'sh', text: string): Partial<Cell> => ({
      timeoutMs: 5_000,
      optional: true,
      body: { kind, code: text },
    });
    const id = await scene.start([scene.effect(), code('ts', ts), code('sh', sh)]);
    const next = await scene.start([scene.effect()]);
    const worker = await scene.worker(id);
    await worker.advance(id);
    const idle = await worker.resources();
    expect(await worker.run(id)).toMatchObject({
      result: 'completed',
      steps: [{ status: 'failed' }, { status: 'completed' }],
    });
    // Kept connections to the store are no part of the call; everything else it opened is closed.
    const own = (names: string[]) => names.filter((name) => !/^TCPSocketWrap$/.test(name)).sort();
    expect(own(await worker.resources())).toEqual(own(idle));
    expect(scene.proxy.open()).toBe(0);
    const notes = await scene.engine.notes(id);
    await worker.freeze();
    await wait(500);
    worker.thaw();
    expect(await worker.advance(next)).toMatchObject({ result: 'completed' });
    await wait(300);
    expect(scene.witness.effects).toEqual([`test/${id}/c0/1`, `test/${next}/c0/1`]);
    expect(await scene.engine.notes(id)).toEqual(notes);
    expect(JSON.stringify(notes)).not.toContain('late line');
  });

  test('scenario 21: a call that the store cut short has answered nothing yet when it begins anew', async (t) => {
    const scene = await createScene(t);
    const id = await scene.start([scene.effect(), scene.effect()]);
    const { engine } = scene.proxied();
    // The answer to the outcome is lost for good; the call ends when it knows what stands.
    let lost = 0;
    scene.proxy.dropWhen((_, body) => body.includes('"kind":{"S":"outcome"}') && lost++ < 2);
    await engine.advance(id, request);
    expect(scene.proxy.open()).toBe(0);
    const asked = scene.proxy.asked.length;
    await wait(300);
    expect(scene.proxy.asked.length).toBe(asked);
    const entries = await scene.entries(id);
    expect(lines(entries)).toEqual(['started', 'reserved', 'completed by holder > next']);
    expect(disagreements(entries, scene.witness.effects)).toEqual([]);
  });
});

test('scenario 26: a grandchild that ignores SIGTERM, with a session of its own, is gone when its cell is over', async (t) => {
  const scene = await createScene(t);
  const url = `${scene.witness.url}/effect`;
  const post = (key: string) => `fetch('${url}', { method: 'POST', headers: { 'idempotency-key': '${key}' } })`;
  const stubborn = `process.on('SIGTERM', () => {}); process.on('SIGHUP', () => {}); ${post('alive')}; setTimeout(() => ${post('late')}, 1500)`;
  // The cell waits for it to be there, and is then cut by its own time-out.
  const sh = `setsid node -e "${stubborn}" > /dev/null 2>&1 < /dev/null & sleep 30`;
  const id = await scene.start([{ timeoutMs: 1_000, body: { kind: 'sh', code: sh } }]);
  const worker = await scene.worker(id);
  expect(await worker.advance(id)).toMatchObject({ result: 'in_doubt', steps: [{ status: 'unknown' }] });
  await wait(2_000);
  expect(scene.witness.effects).toEqual(['alive']);
});

test('scenario 1: a PutItem that collides with itself is told apart from a lost race: nobody is paged', async (t) => {
  const scene = await createScene(t);
  const id = await scene.start([scene.effect()]);
  const { engine, events } = scene.proxied();
  let lost = 0;
  scene.proxy.dropWhen((target) => target === 'PutItem' && lost++ % 2 === 0);
  expect(await engine.advance(id, { ...request, by: alice })).toMatchObject({ result: 'completed' });
  expect(lost).toBeGreaterThanOrEqual(4);
  expect(events.map((event) => event.kind)).not.toContain('put.conflict');
  expect(scene.witness.effects).toEqual([`test/${id}/c0/1`]);
});
