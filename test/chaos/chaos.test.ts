/** Real processes, killed and stopped while they work; `npm run chaos` does the same for longer. */
import { expect, test } from 'vitest';
import { serviceOf } from '../support/world.ts';
import { runChaos } from './chaos.ts';
import { problemsOf, reportText } from './report.ts';

const kills = 100;
const stops = 20;

test(`${kills} kills and ${stops} stops: no step begins twice without a permission, none is lost, none told that did not happen`, async () => {
  const { endpoint } = await serviceOf('dynamodb');
  const report = await runChaos({ endpoint: endpoint ?? '', kills, stops, seed: Date.now() % 1_000_000 });
  console.log(reportText(report));
  expect(problemsOf(report, { kills, stops })).toEqual([]);
  // Much more than it takes: on a machine that is busy with other things each kill takes seconds.
}, 900_000);
