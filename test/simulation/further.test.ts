import { test } from 'vitest';
import { expectToHold } from './judge.ts';

/** Where simulation.test.ts ends. */
const from = 2_001;
const schedules = 10_000;

test(`${schedules} further schedules keep I1 to I10, every fault strikes, and what needs no person finishes`, async () => {
  await expectToHold(from, schedules);
}, 900_000);
