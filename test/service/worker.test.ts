/** `pawl worker` as processes on one folder with the command line: who runs what, how they end, and what becomes of what they were at. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createWarm, type Ended, isAlive, until } from '../cli/support.ts';
import { dynamodb, hasDynamodb } from '../support/world.ts';
import { freezeIdle, newDataDir, removeDataDir } from './support.ts';

const launcher = fileURLToPath(new URL('../../bin/pawl.js', import.meta.url));
const warm = createWarm();
let dataDir: string;
let marks: string;
let all: Worker[] = [];
/** Another store than the folder. */
let elsewhere: Record<string, string> = {};

type Worker = {
  pid: number;
  out(): string;
  kill(signal: NodeJS.Signals): void;
  ended: Promise<number | NodeJS.Signals | null>;
};

const envOf = (more: Record<string, string> = {}): Record<string, string> => ({
  PATH: process.env.PATH ?? '',
  HOME: dataDir,
  PAWL_DATA_DIR: dataDir,
  PAWL_TAKEOVER_GRACE_MS: '1000',
  PAWL_ACTOR: 'alice',
  ...elsewhere,
  ...more,
});

const startWorker = (at: string, args: string[] = [], env: Record<string, string> = {}): Promise<Worker> =>
  begin(['worker', '--at', at, ...args], env);
const begin = async (args: string[], env: Record<string, string>): Promise<Worker> => {
  const child = spawn(process.execPath, [launcher, ...args], {
    detached: true,
    env: envOf(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
  const ended = once(child, 'close').then(([exit, signal]) => (exit ?? signal) as number | NodeJS.Signals | null);
  const pid = child.pid ?? -1;
  const worker = { pid, out: () => out, kill: (signal: NodeJS.Signals) => void process.kill(pid, signal), ended };
  all.push(worker);
  await until(
    'the line that says where it works',
    () => /Pawl (works|is ready) at/.test(out) || child.exitCode !== null,
  );
  return worker;
};

const pawl = (args: string[], env: Record<string, string> = {}): Promise<Ended> =>
  warm.pawl(marks, args, { env: envOf(env) });

beforeEach(async () => {
  dataDir = await newDataDir();
  marks = await mkdtemp(join(tmpdir(), 'pawl-marks-'));
  elsewhere = {};
});
afterEach(async () => {
  for (const { pid, ended } of all) {
    if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    await ended;
  }
  all = [];
  await removeDataDir(dataDir);
  await rm(marks, { recursive: true, force: true });
});
afterAll(() => warm.end());

/** The first cell says that it runs and then who runs it, and waits until the file `go` is there. Each run of a cell leaves a line. */
const twoCells = `---
runbook: two
title: Two cells
params:
  dir: { type: string }
---
\`\`\`sh { name=first timeout=10m interrupted=retry }
echo first >> "$PAWL_PARAM_DIR/runs"
echo $$ > "$PAWL_PARAM_DIR/first.pid"
until [ -e "$PAWL_PARAM_DIR/go" ]; do sleep 0.1; done
\`\`\`
\`\`\`sh { name=second }
echo second >> "$PAWL_PARAM_DIR/runs"
\`\`\`
`;

const runs = (): string[] => {
  const file = join(marks, 'runs');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
};
const go = (): void => writeFileSync(join(marks, 'go'), '');
const pidOfFirst = async (not = 0): Promise<number> => {
  const file = join(marks, 'first.pid');
  const pid = (): number => (existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0);
  await until('the first cell', () => pid() > 0 && pid() !== not);
  return pid();
};

/** Started at a place: code belongs there, where nothing else is said. */
const startAt = async (place: string, document = twoCells, ...more: string[]): Promise<string> => {
  const file = join(marks, 'document.md');
  writeFileSync(file, document);
  expect((await pawl(['publish', file])).exit).toBe(0);
  const name = document.match(/^runbook: (\S+)/m)?.[1] ?? '';
  const args = ['start', name, '-p', `dir=${marks}`, '--drive', 'auto', '--json', ...more];
  const started = await pawl(args, { PAWL_PLACE: place });
  expect(started.exit, started.err).toBe(0);
  return (started.json.view as { instanceId: string }).instanceId;
};

const statusOf = async (instanceId: string): Promise<string> => {
  const { json } = await pawl(['status', instanceId, '--json']);
  return (json.view as { status: string }).status;
};
const untilStatus = (instanceId: string, status: string): Promise<void> =>
  until(`${instanceId} to be ${status}`, async () => (await statusOf(instanceId)) === status);

type Told = { kind: string; cell?: string; status?: string; by: { via: string; where: string }; reserve?: object };
const journalOf = async (instanceId: string): Promise<Told[]> =>
  (await pawl(['journal', instanceId, '--json'])).json.entries as Told[];
const linesOf = (entries: Told[]): string[] =>
  entries.map(({ kind, cell, status }) => [kind, cell, status].filter((one) => one !== undefined).join(' '));

describe('pawl worker', { timeout: 240_000 }, () => {
  it('runs what belongs to its place, and the journal says where; the wrong place runs nothing', async () => {
    const instanceId = await startAt('local', twoCells.replace('title: Two cells', 'title: Two cells\nat: bastion'));
    const wrong = await startWorker('edge');
    const home = await startWorker('local');
    expect(home.out()).toContain('Pawl works at local, and the schedule (store: ');
    const status = await pawl(['status', instanceId]);
    expect(status.out).toContain('first is waiting for a worker at bastion; never seen.');
    expect(status.out).toContain('`pawl worker --at bastion`');
    // The others look every second.
    await wait(4_000);
    expect(runs()).toEqual([]);

    go();
    const right = await startWorker('bastion');
    expect(right.out()).toMatch(/Its cells run as (root|the same user): they could read the store in /);
    await untilStatus(instanceId, 'completed');
    expect(runs()).toEqual(['first', 'second']);
    const reserved = (await journalOf(instanceId)).filter(({ kind }) => kind === 'reserved');
    expect(reserved.map(({ by }) => [by.via, by.where.startsWith(`bastion/`)])).toEqual([['worker', true]]);
    for (const worker of [wrong, home, right]) worker.kill('SIGTERM');
    expect(await Promise.all([wrong.ended, home.ended, right.ended])).toEqual([0, 0, 0]);
  });

  it('what it lacks a program for it leaves to another one of its place, and says what that is', async () => {
    const needing = twoCells.replace('{ name=first ', '{ name=first programs="pawl_test_tool" ');
    const instanceId = await startAt('bastion', needing);
    const lacking = await startWorker('bastion');
    const lacks = async () => (await pawl(['workers', '--json'])).json.workers as { pid: number; lacks: string[] }[];
    const told = async () => (await lacks()).find(({ pid }) => pid === lacking.pid)?.lacks ?? [];
    // It lacks what it has met, as its next beat says.
    await until('it to say what it lacks', async () => (await told()).length > 0);
    lacking.kill('SIGTERM');
    expect(await lacking.ended).toBe(0);
    expect(await told()).toEqual([expect.stringContaining('program pawl_test_tool')]);
    expect(runs()).toEqual([]);

    writeFileSync(join(marks, 'pawl_test_tool'), '#!/bin/sh\n', { mode: 0o755 });
    go();
    await startWorker('bastion', [], { PATH: `${marks}:${process.env.PATH}` });
    await untilStatus(instanceId, 'completed');
    expect(runs()).toEqual(['first', 'second']);
    const attempts = (await journalOf(instanceId)).filter(({ kind }) => kind === 'reserved' || kind === 'outcome');
    expect(linesOf(attempts)).toContain('outcome first completed');
  });

  it('two at once: each cell once', async () => {
    const counting = `---
runbook: counting
title: Leaves lines
params:
  dir: { type: string }
  n: { type: integer }
---
\`\`\`sh { name=line }
echo "$PAWL_PARAM_N" >> "$PAWL_PARAM_DIR/runs"
\`\`\`
\`\`\`wait { name=pause for=1s }
\`\`\`
\`\`\`sh { name=again }
echo "$PAWL_PARAM_N" >> "$PAWL_PARAM_DIR/runs"
\`\`\`
`;
    const ids: string[] = [];
    for (let n = 0; n < 8; n += 1) ids.push(await startAt('bastion', counting, '-p', `n=${n}`));
    // What waits for a time is the schedule's.
    await Promise.all([startWorker('bastion'), startWorker('bastion', ['--concurrency', '2']), startWorker('local')]);
    for (const id of ids) await untilStatus(id, 'completed');
    expect(runs().map(Number).sort()).toEqual(Array.from({ length: 16 }, (_, n) => Math.floor(n / 2)));
  });

  it('kill -9 in mid-cell: the cell dies too, its step is in doubt, and another one of the place goes on by policy', async () => {
    const instanceId = await startAt('bastion', twoCells.replace('timeout=10m', 'timeout=10s'));
    const [one] = await Promise.all([startWorker('bastion'), startWorker('local')]);
    const pid = await pidOfFirst();
    one.kill('SIGKILL');
    await until('the end of its cell', () => !isAlive(pid));
    await startWorker('bastion');
    expect(await pidOfFirst(pid)).not.toBe(pid);
    go();
    await untilStatus(instanceId, 'completed');
    expect(runs()).toEqual(['first', 'first', 'second']);
    expect(linesOf(await journalOf(instanceId)).slice(0, 4)).toEqual([
      'started',
      'reserved first',
      'outcome first abandoned',
      'reserved first',
    ]);
  });

  it('frozen beyond its deadline and thawed: fenced, and nothing happens twice', async () => {
    const held = twoCells.replace('timeout=10m interrupted=retry', 'timeout=10s interrupted=hold');
    const instanceId = await startAt('bastion', held);
    const [one] = await Promise.all([startWorker('bastion'), startWorker('local')]);
    await pidOfFirst();
    const thaw = await freezeIdle(one.pid, dataDir);
    await untilStatus(instanceId, 'in_doubt');
    await until('its time to be over', async () => {
      const { exit } = await pawl(['verdict', instanceId, '--seq', '1', '--failed', '--reason', 'It was cut off.']);
      return exit === 0;
    });
    thaw();
    go();
    one.kill('SIGTERM');
    await one.ended;
    expect(runs()).toEqual(['first']);
    // What the thawed one saw is no outcome any more: a person’s word stands.
    expect(linesOf(await journalOf(instanceId))).toEqual(['started', 'reserved first', 'outcome first failed']);
    expect(await statusOf(instanceId)).toBe('halted');
  });

  it('SIGTERM: takes nothing new and waits for what runs; it is told as left', async () => {
    const one = await startWorker('bastion');
    const instanceId = await startAt('bastion');
    const pid = await pidOfFirst();
    one.kill('SIGTERM');
    await until('what it says', () => one.out().includes(`Nothing new begins. Waiting for ${instanceId} first`));
    expect(isAlive(pid)).toBe(true);
    go();
    expect(await one.ended).toBe(0);
    expect(runs()).toEqual(['first']);
    expect(linesOf(await journalOf(instanceId))).toEqual(['started', 'reserved first', 'outcome first completed']);
    const { out } = await pawl(['workers', '--place', 'bastion']);
    expect(out).toMatch(/bastion\s+\S+:\d+-[0-9a-f]{8}\s+left \d+(\.\d)? (ms|s) ago\s+0\/16/);
    expect((await pawl(['status', instanceId])).out).toMatch(/waiting for a worker at bastion; last seen .* ago/);
    await startWorker('bastion');
    await untilStatus(instanceId, 'completed');
  });

  it('a second SIGTERM stops what runs, and it is recorded as unknown', async () => {
    const one = await startWorker('bastion');
    const instanceId = await startAt('bastion', twoCells.replace(' interrupted=retry', ''));
    const pid = await pidOfFirst();
    one.kill('SIGTERM');
    await until('the wait', () => one.out().includes('Nothing new begins'));
    // Two within a moment are one wish.
    await wait(600);
    one.kill('SIGTERM');
    expect(await one.ended).toBe(5);
    expect(one.out()).toContain('Not waiting any longer: 1 cell stopped');
    expect(isAlive(pid)).toBe(false);
    expect(linesOf(await journalOf(instanceId)).at(-1)).toBe('outcome first unknown');
  });

  it('says what it cannot be', async () => {
    const asked = async (...args: string[]): Promise<[number | null, string]> => {
      const { exit, err } = await pawl(['worker', ...args]);
      return [exit, err];
    };
    expect(await asked('--at', 'lambda')).toEqual([2, expect.stringContaining('the place of the functions on AWS')]);
    expect(await asked('--at', 'any')).toEqual([2, expect.stringContaining('neither `any` nor `home`')]);
    expect(await asked('--at', 'Bastion')).toEqual([2, expect.stringContaining('a place is a small letter')]);
    expect(await asked()).toEqual([2, expect.stringContaining("'--at <place>' not specified")]);
    expect(await asked('--at', 'bastion', '--url', 'http://127.0.0.1:1')).toEqual([
      2,
      expect.stringContaining('on the tables themselves'),
    ]);
    expect((await pawl(['workers'])).out).toContain('No worker was ever seen.');
  });
});

describe('engine and runner killed at once, the cell alive', { timeout: 180_000 }, () => {
  const withSecret = twoCells
    .replace('title: Two cells', 'title: Two cells\nsecrets:\n  TOKEN: { from: "env:TOKEN_OF_CELL" }')
    .replace('name=first timeout=10m interrupted=retry', 'name=first timeout=10m uses=TOKEN')
    .replace('echo $$ >', () => 'echo "$PPID" > "$PAWL_PARAM_DIR/runner"; pwd > "$PAWL_PARAM_DIR/where"\necho $$ >');
  const said = (name: string): string => readFileSync(join(marks, name), 'utf8').trim();

  it.runIf(process.platform === 'linux').each([
    ['a worker', ['worker', '--at', 'other']],
    ['a service', ['serve', '--port', '0']],
  ])(
    '%s that begins afterwards removes the folder with its secrets, once nothing of the step is alive',
    async (_what, command) => {
      const env = { TMPDIR: join(marks, 'tmp'), TOKEN_OF_CELL: 'token-of-the-cell' };
      mkdirSync(env.TMPDIR);
      writeFileSync(join(dataDir, 'allow.json'), '{"secrets":["env:TOKEN_OF_CELL"]}');
      const one = await startWorker('bastion', [], env);
      await startAt('bastion', withSecret);
      const cell = await pidOfFirst();
      const folder = dirname(said('where'));
      expect(dirname(folder)).toBe(env.TMPDIR);
      // Standing still, it does not see its engine go.
      process.kill(Number(said('runner')), 'SIGSTOP');
      one.kill('SIGKILL');
      process.kill(Number(said('runner')), 'SIGKILL');
      await one.ended;
      expect(isAlive(cell)).toBe(true);
      expect(readFileSync(join(folder, 'cell/secrets/TOKEN'), 'utf8')).toBe('token-of-the-cell');

      const two = await begin(command, env);
      expect(two.out()).not.toContain('Removed');
      expect(existsSync(join(folder, 'cell/secrets/TOKEN'))).toBe(true);
      process.kill(cell, 'SIGKILL');
      await until('the cell to be gone', () => !isAlive(cell));
      const three = await begin(command, env);
      expect(three.out()).toMatch(/^Removed 1 folder of steps whose processes were killed before they could\.$/m);
      expect(existsSync(folder)).toBe(false);
      // It is still in doubt: nothing was decided by that.
      expect(linesOf(await journalOf((await listed())[0] ?? ''))).toEqual(['started', 'reserved first']);
    },
  );
  const listed = async (): Promise<string[]> =>
    ((await pawl(['list', '--json'])).json.views as { instanceId: string }[]).map(({ instanceId }) => instanceId);
});

describe('what cells may have, said where it cannot be read', () => {
  const written = (text: string): string => {
    const file = join(marks, 'allow.json');
    writeFileSync(file, text);
    return file;
  };
  const broken: [string, () => string, string][] = [
    [
      'by a file that is not there',
      () => join(marks, 'absent.json'),
      'absent.json, which says what cells may have, cannot be read (ENOENT).',
    ],
    ['by a folder', () => marks, 'cannot be read (EISDIR).'],
    ['by a file that is no JSON', () => written('{"env":'), 'is not JSON.'],
    ['by an entry that is none', () => written('{"secrets":["PAGER"]}'), 'is refused at secrets.0'],
    ['by an action that is none', () => written('{"aws":["*:*"]}'), 'allow.aws has "*:*"'],
    ['by itself', () => '{"evn":[]}', 'PAWL_ALLOW, which says what cells may have, is refused'],
  ];
  it.each(broken)('%s: neither a worker nor a service begins', async (_what, allow, why) => {
    for (const command of [
      ['worker', '--at', 'bastion'],
      ['serve', '--port', '0'],
    ]) {
      const { exit, err, out } = await pawl(command, { PAWL_ALLOW: allow() });
      expect([exit, out]).toEqual([2, '']);
      expect(err).toContain(why);
      expect(err.replace(/\s+/g, ' ')).toContain('Correct PAWL_ALLOW first: nothing was begun.');
    }
    expect(existsSync(join(dataDir, 'pawl.db'))).toBe(false);
  });
  it('in the data folder too', async () => {
    writeFileSync(join(dataDir, 'allow.json'), '[]');
    for (const command of [
      ['worker', '--at', 'bastion'],
      ['serve', '--port', '0'],
    ]) {
      const { exit, err } = await pawl(command);
      expect([exit, err.replace(/\s+/g, ' ')]).toEqual([
        2,
        expect.stringContaining(`Correct allow.json in ${dataDir} first`),
      ]);
    }
  });
});

describe('an entry of a newer Pawl', () => {
  it('is left alone and told once; everything else goes on', async () => {
    const newer = await startAt('bastion');
    const { DatabaseSync } = await import('node:sqlite');
    const db = new DatabaseSync(join(dataDir, 'pawl.db'));
    db.exec('PRAGMA busy_timeout = 5000; DROP TRIGGER journal_no_update');
    db.prepare("UPDATE journal SET item = json_set(item, '$.v', 2) WHERE instanceId = ?").run(newer);
    db.close();
    const one = await startWorker('bastion');
    go();
    const other = await startAt('bastion', twoCells.replace('runbook: two', 'runbook: other'));
    await untilStatus(other, 'completed');
    const told = (): string[] =>
      one
        .out()
        .split('\n')
        .filter((line) => line.includes('left to a newer Pawl'));
    await until('the word about it', () => told().length > 0);
    // It looks every second, and what is due is handed on again after three.
    await wait(5_000);
    expect(told()).toEqual([expect.stringContaining(newer)]);
    expect(one.out()).not.toContain('journal.broken');
    const listed = await pawl(['list', '--status', 'broken', '--json']);
    expect(listed.json.views).toEqual([]);
  });
});

describe('on DynamoDB', { timeout: 180_000 }, () => {
  it('a worker takes from the tables what belongs to its place', async ({ skip }) => {
    if (!(await hasDynamodb())) return skip('There is no DynamoDB here.');
    const { endpoint } = (await dynamodb()) as { endpoint: string };
    const keys = { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local', AWS_REGION: 'us-east-1' };
    elsewhere = { PAWL_DYNAMODB_ENDPOINT: endpoint, PAWL_TABLES: `worker-${process.pid}`, ...keys };
    go();
    const instanceId = await startAt('bastion');
    const one = await startWorker('bastion');
    expect(one.out()).toContain('the credentials by which it writes the tables');
    await untilStatus(instanceId, 'completed');
    expect(runs()).toEqual(['first', 'second']);
    const { json } = await pawl(['workers', '--json']);
    expect(json.workers).toMatchObject([{ place: 'bastion', state: 'alive', pid: one.pid, concurrency: 16 }]);
    one.kill('SIGTERM');
    expect(await one.ended).toBe(0);
  });
});
