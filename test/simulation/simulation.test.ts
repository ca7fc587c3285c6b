import { availableParallelism } from 'node:os';
import { describe, expect, test } from 'vitest';
import { runSeeds } from './batch.ts';
import { faultKinds } from './faults.ts';
import { simulate } from './simulate.ts';
import { describeTotals, shareMin, shareOf } from './totals.ts';

const schedules = 50_000;
const struckMin = 500;

/** Every way `decide` can take, as `branchOf` names it. */
const branches = [
  'enter',
  'enter without reserving',
  'lapse',
  'take over: retry',
  'take over: continue',
  'take over: probe',
  'wait',
  'look',
  'advanced',
  'completed',
  'cancelled',
  'in_flight',
  'in_doubt: holder gone',
  'in_doubt: unknown',
  'halted: step',
  'halted: epoch',
  'halted: attempts',
  'parked: waiting',
  'parked: drive manual',
  'deferred: backoff',
  'deferred: budget',
];

describe('the simulation: the shipped engine and store under faults', () => {
  test(`${schedules} schedules keep I1 to I10, every fault strikes, and what needs no person finishes`, async () => {
    const batch = await runSeeds({ from: 1, seeds: schedules });
    const { totals, failure, elapsedMs } = batch;
    const seconds = Math.round(elapsedMs / 1000);
    const lines = [
      `simulated ${totals.schedules} schedules in ${seconds} s on ${availableParallelism()} cores`,
      ...describeTotals(totals),
      ...batch.ranges.map(({ from, to, digest }) => `${from}–${to} ${digest}`),
    ];
    console.log(lines.join('\n'));
    const replay =
      failure && `${failure.message}; replay: npm run simulate -- --from ${failure.seed} --seeds 1 --trace`;
    expect(replay).toBeNull();
    expect(totals.schedules).toBe(schedules);
    const rare = faultKinds.filter((kind) => totals.faults[kind] < struckMin);
    expect(rare).toEqual([]);
    expect(Object.keys(totals.branches).sort()).toEqual([...branches].sort());
    expect(shareOf(totals)).toBeGreaterThan(shareMin);
    // A simulation in which little happens shows little.
    expect(totals.counts.begins).toBeGreaterThan(schedules);
    expect(totals.ends.completed).toBeGreaterThan(schedules / 4);
    expect(totals.ends.cancelled).toBeGreaterThan(schedules / 50);
  }, 900_000);

  test('the same seed gives the same bytes', async () => {
    for (const seed of [1, 17, 182, 551]) {
      const [first, second] = [await simulate(seed), await simulate(seed, true)];
      expect(second.trace).toEqual(first.trace);
      expect(second.journal).toEqual(first.journal);
    }
  });
});
