/** `npm run chaos`: many more kills and stops than `npm test` has, on a DynamoDB Local of its own. */
import { readOptions, refuse } from '../support/options.ts';
import { startJar } from '../support/servers.ts';
import { cellsMin, doubtsMin, reportText, runChaos } from './chaos.ts';

const help = `npm run chaos -- [--kills N] [--stops N] [--seed S] [--json]

Kills (SIGKILL) and stops (SIGSTOP, longer than a deadline) workers of a service while they work, 1000 and 200 times, and
holds every journal against what a witness saw. Needs Java. Ends with 0 if they agree and work progressed, else with 1.`;
const options = {
  kills: { type: 'string', default: '1000' },
  stops: { type: 'string', default: '200' },
  seed: { type: 'string', default: '1' },
  json: { type: 'boolean', default: false },
} as const;
const { values } = readOptions(help, { options });
const number = (name: 'kills' | 'stops' | 'seed'): number => {
  const value = Number(values[name]);
  return Number.isSafeInteger(value) && value >= 1 ? value : refuse(`--${name} is a whole number from 1 on`);
};
const asked = { kills: number('kills'), stops: number('stops'), seed: number('seed') };
const tables = await startJar();
try {
  const tell = (line: string): void => console.error(line);
  const report = await runChaos({ ...asked, endpoint: tables.endpoint, tell });
  console.log(values.json ? JSON.stringify(report) : reportText(report));
  const progressed = report.cellsCompleted >= cellsMin && report.doubts >= doubtsMin;
  if (!progressed) console.error(`Too little happened: ${cellsMin} cells and ${doubtsMin} doubts are the least.`);
  process.exitCode = report.wrong.length === 0 && progressed ? 0 : 1;
} finally {
  await tables.stop();
}
