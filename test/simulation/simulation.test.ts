import { describe, expect, test } from 'vitest';
import { faultKinds } from './processes.ts';
import { simulate } from './simulate.ts';

const schedules = 10_000;

/** Ways of `decide` that only the tables of literal states reach: they need 100,000 attempts, or a restore from backup. */
const elsewhere = new Set(['halted: attempts', 'halted: epoch']);
const branches = [
  'enter',
  'enter without reserving',
  'take over: retry',
  'take over: continue',
  'take over: probe',
  'wait',
  'advanced',
  'completed',
  'cancelled',
  'in_flight',
  'in_doubt: holder gone',
  'in_doubt: unknown',
  'halted: step',
  'parked: waiting',
  'parked: drive manual',
  'deferred: backoff',
];

describe('the simulation: the shipped engine and store under faults', () => {
  test(`${schedules} schedules keep I1 to I6, I9 and I10; every fault struck; what needs no person finished`, async () => {
    const faults = Object.fromEntries(faultKinds.map((kind) => [kind, 0]));
    const ends: Record<string, number> = {};
    const taken = new Set<string>();
    let [begins, unhit, answered] = [0, 0, 0];
    for (let seed = 1; seed <= schedules; seed += 1) {
      const one = await simulate(seed);
      for (const kind of faultKinds) faults[kind] = (faults[kind] ?? 0) + one.faults[kind];
      for (const branch of one.branches) taken.add(branch);
      ends[String(one.ended)] = (ends[String(one.ended)] ?? 0) + 1;
      begins += one.begins;
      unhit += one.unhit;
      answered += one.answered;
    }
    console.log(
      `simulated ${schedules} schedules: ${begins} bodies, ${unhit} calls that no fault struck, ${answered} of them answered; ended ${JSON.stringify(ends)}; faults ${JSON.stringify(faults)}`,
    );
    for (const kind of faultKinds) expect(faults[kind], kind).toBeGreaterThan(schedules / 100);
    expect([...taken].filter((branch) => elsewhere.has(branch))).toEqual([]);
    expect([...taken]).toEqual(expect.arrayContaining(branches));
    // A simulation in which little happens, or in which hardly a call is answered, shows little.
    expect(begins).toBeGreaterThan(schedules);
    expect(answered / unhit).toBeGreaterThan(0.95);
    expect(ends.completed).toBeGreaterThan(schedules / 4);
    expect(ends.cancelled).toBeGreaterThan(schedules / 50);
  }, 600_000);

  test('the same seed gives the same bytes', async () => {
    for (const seed of [1, 17, 182, 551]) {
      const [first, second] = [await simulate(seed), await simulate(seed)];
      expect(second.trace).toEqual(first.trace);
      expect(second.entries).toEqual(first.entries);
    }
  });
});
