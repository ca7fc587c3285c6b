import { describe, expect, test } from 'vitest';
import { expectToHold } from './judge.ts';
import { simulate } from './simulate.ts';

const schedules = 2_000;

describe('the simulation: the shipped engine and store under faults', () => {
  test(`${schedules} schedules keep I1 to I10, every fault strikes, and what needs no person finishes`, async () => {
    await expectToHold(1, schedules);
  }, 300_000);

  test('the same seed gives the same bytes', async () => {
    for (const seed of [1, 17, 182, 551]) {
      const [first, second] = [await simulate(seed), await simulate(seed, true)];
      expect(second.trace).toEqual(first.trace);
      expect(second.journal).toEqual(first.journal);
    }
  });
});
