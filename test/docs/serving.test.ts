/** docs/serving.md and docs/pawl.service against the code that they speak of. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { addServing } from '../../src/cli/commands/serving.ts';
import { limits } from '../../src/engine/index.ts';

const docs = join(import.meta.dirname, '../../docs');
const unit = readFileSync(join(docs, 'pawl.service'), 'utf8');
const page = readFileSync(join(docs, 'serving.md'), 'utf8');
const setting = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? '';

const program = new Command();
addServing(program, () => async () => {});
const serve = program.commands.find((command) => command.name() === 'serve');
const defaultOf = (flag: string): unknown => serve?.options.find(({ long }) => long === flag)?.defaultValue;

test('the unit waits as long as the service does, and the drain is longer than the longest cell without a lease', () => {
  const drain = Number(/--drain (\d+)/.exec(setting('ExecStart'))?.[1]);
  expect(setting('KillMode')).toBe('mixed');
  expect(setting('TimeoutStopSec')).toBe('infinity');
  expect(drain).toBe(defaultOf('--drain'));
  expect(drain * 1_000).toBeGreaterThan(limits.cellTimeoutMsMax);
});

const drainOf = (text: string): number => Number(/--drain[ ',]+(\d+)/.exec(text)?.[1]);

test('the unit of a worker does so too', () => {
  const worker = readFileSync(join(docs, 'pawl-worker.service'), 'utf8');
  const drain = drainOf(worker);
  expect(worker).toMatch(/^KillMode=mixed$/m);
  expect(worker).toMatch(/^SuccessExitStatus=5$/m);
  expect(worker).toMatch(/^TimeoutStopSec=infinity$/m);
  expect(drain * 1_000).toBeGreaterThan(limits.cellTimeoutMsMax);
});

test('and so does the manifest of workers, which is no root and gets its role by its account', () => {
  const [account, deployment] = parseAllDocuments(readFileSync(join(docs, 'pawl-worker.kubernetes.yaml'), 'utf8')).map(
    (document) => document.toJS(),
  );
  const { spec } = deployment.spec.template;
  const [container] = spec.containers;
  const drain = Number(container.args[container.args.indexOf('--drain') + 1]);
  expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(drain);
  expect(drain * 1_000).toBeGreaterThan(limits.cellTimeoutMsMax);
  expect(spec.securityContext.runAsNonRoot).toBe(true);
  expect(spec.serviceAccountName).toBe(account.metadata.name);
  expect(container.args.slice(0, 2)).toEqual(['worker', '--at']);
});

test('the defaults of the page are those of the command', () => {
  const rows = Object.fromEntries(
    [...page.matchAll(/^\| `(--[a-z]+)` \| (\S+)(?: s)? \|/gm)].map(([, flag = '', value = '']) => [flag, value]),
  );
  expect(rows).toEqual(
    Object.fromEntries(
      ['--port', '--listen', '--drain', '--concurrency'].map((flag) => [flag, String(defaultOf(flag))]),
    ),
  );
  for (const { long } of serve?.options ?? []) if (long !== '--json') expect(page).toContain(String(long));
});
