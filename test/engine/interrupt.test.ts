/** A caller that gives up: the running cell is stopped and its end recorded, and nothing further begins. */
import { describe, expect, test } from 'vitest';
import type { CellResult } from '../../src/engine/index.ts';
import { runbookOf } from './runbooks.ts';
import { alice, setup } from './world.ts';

const stopped: CellResult = { status: 'unknown', error: { code: 'cell.stopped', message: 'Stopped.' } };

describe('a caller that gives up', () => {
  test('in mid-cell: the cell sees it, its end is recorded as unknown, the answer is in doubt', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, {}]));
    const giveUp = new AbortController();
    world.behave = async ({ signal }) => {
      giveUp.abort();
      return signal.aborted ? stopped : { status: 'completed' };
    };
    const answer = await world.engine.run(id, { budgetMs: 60_000, by: alice, signal: giveUp.signal });
    expect(answer).toMatchObject({
      result: 'in_doubt',
      verdict: 'halted',
      steps: [{ cell: 'c0', status: 'unknown', recorded: true }],
    });
    expect(world.begun).toHaveLength(1);
  });

  test('between two cells: what ran is recorded, the next one is not reserved', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, {}]));
    const giveUp = new AbortController();
    world.behave = () => {
      giveUp.abort();
      return { status: 'completed', output: '{}' };
    };
    const answer = await world.engine.run(id, { budgetMs: 60_000, by: alice, signal: giveUp.signal });
    expect(answer).toMatchObject({
      result: 'advanced',
      verdict: 'unfinished',
      steps: [{ cell: 'c0', status: 'completed' }],
    });
    expect((await world.entries(id)).map((entry) => entry.kind)).toEqual(['started', 'control', 'reserved', 'outcome']);
  });

  test('between the reservation and the body: I4 the body does not begin, and the entry says so', async () => {
    const giveUp = new AbortController();
    const world = setup();
    const { journal } = world.ports;
    const { putOnce } = journal;
    journal.putOnce = async (entry) => {
      const put = await putOnce(entry);
      if (entry.kind === 'reserved') giveUp.abort();
      return put;
    };
    const id = await world.start(runbookOf([{}]));
    const answer = await world.engine.advance(id, { budgetMs: 60_000, by: alice, signal: giveUp.signal });
    expect(answer).toMatchObject({ result: 'advanced', steps: [{ cell: 'c0', status: 'never', then: 'retry' }] });
    expect(world.begun).toHaveLength(0);
  });
});
