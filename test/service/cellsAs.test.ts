/** `pawl worker --cells-as` as real processes: what its cells try for, how they end with it, and what it says at its start. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createWarm, type Ended, isAlive, until } from '../cli/support.ts';
import { newDataDir, removeDataDir } from './support.ts';

const isRoot = process.platform === 'linux' && process.geteuid?.() === 0;
if (!isRoot) process.stderr.write('Not root on Linux: that a worker refuses --cells-as here is all that is tested.\n');

const launcher = fileURLToPath(new URL('../../bin/pawl.js', import.meta.url));
const secretOfWorker = 'only-the-worker-has-this';
const warm = createWarm();
let dataDir: string;
/** Where cells of any user leave what they saw. */
let marks: string;
let all: Process[] = [];

type Process = { pid: number; out(): string; ended: Promise<number | NodeJS.Signals | null> };

const envOf = (more: Record<string, string> = {}): Record<string, string> => ({
  PATH: process.env.PATH ?? '',
  HOME: dataDir,
  PAWL_DATA_DIR: dataDir,
  PAWL_TAKEOVER_GRACE_MS: '1000',
  PAWL_ACTOR: 'alice',
  ...more,
});

/** @param under what it is begun by */
const begin = async (args: string[], ready: string, env = {}, under: string[] = []): Promise<Process> => {
  const [program = '', ...rest] = [...under, process.execPath, launcher, ...args];
  const child = spawn(program, rest, {
    detached: true,
    env: envOf({ WORKERS_OWN: secretOfWorker, ...env }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
  const ended = once(child, 'close').then(([exit, signal]) => (exit ?? signal) as number | NodeJS.Signals | null);
  const started = { pid: child.pid ?? -1, out: () => out, ended };
  all.push(started);
  await until('the line that says that it is there', () => out.includes(ready) || child.exitCode !== null);
  return started;
};
const startWorker = (...args: string[]): Promise<Process> =>
  begin(['worker', '--at', 'bastion', '--cells-as', 'nobody', ...args], 'Pawl works at');
const pawl = (args: string[], env: Record<string, string> = {}): Promise<Ended> =>
  warm.pawl(marks, args, { env: envOf(env) });

beforeEach(async () => {
  dataDir = await newDataDir();
  marks = await mkdtemp(join(tmpdir(), 'pawl-marks-'));
  chmodSync(marks, 0o777);
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

const start = async (body: string, more = ''): Promise<string> => {
  const file = join(marks, 'document.md');
  const head = `---\nrunbook: doc\nat: bastion\nparams:\n  dir: { type: string }\n${more}---\n`;
  writeFileSync(
    file,
    `${head}\`\`\`sh { name=only timeout=10m${more === '' ? '' : ' uses=TOKEN'} }\n${body}\n\`\`\`\n`,
  );
  expect((await pawl(['publish', file])).exit).toBe(0);
  const started = await pawl(['start', 'doc', '-p', `dir=${marks}`, '--drive', 'auto', '--json']);
  expect(started.exit, started.err).toBe(0);
  return (started.json.view as { instanceId: string }).instanceId;
};
const statusOf = async (instanceId: string): Promise<string> =>
  ((await pawl(['status', instanceId, '--json'])).json.view as { status: string }).status;
const untilStatus = (instanceId: string, status: string): Promise<void> =>
  until(`${instanceId} to be ${status}`, async () => (await statusOf(instanceId)) === status);
type Outcome = { kind: string; output?: { text: string } };
const outputOf = async (instanceId: string): Promise<unknown> => {
  const { json } = await pawl(['journal', instanceId, '--json']);
  return JSON.parse((json.entries as Outcome[]).find(({ kind }) => kind === 'outcome')?.output?.text ?? 'null');
};
const said = (name: string): string =>
  existsSync(join(marks, name)) ? readFileSync(join(marks, name), 'utf8').trim() : '';
/** Two processes that wait for the file `go`: the cell, and one that it began in another session. */
const waiting = `
setsid sh -c 'echo $$ > "$1/below"; sleep 600' sh "$PAWL_PARAM_DIR" &
pwd > "$PAWL_PARAM_DIR/where"; echo $PPID > "$PAWL_PARAM_DIR/runner"; id -u > "$PAWL_PARAM_DIR/user"
echo $$ > "$PAWL_PARAM_DIR/cell"
until [ -e "$PAWL_PARAM_DIR/go" ]; do sleep 0.1; done
echo '{"went":"on"}' > "$PAWL_OUTPUT"`;
const untilWaiting = (): Promise<void> =>
  until('the cell and what it began', () => said('cell') !== '' && said('below') !== '');
const go = (): void => writeFileSync(join(marks, 'go'), '');

describe.runIf(isRoot)('pawl worker --cells-as nobody', { timeout: 240_000 }, () => {
  it('says what its cells reach before it says that it works', async () => {
    // A folder of its own for steps: what those of other tests were killed over is swept, and said, at the start.
    const temporary = await mkdtemp(join(tmpdir(), 'pawl-temporary-'));
    chmodSync(temporary, 0o755);
    const env = { TMPDIR: temporary };
    const worker = await begin(['worker', '--at', 'bastion', '--cells-as', 'nobody'], 'Pawl works at', env);
    const lines = worker.out().trim().split('\n');
    expect(lines[0]).toBe(
      `Its cells run as nobody: they can neither read nor alter the store in ${dataDir}, nor read the files with credentials that were looked for. Cells that run at the same time share that user, and can read what one another were given.`,
    );
    expect(lines[1]).toMatch(
      /^(They reach the metadata of this machine \(|The metadata of this machine is out of their reach: )/,
    );
    expect(lines[2]).toMatch(/^Pawl works at bastion /);
    expect(lines).toHaveLength(3);
    process.kill(worker.pid, 'SIGTERM');
    await worker.ended;
    await rm(temporary, { recursive: true });
  });

  it('says which files its cells could read all the same', async () => {
    const keys = join(marks, 'keys');
    writeFileSync(keys, '[default]');
    chmodSync(keys, 0o644);
    const env = { AWS_SHARED_CREDENTIALS_FILE: keys };
    const worker = await begin(['worker', '--at', 'bastion', '--cells-as', 'nobody'], 'Pawl works at', env);
    expect(worker.out()).toContain(`Its cells run as nobody: they could read ${keys}, and perhaps write the journal`);
  });

  it('its cells get to no environment, store, credentials or process of it; to their secrets they do', async () => {
    mkdirSync(join(dataDir, '.aws'));
    writeFileSync(join(dataDir, '.aws/credentials'), 'aws_secret_access_key = x');
    writeFileSync(join(dataDir, 'allow.json'), '{"secrets":["env:TOKEN_OF_CELL"]}');
    const env = { TOKEN_OF_CELL: 'token-of-the-cell' };
    const worker = await begin(['worker', '--at', 'bastion', '--cells-as', 'nobody'], 'Pawl works at', env);
    const tries = `
      set +e
      worker=${worker.pid}
      for pid in $(ls /proc | grep -E '^[0-9]+$'); do grep -l -a ${secretOfWorker.slice(0, 10)}"${secretOfWorker.slice(10)}" "/proc/$pid/environ"; done > "$PAWL_PARAM_DIR/environments" 2>/dev/null
      for pid in $worker $PPID; do
        for file in environ mem maps fd/0; do cat "/proc/$pid/$file" > /dev/null 2>&1 && echo "read $pid $file"; done
        for signal in KILL STOP TERM; do kill -$signal $pid 2>/dev/null && echo "sent $signal to $pid"; done
      done
      for file in pawl.db pawl.db-wal token secrets.key allow.json .aws/credentials; do cat "${dataDir}/$file" 2>/dev/null && echo "read $file"; done
      echo x 2>/dev/null >> "${dataDir}/pawl.db" && echo "wrote the store"
      ls ${dataDir} ~root/.aws 2>/dev/null && echo "listed"
      echo "user $(id -u), groups $(id -G)"
      cat "$PAWL_SECRETS/TOKEN"; echo
      wc -c < "$PAWL_SECRETS/TOKEN"
      echo '{"done":true}' > "$PAWL_OUTPUT"`;
    const instanceId = await start(tries, 'secrets:\n  TOKEN: { from: "env:TOKEN_OF_CELL" }\n');
    await untilStatus(instanceId, 'completed');
    expect(said('environments')).toBe('');
    const { json } = await pawl(['journal', instanceId, '--notes', '--json']);
    const log = JSON.stringify(json);
    const told = (await pawl(['journal', instanceId, '--notes'])).out;
    expect(log).not.toContain('token-of-the-cell');
    for (const no of ['read ', 'sent ', 'wrote ', 'listed']) expect(told).not.toContain(no);
    expect(told).toContain('user 65534, groups 65534');
    expect(told).toMatch(/•••\s+17/);
    expect(await outputOf(instanceId)).toEqual({ done: true });
    expect(isAlive(worker.pid)).toBe(true);
  });

  it('SIGTERM waits for them, and a killed worker takes all of them with it', async () => {
    const one = await startWorker();
    const first = await start(waiting);
    await untilWaiting();
    expect(said('user')).toBe('65534');
    process.kill(one.pid, 'SIGTERM');
    await until('what it says', () => one.out().includes(`Nothing new begins. Waiting for ${first} only`));
    expect(isAlive(Number(said('cell')))).toBe(true);
    go();
    expect(await one.ended).toBe(0);
    expect(await outputOf(first)).toEqual({ went: 'on' });
    expect(isAlive(Number(said('below')))).toBe(false);

    for (const name of ['go', 'cell', 'below']) await rm(join(marks, name));
    const two = await startWorker();
    await start(waiting);
    await untilWaiting();
    const [cell, below, where] = [Number(said('cell')), Number(said('below')), said('where')];
    process.kill(two.pid, 'SIGKILL');
    await until('all of it to be gone', () => ![cell, below].some(isAlive) && !existsSync(where));
  });

  it('the holder of a killed worker is gone for a person, with cells of another user too', async () => {
    const one = await startWorker();
    const instanceId = await start(waiting);
    await untilWaiting();
    const cell = Number(said('cell'));
    // While the runner stands still, the cell outlives its engine.
    process.kill(Number(said('runner')), 'SIGSTOP');
    process.kill(one.pid, 'SIGKILL');
    await one.ended;
    const verdict = ['verdict', instanceId, '--seq', '1', '--failed', '--reason', 'It was killed.', '--holder-gone'];
    const refused = await pawl(verdict);
    expect([refused.exit === 0, isAlive(cell)]).toEqual([false, true]);
    process.kill(Number(said('runner')), 'SIGCONT');
    await until('its cell to be gone', () => !isAlive(cell));
    await until('the verdict to be taken', async () => (await pawl(verdict)).exit === 0);
    expect(await statusOf(instanceId)).toBe('halted');
  });

  describe('as the root of a unit of systemd, with what docs/deploying.md leaves to it', () => {
    const page = readFileSync(new URL('../../docs/deploying.md', import.meta.url), 'utf8');
    const all = (/^CapabilityBoundingSet=(.*)$/m.exec(page)?.[1] ?? '').split(' ');
    const bounded = (left: string[]): string[] => {
      const set = ['-all', ...left.map((one) => `+${one.replace('CAP_', '').toLowerCase()}`)].join(',');
      return ['setpriv', '--bounding-set', set, '--no-new-privs'];
    };
    const hasSetpriv = spawnSync('setpriv', ['--version']).status === 0;

    it('cells run, are killed, and what they leave is removed', async ({ skip }) => {
      if (!hasSetpriv) return skip('There is no setpriv here.');
      expect(all).toHaveLength(6);
      const temporary = await mkdtemp(join(tmpdir(), 'pawl-temporary-'));
      chmodSync(temporary, 0o755);
      const env = { TMPDIR: temporary };
      const args = ['worker', '--at', 'bastion', '--cells-as', 'nobody'];
      const one = await begin(args, 'Pawl works at', env, bounded(all));
      expect(one.out()).toContain('Its cells run as nobody: they can neither read nor alter');
      const instanceId = await start(`mkdir closed; touch closed/x; chmod 000 closed\n${waiting}`);
      await untilWaiting();
      go();
      await untilStatus(instanceId, 'completed');
      expect(isAlive(Number(said('below')))).toBe(false);
      expect(readdirSync(temporary).filter((name) => name.startsWith('pawl-'))).toEqual([]);
      await rm(temporary, { recursive: true });
    });

    it('without one of these it does not begin, and says which', async ({ skip }) => {
      if (!hasSetpriv) return skip('There is no setpriv here.');
      for (const without of all) {
        const left = all.filter((one) => one !== without);
        const one = await begin(
          ['worker', '--at', 'bastion', '--cells-as', 'nobody'],
          'Pawl works at',
          {},
          bounded(left),
        );
        expect(await one.ended).toBe(2);
        expect(one.out()).toContain(`root without ${without}.`);
      }
    });
  });

  it('PAWL_CELLS_AS says the same, for commands and `pawl serve` too', async () => {
    const file = join(marks, 'who.md');
    writeFileSync(file, '---\nrunbook: who\n---\n```sh { name=who }\nid -u > "$PAWL_OUTPUT"\n```\n');
    const env = { PAWL_CELLS_AS: 'nobody' };
    const ran = await pawl(['run', file, '--json'], env);
    expect(ran.exit, ran.err).toBe(0);
    expect(await outputOf((ran.json.view as { instanceId: string }).instanceId)).toBe(65_534);
    const served = await begin(['serve', '--port', '0'], 'Pawl is ready', env);
    expect(served.out()).toMatch(/^Its cells run as nobody: they can neither read nor alter /m);
    process.kill(served.pid, 'SIGTERM');
    expect(await served.ended).toBe(0);
  });
});

describe('a worker whose cells cannot run as it is asked', () => {
  it.each(isRoot ? ['root', 'no-such-user-18', '0:7'] : ['nobody', '12345:12345'])(
    'does not begin: %s',
    async (user) => {
      const worker = await begin(['worker', '--at', 'bastion', '--cells-as', user], 'Pawl works at');
      expect(await worker.ended).toBe(2);
      expect(worker.out()).toContain(`Cells cannot run as ${JSON.stringify(user)} (--cells-as, PAWL_CELLS_AS): `);
      expect(worker.out()).not.toContain('Pawl works at');
      // Nothing of it was seen as a worker.
      expect((await pawl(['workers'])).out).toContain('No worker was ever seen.');
    },
  );

  it('where its temporary folder is out of that user’s reach, says so', async ({ skip }) => {
    if (!isRoot) return skip('Only root gets that far.');
    const closed = join(dataDir, 'tmp');
    mkdirSync(closed, { mode: 0o700 });
    const worker = await begin(['worker', '--at', 'bastion', '--cells-as', 'nobody'], 'Pawl works at', {
      TMPDIR: closed,
    });
    expect(await worker.ended).toBe(2);
    expect(worker.out()).toMatch(/Cells cannot run as nobody .* That user must be able to reach .*tmp/);
    expect(readdirSync(closed).filter((name) => name.startsWith('pawl-'))).toEqual([]);
  });
});
