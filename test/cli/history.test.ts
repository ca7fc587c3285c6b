/** How the journal of an incident reads: what somebody wants to know at three in the morning, entry by entry. */
import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { badgeOfOutcome } from '../../src/cli/cells.ts';
import { journalTable, noteTable } from '../../src/cli/history.ts';
import { createScreen } from '../../src/cli/screen.ts';
import { type CellResult, createEngine, type Runbook } from '../../src/engine/index.ts';
import { awaiting, fail, pass, probe, runbookOf } from '../engine/runbooks.ts';
import { alice, bob, setup, T0, type World } from '../engine/world.ts';

process.env.TZ = 'UTC';

const request = { budgetMs: 60_000, by: alice };
const all = { ...request, maxCells: Number.POSITIVE_INFINITY };
const gone = 5_000 + 15_000;
const cut: CellResult = { status: 'unknown', error: { code: 'cell.timeout', message: 'Stopped at its time-out.' } };
const isProbe = (input: { body: { kind: string } }): boolean => 'code' in input.body && input.body.code === 'probe';

/** A screen as wide as need be: every entry on a line of its own. */
const paper = (columns = 400) => {
  const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), { columns });
  const screen = createScreen(stream as unknown as NodeJS.WriteStream, { silent: false, dumb: true });
  return { screen, lines: (): string[] => stripVTControlCharacters(String(stream.read())).trimEnd().split('\n') };
};

/** `seq entry | who | what` of every entry. */
const told = async (world: World, instanceId = 'i1'): Promise<string[]> => {
  const { screen, lines } = paper();
  journalTable(screen, await world.entries(instanceId));
  const row = /^(\d+) +\d\d:\d\d:\d\d +(\w+) +(\w+) host:\d +(.+)$/;
  return lines()
    .slice(2)
    .map((line) => line.replace(row, '$1 $2 | $3 | $4'));
};

const notesTold = async (world: World, instanceId = 'i1'): Promise<string[]> => {
  const { screen, lines } = paper();
  // That a probe is asked is noted in the same moment as its answer, in either order.
  const notes = (await world.engine.notes(instanceId)).filter(({ kind }) => kind !== 'asked');
  noteTable(screen, await world.entries(instanceId), notes);
  return lines();
};

/** An instance whose first cell was reserved by a call of bob that then vanished. */
const vanished = async (world: World, runbook: Runbook): Promise<string> => {
  const id = await world.start(runbook);
  const began = Promise.withResolvers<void>();
  const execute = (): Promise<CellResult> => {
    began.resolve();
    return new Promise(() => {});
  };
  void createEngine({ ...world.ports, execute }).advance(id, { ...request, by: bob });
  await began.promise;
  return id;
};

const inDoubt = 'unknown, 0 ms; in doubt — Stopped at its time-out.';

describe('the journal after an incident', () => {
  test('at 200 columns nothing is cut: who, where, and a long reason, wrapped', async () => {
    const world = setup();
    await world.start(runbookOf([{}]));
    const reason = Array.from({ length: 200 }, (_, n) => `word${n}`).join(' ');
    const by = {
      actor: 'somebody.with.a.long.name@example.com',
      via: 'cli',
      where: 'a-host-of-some-length.example:42',
    };
    await world.engine.cancel('i1', reason, by as typeof alice);
    const { screen, lines } = paper(200);
    journalTable(screen, await world.entries('i1'));
    const shown = lines();
    expect(Math.max(...shown.map((line) => line.length))).toBeLessThanOrEqual(200);
    expect(shown.join('\n')).toContain(`${by.actor} ${by.where}`);
    const what = shown.join(' ').replace(/\s+/g, ' ');
    expect(what).toContain(reason);
    expect(what).not.toContain('…');
  });

  test('answers: as expected although they leave it open, not as expected, over the limit, unreadable', async () => {
    const post = { kind: 'http', method: 'POST', url: ['https://example.com/'], headers: [], body: null } as const;
    const body = { body: { ...post, url: [...post.url], headers: [] } };
    const conflict: CellResult = {
      status: 'unknown',
      output: '{"status":409}',
      error: { code: 'http.unclear', message: 'The answer is 409: it may have happened.' },
    };
    const ends: Record<string, CellResult> = {
      taken: conflict,
      big: { status: 'completed', output: '"x', outputBytes: 6_000_000 },
      odd: { status: 'completed', error: { code: 'output.invalid', message: 'No JSON.' } },
    };
    const world = setup();
    world.behave = ({ step }) => ends[step.cell] ?? { status: 'completed' };
    const is409 = { source: 'output.status == 409', line: 1 };
    await world.start(runbookOf([{ name: 'taken', ...body, expect: [is409] }, { name: 'big' }, { name: 'odd' }]));
    for (let i = 0; i < 3; i += 1) await world.engine.advance('i1', request);
    expect((await told(world)).filter((line) => line.includes('outcome'))).toEqual([
      '2 outcome | alice | taken was answered as expected, 0 ms — The answer is 409: it may have happened.',
      '4 outcome | alice | big completed, 0 ms — The output has 6000000 bytes; outputBytesMax is 5242880. Only its beginning is kept.',
      '6 outcome | alice | odd completed, 0 ms; halts — No JSON.',
    ]);
    const looks = (await world.entries('i1')).filter((entry) => entry.kind === 'outcome').map(badgeOfOutcome);
    expect(looks.map(({ mark, word }) => `${mark} ${word}`)).toEqual([
      '✓ answered as expected',
      '✓ completed, output cut',
      '✗ output unreadable',
    ]);

    const other = setup();
    other.behave = () => conflict;
    await other.start(runbookOf([{ name: 'taken', ...body, expect: [fail] }]));
    await other.engine.advance('i1', request);
    expect((await told(other)).at(-1)).toBe(
      '2 outcome | alice | taken unknown, 0 ms; in doubt — The answer is 409: it may have happened.; fail: false',
    );
  });

  test('a person decided: retry with a fresh key, then succeeded, each with who, why and what was seen', async () => {
    const world = setup();
    const id = await vanished(world, runbookOf([{ name: 'pay' }, { name: 'tell' }]));
    world.now = T0 + gone;
    const retry = { verdict: 'retry', freshKey: true, reason: 'the bank knows nothing of it' } as const;
    await world.engine.verdict(id, { seq: 1, ...retry, evidence: 'statement of 03:00', by: alice });
    world.behave = () => cut;
    await world.engine.advance(id, request);
    world.now += gone;
    await world.engine.verdict(id, {
      seq: 3,
      verdict: 'succeeded',
      reason: 'transfer 99',
      evidence: 'line 12',
      by: bob,
    });
    expect(await told(world)).toEqual([
      '0 started | alice | demo version 1, drive manual',
      '1 reserved | bob | pay, attempt 1, until 03:00:05',
      '2 outcome | alice | pay: verdict by alice: retry with a fresh key — the bank knows nothing of it',
      '3 reserved | alice | pay, attempt 1 of visit 2, until 03:00:25',
      `4 outcome | alice | pay ${inDoubt}`,
      '5 resolved | bob | pay: verdict by bob: succeeded — transfer 99',
    ]);
    expect(await notesTold(world)).toEqual([
      'evidence of pay, seq 1, 2026-11-24 03:00:20 +00:00, alice',
      '  statement of 03:00',
      'evidence of pay, seq 3, 2026-11-24 03:00:40 +00:00, bob',
      '  line 12',
    ]);
  });

  test('failed and skip by a person: what the cell still allows itself, and expectations that were overridden', async () => {
    const world = setup();
    const id = await vanished(world, runbookOf([{ name: 'pay', retryMax: 2, expect: [fail] }, { name: 'tell' }]));
    world.now = T0 + gone;
    await world.engine.verdict(id, { seq: 1, verdict: 'failed', reason: 'the bank refused it', by: alice });
    world.behave = () => cut;
    await world.engine.advance(id, all);
    world.now += gone;
    await world.engine.verdict(id, { seq: 3, verdict: 'succeeded', reason: 'it is there', output: '{}', by: bob });
    await world.engine.advance(id, all);
    world.now += gone;
    await world.engine.verdict(id, { seq: 6, verdict: 'skip', reason: 'told by phone', by: bob });
    expect(await told(world)).toEqual([
      '0 started | alice | demo version 1, drive manual',
      '1 reserved | bob | pay, attempt 1, until 03:00:05',
      '2 outcome | alice | pay: verdict by alice: failed; again (retry=2, attempt 1 failed) — the bank refused it',
      '3 reserved | alice | pay, attempt 2, until 03:00:25',
      `4 outcome | alice | pay ${inDoubt}`,
      '5 resolved | bob | pay: verdict by bob: succeeded — it is there; overridden: false',
      '6 reserved | alice | tell, attempt 1, until 03:00:45',
      `7 outcome | alice | tell ${inDoubt}`,
      '8 resolved | bob | tell: verdict by bob: skip — told by phone',
    ]);
  });

  test('a policy decided: its permission, and best effort, whether the holder or somebody later recorded it', async () => {
    const world = setup();
    const best = { interrupted: 'continue' } as const;
    const cells = [
      { name: 'best', ...best },
      { name: 'also', ...best },
      { name: 'pay', interrupted: 'retry' as const },
    ];
    const id = await vanished(world, runbookOf([...cells, { name: 'tell' }]));
    world.now = T0 + gone;
    world.behave = ({ step }) =>
      step.cell === 'also' || (step.cell === 'pay' && step.attempt === 1) ? cut : { status: 'completed' };
    await world.engine.advance(id, all);
    expect(await told(world)).toEqual([
      '0 started | alice | demo version 1, drive manual',
      '1 reserved | bob | best, attempt 1, until 03:00:05',
      '2 outcome | alice | best unknown; goes on by its policy — interrupted=continue',
      '3 reserved | alice | also, attempt 1, until 03:00:25',
      '4 outcome | alice | also unknown; goes on by its policy; reserved pay, attempt 1, until 03:00:25 — Stopped at its time-out.',
      `5 outcome | alice | pay ${inDoubt}`,
      '6 resolved | alice | pay: retry, permitted by its policy: interrupted=retry, attempt 1 of 3',
      '7 reserved | alice | pay, attempt 2, until 03:00:25',
      '8 outcome | alice | pay completed, 0 ms; reserved tell, attempt 1, until 03:00:25',
      '9 outcome | alice | tell completed, 0 ms',
    ]);
  });

  test('a probe decided: every answer is a note, and the one that settled it stands in the entry', async () => {
    const world = setup();
    let answer = 'unsure';
    const pay = { name: 'pay', interrupted: 'probe', probe, settleMs: 0 } as const;
    const id = await vanished(world, runbookOf([pay]));
    world.behave = (input) =>
      isProbe(input) ? { status: 'completed', output: JSON.stringify({ answer, output: { n: 1 } }) } : cut;
    for (const [next, waitMs] of [
      ['unsure', gone],
      ['not-done', 15_000],
      ['done', 100_000],
    ] as const) {
      answer = next;
      world.now += waitMs;
      await world.engine.advance(id, request);
    }
    expect(await told(world)).toEqual([
      '0 started | alice | demo version 1, drive manual',
      '1 reserved | bob | pay, attempt 1, until 03:00:05',
      '2 outcome | alice | pay: retry, permitted by its probe: the probe answered not-done',
      '3 reserved | alice | pay, attempt 2, until 03:00:40',
      `4 outcome | alice | pay ${inDoubt}`,
      '5 resolved | alice | pay: succeeded by its probe: the probe answered done',
    ]);
    expect(await notesTold(world)).toEqual([
      'probe of pay, seq 1, 2026-11-24 03:00:20 +00:00, alice',
      '  unsure: the probe answered unsure',
      'probe of pay, seq 1, 2026-11-24 03:00:35 +00:00, alice',
      '  not-done: the probe answered not-done',
      'probe of pay, seq 3, 2026-11-24 03:00:35 +00:00, alice',
      '  unsure: the probe answered not-done, but not settled yet',
      'probe of pay, seq 3, 2026-11-24 03:02:15 +00:00, alice',
      '  done: the probe answered done',
    ]);
  });

  test('a permission of the cell lapsed with its key window; a person may still give one', async () => {
    const world = setup();
    world.behave = () => ({ status: 'failed', error: { code: 'cell.failed', message: 'exit code 1' } });
    const id = await world.start(runbookOf([{ name: 'pay', retryMax: 5, keyWindowMs: 3_600_000 }]));
    await world.engine.advance(id, request);
    world.now = T0 + 6 * 3_600_000;
    await world.engine.run(id, request);
    await world.engine.verdict(id, { seq: 4, verdict: 'retry', reason: 'the key is not needed', by: bob });
    expect((await told(world)).slice(2)).toEqual([
      '2 outcome | alice | pay failed, 0 ms; again (retry=5, attempt 1 failed) — exit code 1',
      '3 control | alice | drive auto',
      '4 outcome | alice | pay: its permission lapsed; halts — Its keyWindow passed before it was tried again.',
      '5 resolved | bob | pay: verdict by bob: retry — the key is not needed',
    ]);
  });

  test('failed as expected, and forgiven: neither reads like the other', async () => {
    const world = setup();
    world.behave = ({ step }) => ({ status: step.cell === 'last' ? 'completed' : 'failed', output: '{}' });
    const cells = [
      { name: 'refused', expect: [pass] },
      { name: 'nice', optional: true },
      { name: 'last', expect: [fail], optional: true },
    ];
    await world.engine.advance(await world.start(runbookOf(cells)), all);
    expect((await told(world)).slice(2)).toEqual([
      '2 outcome | alice | refused failed as expected, 0 ms; reserved nice, attempt 1, until 03:00:05',
      '3 outcome | alice | nice failed, 0 ms; forgiven, goes on; reserved last, attempt 1, until 03:00:05',
      '4 outcome | alice | last completed, 0 ms; forgiven, goes on — fail: false',
    ]);
  });

  test('a continuation names the run, the cell, the reason and what it cites; the earlier run says where it went', async () => {
    const world = setup();
    world.behave = ({ step }) => (step.cell === 'pay' ? { status: 'failed' } : { status: 'completed', output: '{}' });
    const id = await world.start(runbookOf([{ name: 'take' }, { name: 'pay' }]));
    await world.engine.advance(id, all);
    const continues = { instanceId: id, at: 'pay', reason: 'the bank was down' };
    await world.engine.start({ runbookId: 'demo', params: {}, continues, by: bob });
    expect((await told(world)).at(-1)).toBe('4 cancelled | bob | goes on as i1.2');
    expect(await told(world, 'i1.2')).toEqual([
      '0 started | bob | demo version 1, drive manual; continues i1 at pay: the bank was down; cites take (i1, seq 2)',
    ]);
  });

  test('a release and a cancellation: the reason, and the step that it left open or undecided', async () => {
    const world = setup();
    const restored = createEngine({ ...world.ports, deployment: { ...world.ports.deployment, epoch: 1 } });
    const held = await vanished(world, runbookOf([{ name: 'pay' }]));
    await restored.release(held, 'journal and bank agree', alice);
    await restored.cancel(held, 'wrong account', alice);
    expect((await told(world)).slice(2)).toEqual([
      '2 control | alice | released to epoch 1: journal and bank agree',
      '3 cancelled | alice | wrong account; pay, seq 1, was not closed yet',
    ]);
    const other = setup();
    other.behave = () => cut;
    const id = await other.start(runbookOf([{ name: 'pay' }]));
    await other.engine.advance(id, request);
    await other.engine.cancel(id, 'given up', bob);
    expect((await told(other)).at(-1)).toBe('3 cancelled | bob | given up; pay, seq 1, was in doubt and stays so');
  });

  test('a holder that was fenced: what it saw too late is a note, with its output', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{ name: 'pay' }, {}]));
    world.behave = async () => {
      world.now = T0 + gone;
      await world.engine.verdict(id, { seq: 1, verdict: 'skip', reason: 'not needed', by: alice });
      return { status: 'completed', output: '{"transfer":7}' };
    };
    await world.engine.advance(id, { ...request, by: bob });
    expect((await told(world)).at(-1)).toBe('2 outcome | alice | pay: verdict by alice: skip — not needed');
    expect(await notesTold(world)).toEqual([
      'fenced of pay, seq 1, 2026-11-24 03:00:20 +00:00, bob',
      '  ended as completed after 20 s; output {"transfer":7}',
    ]);
  });
});

test('a pause that the target asked for is said to be its own', async () => {
  const world = setup();
  const busy = (askedMs: number): CellResult => ({
    status: 'failed',
    askedMs,
    error: { code: 'http.status', message: 'The answer is 429.' },
  });
  world.behave = () => busy(world.begun.length === 1 ? 30_000 : 7_200_000);
  const id = await world.start(runbookOf([{ retryMax: 2 }]));
  await world.engine.advance(id, { ...request, maxCells: 1 });
  world.now += 31_000;
  await world.engine.advance(id, { ...request, maxCells: 1 });
  const rows = (await told(world, id)).join('\n');
  expect(rows).toMatch(/again from [\d:]+ on, the target asked for 30 s \(retry=2, attempt 1 failed\)/);
  expect(rows).toMatch(
    /, the target asked for 2 h, of which 1 h count \(retryAfterMsMax\) \(retry=2, attempt 2 failed\)/,
  );
});

test('a step of hours says up to when it may be renewed, and each renewal until when it is held', async () => {
  const world = setup();
  const { alarm } = world.ports.clock;
  let rings = 1;
  world.ports.clock.alarm = async (ms, signal) => {
    // The first renewal comes; nothing else does.
    if (ms !== 300_000 || rings-- === 0) return await alarm(ms, signal);
    world.now += ms;
  };
  world.ports.lease = { ms: 900_000, everyMs: 300_000, overMs: 840_000 };
  world.engine = createEngine(world.ports);
  world.behave = ({ lease }) =>
    new Promise((resolve) => lease?.onRenewed(() => resolve({ status: 'completed', output: '{}' })));
  const id = await world.start(runbookOf([{ timeoutMs: 6 * 3_600_000 }]));
  await world.engine.advance(id, { ...request, budgetMs: 600_000 });
  expect((await told(world)).slice(1, 3)).toEqual([
    '1 reserved | alice | c0, attempt 1, until 03:15:00, renewed up to 09:00:10 at most',
    '2 renewed | alice | c0, seq 1, until 03:20:00',
  ]);
});

test('what a wait came to is said once, though its error and its note say it', async () => {
  const world = setup();
  await world.start(runbookOf([{ body: awaiting(['c'], { withinMs: 1_000 }) }]));
  await world.engine.advance('i1', all);
  world.now += 60_000;
  await world.engine.advance('i1', all);
  expect((await told(world)).at(-1)).toBe('2 outcome | alice | c0 failed, 1 min; halts — timed out: c does not exist');
});
