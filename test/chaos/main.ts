/** `npm run chaos`: many more kills and stops than `npm run test:proof` has, on a DynamoDB Local of its own. */
import { readOptions, refuse, seedOr } from '../support/options.ts';
import { startJar } from '../support/servers.ts';
import { runChaos } from './chaos.ts';
import { problemsOf, reportText } from './report.ts';

const help = `npm run chaos -- [--kills N] [--stops N] [--seed S] [--json]

Kills (SIGKILL) and stops (SIGSTOP, longer than a deadline) workers of a service while they work, 1000 and 200 times, and
holds every journal against what a witness saw. Without --seed one is drawn and told: it chooses what happens when, and the
machine has its say beside it. Needs Java. Ends with 0 if they agree and work progressed, else with 1.`;
const options = {
  kills: { type: 'string', default: '1000' },
  stops: { type: 'string', default: '200' },
  seed: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;
const { values } = readOptions(help, { options });
const number = (name: 'kills' | 'stops' | 'seed'): number => {
  const value = Number(values[name]);
  return Number.isSafeInteger(value) && value >= 1 ? value : refuse(`--${name} is a whole number from 1 on`);
};
const given = values.seed === undefined ? undefined : number('seed');
const asked = { kills: number('kills'), stops: number('stops'), seed: seedOr('seed', given) };
// What stands still or listens ends with us; so does the folder.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));
const tables = await startJar();
try {
  const tell = (line: string): void => console.error(line);
  const report = await runChaos({ ...asked, endpoint: tables.endpoint, tell });
  const problems = problemsOf(report, asked);
  console.log(values.json ? JSON.stringify({ ...report, problems }) : reportText(report));
  if (problems.length === 0) console.error('Journals, witness and callers agree.');
  else console.error([`${problems.length} PROBLEMS`, ...problems.slice(0, 20)].join('\n'));
  process.exitCode = problems.length === 0 ? 0 : 1;
} finally {
  await tables.stop();
}
