/**
 * Families as processes on one folder: whoever is at twenty elements is killed, frozen or drained, or meets another one. Cells leave a
 * line for every run of theirs; each element's own journal says who permitted the second one.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createWarm, type Ended, isAlive, until } from '../cli/support.ts';
import { dynamodb, hasDynamodb } from '../support/world.ts';
import { atOnce, count, fleet, nodes } from './fleet.ts';
import { freezeIdle, newDataDir, removeDataDir } from './support.ts';

const launcher = fileURLToPath(new URL('../../bin/pawl.js', import.meta.url));
const warm = createWarm();
let dataDir: string;
let marks: string;
let all: Host[] = [];
/** Another store than the folder. */
let elsewhere: Record<string, string> = {};

type Host = { pid: number; out(): string; ended: Promise<unknown> };

const envOf = (): Record<string, string> => ({
  PATH: process.env.PATH ?? '',
  HOME: dataDir,
  PAWL_DATA_DIR: dataDir,
  PAWL_TAKEOVER_GRACE_MS: '1000',
  PAWL_ACTOR: 'alice',
  ...elsewhere,
});

const begin = (...args: string[]): Host => {
  const child = spawn(process.execPath, [launcher, ...args], {
    cwd: marks,
    detached: true,
    env: envOf(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
  const host = { pid: child.pid ?? -1, out: () => out, ended: once(child, 'close') };
  all.push(host);
  return host;
};
const killed = async ({ pid, ended }: Host): Promise<void> => {
  process.kill(pid, 'SIGKILL');
  await ended;
};

const pawl = (...args: string[]): Promise<Ended> => warm.pawl(marks, args, { env: envOf() });

const folders: string[] = [];
/** Another store, and another place for marks. */
const fresh = async (): Promise<void> => {
  dataDir = await newDataDir();
  marks = await mkdtemp(join(tmpdir(), 'pawl-marks-'));
  folders.push(dataDir, marks);
};
afterEach(async () => {
  for (const { pid, ended } of all) {
    if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    await ended;
  }
  all = [];
  elsewhere = {};
});
afterAll(async () => {
  await warm.end();
  for (const folder of folders) await removeDataDir(folder);
});

const params = (): string[] => ['-p', `dir=${marks}`, '-p', `nodes=${JSON.stringify(nodes)}`];
const write = (text: string): string => {
  const file = join(marks, 'fleet.md');
  writeFileSync(file, text);
  return file;
};
const runsOf = (node: string): string[] => {
  const file = join(marks, `${node}.runs`);
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
};
const go = (): void => writeFileSync(join(marks, 'go'), '');
/** So many elements stand in the cell that waits for `go`. */
const untilUnderWay = (many: number): Promise<void> =>
  until(
    `${many} elements under way`,
    () => nodes.filter((node, index) => runsOf(node).at(-1) === (index % 2 === 0 ? 'first' : 'second')).length >= many,
  );

const statusOf = async (id: string): Promise<{ status: string }> =>
  (await pawl('status', id, '--json')).json.view as { status: string };
const untilStatus = (id: string, status: string): Promise<void> =>
  until(`${id} to be ${status}`, async () => (await statusOf(id)).status === status);

const startFleet = async (...more: string[]): Promise<void> => {
  expect((await pawl('publish', write(fleet(...more)))).exit).toBe(0);
  const started = await pawl('start', 'fleet', '--instance', 'f', ...params(), '--drive', 'auto');
  expect(started.exit, started.err).toBe(0);
};

/** Until each has ended or is in doubt: then what a person decides about those in doubt, a retry or that it is done. */
const decideAll = async (): Promise<Set<string>> => {
  const retried = new Set<string>();
  const child = (index: number): string => `f~each_node.${index}`;
  for (const [index, node] of nodes.entries()) {
    const id = child(index);
    let seq = -1;
    await until(`${id} to end or to wait for a person`, async () => {
      const { json } = await pawl('status', id, '--json');
      const { status } = json.view as { status: string };
      const step = json.step as { seq: number; cell: string } | null;
      // What may be tried again is in doubt only until somebody comes by.
      if (status === 'in_doubt' && step?.cell === 'second') seq = step.seq;
      return status === 'completed' || seq !== -1;
    });
    if (seq === -1) continue;
    const isRetried = index % 4 === 1;
    if (isRetried) retried.add(node);
    const verdict = isRetried ? '--retry' : '--succeeded';
    await until(`the verdict about ${id}`, async () => {
      const { exit } = await pawl('verdict', id, '--seq', `${seq}`, verdict, '--reason', 'looked');
      return exit === 0;
    });
  }
  return retried;
};

/** Each line of an element, and who permitted the second of a cell. */
const assertOnce = async (interrupted: ReadonlySet<string>, retried: ReadonlySet<string>): Promise<void> => {
  for (const [index, node] of nodes.entries()) {
    const again = interrupted.has(node) && (index % 2 === 0 || retried.has(node));
    const expected =
      index % 2 === 0
        ? ['first', ...(again ? ['first'] : []), 'second']
        : ['first', 'second', ...(again ? ['second'] : [])];
    expect(runsOf(node), node).toEqual(expected);
  }
  expect(runsOf('after')).toEqual(['after']);
  const { exit, out } = await pawl('verify', '--all');
  expect(exit, out).toBe(0);
};

type Reserving = { kind: string; cell: string; atMs: number; reserve?: { cell: string } };

const entriesOf = async (id: string): Promise<Reserving[]> =>
  (await pawl('journal', id, '--json')).json.entries as Reserving[];
const elementIds = nodes.map((_, index) => `f~each_node.${index}`);

/** Each body began once for each of its reservations, and the chain has none without a permission; every cell ran. */
const assertReserved = async (): Promise<void> => {
  for (const [index, node] of nodes.entries()) {
    const entries = await entriesOf(`f~each_node.${index}`);
    const reserved = entries.flatMap(({ kind, cell, reserve }) =>
      kind === 'reserved' ? [cell] : reserve === undefined ? [] : [reserve.cell],
    );
    for (const cell of ['first', 'second']) {
      const ran = runsOf(node).filter((line) => line === cell).length;
      expect(ran, `${node} ${cell}`).toBeGreaterThan(0);
      expect(ran, `${node} ${cell}`).toBeLessThanOrEqual(reserved.filter((name) => name === cell).length);
    }
  }
  expect(runsOf('after')).toEqual(['after']);
  expect((await pawl('verify', '--all')).exit).toBe(0);
};

const worker = async (): Promise<Host> => {
  const host = begin('worker', '--at', 'local');
  await until('the worker', () => host.out().includes('Pawl works at'));
  return host;
};

const hosts: [string, () => Promise<Host>][] = [
  ['the only worker', () => startFleet().then(worker)],
  ['pawl serve', () => startFleet().then(() => begin('serve', '--port', '0'))],
  ['pawl run', async () => begin('run', write(fleet()), '--instance', 'f', ...params())],
];

describe('twenty elements whose deadlines must pass', { timeout: 400_000 }, () => {
  /** Those of each host, that is killed before the first test: one after the other, so that their deadlines pass together. */
  const fleets = new Map<string, { dataDir: string; marks: string; under: Set<string> }>();
  let frozen: { dataDir: string; marks: string; one: Host; thaw: () => void };
  beforeAll(async () => {
    await fresh();
    await startFleet();
    const one = await worker();
    await untilUnderWay(atOnce);
    frozen = { dataDir, marks, one, thaw: await freezeIdle(one.pid, dataDir) };
    for (const [name, beginHost] of hosts) {
      await fresh();
      const host = await beginHost();
      await untilUnderWay(atOnce);
      const under = new Set(nodes.filter((node) => runsOf(node).length > 0));
      await killed(host);
      go();
      fleets.set(name, { dataDir, marks, under });
    }
  }, 400_000);

  it('frozen beyond their deadlines and thawed: fenced, and nothing happens twice', async () => {
    const { one, thaw } = frozen;
    ({ dataDir, marks } = frozen);
    await worker();
    await until('the retry of one', () => runsOf('n0').length > 1);
    go();
    await decideAll();
    thaw();
    await untilStatus('f', 'completed');
    process.kill(one.pid, 'SIGTERM');
    await one.ended;
    await assertReserved();
  });

  it.each(hosts)('kill -9 of %s: all finish or wait for a person, each once', async (name) => {
    const left = fleets.get(name);
    if (left === undefined) throw new Error(`Nothing was killed: ${name}`);
    ({ dataDir, marks } = left);
    const again = name === 'pawl serve' ? begin('serve', '--port', '0') : await worker();
    const retried = await decideAll();
    await untilStatus('f', 'completed');
    await assertOnce(left.under, retried);
    expect(isAlive(again.pid)).toBe(true);
  });
});

describe('twenty elements under way', { timeout: 400_000 }, () => {
  beforeEach(fresh);

  it('drained: nothing new begins, what runs is waited for, and another one goes on', async () => {
    await startFleet();
    const one = await worker();
    await untilUnderWay(atOnce);
    process.kill(one.pid, 'SIGTERM');
    await until('what it says', () => one.out().includes('Nothing new begins'));
    const saidAtMs = Date.now();
    go();
    expect(await one.ended).toEqual([0, null]);
    // A body that was reserved before may leave its first line only now: what counts is when it was reserved.
    const entries: Reserving[] = [];
    // Together each would start a process of its own.
    for (const id of elementIds) entries.push(...(await entriesOf(id)));
    const began = entries.filter(({ kind, reserve }) => kind === 'reserved' || reserve !== undefined);
    expect(began.length).toBeGreaterThanOrEqual(atOnce);
    expect(began.filter(({ atMs }) => atMs > saidAtMs)).toEqual([]);
    expect(began.length).toBeLessThan(2 * count);
    await worker();
    await untilStatus('f', 'completed');
    await assertOnce(new Set(), new Set());
  });

  it('two of `pawl advance` and a worker at once: each element once', async () => {
    go();
    await startFleet();
    const calls = [1, 2].map(() => begin('advance', 'f', '--max-cells', 'all'));
    const beside = worker();
    await Promise.all([...calls.map(({ ended }) => ended), beside]);
    await untilStatus('f', 'completed');
    await assertOnce(new Set(), new Set());
  });

  it('on DynamoDB, two workers at a place: each element once', async ({ skip }) => {
    if (!(await hasDynamodb())) return skip('There is no DynamoDB here.');
    const { endpoint } = (await dynamodb()) as { endpoint: string };
    const keys = { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local', AWS_REGION: 'us-east-1' };
    elsewhere = { PAWL_DYNAMODB_ENDPOINT: endpoint, PAWL_TABLES: `families-${process.pid}`, ...keys };
    go();
    await startFleet('at: bastion\n');
    const two = [1, 2].map(() => begin('worker', '--at', 'bastion'));
    // What belongs to no worker is the schedule's, which is on AWS.
    await until('its end', async () => {
      await pawl('advance', 'f', '--max-cells', 'all');
      return (await statusOf('f')).status === 'completed';
    });
    await assertOnce(new Set(), new Set());
    expect(two.every(({ pid }) => isAlive(pid))).toBe(true);
  });
});
