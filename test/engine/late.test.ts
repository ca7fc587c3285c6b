/** Who comes too late is told who was first: who holds the step, who answered what. */
import { describe, expect, test } from 'vitest';
import { type By, type Cell, createEngine, type Engine } from '../../src/engine/index.ts';
import { approving, runbookOf } from './runbooks.ts';
import { alice, bob, isEntry, setup, T0, type World, watched } from './world.ts';

const carol: By = { actor: 'carol', via: 'test', where: 'host:4' };
const request = { budgetMs: 60_000, by: alice };
const manual: Partial<Cell> = { name: 'look', body: { kind: 'manual', instructions: ['Look.'] } };
const at = '2026-11-24T03:00:00.000Z';

/** What the second of two is refused with. */
const refusal = async (asked: Promise<unknown>): Promise<{ code: string; message: string; details: object }> =>
  await asked.then(
    () => {
      throw new Error('It was not refused.');
    },
    ({ code, message, details }) => ({ code, message, details }),
  );

describe('a caller that lost the reservation', () => {
  test('is told who holds the step: where, since when, and until when', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, {}]));
    void createEngine({ ...world.ports, execute: () => new Promise(() => {}) }).advance(id, { ...request, by: bob });
    await expect.poll(async () => (await world.entries(id)).length).toBe(2);
    world.now += 1_500;
    expect(await refusal(world.engine.advance(id, { ...request, expectedSeq: 0 }))).toEqual({
      code: 'seq.stale',
      message: `The journal of i1 is at 1, not at 0: bob (test, host:2) holds c0 since ${at}, until 2026-11-24T03:00:05.000Z at most; look at the present state and ask again.`,
      details: expect.objectContaining({
        holder: { cell: 'c0', seq: 1, by: bob, reservedAtMs: T0, ageMs: 1_500, deadlineAtMs: T0 + 5_000 },
        newest: { kind: 'reserved', by: bob, at },
      }),
    });
  });

  test('is told who wrote last, where the step is over', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, {}]));
    await world.engine.advance(id, { ...request, by: bob });
    const { message, details } = await refusal(world.engine.advance(id, { ...request, expectedSeq: 0 }));
    expect(message).toContain(`its newest entry (outcome) is by bob (test, host:2), of ${at}`);
    expect(details).toMatchObject({ holder: null, newest: { kind: 'outcome', by: bob } });
  });
});

describe('the loser of two answers is told who answered what', () => {
  const waitingAt = async (cells: Partial<Cell>[]): Promise<{ world: World; engine: Engine; id: string }> => {
    const world = setup();
    const id = await world.start(runbookOf(cells));
    await world.engine.advance(id, { ...request, maxCells: Number.POSITIVE_INFINITY });
    return { world, engine: world.engine, id };
  };

  test.each([
    ['with the seq that both saw', { expectedSeq: 1 }, 'seq.stale'],
    ['without it', {}, 'cell.notWaiting'],
  ])('of two `done`, %s', async (_, seen, code) => {
    const { engine, id } = await waitingAt([manual, {}]);
    await engine.done(id, 'look', { result: 'failed', note: 'it leaks', by: bob, ...seen });
    const told = await refusal(engine.done(id, 'look', { result: 'done', note: 'fine', by: carol, ...seen }));
    expect(told).toMatchObject({
      code,
      message: expect.stringMatching(/ bob recorded it as failed at 2026-11-24T03:00:00\.000Z\.$/),
      details: { answered: [{ actor: 'bob', via: 'test', what: 'recorded it as failed', seq: 2, at }] },
    });
  });

  test('of two `done` of the last cell, which ended the run', async () => {
    const { engine, id } = await waitingAt([manual]);
    await engine.done(id, 'look', { result: 'done', note: 'fine', by: bob });
    expect(await refusal(engine.done(id, 'look', { result: 'done', note: 'fine', by: carol }))).toMatchObject({
      code: 'instance.finished',
      message: expect.stringMatching(/ bob recorded it as done at /),
    });
  });

  test('a `done` of a cell that nobody answered yet says nothing of it', async () => {
    const { engine, id } = await waitingAt([{}, manual, { ...manual, name: 'later' }]);
    const { code, message, details } = await refusal(
      engine.done(id, 'later', { result: 'done', note: 'fine', by: carol }),
    );
    expect([code, message.includes('recorded it'), 'answered' in details]).toEqual(['cell.notWaiting', false, false]);
  });

  const hashOf = async (engine: Engine, id: string): Promise<string> => {
    const { waits } = await engine.inspect(id, alice);
    return waits?.kind === 'approve' ? waits.shownHash : '';
  };

  test('a vote after the quorum: the votes that decided', async () => {
    const body = approving(['bob', 'carol', 'dave'], { quorum: 2 });
    const { engine, id } = await waitingAt([{ name: 'go', body }, {}]);
    const shownHash = await hashOf(engine, id);
    const vote = (by: By, decision: 'approve' | 'reject') =>
      engine.vote(id, 'go', { decision, shownHash, groups: [], by });
    await vote(bob, 'approve');
    await vote(carol, 'approve');
    expect(await refusal(vote({ ...bob, actor: 'dave' }, 'reject'))).toMatchObject({
      code: 'cell.notWaiting',
      message: expect.stringMatching(/ bob approved at \S+Z, carol approved at \S+Z\.$/),
      details: {
        answered: [
          { actor: 'bob', what: 'approved' },
          { actor: 'carol', what: 'approved' },
        ],
      },
    });
  });

  test('a one-time link that comes after a rejection', async () => {
    const body = approving(['bob', 'carol']);
    const { engine, id } = await waitingAt([{ name: 'go', body }, {}]);
    const shownHash = await hashOf(engine, id);
    const { secret } = await engine.makeLink(id, 'go', { actor: 'carol', by: carol });
    await engine.vote(id, 'go', { decision: 'reject', shownHash, groups: [], by: bob });
    const used = engine.useLink(secret, { decision: 'approve', shownHash, where: 'a-phone' });
    expect((await refusal(used)).message).toMatch(/ bob rejected at /);
  });

  const halted = async (status: 'failed' | 'unknown'): Promise<{ world: World; id: string }> => {
    const world = setup();
    world.behave = () => ({ status });
    const id = await world.start(runbookOf([{}, {}]));
    await world.engine.advance(id, request);
    world.now += 60_000;
    return { world, id };
  };

  test('two verdicts on one step', async () => {
    const { world, id } = await halted('unknown');
    await world.engine.verdict(id, { seq: 1, verdict: 'succeeded', reason: 'it is there', by: bob });
    const late = world.engine.verdict(id, { seq: 1, verdict: 'retry', reason: 'it is not', by: carol });
    expect(await refusal(late)).toMatchObject({
      code: 'seq.stale',
      message: expect.stringMatching(/alice recorded it as unknown at \S+, bob gave the verdict succeeded at \S+Z\.$/),
      details: { answered: [{ actor: 'alice' }, { actor: 'bob', what: 'gave the verdict succeeded', seq: 3 }] },
    });
  });

  test('a verdict that loses its slot to another', async () => {
    const { world, once } = watched();
    world.behave = () => ({ status: 'failed' });
    const id = await world.start(runbookOf([{}, {}]));
    await world.engine.advance(id, request);
    once(isEntry as never, async () => {
      await world.engine.verdict(id, { seq: 1, verdict: 'skip', reason: 'not needed', by: bob });
    });
    const late = world.engine.verdict(id, { seq: 1, verdict: 'retry', reason: 'once more', by: carol });
    expect((await refusal(late)).message).toMatch(/was settled while you decided: .* bob gave the verdict skip at /);
  });

  test('a verdict on what its holder recorded after all', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, {}]));
    await world.engine.advance(id, request);
    const late = world.engine.verdict(id, { seq: 1, verdict: 'failed', reason: 'it hangs', by: bob });
    expect((await refusal(late)).message).toMatch(/ alice recorded it as completed at /);
  });
});
