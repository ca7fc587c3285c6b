import { describe, expect, test } from 'vitest';
import { faultKinds } from './processes.ts';
import { simulate } from './simulate.ts';

describe('the simulation: the shipped engine and store under faults', () => {
  test('3,000 schedules keep I1, I2, I3, I4, I6, I9 and I10, and every kind of fault struck', async () => {
    const faults = Object.fromEntries(faultKinds.map((kind) => [kind, 0]));
    const ends: Record<string, number> = {};
    let [begins, calls, answered] = [0, 0, 0];
    for (let seed = 1; seed <= 3_000; seed += 1) {
      const one = await simulate(seed);
      for (const kind of faultKinds) faults[kind] = (faults[kind] ?? 0) + one.faults[kind];
      ends[String(one.ended)] = (ends[String(one.ended)] ?? 0) + 1;
      begins += one.begins;
      calls += one.unhit;
      answered += one.answered;
    }
    console.log(
      `simulated 3,000 schedules: ${begins} bodies, ${calls} calls, ${answered} answered; ended ${JSON.stringify(ends)}; faults ${JSON.stringify(faults)}`,
    );
    for (const kind of faultKinds) expect(faults[kind], kind).toBeGreaterThan(30);
    // A simulation in which little happens shows little.
    expect(begins).toBeGreaterThan(3_000);
    expect(ends.completed).toBeGreaterThan(1_000);
    expect(ends.cancelled).toBeGreaterThan(100);
  }, 120_000);

  test('the same seed gives the same bytes', async () => {
    for (const seed of [1, 17, 182, 999]) {
      const [first, second] = [await simulate(seed), await simulate(seed)];
      expect(second.trace).toEqual(first.trace);
      expect(second.entries).toEqual(first.entries);
    }
  });
});
