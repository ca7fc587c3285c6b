/** Scenarios of FAILURES.md about the store: what it refuses, loses, cuts, and what it is never asked to do. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import { seal } from '../../src/engine/call/chain.ts';
import { type Cell, type CellInput, type Entry, limits } from '../../src/engine/index.ts';
import type { StoreClient } from '../../src/store/access.ts';
import { runbookOf } from '../engine/runbooks.ts';
import { setup, T0 } from '../engine/world.ts';
import { rivalOf } from '../support/deaths.ts';
import type { Command } from '../support/operations.ts';
import type { Fate } from '../support/proxy.ts';
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
} from '../support/scene.ts';

const hourMs = 3_600_000;
const settle = async <T>(calls: Promise<T>[]): Promise<(T | string)[]> =>
  (await Promise.allSettled(calls)).map((one) =>
    one.status === 'fulfilled' ? one.value : (one.reason.code as string),
  );
const outcomes = (entries: Entry[]) => entries.filter((entry) => entry.kind === 'outcome');

describe.concurrent('the store', () => {
  test('scenario 10: nothing is ever released: the outcome is the release, and a late one releases nobody else', async (t) => {
    const scene = await createScene(t);
    const id = await scene.start([scene.effect({ ...brief, interrupted: 'retry' }), scene.effect()]);
    const late = Promise.withResolvers<void>();
    let attempts = 0;
    const holder = scene.proxied({
      execute: async () => {
        attempts += 1;
        await late.promise;
        return { status: 'completed', output: '"late"' };
      },
    });
    const slow = holder.engine.advance(id, request);
    await eventually(() => attempts === 1);
    expect((await scene.whenGone(id)).result).toBe('advanced');
    // Its successor is in the middle of the next cell when the first holder is back.
    const held = Promise.withResolvers<void>();
    scene.witness.onEffect(() => held.promise);
    const next = scene.engine.advance(id, request);
    await scene.witness.effectsReach(2);
    late.resolve();
    expect((await slow).steps).toMatchObject([{ cell: 'c0', recorded: false }]);
    expect(await scene.another().advance(id, request)).toMatchObject({
      result: 'in_flight',
      stop: { holder: { cell: 'c1' } },
    });
    held.resolve();
    expect((await next).steps).toMatchObject([{ cell: 'c1', recorded: true }]);
    // Whatever was asked of the journal only ever added to it.
    const asked = scene.proxy.asked.filter((one) => one.table === 'journal');
    const reads = ['Query', 'GetItem', 'BatchGetItem'];
    const writes = new Set(asked.map((one) => one.target).filter((target) => !reads.includes(target)));
    expect([...writes]).toEqual(['PutItem']);
    const puts = asked.filter((one) => one.target === 'PutItem');
    expect(puts.every((one) => one.body.includes('"ConditionExpression":"attribute_not_exists(#pk)"'))).toBe(true);
  });

  test('scenario 16: starts of one id at once, from many processes: one instance; another content: refused', async (t) => {
    const scene = await createScene(t);
    const first = await scene.start([scene.effect()]);
    const runbookId = first.slice(0, -2);
    const engines = Array.from({ length: 6 }, () => scene.another());
    const start = (i: number, params: object) =>
      (engines[i % 6] as (typeof engines)[0]).start({
        runbookId,
        params: params as Record<string, unknown>,
        instanceId: `${runbookId}-2`,
        by: alice,
      });
    const same = await settle(Array.from({ length: 18 }, (_, i) => start(i, { ticket: 7 }).then((one) => one.created)));
    expect(same.filter((one) => one === true)).toHaveLength(1);
    expect(same.filter((one) => one === false)).toHaveLength(17);
    expect(await settle([start(0, { ticket: 8 })])).toEqual(['instance.exists']);
    await Promise.all(engines.map((engine) => engine.run(`${runbookId}-2`, request)));
    expect(scene.witness.effects).toEqual([`test/5707e1d0aaaa/${runbookId}-2/c0/1`]);
    expect((await scene.entries(`${runbookId}-2`)).filter((entry) => entry.kind === 'started')).toHaveLength(1);
  });

  test('scenario 16: of starts with different contents at once one stands, and all who asked for another are told', async (t) => {
    const scene = await createScene(t);
    const runbookId = (await scene.start([scene.effect()])).slice(0, -2);
    const told = await settle(
      Array.from({ length: 8 }, (_, ticket) =>
        scene
          .another()
          .start({ runbookId, params: { ticket }, instanceId: `${runbookId}-3`, by: alice })
          .then((one) => (one.created ? 'created' : 'the same')),
      ),
    );
    expect(told.sort()).toEqual(['created', ...Array(7).fill('instance.exists')]);
  });

  test('scenario 16: a start whose answer was lost three times is asked for again: the same instance', async (t) => {
    const scene = await createScene(t);
    const runbookId = (await scene.start([scene.effect()])).slice(0, -2);
    const { engine } = scene.proxied();
    const start = () => engine.start({ runbookId, params: {}, instanceId: `${runbookId}-4`, by: alice });
    let left = 3;
    let blind = true;
    scene.proxy.fate((asked) => {
      if (asked.kind === 'started' && left-- > 0) return 'loseAnswer';
      // The look at the slot finds nobody to tell either.
      return blind && left < 1 && asked.target === 'GetItem' ? 'reset' : 'pass';
    });
    expect(await settle([start()])).toEqual(['store.unavailable']);
    blind = false;
    expect(await start()).toMatchObject({ created: false, view: { instanceId: `${runbookId}-4`, seq: 0 } });
    expect(await scene.entries(`${runbookId}-4`)).toHaveLength(1);
  });

  test('scenario 27: an outcome over 400 KB is recorded as the fallback, outputs over their limits beside it, and the run goes on to who reads one that was cut', async (t) => {
    const scene = await createScene(t);
    const wide = Array.from({ length: 12_000 }, (_, line) => ({ source: 'status == "completed"', line }));
    const outputs: Record<string, string> = {
      c0: '{"paid":true}',
      c1: JSON.stringify(Array.from({ length: 30_000 }, (_, i) => (i * 2_654_435_761) % 4_294_967_296)),
      c2: JSON.stringify('z'.repeat(5 * 1024 * 1024)),
    };
    const seen: CellInput[] = [];
    const engine = scene.another({
      execute: async (input) => {
        seen.push(input);
        return { status: 'completed', output: outputs[input.step.cell] ?? 'null' };
      },
    });
    const id = await scene.start([{ expect: wide }, {}, {}, { reads: ['c1'] }, { reads: ['c1', 'c2'] }]);
    expect(await engine.run(id, request)).toMatchObject({ result: 'halted', stop: { cell: 'c4' } });
    const ended = outcomes(await scene.entries(id));
    expect(ended.map((entry) => [entry.cell, entry.status, entry.then, entry.output?.kind])).toEqual([
      ['c0', 'completed', 'next', 'truncated'],
      ['c1', 'completed', 'next', 'stored'],
      ['c2', 'completed', 'next', 'truncated'],
      ['c3', 'completed', 'next', 'inline'],
      ['c4', 'failed', 'halt', undefined],
    ]);
    expect(seen[3]?.outputs.c1).toBe(outputs.c1);
    const cut = ended[2]?.output;
    expect(cut).toMatchObject({ kind: 'truncated', bytes: 5_242_882, limitBytes: 5_242_880 });
    expect(cut?.kind === 'truncated' && cut.head.length).toBe(65_536);
  });

  test.for([
    ['a probe makes', 'resolved failed by probe > halt', 'halted'],
    ['a person makes about an open step', 'completed by person > next', 'completed'],
    ['a person makes about one closed as unknown', 'resolved succeeded by person > next', 'completed'],
    ['an assertion makes', 'completed by holder > halt', 'halted'],
  ] as const)(
    'scenario 27: as many and as long expectations as a runbook may have fit into the entry that %s',
    async ([, line, result]) => {
      const { expectationsPerCellMax, expectationsBytesMax } = limits;
      const world = setup();
      // Each quote takes two bytes more once it stands in a text in a text.
      const source = '"'.repeat(Math.floor(expectationsBytesMax / expectationsPerCellMax));
      const wide = Array.from({ length: expectationsPerCellMax }, (_, at) => ({ source, line: at + 1 }));
      const probe = {
        line: 1,
        timeoutMs: 1_000,
        done: null,
        notDone: null,
        reads: [],
        body: { kind: 'ts' as const, code: 'probe' },
      };
      const asked: Partial<Cell> = line.includes('probe') ? { interrupted: 'probe', probe, settleMs: 0 } : {};
      const assertion: Partial<Cell> = { body: { kind: 'assert', expressions: wide } };
      const cell: Partial<Cell> = line.includes('holder') ? assertion : { ...asked, expect: wide };
      const id = await world.start(runbookOf([cell, {}]));
      world.behave = ({ body, step }) => {
        if ('code' in body && body.code === 'probe') return { status: 'completed', output: '{"answer":"done"}' };
        return step.cell === 'c0' ? { status: 'unknown' } : { status: 'completed' };
      };
      if (line === 'completed by person > next') {
        // The holder vanishes: its step is open.
        void rivalOf(world, 0, { execute: () => new Promise(() => {}) }).advance(id, request);
        await eventually(async () => (await world.entries(id)).length === 2);
        world.now = T0 + hourMs;
      } else await world.engine.advance(id, request);
      // What it has begun may act until its deadline.
      world.now = T0 + hourMs;
      const verdict = { seq: 1, verdict: 'succeeded', output: '{}', reason: 'seen', by: bob } as const;
      if (line.includes('person')) await world.engine.verdict(id, verdict);
      expect((await world.engine.run(id, request)).result).toBe(result);
      const closing = (await world.entries(id)).find((entry) => lines([entry])[0] === line);
      expect(closing).toMatchObject({ expectations: { length: expectationsPerCellMax } });
      expect(world.events.map((event) => event.kind)).not.toContain('outcome.fallback');
    },
  );

  test('scenario 28: numbers beyond 2^53 reach the store, the expectations and the next cell unchanged; a BigInt is a failure with a reason', async (t) => {
    const scene = await createScene(t);
    const engine = scene.another({ authoring });
    const runbookId = `big${Math.floor(Math.random() * 1e9)}`;
    const sh = (name: string, code: string) => `\`\`\`sh { name=${name} timeout=40s }\n${code}\n\`\`\`\n`;
    const source = [
      `---\nrunbook: ${runbookId}\ntitle: Big\n---\n# Big\n`,
      sh('give', `echo '{"n":9007199254740993,"m":0.10,"big":123456789012345678901234567890}' > "$PAWL_OUTPUT"`),
      '```cel { expect=give }\noutput.n == 9007199254740993\noutput.n != 9007199254740992\n```\n',
      sh('take', `sed 's/.*"give"://; s/},"step".*//' "$PAWL_INPUTS" > "$PAWL_OUTPUT"`),
      '```cel { expect=take }\noutput.n == outputs.give.n\n```\n',
      '```js { name=count timeout=40s }\nexport default () => ({ n: 10n });\n```\n',
    ].join('\n');
    await engine.publish(source, alice);
    await engine.start({ runbookId, params: {}, instanceId: `${runbookId}-1`, by: alice });
    expect(await engine.run(`${runbookId}-1`, request)).toMatchObject({ result: 'halted', stop: { cell: 'count' } });
    const { cells } = await scene.engine.inspect(`${runbookId}-1`, bob);
    const text = '{"n":9007199254740993,"m":0.10,"big":123456789012345678901234567890}';
    expect(cells.map((cell) => [cell.name, cell.state, cell.output])).toEqual([
      ['give', 'completed', text],
      ['take', 'completed', text],
      ['count', 'completed', null],
    ]);
    expect(cells[2]?.error).toMatchObject({ code: 'output.invalid', message: expect.stringContaining('BigInt') });
  });

  test('scenario 29: of a journal over 3 MB the whole is read: every cell, every entry, every output of those before', async (t) => {
    const scene = await createScene(t);
    const count = 420;
    const fill = 'x'.repeat(7_900);
    let inputs: Record<string, string> = {};
    const { engine } = scene.proxied({
      execute: async (input) => {
        if (input.step.cell === 'last') inputs = input.outputs;
        return { status: 'completed', output: `{"cell":"${input.step.cell}","fill":"${fill}"}` };
      },
    });
    const cells = Array.from({ length: count }, () => ({}));
    const id = await scene.start([...cells, { name: 'last', reads: 'all' }]);
    expect(await engine.run(id, { ...request, budgetMs: 600_000 })).toMatchObject({ result: 'completed' });
    const names = Array.from({ length: count }, (_, i) => `c${i}`);
    expect(Object.keys(inputs)).toEqual(names);
    const { view, cells: reports } = await engine.inspect(id, alice);
    expect(view).toMatchObject({ status: 'completed', cellsDone: count + 1, cells: count + 1 });
    expect(reports.map((one) => one.state)).toEqual(Array(count + 1).fill('completed'));
    expect(reports.every((one) => one.output?.includes(`"cell":"${one.name}"`))).toBe(true);
    const entries = await scene.entries(id);
    expect(entries.map((entry) => entry.seq)).toEqual(Array.from({ length: entries.length }, (_, seq) => seq));
    const bytes = entries.reduce((sum, entry) => sum + JSON.stringify(entry).length, 0);
    expect(bytes).toBeGreaterThan(3 * 1024 * 1024);
  });

  test.for(['reserved', 'outcome'] as const)(
    'scenario 33: somebody takes the slot of each %s before it is put: it is classified, the loop goes on, each cell runs once',
    async (kind, t) => {
      const scene = await createScene(t);
      const id = await scene.start([scene.effect(), scene.effect(), scene.effect()]);
      const { engine, events } = scene.proxied();
      const raced = new Set<string>();
      scene.proxy.fate(async (asked): Promise<Fate> => {
        // Keys are in order in the text of an entry, so this is its own cell, not one in its state.
        const cell = /\\"cell\\":\\"(\w+)\\"/.exec(asked.body)?.[1] ?? '';
        if (asked.kind !== kind || raced.has(cell)) return 'pass';
        raced.add(cell);
        // An entry that closes nothing and forbids nothing.
        const { journal } = scene.fresh.store;
        const head = await journal.head(id);
        const from = { instanceId: id, token: randomBytes(16).toString('hex'), by: bob, atMs: Date.now() };
        const drive = raced.size % 2 === 1 ? 'manual' : 'auto';
        await journal.putOnce(seal(head ?? null, { kind: 'control', drive, reason: null }, from));
        return 'pass';
      });
      expect(await engine.run(id, request)).toMatchObject({
        result: 'completed',
        steps: [{ recorded: true }, { recorded: true }, { recorded: true }],
      });
      expect(raced.size).toBeGreaterThan(0);
      expect(events.filter((event) => event.kind === 'put.conflict')).toHaveLength(raced.size);
      expect(scene.witness.effects).toEqual(['c0', 'c1', 'c2'].map((cell) => `test/5707e1d0aaaa/${id}/${cell}/1`));
      expect(disagreements(await scene.entries(id), scene.witness.effects)).toEqual([]);
    },
  );

  test('scenario 33: a second checkpoint of a large result meets the first: it is ours, and the run goes on', async (t) => {
    const scene = await createScene(t);
    const id = await scene.start([{}, scene.effect({ reads: ['c0'] })]);
    const large = JSON.stringify(Array.from({ length: 300_000 }, (_, i) => (i * 2_654_435_761) % 4_294_967_296));
    const { engine } = scene.proxied({ execute: async () => ({ status: 'completed', output: large }) });
    const pieces: string[] = [];
    let lost = 0;
    scene.proxy.dropWhen((target, body) => {
      const piece = target === 'PutItem' && body.includes('"kind":{"S":"output"}');
      if (piece) pieces.push(/"seq":\{"N":"(\d+)"\}/.exec(body)?.[1] ?? '');
      // Every piece is written twice: the answer to its first put is lost.
      return piece && pieces.length % 2 === 1 && lost++ >= 0;
    });
    expect(await engine.run(id, request)).toMatchObject({ result: 'completed' });
    expect(lost).toBeGreaterThan(2);
    expect((await engine.inspect(id, alice)).cells[0]?.output).toBe(large);
    expect(attemptsOf(await scene.entries(id)).map((one) => one.cell)).toEqual(['c0', 'c1']);
  });
});

describe.concurrent('connections', () => {
  test('scenario 20: a store that accepts and never answers is given up, by every call, and the answer names the instance', async (t) => {
    const scene = await createScene(t);
    const id = await scene.start([scene.effect()]);
    const { engine } = scene.proxied();
    scene.proxy.fate(() => 'hang');
    expect(
      await settle<unknown>([
        engine.advance(id, request),
        engine.run(id, request),
        engine.cancel(id, 'stop', alice),
        engine.inspect(id, alice),
        engine.verdict(id, { seq: 1, verdict: 'skip', reason: 'none', by: alice }),
      ]),
    ).toEqual(Array(5).fill('store.unavailable'));
    await expect(engine.advance(id, request)).rejects.toMatchObject({ details: { instanceId: id } });
    expect(scene.witness.effects).toEqual([]);
  });

  test('scenario 20: a store that falls silent after the outcome keeps nobody from hearing of it', async (t) => {
    const scene = await createScene(t);
    const id = await scene.start([scene.effect()]);
    const { engine, events } = scene.proxied();
    scene.proxy.fate((asked) => (asked.table === 'views' && asked.body.includes('revision') ? 'hang' : 'pass'));
    expect(await engine.advance(id, request)).toMatchObject({ result: 'completed', steps: [{ recorded: true }] });
    expect(events.map((event) => event.kind)).toContain('view.unsaved');
  });

  test('scenario 20: a call in which every put hangs ends with its time, not after all its tries', async () => {
    const putMs = 18_000;
    let hanging = false;
    const world = setup(
      (client) =>
        ({
          send: async (command: Command) => {
            if (!hanging || command.table !== 'journal' || command.kind === 'query')
              return client.send(command as never);
            // The put, and the look at its slot: each as long as the client's three requests may take.
            world.now += putMs / 2;
            throw new Error('timeout');
          },
        }) as unknown as StoreClient,
    );
    const id = await world.start(runbookOf([{}]));
    await world.engine.inspect(id, alice);
    hanging = true;
    await expect(world.engine.advance(id, { ...request, budgetMs: 12_000 })).rejects.toMatchObject({
      code: 'store.unavailable',
      details: { instanceId: id },
    });
    // The one that was under way when the time was over.
    expect(world.now - T0).toBe(putMs);
    expect(world.begun).toEqual([]);
  });

  test.for([
    ['did not arrive', 'reset'],
    ['arrived', 'loseAnswer'],
  ] as const)(
    'scenario 24: the first write after a thaw goes to a dead socket and %s: ambiguous, settled by our token, one run',
    async ([, fate], t) => {
      const scene = await createScene(t);
      const id = await scene.start([scene.effect(), scene.effect()]);
      const { engine } = scene.proxied();
      await engine.advance(id, request);
      const dead = new Set<string>();
      scene.proxy.fate((asked) => {
        if (asked.target !== 'PutItem' || asked.kind === undefined || dead.has(asked.kind)) return 'pass';
        dead.add(asked.kind);
        // Kept alive since before the freeze.
        return asked.reused ? fate : 'pass';
      });
      expect(await engine.advance(id, request)).toMatchObject({ result: 'completed', steps: [{ recorded: true }] });
      expect([...dead]).toEqual(['reserved', 'outcome']);
      expect(lines(await scene.entries(id)).filter((line) => line === 'reserved')).toHaveLength(2);
      expect(scene.witness.effects).toEqual([`test/5707e1d0aaaa/${id}/c0/1`, `test/5707e1d0aaaa/${id}/c1/1`]);
    },
  );

  test('scenario 24: a frozen process whose every connection was cut meanwhile goes on as if nothing had been', async (t) => {
    const scene = await createScene(t);
    const id = await scene.start([scene.effect(), scene.effect()]);
    const worker = await scene.worker(id);
    await worker.advance(id);
    await worker.freeze();
    scene.proxy.cutConnections();
    const thawed = worker.advance(id);
    worker.thaw();
    expect(await thawed).toMatchObject({ result: 'completed', steps: [{ cell: 'c1', recorded: true }] });
    expect(scene.witness.effects).toEqual([`test/5707e1d0aaaa/${id}/c0/1`, `test/5707e1d0aaaa/${id}/c1/1`]);
  });
});
