/** Counts again what docs/deploying.md multiplies, as `npm run bench:cost` does: more units for a cell do not go unseen. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Measurements, measure } from '../../bench/cost/measure.ts';
import { sum, type Use } from '../../bench/cost/prices.ts';
import { type FreshStore, freshStore } from '../support/world.ts';
import { measured, sizedRequests, sizedUnits } from './measured.ts';

let world: FreshStore;
let counted: Measurements;
beforeAll(async () => {
  world = await freshStore('dynamodb');
  counted = await measure(world, measured.cells);
});
afterAll(() => world.drop());

/** Units in hundredths, so that sums of fractions are equal; log lines have a few digits more or less from run to run. */
const expectUse = (use: Use | undefined, expected: Use): void => {
  const rounded = (units: Record<string, number> = {}) =>
    Object.entries(units).map(([name, count]) => [name, Math.round(count * 100) / 100] as const);
  expect(Object.fromEntries(rounded(use?.write))).toEqual(Object.fromEntries(rounded(expected.write)));
  expect(Object.fromEntries(rounded(use?.read))).toEqual(Object.fromEntries(rounded(expected.read)));
  expect(use?.requests).toBeCloseTo(expected.requests);
  expect(use?.calls).toBeCloseTo(expected.calls);
  expect(use?.executions).toBeCloseTo(expected.executions);
  expect(Math.abs((use?.logBytes ?? 0) / expected.logBytes - 1)).toBeLessThan(0.05);
};

test.each([0, 1, 2, 3])('a cell of the way %i needs what docs/deploying.md says, and so does its start', (at) => {
  const run = counted.runs[at];
  expect(`${run?.kind}, ${run?.shape}`).toBe(
    ['js, one call', 'js, a call per cell', 'http, one call', 'http, a call per cell'][at],
  );
  expectUse(run?.start, measured.start);
  expectUse(run?.perCell, measured.perCell[at] as Use);
});

test('start and run of ten cells needs what docs/reliability.md says, by the size of their outputs', () => {
  const units = counted.sized.map(({ outputBytes, whole }) => [outputBytes, sum(whole.write)]);
  expect(Object.fromEntries(units)).toEqual(sizedUnits);
  for (const { whole } of counted.sized) expect(whole.requests).toBe(sizedRequests);
});

test('a tick that finds nothing reads every part of the index once, and learns the time from one more', () => {
  expect(counted.tick.requests).toBe(measured.tick.requests);
  expect(counted.tick.write).toEqual({});
});
