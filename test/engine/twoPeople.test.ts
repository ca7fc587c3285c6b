/** Where two people decide about a step in doubt: the first verdict frees nothing, and the chain takes no second of the same person. */
import { describe, expect, test } from 'vitest';
import {
  apply,
  type CellResult,
  createEngine,
  type Entry,
  type EntryOf,
  limits,
  type Unrecorded,
  type VerdictRequest,
} from '../../src/engine/index.ts';
import { runbookOf } from './runbooks.ts';
import { alice, bob, setup, T0 } from './world.ts';

const carol = { ...bob, actor: 'carol' };
const request = { budgetMs: 60_000, by: alice };
const gone = T0 + 5_000 + 15_000;
const people = { name: 'test', epoch: 0, takeoverGraceMs: 15_000, decidePeople: 2 as const };
const words = (entries: Entry[]): string[] =>
  entries.map((entry) => {
    if (entry.kind === 'proposed') return `${entry.by.actor} proposes ${entry.verdict}`;
    if (entry.kind === 'outcome') return `${entry.status} by ${entry.closedBy}`;
    return entry.kind === 'resolved' ? `resolved ${entry.verdict} by ${entry.closedBy}` : entry.kind;
  });

/** A first cell whose holder vanished, in doubt: begun where two people decide, unless said otherwise. */
const inDoubt = async (asks: 1 | 2 = 2) => {
  const runbook = runbookOf([{}, {}]);
  const world = setup();
  const holder = Promise.withResolvers<CellResult>();
  const deployment = { ...people, decidePeople: asks };
  const lost = createEngine({ ...world.ports, deployment, execute: () => holder.promise });
  await lost.publish(JSON.stringify(runbook), alice);
  await lost.start({ runbookId: runbook.runbookId, params: {}, instanceId: 'i1', drive: 'auto', by: alice });
  const call = lost.advance('i1', { ...request, by: bob });
  await new Promise((resolve) => setTimeout(resolve, 20));
  world.now = gone;
  const engine = createEngine({ ...world.ports, deployment: people });
  const decide = (by: typeof alice, verdict: VerdictRequest['verdict'], over: object = {}, of = engine) =>
    of.verdict('i1', { seq: 1, verdict, reason: `${by.actor} looked`, by, ...over });
  const comeLate = async () => {
    holder.resolve({ status: 'completed', output: '{}' });
    await call;
  };
  return { world, engine, decide, comeLate, entries: () => world.entries('i1') };
};
const refusal = async (given: Promise<unknown>): Promise<string> =>
  given.then(
    () => 'taken',
    (error: { code?: string; message: string }) => `${error.code}: ${error.message}`,
  );

test('what the holder set aside is its own word, whoever records it, and needs no second person', async () => {
  const { world, engine, decide, entries } = await inDoubt();
  await decide(alice, 'skip');
  const other = setup();
  await other.start(runbookOf([{}, {}]));
  await other.engine.advance('i1', request);
  const [, reserved] = await entries();
  const {
    v: _v,
    seq: _seq,
    prev: _prev,
    state: _state,
    reserve: _next,
    ...rest
  } = ((await other.entries('i1'))[2] ?? {}) as EntryOf<'outcome'>;
  const { instanceId: _id, token: _token, by: _by, atMs: _at, ...outcome } = rest;
  const item = { v: 1, instanceId: 'i1', about: 1, token: reserved?.token ?? '', by: bob, atMs: world.now, outcome };
  await engine.redrive(item as Unrecorded, carol);
  expect(words(await entries()).slice(2)).toEqual(['alice proposes skip', 'completed by holder']);
});

describe('the first verdict', () => {
  test.each(['succeeded', 'failed', 'retry', 'skip'] as const)(
    '%s frees nothing: not by advancing, not by saying it again',
    async (verdict) => {
      const { world, engine, decide, entries } = await inDoubt();
      const first = await decide(alice, verdict);
      expect(first).toMatchObject({
        view: { status: 'in_doubt' },
        awaits: { verdict, said: [{ actor: 'alice', seq: 2 }] },
      });
      expect((await engine.run('i1', request)).result).toBe('in_doubt');
      // The same person is no second one, however often: that is answered as before, and nothing is written.
      expect(await decide(alice, verdict)).toMatchObject({
        view: { status: 'in_doubt', seq: 2 },
        awaits: first.awaits,
      });
      expect(world.begun).toEqual([]);
      expect(words(await entries())).toEqual(['started', 'reserved', `alice proposes ${verdict}`]);
    },
  );

  test('takes effect by another person who says the same, which the journal tells', async () => {
    const { world, engine, decide, entries } = await inDoubt();
    await decide(alice, 'retry');
    const { awaits, view } = await decide(carol, 'retry');
    expect([awaits, view.status]).toEqual([null, 'ready']);
    const closing = (await entries())[3];
    expect(closing).toMatchObject({ kind: 'outcome', verdict: 'retry', by: carol, agrees: { seq: 2, output: null } });
    expect(closing?.state).not.toHaveProperty('proposed');
    expect((await engine.run('i1', request)).result).toBe('completed');
    expect(world.begun).toHaveLength(2);
  });

  test('who says something else proposes it beside; who changes their mind is counted by their newest word', async () => {
    const { decide, entries } = await inDoubt();
    await decide(alice, 'retry');
    expect((await decide(bob, 'succeeded', { output: '7' })).awaits?.said).toHaveLength(2);
    expect((await decide(carol, 'retry', { freshKey: true })).awaits?.said).toHaveLength(3);
    // Another output is another decision.
    expect((await decide(alice, 'succeeded', { output: '8' })).awaits).not.toBeNull();
    // Nobody stands behind `retry` any more.
    expect((await decide(carol, 'retry')).awaits).not.toBeNull();
    expect((await decide(carol, 'succeeded', { output: '7' })).awaits).toBeNull();
    expect((await entries()).at(-1)).toMatchObject({ status: 'completed', agrees: { seq: 3 }, output: { text: '7' } });
  });

  test('of a step that is closed as unknown stands on, and the second is its `resolved` entry', async () => {
    const world = setup();
    const engine = createEngine({
      ...world.ports,
      deployment: people,
      execute: async () => ({ status: 'unknown', error: { code: 'cell.timeout', message: 'cut' } }),
    });
    await engine.publish(JSON.stringify(runbookOf([{}])), alice);
    await engine.start({ runbookId: 'demo', params: {}, instanceId: 'i1', drive: 'auto', by: alice });
    expect((await engine.run('i1', request)).result).toBe('in_doubt');
    world.now = gone;
    const decide = (by: typeof alice) => engine.verdict('i1', { seq: 1, verdict: 'skip', reason: 'seen', by });
    expect((await decide(alice)).awaits).not.toBeNull();
    expect((await decide(bob)).view.status).toBe('completed');
    expect(words(await world.entries('i1')).slice(3)).toEqual(['alice proposes skip', 'resolved skip by person']);
  });

  test('does not stand against the truth of a holder that comes late, nor is it kept after that', async () => {
    const { decide, comeLate, entries } = await inDoubt();
    await decide(alice, 'retry');
    await comeLate();
    const closing = (await entries())[3];
    expect(closing).toMatchObject({ kind: 'outcome', closes: 1, closedBy: 'holder', status: 'completed' });
    expect(closing?.state).not.toHaveProperty('proposed');
    expect(await refusal(decide(bob, 'retry'))).toMatch(
      /^seq\.stale: .*alice proposed the verdict retry.*bob recorded it as completed/,
    );
  });
});

describe('two at once', () => {
  test('who say the same: one proposes, the other agrees, and nobody is refused', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { world, decide, entries } = await inDoubt();
      const given = await Promise.all([decide(alice, 'retry'), decide(bob, 'retry')]);
      expect(given.filter(({ awaits }) => awaits === null)).toHaveLength(1);
      expect(words(await entries()).slice(2)).toEqual([
        expect.stringMatching(/^(alice|bob) proposes retry$/),
        'abandoned by person',
      ]);
      expect(world.begun).toEqual([]);
    }
  });

  test('the same person twice: one proposal, and nothing takes effect', async () => {
    const { decide, entries } = await inDoubt();
    const given = await Promise.all([decide(alice, 'retry'), decide(alice, 'retry'), decide(alice, 'retry')]);
    expect(given.map(({ awaits }) => awaits?.said.length)).toEqual([1, 1, 1]);
    expect(words(await entries()).slice(2)).toEqual(['alice proposes retry']);
  });

  test('who say different things: both are proposed; three of whom two agree: it takes effect once', async () => {
    const two = await inDoubt();
    await Promise.all([two.decide(alice, 'retry'), two.decide(bob, 'succeeded')]);
    expect(
      words(await two.entries())
        .slice(2)
        .sort(),
    ).toEqual(['alice proposes retry', 'bob proposes succeeded']);
    const three = await inDoubt();
    await Promise.all([alice, bob, carol].map((by) => refusal(three.decide(by, 'skip'))));
    expect(words(await three.entries()).slice(2)).toEqual([
      expect.stringMatching(/proposes skip/),
      'skipped by person',
    ]);
  });
});

describe('the chain', () => {
  test('refuses what closes a step in doubt without another person who said the same', async () => {
    const { decide, entries } = await inDoubt();
    await decide(alice, 'retry');
    await decide(bob, 'succeeded');
    const before = (await entries()).at(-1)?.state ?? null;
    await decide(carol, 'retry');
    const closing = (await entries()).at(-1) as Entry & { kind: 'outcome' };
    const step = { ...closing, agrees: { seq: 2, output: null } };
    expect(apply(before, step)).toEqual(closing.state);
    const { agrees: _, ...alone } = step;
    for (const wrong of [
      alone,
      { ...step, by: alice },
      { ...step, agrees: { seq: 3, output: null } },
      { ...step, agrees: { seq: 1, output: null } },
      { ...step, agrees: { seq: 2, output: 'a'.repeat(64) } },
      { ...step, freshKey: true as const },
    ])
      expect(() => apply(before, wrong)).toThrow();
    // A run begun where two decide needs them before anybody has said a word.
    const silent = (await entries())[1]?.state ?? null;
    expect(silent).toMatchObject({ people: 2 });
    expect(() => apply(silent, { ...alone, seq: 2 })).toThrow(/another person/);
  });

  test('a run begun where one person decides needs two from the first proposal on, whatever the deployment says then', async () => {
    const { world, decide, entries } = await inDoubt(1);
    expect((await decide(alice, 'skip')).awaits).not.toBeNull();
    const one = createEngine(world.ports);
    expect((await decide(alice, 'skip', {}, one)).awaits).not.toBeNull();
    expect((await decide(alice, 'retry', {}, one)).awaits).not.toBeNull();
    expect((await decide(carol, 'retry', {}, one)).awaits).toBeNull();
    expect((await entries()).at(-1)?.state).not.toHaveProperty('people');
  });

  test('a run begun where two decide is decided by two also at a deployment that asks for one', async () => {
    const { world, decide } = await inDoubt();
    expect((await decide(alice, 'skip', {}, createEngine(world.ports))).awaits).not.toBeNull();
  });

  test('of a known failure one person decides, and of nothing before its time', async () => {
    const world = setup();
    const engine = createEngine({
      ...world.ports,
      deployment: people,
      execute: async () => ({ status: 'failed', error: { code: 'x', message: 'no' } }),
    });
    await engine.publish(JSON.stringify(runbookOf([{}])), alice);
    await engine.start({ runbookId: 'demo', params: {}, instanceId: 'i1', drive: 'auto', by: alice });
    await engine.run('i1', request);
    expect((await engine.verdict('i1', { seq: 1, verdict: 'skip', reason: 'known', by: alice })).awaits).toBeNull();
    const { world: early, decide } = await inDoubt();
    early.now = T0 + 1_000;
    expect(await refusal(decide(alice, 'retry'))).toMatch(/^verdict\.early/);
  });

  test('at most so many words are said, and whoever agrees with one of them still decides', async () => {
    const { decide } = await inDoubt();
    for (let n = 0; n < limits.proposalsMax; n += 1)
      await decide({ ...alice, actor: `p${n}` }, 'succeeded', { output: String(n) });
    expect(await refusal(decide(alice, 'skip'))).toMatch(/^verdict\.refused: .*\(proposalsMax\)/);
    expect((await decide(alice, 'succeeded', { output: '3' })).awaits).toBeNull();
  });
});
