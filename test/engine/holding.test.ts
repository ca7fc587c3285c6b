/** A poll that has to hold, for a time or so many times in a row: since when it does is in the chain, and what ends that counts. */
import { describe, expect, test } from 'vitest';
import { type CellResult, type Entry, type Holds, limits, type Runbook } from '../../src/engine/index.ts';
import { runbookOf } from './runbooks.ts';
import { alice, isEntry, setup, T0, type World, watched } from './world.ts';

const request = { budgetMs: 60_000, by: alice };
const tick = { budgetMs: 60_000, by: { actor: 'schedule', via: 'tick', where: 'host:3' }, explicit: false };
const polled = (holds: Holds, over: object = {}) => ({
  expect: [{ source: 'output.ready == true', line: 1 }],
  poll: { everyMs: 30_000, withinMs: null, onTimeout: 'fail' as const, holds, ...over },
});
const good: CellResult = { status: 'completed', output: '{"ready":true}' };
const bad: CellResult = { status: 'completed', output: '{"ready":false}' };
const cut: CellResult = { status: 'unknown', error: { code: 'http.cut', message: 'no answer' } };

const begin = async ({ engine }: World, runbook: Runbook): Promise<void> => {
  await engine.publish(JSON.stringify(runbook), alice);
  await engine.start({ runbookId: 'demo', params: {}, instanceId: 'i1', drive: 'auto', by: alice });
};

/** Looks at the given moments, in milliseconds after the start, and is answered so. */
const looks = async (world: World, answers: [atMs: number, answer: CellResult][]): Promise<string[]> => {
  const results: string[] = [];
  for (const [atMs, answer] of answers) {
    world.now = T0 + atMs;
    world.behave = () => answer;
    results.push((await world.engine.advance('i1', tick)).result);
  }
  return results;
};

const told = (entries: Entry[]): string[] =>
  entries.slice(2).map((entry) => {
    const at = `${(entry.atMs - T0) / 1_000} s`;
    if (entry.kind === 'holding') return `${at}: ${entry.looks}${entry.anew === null ? '' : ` anew, ${entry.anew}`}`;
    return entry.kind === 'outcome' ? `${at}: ${entry.status}, ${entry.error?.code ?? entry.note}` : entry.kind;
  });

const heldIn = async (world: World) => {
  const { open } = (await world.entries('i1')).at(-1)?.state ?? {};
  return open?.kind === 'waiting' ? open : undefined;
};

test('`within` that a parameter says is fixed when the poll begins, also for where it begins anew', async () => {
  const world = setup();
  const within = [{ expression: 'ms', write: 'text' as const }];
  const runbook = runbookOf([polled({ forMs: 90_000 }, { withinMs: within })]);
  await world.engine.publish(JSON.stringify(runbook), alice);
  await world.engine.start({ runbookId: 'demo', params: { ms: 120_000 }, instanceId: 'i1', drive: 'auto', by: alice });
  await looks(world, [[0, bad]]);
  expect(await heldIn(world)).toMatchObject({ dueAtMs: T0 + 120_000 });
  expect((await world.entries('i1')).at(-1)).toMatchObject({ kind: 'waiting', withinMs: 120_000 });
  await looks(world, [
    [30_000, good],
    [60_000, cut],
  ]);
  expect(await heldIn(world)).toMatchObject({ dueAtMs: T0 + 180_000 });

  const other = setup();
  await other.engine.publish(JSON.stringify(runbook), alice);
  await other.engine.start({ runbookId: 'demo', params: { ms: 'soon' }, instanceId: 'i1', drive: 'auto', by: alice });
  expect(await looks(other, [[0, good]])).toEqual(['halted']);
  expect((await other.entries('i1')).at(-1)).toMatchObject({ error: { code: 'inputs.unresolvable' } });
  expect(other.begun).toEqual([]);
});

describe('for a time', () => {
  test('one entry fixes since when, the looks after it write none, and after that time it is over', async () => {
    const world = setup();
    await begin(world, runbookOf([polled({ forMs: 90_000 }, { withinMs: 120_000 })]));
    expect(await looks(world, [[0, bad]])).toEqual(['parked']);
    expect((await heldIn(world))?.dueAtMs).toBe(T0 + 120_000);
    expect(await looks(world, [[30_000, good]])).toEqual(['parked']);
    // `within` bounded the time until then.
    expect(await heldIn(world)).toMatchObject({
      dueAtMs: null,
      holds: { forMs: 90_000 },
      held: { sinceMs: T0 + 30_000, looks: 1, atMs: T0 + 30_000 },
    });
    expect((await world.ports.views.get('i1'))?.dueAtMs).toBe(T0 + 60_000);
    const further: [number, CellResult][] = [60_000, 90_000, 119_999].map((atMs) => [atMs, good]);
    expect(await looks(world, further)).toEqual(['parked', 'parked', 'parked']);
    expect(told(await world.entries('i1'))).toEqual(['30 s: 1']);
    expect((await world.engine.inspect('i1', alice)).waits).toMatchObject({
      holds: { forMs: 90_000 },
      held: { sinceMs: T0 + 30_000, looks: 1 },
      last: { held: { sinceMs: T0 + 30_000, atMs: T0 + 119_999 } },
    });

    await looks(world, [[120_000, good]]);
    expect(told(await world.entries('i1'))).toEqual([
      '30 s: 1',
      '120 s: completed, as expected since 2026-11-24T03:00:30.000Z',
    ]);
  });

  test('it is looked at when the time is over, between two of its turns', async () => {
    const world = setup();
    await begin(world, runbookOf([polled({ forMs: 40_000 })]));
    await looks(world, [
      [0, good],
      [30_000, good],
    ]);
    expect((await world.ports.views.get('i1'))?.dueAtMs).toBe(T0 + 40_000);
  });

  test('the first answered look that does not hold fails the cell, although nothing bounds its time', async () => {
    const world = setup();
    await begin(world, runbookOf([polled({ forMs: 90_000 }, { onTimeout: 'continue', withinMs: 600_000 })]));
    const results = await looks(world, [
      [0, good],
      [30_000, good],
      [60_000, bad],
    ]);
    expect(results).toEqual(['parked', 'parked', 'halted']);
    const [, , , failed] = await world.entries('i1');
    expect(failed).toMatchObject({
      status: 'failed',
      then: 'halt',
      error: {
        code: 'wait.unheld',
        message:
          'held since 2026-11-24T03:00:00.000Z, and at 2026-11-24T03:01:00.000Z it does not: output.ready == true does not hold',
      },
      expectations: [{ result: 'fail' }],
    });
  });

  test.each<[string, CellResult, string]>([
    ['no answer', cut, 'no answer'],
    [
      'a failure without a word of its own',
      { status: 'failed', error: { code: 'http.refused', message: 'refused' } },
      'refused; output.ready == true does not hold',
    ],
    [
      'an output that is none',
      { status: 'completed', output: '{' },
      "Expected property name or '}' in JSON at position 1 (line 1 column 2)",
    ],
  ])('%s begins it anew, with the time of `within` anew', async (_, answer, why) => {
    const world = setup();
    await begin(world, runbookOf([polled({ forMs: 60_000 }, { withinMs: 45_000 })]));
    const results = await looks(world, [
      [0, good],
      [30_000, answer],
    ]);
    expect(results).toEqual(['parked', 'parked']);
    expect(told(await world.entries('i1'))).toEqual(['0 s: 1', `30 s: 0 anew, ${why}`]);
    expect(await heldIn(world)).toMatchObject({ dueAtMs: T0 + 75_000 });
    expect(await heldIn(world)).not.toHaveProperty('held');
    // An answer that does not hold is as any before it held first; then the minute counts from the look that holds again.
    await looks(world, [
      [60_000, bad],
      [74_000, good],
      [104_000, good],
      [133_999, good],
    ]);
    expect(told(await world.entries('i1')).slice(2)).toEqual(['74 s: 1']);
    await looks(world, [[134_000, good]]);
    expect(told(await world.entries('i1')).at(-1)).toBe('134 s: completed, as expected since 2026-11-24T03:01:14.000Z');
  });

  test('that never holds again ends with that time', async () => {
    const world = setup();
    await begin(world, runbookOf([polled({ forMs: 60_000 }, { withinMs: 45_000 })]));
    await looks(world, [
      [0, good],
      [30_000, cut],
      [60_000, bad],
      [75_000, bad],
    ]);
    expect(told(await world.entries('i1')).at(-1)).toBe('75 s: failed, wait.timeout');
  });

  test('a gap of more than three polls without a look begins it anew; of three it does not', async () => {
    const world = setup();
    await begin(world, runbookOf([polled({ forMs: 120_000 })]));
    await looks(world, [
      [0, good],
      [90_000, good],
      [180_001, good],
    ]);
    const gap = 'no look found it holding between 2026-11-24T03:01:30.000Z and 2026-11-24T03:03:00.001Z';
    expect(told(await world.entries('i1'))).toEqual(['0 s: 1', `180.001 s: 1 anew, ${gap}`]);
    // Nobody looked while it may have been otherwise: that it does not hold now is no failure of what held.
    await looks(world, [[300_000, bad]]);
    expect(told(await world.entries('i1')).at(-1)).toMatch(/^300 s: 0 anew, no look found it holding between/);
    await looks(world, [[330_000, good]]);
    await looks(world, [[390_000, good]]);
    await looks(world, [[450_000, good]]);
    expect(told(await world.entries('i1')).at(-1)).toBe('450 s: completed, as expected since 2026-11-24T03:05:30.000Z');
  });

  test('a look that could not be kept is no look', async () => {
    const world = setup();
    await begin(world, runbookOf([polled({ forMs: 150_000 })]));
    await looks(world, [
      [0, good],
      [30_000, good],
    ]);
    world.ports.looks.keep = async () => {
      throw new Error('throttled');
    };
    await looks(world, [
      [60_000, good],
      [90_000, good],
      [120_001, good],
    ]);
    expect(told(await world.entries('i1'))).toHaveLength(2);
    expect(told(await world.entries('i1')).at(-1)).toMatch(/^120.001 s: 1 anew/);
  });

  test('a look that could not be made, for want of a program, ends nothing and is none', async () => {
    const world = setup();
    const needs = { programs: ['kubectl'], env: [] };
    await begin(world, runbookOf([{ ...polled({ forMs: 150_000 }), needs: needs as never }]));
    await looks(world, [[0, good]]);
    world.ports.here.missing = async () => ['program kubectl'];
    await looks(world, [
      [30_000, good],
      [60_000, good],
      [90_000, good],
    ]);
    expect(told(await world.entries('i1'))).toEqual(['0 s: 1']);
    world.ports.here.missing = async () => [];
    await looks(world, [[120_000, good]]);
    expect(told(await world.entries('i1')).at(-1)).toMatch(/^120 s: 1 anew/);
  });

  test('one that begins anew for ever comes to an end', async () => {
    const world = setup();
    await begin(world, runbookOf([polled({ forMs: 3_600_000 })]));
    for (let atMs = 0; atMs < limits.holdingsMax * 30_000; atMs += 60_000)
      await looks(world, [
        [atMs, good],
        [atMs + 30_000, cut],
      ]);
    const ended = await looks(world, [[limits.holdingsMax * 30_000, good]]);
    expect(ended).toEqual(['halted']);
    expect((await world.ports.journal.head('i1'))?.entry).toMatchObject({
      status: 'failed',
      error: { code: 'wait.unsteady' },
      expectations: [],
    });
  });
});

test('a look that began before the row it meets hides no gap in it', async () => {
  const { world, once } = watched();
  await begin(world, runbookOf([polled({ forMs: 90_000 })]));
  world.behave = () => good;
  // Another caller finds it holding first; then this one, long held up, puts what it found.
  once(
    (command) => isEntry(command) && 'item' in command && command.item?.kind === 'holding',
    async () => {
      await world.engine.advance('i1', { ...tick, by: { ...tick.by, where: 'host:4' } });
      world.now = T0 + 95_000;
    },
  );
  await world.engine.advance('i1', { ...tick, budgetMs: 600_000 });
  const gap = 'no look found it holding between 2026-11-24T03:00:00.000Z and 2026-11-24T03:01:35.000Z';
  expect(told(await world.entries('i1'))).toEqual(['0 s: 1', `95 s: 1 anew, ${gap}`]);
});

describe('so many times in a row', () => {
  test('each turn counts once, however often somebody looks', async () => {
    const world = setup();
    await begin(world, runbookOf([polled({ times: 3 })]));
    const results = await looks(world, [
      [0, good],
      [10_000, good],
      [29_999, good],
      [30_000, good],
      [31_000, good],
      [60_000, good],
    ]);
    expect(results.at(-1)).toBe('completed');
    expect(told(await world.entries('i1'))).toEqual([
      '0 s: 1',
      '30 s: 2',
      '60 s: completed, as expected since 2026-11-24T03:00:00.000Z, 3 times in a row',
    ]);
  });

  test('an answer that does not hold fails it, no answer begins it anew', async () => {
    const failing = setup();
    await begin(failing, runbookOf([polled({ times: 3 })]));
    await looks(failing, [
      [0, good],
      [30_000, good],
      [60_000, bad],
    ]);
    expect(told(await failing.entries('i1'))).toEqual(['0 s: 1', '30 s: 2', '60 s: failed, wait.unheld']);

    const anew = setup();
    await begin(anew, runbookOf([polled({ times: 3 })]));
    await looks(anew, [
      [0, good],
      [30_000, good],
      [60_000, cut],
      [90_000, good],
      [120_000, good],
    ]);
    expect(told(await anew.entries('i1'))).toEqual([
      '0 s: 1',
      '30 s: 2',
      '60 s: 0 anew, no answer',
      '90 s: 1',
      '120 s: 2',
    ]);
  });
});

test('of two who look at once one counts, and what ends a row counts though another entry took its slot', async () => {
  const { world, once } = watched();
  await begin(world, runbookOf([polled({ times: 3 })]));
  world.behave = () => good;
  once(isEntry, () => world.engine.advance('i1', { ...tick, by: { ...tick.by, where: 'host:4' } }));
  await looks(world, [[0, good]]);
  const { engine } = world;
  await engine.advance('i1', request);
  expect(told(await world.entries('i1'))).toEqual(['0 s: 1']);

  // The schedule is about to say that it does not hold any more when a person changes the drive.
  world.now = T0 + 30_000;
  world.behave = () => bad;
  once(isEntry, async () => {
    world.behave = () => good;
    await engine.advance('i1', { ...request, drive: 'manual' });
  });
  await engine.advance('i1', tick);
  expect(told(await world.entries('i1')).slice(1)).toEqual(['control', '30 s: 2', '30 s: failed, wait.unheld']);
});

test('a caller that knew of no row when it found otherwise begins it anew, and does not end it', async () => {
  const world = setup();
  await begin(world, runbookOf([polled({ times: 2 }, { everyMs: 2_000 })]));
  let looked = 0;
  // In the middle of its second look, which gets no answer, another caller finds it holding; its third look holds as well.
  world.behave = async () => {
    looked += 1;
    if (looked === 1) return bad;
    if (looked !== 2) return good;
    await world.engine.advance('i1', { ...tick, by: { ...tick.by, where: 'host:4' } });
    world.now += 1;
    return cut;
  };
  await world.engine.advance('i1', { ...request, budgetMs: 600_000 });
  expect(told(await world.entries('i1'))).toEqual([
    '2 s: 1',
    '4 s: 1 anew, at 2026-11-24T03:00:02.001Z a look of this call did not find it holding',
    '6 s: completed, as expected since 2026-11-24T03:00:04.000Z, 2 times in a row',
  ]);
});
