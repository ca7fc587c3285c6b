/** README and docs/deploying.md against what they speak of: names that came or went, and arithmetic. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { assumed, billOf, idleMonth, keptMonth, plus, sum, times, type Use } from '../../bench/cost/prices.ts';
import { routes } from '../../src/contract/index.ts';
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
  expect(names).toHaveLength(10);
  expect(rowsOf('Alarms')).toEqual(names.sort());
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

test('the arithmetic in the README is that of bench:cost, with what test/docs/cost.test.ts counts', () => {
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
  const table = readme.split('\n').filter((line) => line.startsWith('| '));
  for (const line of lines) expect(table).toContainEqual(expect.stringContaining(line));
  const [callPerCell, http, httpCallPerCell] = others.map((use) => usd(billOf(use, 1, assumed).total));
  const sentences = readme.replaceAll('\n', ' ');
  expect(sentences).toContain(
    `By a call for each cell ${callPerCell}; \`http\` cells, which need no second function, ${http} and ${httpCallPerCell}.`,
  );
  expect(sentences).toContain(`at most ${usd(Math.max(...[js, ...others].map(keptMonth)))} a month`);
  expect(sentences).toContain(`ticks for ${usd(idleMonth(tick, assumed))} a month`);
});
