/** README and docs/deploying.md against what they speak of: names that came or went, and arithmetic. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { assumed, billOf, idleMonth, keptMonth, plus, sum, times, type Use } from '../../bench/cost/prices.ts';
import { routes } from '../../src/contract/index.ts';
import { limits } from '../../src/engine/index.ts';
import { measured } from './measured.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const deploying = read('docs/deploying.md');
const readme = read('README.md');
const both = `${readme}\n${deploying}`;

/** CloudFormation's own tags (!Ref …) are of no interest here. */
const yamlOf = (path: string) => parse(read(path), { logLevel: 'silent', merge: true });
const found = (text: string, pattern: RegExp): string[] =>
  [...new Set([...text.matchAll(pattern)].map((match) => match[1] ?? ''))].sort();
const section = (title: string): string => deploying.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? '';
const rowsOf = (title: string): string[] => found(section(title), /^\| `([\w-]+)` \|/gm);

test('every parameter of serverless.yml is described, with its default, and no other', () => {
  const { params } = yamlOf('serverless.yml');
  expect(rowsOf('Parameters')).toEqual(Object.keys(params.default).sort());
  for (const name of ['epoch', 'takeoverGraceMs', 'allowSh', 'logDays', 'auth', 'appendOnly'])
    expect(deploying).toContain(`| \`${name}\` | \`${params.default[name]}\` |`);
  for (const name of found(both, /--param (\w+)=/g)) expect(Object.keys(params.default)).toContain(name);
});

test('every alarm of infra/alarms.yml is described, and no other', () => {
  type Resource = { Properties: { AlarmName?: string } };
  const resources = Object.values(yamlOf('infra/alarms.yml').Resources as Record<string, Resource>);
  const names = resources.flatMap(
    ({ Properties }) => Properties.AlarmName?.replace('${self:custom.prefix}-', '') ?? [],
  );
  expect(names).toHaveLength(11);
  expect(rowsOf('Alarms')).toEqual(names.sort());
});

describe('its figures are those of the code and of infra', () => {
  type Resource = { Properties: Record<string, unknown> };
  const { functions } = yamlOf('serverless.yml') as { functions: Record<string, Record<string, number>> };
  const of = (path: string): Record<string, Resource> => yamlOf(path).Resources;
  const alarm = (name: string) => of('infra/alarms.yml')[`${name}Alarm`]?.Properties ?? {};
  const queue = (name: string) => of('infra/queues.yml')[`${name}Queue`]?.Properties ?? {};
  const links = yamlOf('infra/throttling.yml').extensions.HttpApiStage.Properties.RouteSettings['GET /links/{secret}'];
  const words = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven'];
  const word = (count: unknown): string => words[Number(count)] ?? String(count);
  const minutes = (seconds: unknown): number => Number(seconds) / 60;
  const sentences = deploying.replaceAll(/\s+/g, ' ');

  test.each<[what: string, sentence: string]>([
    ['grace', `how long after its deadline a silent holder is still waited for; at least ${limits.takeoverGraceMsMin}`],
    ['links', `at the latest after ${word(limits.linkMsMax / 86_400_000)} days (\`linkMsMax\`)`],
    [
      'guessing',
      `${links.ThrottlingRateLimit} requests a second are let through, ${links.ThrottlingBurstLimit} at once`,
    ],
    ['audit-failing', `\`audit\` failed in the last ${word(minutes(alarm('AuditFailing').Period))} minutes`],
    [
      'tick-failing',
      `\`tick\` failed in ${word(alarm('TickFailing').DatapointsToAlarm)} of ${word(alarm('TickFailing').EvaluationPeriods)} minutes`,
    ],
    ['tick-silent', `\`tick\` was not invoked for ${word(minutes(alarm('TickSilent').Period))} minutes`],
    [
      'due-late',
      `due for over ${word(minutes(Number(alarm('DueLate').Threshold) / 1000))} minutes, ${word(alarm('DueLate').EvaluationPeriods)} minutes long`,
    ],
    [
      'place-unmanned',
      `due for over ${word(minutes(limits.placeUnmannedMs / 1000))} minutes at a place that has no worker`,
    ],
    [
      'looks of workers',
      `every ${limits.workerLookLocalMs === 1_000 ? 'second' : '?'} in a file of its own machine, and every ${word(limits.workerLookMs / 1000)} seconds on DynamoDB`,
    ],
    [
      'their cost',
      `${limits.dueShards} small reads each time, about ${(((30 * 86_400_000) / limits.workerLookMs) * limits.dueShards * 0.5 * 0.125e-6).toFixed(2)} USD a month for a worker, and ${(((30 * 86_400_000) / limits.workerBeatMs) * 0.625e-6).toFixed(2)} for its heartbeats`,
    ],
    ['left to others', `leaves due for ${limits.leftToOthersMs === 60_000 ? 'a minute' : '?'} to others`],
    [
      'heartbeats',
      `every ${limits.workerBeatMs / 1000} seconds (\`workerBeatMs\`), and one that was not heard of for ${word(limits.workerGoneMs / 60_000)} minutes is gone`,
    ],
    ['kept heartbeats', `forgotten after a day, the last of a place after ${limits.placeKeptMs / 86_400_000}`],
    ['unrecorded-waiting', `is older than ${word(minutes(alarm('UnrecordedWaiting').Threshold) / 60)} hours`],
    ['broken', `at last once ${limits.brokenBackoffMsMax === 86_400_000 ? 'a day' : '?'}`],
    ['recording', `until ${(limits.recordExtraMs + limits.recordLastMs) / 1000} seconds after its deadline`],
    [
      'unrecorded',
      `comes back every ${minutes(queue('Unrecorded').VisibilityTimeout)} minutes, for ${Number(queue('Unrecorded').MessageRetentionPeriod) / 86_400} days`,
    ],
    ['appendOnly', `only when they come back after ${minutes(queue('Unrecorded').VisibilityTimeout)} minutes`],
    ['failures', `that failed ${word((functions.work?.maximumRetryAttempts ?? 0) + 1)} times`],
    ['kept failures', `After ${Number(queue('Failures').MessageRetentionPeriod) / 86_400} days they are gone`],
    ['stopping', `wait ${minutes(functions.work?.timeout)} minutes for what is under way`],
    ['cells', `A cell has ${limits.cellTimeoutMsMax / 60_000} minutes at most (\`cellTimeoutMsMax\`)`],
    ['requests', `an \`http\` cell ${word(limits.remoteTimeoutMsMax / 60_000)} (\`remoteTimeoutMsMax\`)`],
    ['answers', `answered after ${limits.answerWithinMs / 1000} s at the latest`],
    ['api', `hence its time-out of ${functions.api?.timeout} s`],
  ])('%s', (_, sentence) => {
    expect(sentences).toContain(sentence);
  });
});

test.each(['read', 'operate', 'author', 'decide'])('the row of %s has exactly its routes', (permission) => {
  const row = deploying
    .split('\n')
    .find((line) => line.startsWith(`| \`pawl-prod-${permission}\`, \`pawl:${permission}\``));
  const wanted = routes
    .filter((route) => route.permission === permission)
    .map(({ method, path }) => `${method} ${path}`);
  expect(found(row ?? '', /`((?:GET|PUT|POST) [^`]+)`/g)).toEqual(wanted.sort());
});

test('every table, script and command that they name exists', () => {
  type Table = { Properties: { TableName: string } };
  const tables = Object.values(yamlOf('infra/tables.yml').Resources as Record<string, Table>);
  const names = tables.map(({ Properties }) => Properties.TableName.replace('${self:custom.tables}-', ''));
  for (const loop of found(both, /for t in ([\w ]+); do/g))
    expect([names, names.slice(0, 3)]).toContainEqual(loop.split(' '));
  const { scripts } = JSON.parse(read('package.json'));
  const named = found(both, /npm run (?:-s )?([a-z:]+[a-z])/g);
  expect(named).toEqual(expect.arrayContaining(['bench:cost', 'dev', 'package']));
  for (const script of named) expect(Object.keys(scripts)).toContain(script);
  const help = execFileSync(process.execPath, ['bin/pawl.js', '--help'], { cwd: root, encoding: 'utf8' });
  const commands = found(help, /^ {2}([a-z]+)(?: |$)/gm);
  const used = found(both, /npx pawl (?:--url \S+ )?([a-z]+)/g);
  expect(used).toEqual(expect.arrayContaining(['list', 'redrive', 'release', 'run']));
  for (const command of used) expect(commands).toContain(command);
});

test('the arithmetic in docs/deploying.md is that of bench:cost, with what test/docs/cost.test.ts counts', () => {
  const { start, tick, cells } = measured;
  const [js, ...others] = measured.perCell.map((use) => plus(use, times(start, 1 / cells))) as [Use, Use, Use, Use];
  const bill = billOf(js, 1, assumed);
  const usd = (number: number): string => number.toFixed(2);
  const lines = [
    `| ${usd(sum(js.write))} × 0.625 = ${usd(bill.writes)} |`,
    `| ${usd(sum(js.read))} × 0.125 = ${usd(bill.reads)} |`,
    `| 1.024 × 13.3334 = ${usd(bill.lambdaTime)} |`,
    `| ${js.calls + js.executions} × 0.20 = ${usd(bill.invocations)} |`,
    `| ${js.calls} × 1.00 = ${usd(bill.http)} |`,
    `| ${usd(js.logBytes / 1_000)} × 0.50 = ${usd(bill.log)} |`,
    `| together | | ${usd(bill.total)} |`,
  ];
  const table = deploying.split('\n').filter((line) => line.startsWith('| '));
  for (const line of lines) expect(table).toContainEqual(expect.stringContaining(line));
  const [callPerCell, http, httpCallPerCell] = others.map((use) => usd(billOf(use, 1, assumed).total));
  const sentences = deploying.replaceAll('\n', ' ');
  expect(sentences).toContain(
    `By a call for each cell ${callPerCell}; \`http\` cells, which need no second function, ${http} and ${httpCallPerCell}.`,
  );
  expect(sentences).toContain(`at most ${usd(Math.max(...[js, ...others].map(keptMonth)))} a month`);
  expect(sentences).toContain(`ticks for ${usd(idleMonth(tick, assumed))} a month`);
});
