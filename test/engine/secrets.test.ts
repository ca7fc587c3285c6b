/** Secrets of cells: read before the reservation, which names their versions and never a value. */
import { describe, expect, test } from 'vitest';
import { givenTo } from '../../src/engine/call/secrets.ts';
import {
  type CellBody,
  createEngine,
  type Ports,
  type Secrets,
  type SecretsRead,
  type Template,
} from '../../src/engine/index.ts';
import { fail, runbookOf } from './runbooks.ts';
import { alice, setup, T0, type World } from './world.ts';

const value = 'hunter2-hunter2';
const declared = { secrets: { A: { from: 'ssm:/a', hosts: ['a.example'] }, B: { from: 'file:/b', hosts: [] } } };

type Asked = { wanted: Record<string, string>; pinned: Record<string, string> };
type Stored = {
  asked: Asked[];
  kept: [string, string][];
  answer: (asked: Asked) => SecretsRead;
  keep: Secrets['keep'];
};

/** `answer`: what the stores say; default: version 1 of everything. */
const withSecrets = (): { world: World; stored: Stored } => {
  const world = setup();
  const stored: Stored = {
    asked: [],
    kept: [],
    answer: ({ wanted, pinned }) => ({
      kind: 'read',
      values: Object.fromEntries(
        Object.keys(wanted).map((name) => [name, { value: `${value} ${name}`, version: pinned[name] ?? '1' }]),
      ),
    }),
    keep: async () => ({ kind: 'kept', version: '2' }),
  };
  const secrets: Secrets = {
    read: async (wanted, pinned) => {
      stored.asked.push({ wanted, pinned });
      return stored.answer({ wanted, pinned });
    },
    keep: async (from, made) => {
      stored.kept.push([from, made]);
      return await stored.keep(from, made);
    },
  };
  const ports: Ports = { ...world.ports, secrets };
  world.ports = ports;
  world.engine = createEngine(ports);
  return { world, stored };
};
const advance = (world: World, id: string, over = {}) =>
  world.engine.advance(id, { budgetMs: 60_000, by: alice, ...over });
/** Everything that the store has of it, but for what the cell was given. */
const written = async (world: World, id: string): Promise<string> =>
  JSON.stringify([
    await world.entries(id),
    await world.engine.notes(id),
    world.events,
    world.aside,
    await world.ports.views.get(id),
  ]);
const lastOf = async (world: World, id: string) => (await world.entries(id)).at(-1);

describe('a cell that uses secrets', () => {
  test('gets their values and hosts; the reservation and the state have their versions', async () => {
    const { world, stored } = withSecrets();
    const id = await world.start(runbookOf([{ uses: ['A', 'B'] }, {}], declared));
    await advance(world, id, { maxCells: 2 });
    expect(stored.asked).toEqual([{ wanted: { A: 'ssm:/a', B: 'file:/b' }, pinned: {} }]);
    expect(world.begun[0]?.secrets).toEqual({
      A: { value: `${value} A`, hosts: ['a.example'] },
      B: { value: `${value} B`, hosts: [] },
    });
    expect(world.begun[1]).not.toHaveProperty('secrets');
    const [, reserved, outcome] = await world.entries(id);
    expect(reserved).toMatchObject({
      kind: 'reserved',
      secrets: { A: '1', B: '1' },
      state: { secrets: { A: '1', B: '1' } },
    });
    expect(outcome?.state.secrets).toBeNull();
    expect(await written(world, id)).not.toContain(value);
  });

  test('is never reserved by the outcome before it: between an effect and its record no store is asked', async () => {
    const { world } = withSecrets();
    const id = await world.start(runbookOf([{}, { uses: ['A'] }, {}], declared));
    await world.engine.run(id, { budgetMs: 60_000, by: alice });
    const kinds = (await world.entries(id)).map((entry) => [
      entry.kind,
      entry.kind === 'outcome' && entry.reserve?.cell,
    ]);
    expect(kinds).toEqual([
      ['started', false],
      ['control', false],
      ['reserved', false],
      ['outcome', undefined],
      ['reserved', false],
      ['outcome', 'c2'],
      ['outcome', undefined],
    ]);
  });

  test('that is skipped asks for none', async () => {
    const { world, stored } = withSecrets();
    const id = await world.start(runbookOf([{ uses: ['A'], when: { source: 'false', line: 1 } }], declared));
    await advance(world, id);
    expect(stored.asked).toEqual([]);
  });
});

describe('what of it goes along with a body', () => {
  const given = {
    secrets: { A: { value: 'a', hosts: ['a.example'] }, B: { value: 'b', hosts: [] } },
    versions: { A: '1', B: '1' },
  };
  const http = (headers: [string, Template][], body: Template | null): CellBody => ({
    kind: 'http',
    method: 'POST',
    url: ['https://a.example/'],
    headers,
    body,
  });
  const named = (name: string): Template => ['x', { expression: `secrets.${name}`, write: 'text' }];

  test('code gets all that its cell uses, a request what it names: its probe may go to other hosts', () => {
    expect(givenTo({ kind: 'sh', code: 'true' }, given)).toEqual(given);
    expect(givenTo(http([['X-A', named('A')]], null), given).secrets).toEqual({ A: given.secrets.A });
    expect(givenTo(http([], named('B')), given).secrets).toEqual({ B: given.secrets.B });
    expect(givenTo(http([], named('AB')), given)).toEqual({ versions: given.versions });
  });
});

describe('what cannot be had is waited for', () => {
  test('nothing is reserved, no attempt is spent, and the view says what is lacking', async () => {
    const { world, stored } = withSecrets();
    const { answer } = stored;
    stored.answer = () => ({ kind: 'missing', what: ['secret A (ssm:/a) may not be read by this place'] });
    const id = await world.start(runbookOf([{ uses: ['A'] }], declared));
    const before = await world.entries(id);
    const stop = {
      result: 'parked',
      cell: 'c0',
      seq: null,
      dueAtMs: null,
      waitsFor: { place: 'local', missing: ['secret A (ssm:/a) may not be read by this place'] },
    };
    expect(await advance(world, id, { drive: 'auto' })).toMatchObject({ stop, view: { status: 'ready' } });
    expect((await world.entries(id)).filter(({ kind }) => kind !== 'control')).toEqual(before);
    const view = await world.ports.views.get(id);
    expect(view?.waitsFor).toContain('secret A (ssm:/a)');
    expect(view?.dueAtMs).toBeGreaterThan(world.now);
    stored.answer = answer;
    expect(await advance(world, id)).toMatchObject({ result: 'completed', view: { waitsFor: null } });
    expect(world.begun).toHaveLength(1);
  });

  test('also where nothing gives secrets at all', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{ uses: ['A'] }], declared));
    expect(await advance(world, id)).toMatchObject({
      stop: { result: 'parked', waitsFor: { missing: [expect.stringContaining('secret A')] } },
    });
    expect(world.begun).toEqual([]);
  });

  test('a look of a poll that lacks it goes on', async () => {
    const { world, stored } = withSecrets();
    const { answer } = stored;
    stored.answer = () => ({ kind: 'missing', what: ['secret A'] });
    const poll = { everyMs: 1_000, withinMs: null, onTimeout: 'fail' } as const;
    const id = await world.start(runbookOf([{ uses: ['A'], poll, expect: [{ source: 'true', line: 1 }] }], declared));
    expect(await advance(world, id, { explicit: false, drive: 'auto' })).toMatchObject({ result: 'parked' });
    expect(world.begun).toEqual([]);
    stored.answer = answer;
    world.now += 2_000;
    expect(await advance(world, id)).toMatchObject({ result: 'completed' });
    expect(world.begun[0]).toMatchObject({ free: true, secrets: { A: { value: `${value} A` } } });
    expect(stored.asked.every(({ pinned }) => Object.keys(pinned).length === 0)).toBe(true);
    expect(await written(world, id)).not.toContain(value);
  });
});

describe('a look of a poll that could not be made for a missing secret', () => {
  const what = 'secret A (ssm:/a) may not be read by this place';
  const tick = { explicit: false, drive: 'auto' } as const;
  const polled = async (onTimeout: 'fail' | 'continue' = 'fail') => {
    const all = withSecrets();
    all.stored.answer = () => ({ kind: 'missing', what: [what] });
    const poll = { everyMs: 1_000, withinMs: 10_000, onTimeout };
    const cell = { uses: ['A'], poll, expect: [{ source: 'true', line: 1 }] };
    const id = await all.world.start(runbookOf([cell, {}], declared));
    return { ...all, id };
  };

  test('is told as what it waits for, not as silence of the target', async () => {
    const { world, id } = await polled();
    expect(await advance(world, id, tick)).toMatchObject({
      result: 'parked',
      stop: { cell: 'c0', seq: 2, dueAtMs: T0 + 1_000, waitsFor: { place: 'local', missing: [what] } },
    });
    const { view, waits } = await world.engine.inspect(id, alice);
    expect(view).toMatchObject({ status: 'waiting', waitsFor: what, dueAtMs: T0 + 1_000 });
    expect(waits).toMatchObject({
      kind: 'poll',
      last: { status: 'never', answered: null, error: { code: 'needs.missing', message: what } },
    });
  });

  test('is followed by the next one: the run stays with it as long as ever', async () => {
    const { world, stored, id } = await polled();
    const { answer } = withSecrets().stored;
    let looks = 0;
    stored.answer = (asked) => {
      looks += 1;
      return looks < 3 ? { kind: 'missing', what: [what] } : answer(asked);
    };
    expect(await world.engine.run(id, { budgetMs: 60_000, by: alice })).toMatchObject({ result: 'completed' });
    expect(world.now).toBe(T0 + 2_000);
    expect((await world.engine.inspect(id, alice)).view.waitsFor).toBeNull();
  });

  test.each([
    ['fail', 'failed', 'wait.timeout'],
    ['continue', 'completed', undefined],
  ] as const)(
    'ends when its time is over and no other worker had it: onTimeout=%s',
    async (onTimeout, status, code) => {
      const { world, id } = await polled(onTimeout);
      await advance(world, id, tick);
      // Another worker of the place has its turn.
      world.now = T0 + 69_999;
      expect(await advance(world, id, tick)).toMatchObject({ stop: { waitsFor: { missing: [what] } } });
      world.now = T0 + 70_000;
      await advance(world, id, { ...tick, maxCells: 0 });
      const outcome = (await world.entries(id)).find((entry) => entry.kind === 'outcome');
      const why = `not as expected in time; at the end no look could be made, for want of ${what}`;
      expect(outcome).toMatchObject({
        cell: 'c0',
        status,
        note: onTimeout === 'fail' ? why : `timed out: ${why}`,
        error: code === undefined ? null : { code, message: why },
        ...(onTimeout === 'continue' ? { timedOut: true } : {}),
      });
      expect(world.begun).toEqual([]);
    },
  );

  test('is made by whoever has it in that minute', async () => {
    const { world, stored, id } = await polled();
    await advance(world, id, tick);
    stored.answer = withSecrets().stored.answer;
    world.now = T0 + 60_000;
    await advance(world, id, tick);
    expect((await world.entries(id)).find((entry) => entry.kind === 'outcome')).toMatchObject({ status: 'completed' });
  });
});

test('a probe that could not be asked for a missing secret says so, and does not count as asked', async () => {
  const { world, stored } = withSecrets();
  const { answer } = stored;
  const probe = {
    line: 1,
    timeoutMs: 1_000,
    done: null,
    notDone: null,
    reads: [],
    body: { kind: 'ts' as const, code: 'probe' },
  };
  const id = await world.start(runbookOf([{ uses: ['A'], interrupted: 'probe', probe, settleMs: 0 }], declared));
  world.behave = () => ({ status: 'unknown', error: { code: 'x', message: 'lost' } });
  stored.answer = (asked) => (stored.asked.length === 1 ? answer(asked) : { kind: 'missing', what: ['secret A'] });
  expect(await advance(world, id, { maxCells: 2 })).toMatchObject({
    result: 'in_doubt',
    stop: { cell: 'c0', seq: 1, nextAtMs: expect.any(Number), waitsFor: { place: 'local', missing: ['secret A'] } },
  });
  expect((await world.engine.inspect(id, alice)).view).toMatchObject({ status: 'in_doubt', waitsFor: 'secret A' });
  expect((await world.engine.notes(id, 1)).filter(({ kind }) => kind === 'asked')).toEqual([]);
  stored.answer = answer;
  world.behave = () => ({ status: 'completed', output: '{"answer":"done"}' });
  expect(await advance(world, id)).toMatchObject({ result: 'completed' });
});

describe('a secret is replaced between two attempts', () => {
  const retried = async () => {
    const all = withSecrets();
    all.world.behave = () => ({ status: 'failed', error: { code: 'cell.exit', message: 'no' } });
    const id = await all.world.start(runbookOf([{ uses: ['A'], retryMax: 1 }], declared));
    await advance(all.world, id);
    return { ...all, id };
  };

  test('a retry by policy keeps the version', async () => {
    const { world, stored, id } = await retried();
    world.now += 60_000;
    await advance(world, id);
    expect(stored.asked.map(({ pinned }) => pinned)).toEqual([{}, { A: '1' }]);
    const reserved = (await world.entries(id)).filter((entry) => entry.kind === 'reserved');
    expect(reserved.map(({ secrets }) => secrets)).toEqual([{ A: '1' }, { A: '1' }]);
  });

  test('a person’s retry takes the newest, its reservation says so, and later attempts keep that', async () => {
    const { world, stored, id } = await retried();
    world.now += 60_000;
    await advance(world, id);
    const halted = (await lastOf(world, id))?.state.halted;
    expect(halted).not.toBeNull();
    await world.engine.verdict(id, { seq: halted?.seq ?? 0, verdict: 'retry', reason: 'rotated', by: alice });
    stored.answer = ({ pinned }) => ({ kind: 'read', values: { A: { value, version: pinned.A ?? '7' } } });
    await advance(world, id);
    expect(stored.asked.at(-1)?.pinned).toEqual({});
    const reserved = (await world.entries(id)).filter((entry) => entry.kind === 'reserved');
    expect(reserved.map(({ secrets }) => secrets)).toEqual([{ A: '1' }, { A: '1' }, { A: '7' }]);
  });

  test('a kept version that is gone halts without an attempt', async () => {
    const { world, stored, id } = await retried();
    stored.answer = () => ({ kind: 'gone', what: 'version 1 of secret A (ssm:/a)' });
    world.now += 60_000;
    expect(await advance(world, id)).toMatchObject({ result: 'halted' });
    expect(world.begun).toHaveLength(1);
    expect(await lastOf(world, id)).toMatchObject({
      kind: 'outcome',
      closes: null,
      status: 'failed',
      error: { code: 'secret.gone', message: expect.stringContaining('version 1 of secret A (ssm:/a)') },
      state: { halted: { doubt: false }, counters: { attempts: 1 } },
    });
  });

  test('after an attempt that may have happened it stays in doubt', async () => {
    const { world, stored } = withSecrets();
    world.behave = () => new Promise(() => {});
    const id = await world.start(runbookOf([{ uses: ['A'], interrupted: 'retry' }], declared));
    void advance(world, id);
    while (world.begun.length === 0) await new Promise((resolve) => setImmediate(resolve));
    world.now = T0 + 120_000;
    stored.answer = () => ({ kind: 'gone', what: 'version 1 of secret A (ssm:/a)' });
    expect(await advance(world, id)).toMatchObject({ result: 'in_doubt' });
    expect(world.begun).toHaveLength(1);
    expect(await lastOf(world, id)).toMatchObject({
      status: 'unknown',
      error: { code: 'secret.gone' },
      state: { halted: { doubt: true } },
    });
  });
});

describe('a cell that makes a secret', () => {
  test('the outcome names the version that was put, and has no value', async () => {
    const { world, stored } = withSecrets();
    world.behave = () => ({ status: 'completed', made: { A: 'brand-new-secret' } });
    const id = await world.start(runbookOf([{ uses: ['A'] }], declared));
    expect(await advance(world, id)).toMatchObject({ result: 'completed' });
    expect(stored.kept).toEqual([['ssm:/a', 'brand-new-secret']]);
    expect(await lastOf(world, id)).toMatchObject({ kind: 'outcome', status: 'completed', secrets: { A: '2' } });
    expect(await written(world, id)).not.toContain('brand-new-secret');
  });

  test.each([
    ['completed', 'halted', 'completed'],
    ['failed', 'in_doubt', 'unknown'],
  ] as const)('one that is lost: %s, then %s', async (ended, result, status) => {
    const { world, stored } = withSecrets();
    stored.keep = async () => ({ kind: 'lost', why: 'could not be written' });
    world.behave = () => ({ status: ended, made: { A: 'brand-new-secret' } });
    const id = await world.start(runbookOf([{ uses: ['A'], retryMax: 3, optional: true }], declared));
    expect(await advance(world, id)).toMatchObject({ result });
    expect(await lastOf(world, id)).toMatchObject({
      status,
      then: 'halt',
      error: {
        code: 'secret.lost',
        message: 'It ran, and a secret that it made is lost: A (ssm:/a) could not be written.',
      },
    });
    expect(world.begun).toHaveLength(1);
    expect(await written(world, id)).not.toContain('brand-new-secret');
  });
});

test('I9 attempts of a visit with other versions than it keeps are refused', async () => {
  const { world, stored } = withSecrets();
  world.behave = () => ({ status: 'failed', error: { code: 'cell.exit', message: 'no' } });
  const id = await world.start(runbookOf([{ uses: ['A'], retryMax: 1, expect: [fail] }], declared));
  await advance(world, id);
  // A store that gives another version than it was asked for.
  stored.answer = () => ({ kind: 'read', values: { A: { value, version: '9' } } });
  world.now += 60_000;
  await expect(advance(world, id)).rejects.toThrow('keep their secrets');
});
