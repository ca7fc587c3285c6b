/** Real processes, killed and stopped while they work; `npm run chaos` does the same for longer. */
import { expect, test } from 'vitest';
import { serviceOf } from '../support/world.ts';
import { cellsMin, doubtsMin, reportText, runChaos } from './chaos.ts';

const kills = 100;
const stops = 20;

test(`${kills} kills and ${stops} stops: no step begins twice without a permission, none is lost, none told that did not happen`, async () => {
  const { endpoint } = await serviceOf('dynamodb');
  const report = await runChaos({ endpoint: endpoint ?? '', kills, stops, seed: Date.now() % 1_000_000 });
  console.log(reportText(report));
  expect(report.wrong).toEqual([]);
  expect(report.kills).toBeGreaterThanOrEqual(kills);
  expect(report.killsInCell).toBeGreaterThanOrEqual(kills / 3);
  expect(report.stops).toBeGreaterThanOrEqual(stops);
  expect(report.cellsCompleted).toBeGreaterThanOrEqual(cellsMin);
  expect(report.doubts).toBeGreaterThanOrEqual(doubtsMin);
  expect(report.defects).toEqual([]);
  expect(report.told).toBeGreaterThan(100);
  // Whatever became of a command that was not killed: done, in flight, in doubt, or somebody was first.
  expect(Object.keys(report.exits).filter((exit) => !['0', '1', '3', '4', '5', 'null'].includes(exit))).toEqual([]);
  for (const count of Object.values(report.calls)) expect(count).toBeGreaterThan(10);
}, 300_000);
