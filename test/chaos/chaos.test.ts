/** Real processes, killed and stopped while they work; `npm run chaos` does the same for longer. */
import { expect, test } from 'vitest';
import { dynamodb } from '../support/world.ts';
import { runChaos } from './chaos.ts';
import { problemsOf, reportText } from './report.ts';

/** What happens when is chosen by it; what comes of that depends on the machine as well. */
const seed = 1;
const kills = 40;
const stops = 8;

test(`${kills} kills and ${stops} stops: no step begins twice without a permission, none is lost, none told that did not happen`, async () => {
  const { endpoint } = await dynamodb();
  const report = await runChaos({ endpoint: endpoint ?? '', kills, stops, seed });
  console.log(reportText(report));
  expect(problemsOf(report, { kills, stops })).toEqual([]);
  // Much more than it takes: on a machine that is busy with other things each kill takes seconds.
}, 900_000);
