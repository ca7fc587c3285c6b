/** Scenarios of FAILURES.md about calls: suspended, repeated, cut off, and what may be left of one in the next. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type Cell, limits } from '../../src/engine/index.ts';
import { isAlive } from '../cells/cells.ts';
import { runbookOf } from '../engine/runbooks.ts';
import { setup, T0 } from '../engine/world.ts';
import { rivalOf } from '../support/deaths.ts';
import type { Fate } from '../support/proxy.ts';
import { alice, attemptsOf, bob, createScene, disagreements, eventually, lines, request } from '../support/scene.ts';

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
    expect(scene.witness.effects).toEqual([`test/5707e1d0aaaa/${id}/c0/1`, `test/5707e1d0aaaa/${id}/c2/1`]);
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
      const id = await scene.start([{ timeoutMs: 4_000, retryMax: 5, body }, scene.effect()]);
      expect(await engine.run(id, request)).toMatchObject({
        result: 'in_doubt',
        steps: [{ status: 'unknown', then: 'halt' }],
      });
      expect(await engine.run(id, request)).toMatchObject({ result: 'in_doubt', steps: [] });
      expect(asked).toEqual([`test/5707e1d0aaaa/${id}/c0/1`]);
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
      timeoutMs: 40_000,
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
    await expect.poll(async () => own(await worker.resources())).toEqual(own(idle));
    expect(scene.proxy.open()).toBe(0);
    const notes = await scene.engine.notes(id);
    await worker.freeze();
    await wait(500);
    worker.thaw();
    expect(await worker.advance(next)).toMatchObject({ result: 'completed' });
    await wait(300);
    expect(scene.witness.effects).toEqual([`test/5707e1d0aaaa/${id}/c0/1`, `test/5707e1d0aaaa/${next}/c0/1`]);
    expect(await scene.engine.notes(id)).toEqual(notes);
    expect(JSON.stringify(notes)).not.toContain('late line');
  });

  test('scenario 21: when a call ends because one of its reads failed, none of the others is still under way', async (t) => {
    const scene = await createScene(t);
    const id = await scene.start([{}, {}, {}, {}, scene.effect({ reads: 'all' })]);
    const quick = scene.another({ execute: async () => ({ status: 'completed', output: '{}' }) });
    await quick.advance(id, { ...request, maxCells: 4 });
    const { engine } = scene.proxied();
    await engine.inspect(id, alice);
    let reads = 0;
    scene.proxy.fate((asked): Fate => {
      if (asked.target !== 'BatchGetItem' || asked.table !== 'journal') return 'pass';
      reads += 1;
      if (reads === 1) return { refuse: 'ValidationException' };
      return { answerAfter: wait(400) };
    });
    await expect(engine.advance(id, request)).rejects.toMatchObject({ name: 'PawlError' });
    expect(reads).toBeGreaterThan(0);
    expect(scene.proxy.open()).toBe(0);
    const asked = scene.proxy.asked.length;
    await wait(600);
    expect(scene.proxy.asked.length).toBe(asked);
    expect(scene.witness.effects).toEqual([]);
  });

  test('scenario 21: when a list ends because one of its partitions failed, none of the others is still being read', async (t) => {
    const scene = await createScene(t);
    await scene.start([scene.effect()]);
    const { engine } = scene.proxied();
    let reads = 0;
    scene.proxy.fate((): Fate => {
      reads += 1;
      return reads === 1 ? { refuse: 'ValidationException' } : { answerAfter: wait(400) };
    });
    await expect(engine.list({ limit: 10 })).rejects.toMatchObject({ name: 'PawlError' });
    expect(reads).toBeGreaterThan(1);
    expect(scene.proxy.open()).toBe(0);
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

describe.concurrent('scenario 1: a put that collides with itself is no lost race', () => {
  test.for(['reserved', 'outcome'] as const)(
    'scenario 1: the answer to the %s is lost and the SDK asks again: own token, exactly one run, counted as self_conflict',
    async (kind, t) => {
      const scene = await createScene(t);
      const id = await scene.start([scene.effect()]);
      const { engine, events } = scene.proxied();
      let lost = 0;
      scene.proxy.dropWhen((_, body) => body.includes(`"kind":{"S":"${kind}"}`) && lost++ === 0);
      expect(await engine.advance(id, { ...request, by: alice })).toMatchObject({
        result: 'completed',
        steps: [{ attempt: 1, recorded: true }],
      });
      const seq = kind === 'reserved' ? 1 : 2;
      expect(events.filter((event) => /conflict/.test(event.kind))).toEqual([
        { kind: 'self_conflict', instanceId: id, seq, cell: 'c0', meant: kind, stands: kind, hash: expect.any(String) },
      ]);
      expect(lines(await scene.entries(id))).toEqual(['started', 'reserved', 'completed by holder > next']);
      expect(scene.witness.effects).toEqual([`test/5707e1d0aaaa/${id}/c0/1`]);
    },
  );

  test('scenario 1: the answer to every other put of every kind is lost: nobody is paged', async (t) => {
    const scene = await createScene(t);
    const id = await scene.start([scene.effect()]);
    const { engine, events } = scene.proxied();
    let lost = 0;
    scene.proxy.dropWhen((target) => target === 'PutItem' && lost++ % 2 === 0);
    expect(await engine.advance(id, { ...request, by: alice })).toMatchObject({ result: 'completed' });
    expect(lost).toBeGreaterThanOrEqual(4);
    expect(events.map((event) => event.kind)).not.toContain('put.conflict');
    expect(scene.witness.effects).toEqual([`test/5707e1d0aaaa/${id}/c0/1`]);
  });
});

describe.concurrent('scenario 26: no child outlives its cell', () => {
  /** Deaf to SIGTERM and SIGHUP, in a session of its own, reparented, its pipes closed; it acts once its parent is gone. */
  const grandchild = (url: string, afterMs = 1_000): string => {
    const act = `trap "" TERM HUP; sleep ${afterMs / 1_000}; node -e "fetch(\\"${url}\\",{method:\\"POST\\",headers:{\\"idempotency-key\\":\\"late\\"}})"`;
    return `(setsid sh -c 'echo $$ > "$PAWL_PARAM_FILE"; ${act}' >/dev/null 2>&1 </dev/null &)`;
  };

  test.for([
    ['ends', 'while [ ! -s "$PAWL_PARAM_FILE" ]; do sleep 0.02; done', 'completed'],
    ['is cut at its time-out', 'sleep 60', 'unknown'],
  ] as const)(
    'scenario 26: a grandchild deaf to SIGTERM in a session of its own is gone when its cell %s',
    async ([, then, status], t) => {
      const scene = await createScene(t);
      const dir = await mkdtemp(join(tmpdir(), 'grandchild-'));
      t.onTestFinished(() => rm(dir, { recursive: true }));
      const file = join(dir, 'pid');
      const isCut = status === 'unknown';
      const pidNow = async () => Number(await readFile(file, 'utf8').catch(() => ''));
      let told: unknown;
      // It acts after the cell is over, whenever it began.
      let afterMs = 1_000;
      // One that is cut has to have begun the grandchild by then, however long that takes: else it is tried with more time.
      for (let timeoutMs = isCut ? 2_000 : 40_000; (await pidNow()) === 0; timeoutMs *= 2) {
        if (isCut) afterMs = timeoutMs + 1_000;
        const act = grandchild(`${scene.witness.url}/effect`, afterMs);
        const code = `export PAWL_PARAM_FILE='${file}'\n${act}\n${then}`;
        const id = await scene.start([{ timeoutMs, body: { kind: 'sh', code } }, scene.effect()]);
        told = (await scene.another().advance(id, request)).steps;
      }
      expect(told).toMatchObject([{ status, recorded: true }]);
      const pid = await pidNow();
      expect(pid).toBeGreaterThan(1);
      expect(isAlive(pid)).toBe(false);
      // It would have acted by now.
      await wait(afterMs + 500);
      expect(scene.witness.effects).toEqual([]);
    },
  );

  test('scenario 26: a grandchild is gone soon after its worker was killed in the middle of the cell', async (t) => {
    const scene = await createScene(t);
    const dir = await mkdtemp(join(tmpdir(), 'grandchild-'));
    t.onTestFinished(() => rm(dir, { recursive: true }));
    const file = join(dir, 'pid');
    const code = `export PAWL_PARAM_FILE='${file}'\n${grandchild(`${scene.witness.url}/effect`)}\nsleep 60`;
    const id = await scene.start([{ timeoutMs: 30_000, body: { kind: 'sh', code } }]);
    const worker = await scene.worker(id);
    void worker.advance(id);
    const pidNow = async () => Number(await readFile(file, 'utf8').catch(() => ''));
    await eventually(async () => (await pidNow()) > 1);
    const pid = await pidNow();
    expect(isAlive(pid)).toBe(true);
    await worker.kill();
    await eventually(() => !isAlive(pid));
    await wait(1_500);
    expect(scene.witness.effects).toEqual([]);
  });
});
