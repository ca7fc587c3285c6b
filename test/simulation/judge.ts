/** What a run of many schedules must show before it counts, scaled to their number: for the suites, whose seeds are fixed. */
import { availableParallelism } from 'node:os';
import { expect } from 'vitest';
import { runSeeds } from './batch.ts';
import { faultKinds } from './faults.ts';
import { describeTotals, shareMin, shareOf } from './totals.ts';

/** Of the schedules: as often each kind of fault strikes at least. */
const struckShareMin = 0.01;
const completedShareMin = 0.25;
const cancelledShareMin = 0.02;
const sectionShareMin = 0.1;
const passedByPersonShareMin = 0.003;
const endingShareMin = 0.1;
const takenBackShareMin = 0.04;
const elementsBackShareMin = 0.003;
const stoppedShareMin = 0.003;
const failedShareMin = 0.02;
const renewalShareMin = 0.2;
const childRenewalShareMin = 0.03;
const unrenewedShareMin = 0.003;
const committedShareMin = 0.03;
const proposedShareMin = 0.02;
const secondedShareMin = 0.005;
const uncommittedShareMin = 0.002;

/** Every way `decide` can take, as `branchOf` names it. */
const branches = [
  'enter',
  'enter without reserving',
  'judge',
  'end',
  'lapse',
  'take over: retry',
  'take over: continue',
  'take over: close',
  'take over: probe',
  'wait',
  'look',
  'advanced',
  'completed',
  'failed',
  'rolled_back',
  'cancelled',
  'in_flight',
  'in_doubt: holder gone',
  'in_doubt: unknown',
  'in_doubt: elsewhere',
  'halted: step',
  'halted: epoch',
  'halted: attempts',
  'parked: waiting',
  'parked: drive manual',
  'parked: elsewhere',
  'deferred: backoff',
  'deferred: budget',
];

export const expectToHold = async (from: number, schedules: number): Promise<void> => {
  const batch = await runSeeds({ from, seeds: schedules });
  const { totals, failure, elapsedMs } = batch;
  const seconds = Math.round(elapsedMs / 1000);
  const lines = [
    `simulated ${totals.schedules} schedules in ${seconds} s on ${availableParallelism()} cores`,
    ...describeTotals(totals),
    `${from}–${from + schedules - 1} ${batch.digest}`,
  ];
  console.log(lines.join('\n'));
  const replay = failure && `${failure.message}; replay: npm run simulate -- --from ${failure.seed} --seeds 1 --trace`;
  expect(replay).toBeNull();
  expect(totals.schedules).toBe(schedules);
  const rare = faultKinds.filter((kind) => totals.faults[kind] < schedules * struckShareMin);
  expect(rare).toEqual([]);
  expect(Object.keys(totals.branches).sort()).toEqual([...branches].sort());
  expect(shareOf(totals)).toBeGreaterThan(shareMin);
  // A simulation in which little happens shows little.
  expect(totals.counts.begins).toBeGreaterThan(schedules);
  const { renewals, childRenewals, unrenewed, committed, uncommitted, proposed, seconded } = totals.counts;
  expect(renewals).toBeGreaterThan(schedules * renewalShareMin);
  expect(childRenewals).toBeGreaterThan(schedules * childRenewalShareMin);
  expect(unrenewed).toBeGreaterThan(schedules * unrenewedShareMin);
  expect(committed).toBeGreaterThan(schedules * committedShareMin);
  expect(uncommitted).toBeGreaterThan(schedules * uncommittedShareMin);
  expect(proposed).toBeGreaterThan(schedules * proposedShareMin);
  expect(seconded).toBeGreaterThan(schedules * secondedShareMin);
  const { entered, passedOver, passedByPerson, endings, takenBack, elementsBack, stopped } = totals.counts;
  expect(Math.min(entered, passedOver)).toBeGreaterThan(schedules * sectionShareMin);
  expect(passedByPerson).toBeGreaterThan(schedules * passedByPersonShareMin);
  expect(endings).toBeGreaterThan(schedules * endingShareMin);
  expect(takenBack).toBeGreaterThan(schedules * takenBackShareMin);
  expect(elementsBack).toBeGreaterThan(schedules * elementsBackShareMin);
  expect(stopped).toBeGreaterThan(schedules * stoppedShareMin);
  expect(totals.ends.failed).toBeGreaterThan(schedules * failedShareMin);
  expect(totals.ends.completed).toBeGreaterThan(schedules * completedShareMin);
  expect(totals.ends.cancelled).toBeGreaterThan(schedules * cancelledShareMin);
};
