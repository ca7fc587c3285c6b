/** What may be repeated: a known failure, and what completed only where that is declared to do no harm. */
import { describe, expect, test } from 'vitest';
import type { Cell, CellBody, CellResult, Entry } from '../../src/engine/index.ts';
import { fail, pass, runbookOf } from './runbooks.ts';
import { alice, setup } from './world.ts';

const request = { by: alice, budgetMs: 600_000, maxCells: 20 };
const http = (method: string): { body: CellBody } => ({
  body: { kind: 'http', method, url: ['https://example.com/'], headers: [], body: null },
});
const answer = (status: number, meaning: CellResult['status']): CellResult => ({
  status: meaning,
  output: JSON.stringify({ status }),
  ...(meaning === 'completed' ? {} : { error: { code: 'http.status', message: `The answer is ${status}.` } }),
});
const outcomes = (entries: Entry[]) => entries.filter((entry) => entry.kind === 'outcome');

const ran = async (cell: Partial<Cell>, results: CellResult[]) => {
  const world = setup();
  world.behave = (input) => results[Math.min(world.begun.length, results.length) - 1] ?? { status: 'never', input };
  const id = await world.start(runbookOf([cell, {}]));
  await world.engine.advance(id, { ...request, cell: 'c0' });
  return { world, id, entries: await world.entries(id), begun: world.begun.filter(({ step }) => step.cell === 'c0') };
};

describe('what completed and is not as expected', () => {
  test('halts: `retry` is about known failures', async () => {
    const { entries, begun } = await ran({ ...http('POST'), retryMax: 2, expect: [fail] }, [answer(201, 'completed')]);
    expect(begun).toHaveLength(1);
    expect(outcomes(entries)).toMatchObject([{ status: 'completed', then: 'halt', permission: null }]);
  });
  test('of a script too, and forgiven where the cell is optional', async () => {
    const { begun } = await ran({ retryMax: 2, expect: [fail] }, [{ status: 'completed' }]);
    expect(begun).toHaveLength(1);
    const { entries } = await ran({ retryMax: 2, optional: true, expect: [fail] }, [{ status: 'completed' }]);
    expect(outcomes(entries)).toMatchObject([{ status: 'completed', then: 'next' }]);
  });
  test('is repeated where its author says so', async () => {
    const cell = { retryMax: 2, retryOn: 'unexpected', expect: [fail] } as const;
    const { entries, begun } = await ran(cell as never, [{ status: 'completed' }]);
    expect(begun).toHaveLength(3);
    const detail = 'retry=2 retryOn=unexpected, attempt 1 was not as expected';
    expect(outcomes(entries)[0]).toMatchObject({ then: 'retry', permission: { kind: 'retry', detail } });
  });
  test.each(['GET', 'HEAD', 'OPTIONS'])('is repeated where its method is safe: %s', async (method) => {
    const cell = { ...http(method), retryMax: 2, expect: [fail] };
    const { entries, begun } = await ran(cell, [answer(200, 'completed')]);
    expect(begun).toHaveLength(3);
    const detail = `retry=2 (${method}, RFC 9110), attempt 1 was not as expected`;
    expect(outcomes(entries)[0]).toMatchObject({ then: 'retry', permission: { detail } });
  });
  test('after a probe that found it done, too', async () => {
    const probe = { line: 1, timeoutMs: 1_000, done: null, notDone: null, reads: [], body: { kind: 'ts', code: '' } };
    const cell = { interrupted: 'probe', probe, settleMs: 0, retryMax: 3, expect: [fail] } as unknown as Cell;
    const world = setup();
    world.behave = ({ free }) =>
      free === true ? { status: 'completed', output: '{"answer":"done","output":{}}' } : { status: 'unknown' };
    const id = await world.start(runbookOf([cell]));
    await world.engine.advance(id, request);
    world.now += 600_000;
    await world.engine.advance(id, request);
    expect(world.begun.filter(({ free }) => free !== true)).toHaveLength(1);
    expect((await world.entries(id)).at(-1)?.state.halted).toMatchObject({ doubt: false });
  });
});

describe('an answer that leaves it open', () => {
  test('is not repeated by `retry`: in doubt, governed by `interrupted`', async () => {
    const { entries, begun } = await ran({ ...http('POST'), retryMax: 2 }, [answer(503, 'unknown')]);
    expect(begun).toHaveLength(1);
    expect(outcomes(entries)).toMatchObject([{ status: 'unknown', then: 'halt', closedBy: 'holder' }]);
    expect(entries.at(-1)?.state).toMatchObject({ halted: { doubt: true }, mayHaveHappened: true });
  });
  test('satisfies a cell whose expectations all hold: they are judged on any answer that arrived', async () => {
    const expected = { source: 'output.status == 409', line: 1 };
    const { entries } = await ran({ ...http('POST'), expect: [expected] }, [answer(409, 'unknown')]);
    expect(outcomes(entries)).toMatchObject([
      { status: 'unknown', then: 'next', closedBy: 'holder', expectations: [{ result: 'pass' }] },
    ]);
    expect(entries.at(-1)?.state).toMatchObject({ next: 1, counters: { covered: 1, forgiven: 0 } });
  });
  test('is in doubt where one of them does not, and where nothing arrived none is judged', async () => {
    const expect2 = { ...http('POST'), expect: [pass, fail] };
    const some = await ran(expect2, [answer(409, 'unknown')]);
    expect(outcomes(some.entries)).toMatchObject([
      { status: 'unknown', then: 'halt', expectations: [{ result: 'pass' }, { result: 'fail' }] },
    ]);
    const none = await ran({ ...http('POST'), expect: [pass] }, [{ status: 'unknown' }]);
    expect(outcomes(none.entries)).toMatchObject([{ then: 'halt', expectations: [{ result: 'skipped' }] }]);
  });
  test('interrupted=continue goes on by policy, as before', async () => {
    const cell = { ...http('POST'), interrupted: 'continue', expect: [fail] } as const;
    const { entries } = await ran(cell as never, [answer(500, 'unknown')]);
    expect(outcomes(entries)).toMatchObject([{ status: 'unknown', then: 'next', closedBy: 'policy' }]);
    expect(entries.at(-1)?.state.counters).toMatchObject({ covered: 0, forgiven: 1 });
  });
});

describe('after an attempt of the visit that may have happened', () => {
  const interrupted = { interrupted: 'retry', retryMax: 3 } as const;
  const refused = answer(403, 'failed');
  test('no status proves that the visit did not happen', async () => {
    const { entries, begun } = await ran({ ...http('POST'), ...interrupted }, [answer(500, 'unknown'), refused]);
    expect(begun).toHaveLength(4);
    const message = 'The answer is 403. But an earlier attempt may have happened.';
    expect(outcomes(entries).map(({ status, then }) => [status, then])).toEqual([
      ['unknown', 'halt'],
      ['unknown', 'halt'],
      ['unknown', 'halt'],
      ['unknown', 'halt'],
    ]);
    expect(outcomes(entries)[1]).toMatchObject({ error: { message } });
    expect(entries.at(-1)?.state.halted).toMatchObject({ doubt: true });
  });
  test('nor does a connection that never stood', async () => {
    const none: CellResult = { status: 'failed', error: { code: 'http.unreachable', message: 'Nothing was sent.' } };
    const { entries } = await ran({ ...http('POST'), ...interrupted }, [{ status: 'unknown' }, none]);
    expect(outcomes(entries)[1]).toMatchObject({ status: 'unknown', error: { code: 'http.unreachable' } });
  });
  test('nor does a script that is refused before it begins', async () => {
    const never: CellResult = { status: 'failed', error: { code: 'cell.noLines', message: 'None.' }, unbegun: true };
    const { entries } = await ran(interrupted, [{ status: 'unknown' }, never]);
    expect(outcomes(entries)[1]).toMatchObject({ status: 'unknown', error: { code: 'cell.noLines' }, unbegun: true });
    expect(entries.at(-1)?.state.halted).toMatchObject({ doubt: true, unbegun: true });
  });
  test('of one that completed and was repeated, too', async () => {
    const cell = { ...http('POST'), retryMax: 3, retryOn: 'unexpected', expect: [fail] } as const;
    const { entries, begun } = await ran(cell as never, [answer(201, 'completed'), refused]);
    expect(begun).toHaveLength(2);
    expect(outcomes(entries)).toMatchObject([{ status: 'completed' }, { status: 'unknown', then: 'halt' }]);
  });
  test('a holder that vanished is such an attempt', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{ ...http('POST'), ...interrupted }]));
    world.behave = () => new Promise(() => {});
    void world.engine.advance(id, request);
    while (world.begun.length === 0) await new Promise((resolve) => setImmediate(resolve));
    world.behave = () => refused;
    world.now += 600_000;
    await world.engine.advance(id, request);
    expect((await world.entries(id)).filter(({ kind }) => kind === 'outcome')).toMatchObject([
      { status: 'abandoned' },
      { status: 'unknown' },
      { status: 'unknown' },
      { status: 'unknown' },
    ]);
  });
  test('a first attempt that was refused is known, and so are those after it', async () => {
    const { entries } = await ran({ ...http('POST'), ...interrupted }, [refused]);
    expect(outcomes(entries).map(({ status }) => status)).toEqual(['failed', 'failed', 'failed', 'failed']);
  });
  test('a safe method and a script are not concerned: what they say is about this attempt', async () => {
    for (const cell of [http('GET'), {}]) {
      const { entries } = await ran({ ...cell, ...interrupted }, [{ status: 'unknown' }, refused]);
      expect(outcomes(entries)[1]).toMatchObject({ status: 'failed' });
    }
  });
  test('a person who says that it failed, or a probe that found nothing, has looked: then a refusal is known again', async () => {
    const world = setup();
    world.behave = () => (world.begun.length === 1 ? { status: 'unknown' } : refused);
    const id = await world.start(runbookOf([http('POST')]));
    await world.engine.advance(id, request);
    world.now += 60_000;
    await world.engine.verdict(id, { seq: 1, verdict: 'failed', reason: 'not there', by: alice });
    await world.engine.verdict(id, { seq: 1, verdict: 'retry', reason: 'once more', by: alice });
    expect((await world.entries(id)).at(-1)?.state.mayHaveHappened).toBe(false);
    await world.engine.advance(id, request);
    expect((await world.entries(id)).at(-1)).toMatchObject({ status: 'failed', then: 'halt' });
  });
  test('a new visit begins without a past', async () => {
    const world = setup();
    world.behave = () => (world.begun.length === 1 ? { status: 'unknown' } : refused);
    const id = await world.start(runbookOf([http('POST')]));
    await world.engine.advance(id, request);
    world.now += 60_000;
    await world.engine.verdict(id, { seq: 1, verdict: 'retry', reason: 'once more', freshKey: true, by: alice });
    await world.engine.advance(id, request);
    expect((await world.entries(id)).at(-1)).toMatchObject({ status: 'failed', visit: 2 });
  });
});

test('interrupted=retry by the method alone is said where it permits', async () => {
  const cell = { ...http('GET'), interrupted: 'retry', byMethod: 'GET' } as const;
  const { entries } = await ran(cell as never, [{ status: 'unknown' }, answer(200, 'completed')]);
  expect(entries.find(({ kind }) => kind === 'resolved')).toMatchObject({
    permission: { kind: 'interrupted', detail: 'interrupted=retry (GET, RFC 9110), attempt 1 of 3' },
    reason: 'interrupted=retry (GET, RFC 9110), attempt 1 of 3',
  });
});

describe('a target that asks to be left alone (Retry-After)', () => {
  const busy = (status: CellResult['status'], askedMs: number): CellResult => ({ ...answer(429, status), askedMs });
  const step = async (cell: Partial<Cell>, first: CellResult) => {
    const world = setup();
    world.behave = () => (world.begun.length === 1 ? first : { status: 'completed' });
    const id = await world.start(runbookOf([cell]));
    await world.engine.advance(id, { by: alice, budgetMs: 60_000, maxCells: 1 });
    return { world, id };
  };
  const lastOf = async ({ world, id }: Awaited<ReturnType<typeof step>>) => (await world.entries(id)).at(-1);

  test('is not asked sooner, and the entry says whose pause it is', async () => {
    const at = await step({ ...http('GET'), retryMax: 2 }, busy('failed', 30_000));
    const entry = await lastOf(at);
    expect(entry).toMatchObject({ kind: 'outcome', then: 'retry', askedMs: 30_000 });
    expect(entry).toMatchObject({
      dueAtMs: (entry?.atMs ?? 0) + 30_000,
      state: { dueAtMs: (entry?.atMs ?? 0) + 30_000 },
    });
    expect((await at.world.engine.inspect(at.id, alice)).cells[0]).toMatchObject({ askedMs: 30_000 });
    at.world.now += 5_000;
    const early = await at.world.engine.advance(at.id, { by: alice, budgetMs: 10_000, maxCells: 1 });
    expect(early.stop).toMatchObject({ result: 'deferred' });
    expect(at.world.begun).toHaveLength(1);
    at.world.now += 25_001;
    await at.world.engine.advance(at.id, request);
    expect(at.world.begun).toHaveLength(2);
    expect((await at.world.engine.inspect(at.id, alice)).cells[0]).not.toHaveProperty('askedMs');
  });
  test('for ten years is asked again after retryAfterMsMax (hostile 34)', async () => {
    const askedMs = 10 * 366 * 86_400_000;
    const entry = await lastOf(await step({ ...http('GET'), retryMax: 1 }, busy('failed', askedMs)));
    expect(entry).toMatchObject({ askedMs, dueAtMs: (entry?.atMs ?? 0) + 3_600_000 });
  });
  test('for less than the pause that Pawl makes anyhow changes nothing', async () => {
    const entry = await lastOf(await step({ ...http('GET'), retryMax: 1 }, busy('failed', 0)));
    expect(entry).not.toHaveProperty('askedMs');
  });
  test('beyond the key window is not asked again', async () => {
    const entry = await lastOf(
      await step({ ...http('POST'), retryMax: 1, keyWindowMs: 20_000 }, busy('failed', 30_000)),
    );
    expect(entry).toMatchObject({ then: 'halt', permission: null });
    expect(entry).not.toHaveProperty('askedMs');
  });
  test('where nothing is tried again, nothing is told', async () => {
    const entry = await lastOf(await step({ ...http('GET') }, busy('failed', 30_000)));
    expect(entry).toMatchObject({ then: 'halt', dueAtMs: null });
    expect(entry).not.toHaveProperty('askedMs');
  });
  test('in doubt, its policy permits the next attempt for then', async () => {
    const cell = { ...http('POST'), interrupted: 'retry', retryMax: 1 } as const;
    const at = await step(cell, busy('unknown', 30_000));
    const entries = await at.world.entries(at.id);
    const doubt = entries.find(({ kind }) => kind === 'outcome');
    expect(doubt).toMatchObject({ status: 'unknown', then: 'halt', askedMs: 30_000 });
    const againAtMs = (doubt?.atMs ?? 0) + 30_000;
    expect(doubt?.state.halted).toMatchObject({ doubt: true, againAtMs });
    if (at.world.begun.length === 1 && entries.at(-1)?.kind === 'outcome')
      await at.world.engine.advance(at.id, { by: alice, budgetMs: 60_000, maxCells: 1 });
    expect(await lastOf(at)).toMatchObject({ kind: 'resolved', then: 'retry', dueAtMs: againAtMs });
    expect(at.world.begun).toHaveLength(1);
    at.world.now = againAtMs + 1;
    await at.world.engine.advance(at.id, request);
    expect(at.world.begun).toHaveLength(2);
  });
});
