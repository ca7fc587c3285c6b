/** Statistics of a version: what they are made of, and what they say. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Entry } from '../../src/engine/index.ts';
import { addJournal, timesOf } from '../../src/handlers/statistics.ts';
import { assertDocumented } from './document.ts';
import { documentOf, openService, publish, type Service, start, untilDecidable } from './support.ts';

describe('times', () => {
  test.each([
    [[], { count: 0, medianMs: null, p90Ms: null }],
    [[7], { count: 1, medianMs: 7, p90Ms: 7 }],
    [[3, 1, 2], { count: 3, medianMs: 2, p90Ms: 3 }],
    [[10, 20, 30, 40, 50, 60, 70, 80, 90, 1_000], { count: 10, medianMs: 50, p90Ms: 90 }],
  ])('of %j', (times, expected) => {
    expect(timesOf(times)).toEqual(expected);
  });
});

describe('a journal', () => {
  const outcome = { kind: 'outcome', status: 'completed', closedBy: 'holder', durationMs: 5 };
  const told = (...entries: object[]) => {
    const cells = new Map();
    const isDoubtful = addJournal(
      cells,
      entries.map((entry, seq) => ({ seq, atMs: seq * 1_000, ...entry })) as Entry[],
    );
    return { isDoubtful, cells: Object.fromEntries(cells) };
  };

  test('tells how long attempts took, those whose reservation stands in the outcome before among them, and how long a wait was', () => {
    const journal = [
      { kind: 'started' },
      { kind: 'reserved', cell: 'a' },
      { ...outcome, cell: 'a', closes: 1, durationMs: 40, reserve: { cell: 'b' } },
      { ...outcome, cell: 'b', closes: 2, durationMs: 60 },
      { kind: 'waiting', cell: 'ask' },
      { ...outcome, cell: 'ask', closes: 4, closedBy: 'person' },
      { ...outcome, cell: 'check', closes: null },
    ];
    expect(told(...journal)).toEqual({
      isDoubtful: false,
      cells: {
        a: { timesMs: [40], failed: 0, doubts: 0 },
        b: { timesMs: [60], failed: 0, doubts: 0 },
        ask: { timesMs: [1_000], failed: 0, doubts: 0 },
      },
    });
  });

  test('counts what failed, and what was in doubt whoever settled it', () => {
    const journal = [
      { kind: 'started' },
      { kind: 'reserved', cell: 'a' },
      { ...outcome, cell: 'a', closes: 1, status: 'failed' },
      { kind: 'reserved', cell: 'a' },
      { ...outcome, cell: 'a', closes: 3, status: 'unknown' },
      { kind: 'resolved', cell: 'a', about: 3 },
      { kind: 'reserved', cell: 'b' },
      { ...outcome, cell: 'b', closes: 6, closedBy: 'probe' },
    ];
    expect(told(...journal)).toEqual({
      isDoubtful: true,
      cells: { a: { timesMs: [], failed: 1, doubts: 1 }, b: { timesMs: [], failed: 0, doubts: 1 } },
    });
  });
});

describe('of a version', () => {
  let service: Service;
  beforeAll(async () => {
    service = await openService();
    await publish(service, documentOf('counted', ['name=first timeout=100ms', 'name=second']));
  });
  afterAll(() => service.world.drop());
  const run = async (status: 'completed' | 'failed' | 'unknown'): Promise<string> => {
    service.cells.execute = async () => ({ status, output: '1' });
    const id = await start(service, 'counted');
    await service.ask({ method: 'POST', path: `/instances/${id}/run` });
    return id;
  };

  test('they say of how many runs and journals they are, and another version has its own', async () => {
    await run('completed');
    await run('completed');
    await run('failed');
    const id = await run('unknown');
    await untilDecidable(service, id);
    const answer = await service.ask({ path: '/runbooks/counted/statistics' });
    assertDocumented('statistics', answer);
    expect(answer.body).toMatchObject({
      version: 1,
      runs: 4,
      atLeast: false,
      ended: 2,
      completed: 2,
      runTimes: { count: 2 },
      journals: { read: 4, doubtful: 1, cut: 0, unreadable: 0 },
    });
    expect(
      (answer.body.byStatus as { status: string; count: number }[]).find((one) => one.status === 'completed'),
    ).toEqual({
      status: 'completed',
      count: 2,
    });
    const cells = Object.fromEntries((answer.body.cells as { name: string }[]).map((cell) => [cell.name, cell]));
    expect(cells).toMatchObject({
      first: { count: 2, failed: 1, doubts: 1, medianMs: expect.any(Number) },
      second: { count: 2, failed: 0, doubts: 0 },
    });
    await publish(service, documentOf('counted', ['name=first', 'name=third']));
    const newest = await service.ask({ path: '/runbooks/counted/statistics' });
    expect(newest.body).toMatchObject({
      version: 2,
      runs: 0,
      ended: 0,
      runTimes: { count: 0, medianMs: null },
      cells: [],
    });
    const first = await service.ask({ path: '/runbooks/counted/statistics', query: 'version=1' });
    expect(first.body).toMatchObject({ version: 1, runs: 4 });
  });
});
