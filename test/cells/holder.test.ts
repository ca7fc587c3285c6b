/** What one process can tell of another that holds a step: real ones, killed, frozen, of another user and another namespace. */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { holderState, ownProcess } from '../../src/cells/index.ts';
import { inputOf } from './cells.ts';

const script = fileURLToPath(new URL('holderProcess.ts', import.meta.url));
const isLinux = process.platform === 'linux';
const isRoot = process.geteuid?.() === 0;
/** Root may make namespaces, where the machine lets it. */
const canUnshare = isLinux && isRoot && spawnSync('unshare', ['-p', '-f', 'true']).status === 0;
const nobody = { uid: 65_534, gid: 65_534, cwd: '/' };
/** Nor may the checkout lie where another user cannot read. */
const canAskAsNobody =
  isLinux && isRoot && spawnSync(process.execPath, ['--no-warnings', script, 'ask'], nobody).status === 0;
const none = 'f'.repeat(32);

const begun: ChildProcess[] = [];
afterEach(async () => {
  for (const child of begun.splice(0)) {
    child.kill('SIGCONT');
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
});
const keep = <T extends ChildProcess>(child: T): T => {
  begun.push(child);
  return child;
};
const killed = async (child: ChildProcess): Promise<void> => {
  child.kill('SIGKILL');
  await once(child, 'exit');
};

/** A process as it names itself. */
const holder = async (): Promise<{ child: ChildProcess; named: string }> => {
  const child = keep(
    spawn(process.execPath, ['--no-warnings', script, 'be'], { stdio: ['ignore', 'pipe', 'inherit'] }),
  );
  const [line] = await once(child.stdout as NodeJS.ReadableStream, 'data');
  return { child, named: String(line).trim() };
};
const asked = async (command: string, args: string[], options: object = {}): Promise<string> =>
  (await promisify(execFile)(command, args, options)).stdout.trim();
const askArgs = (named: string): string[] => ['--no-warnings', script, 'ask', named, none];

describe.runIf(isLinux)('a holder', () => {
  test('has a name of at most 60 bytes that says machine, namespace, pid, start and user', () => {
    const named = ownProcess() ?? '';
    expect(named).toMatch(/^[0-9a-f]{12}\.\d+\.\d+\.\d+\.\d+$/);
    expect(named.length).toBeLessThanOrEqual(60);
    expect(named.split('.')[2]).toBe(String(process.pid));
    expect(ownProcess()).toBe(named);
  });

  test('is alive, frozen too; killed it is gone', async () => {
    const { child, named } = await holder();
    expect(await holderState(named, none)).toBe('alive');
    child.kill('SIGSTOP');
    expect(await holderState(named, none)).toBe('alive');
    await killed(child);
    expect(await holderState(named, none)).toBe('gone');
  });

  test('this process itself is alive', async () => {
    expect(await holderState(ownProcess() ?? '', none)).toBe('alive');
  });

  test('is gone where another process has its pid: the start is another', async () => {
    const { named } = await holder();
    const parts = named.split('.');
    parts[3] = String(Number(parts[3]) - 1);
    expect(await holderState(parts.join('.'), none)).toBe('gone');
  });

  test('is gone as a zombie, whose parent has not asked for it yet', async () => {
    // `exec` leaves a parent that never waits.
    const code = `"$0" --no-warnings "$1" be & echo; exec sleep 60`;
    const parent = keep(spawn('sh', ['-c', code, process.execPath, script], { stdio: ['ignore', 'pipe', 'inherit'] }));
    let text = '';
    for await (const chunk of parent.stdout as AsyncIterable<Buffer>) {
      text += chunk;
      if (/\d\n/.test(text)) break;
    }
    const named = text.trim();
    const pid = Number(named.split('.')[2]);
    expect(await holderState(named, none)).toBe('alive');
    process.kill(pid, 'SIGKILL');
    await expect.poll(async () => await readFile(`/proc/${pid}/stat`, 'utf8')).toContain(') Z ');
    // Its other threads end a moment later, and until then it is alive.
    await expect.poll(async () => await holderState(named, none)).toBe('gone');
    expect(await readFile(`/proc/${pid}/stat`, 'utf8')).toContain(') Z ');
  });

  test('is alive by what it has begun: whatever carries its marker, and the runner that may begin it', async () => {
    const { child, named } = await holder();
    await killed(child);
    for (const name of ['PAWL_EXECUTION', 'PAWL_RUNNER']) {
      const execution = name === 'PAWL_RUNNER' ? 'a'.repeat(32) : 'b'.repeat(32);
      const left = keep(spawn('sleep', ['60'], { env: { [name]: execution }, stdio: 'ignore', detached: true }));
      await once(left, 'spawn');
      expect(await holderState(named, execution)).toBe('alive');
      expect(await holderState(named, none)).toBe('gone');
      await killed(left);
      expect(await holderState(named, execution)).toBe('gone');
    }
  });

  test.each([
    ['of another boot or machine', 0, '0123456789ab'],
    ['of another PID namespace', 1, '4026531999'],
  ])('%s is not known here, alive or not', async (_what, at, value) => {
    const { child, named } = await holder();
    const parts = named.split('.');
    parts[at] = value;
    expect(await holderState(parts.join('.'), none)).toBe('not here');
    await killed(child);
    expect(await holderState(parts.join('.'), none)).toBe('not here');
  });

  test.each(['', 'gone', '0123456789ab.1.1.1', '../../etc'])(
    'a name that is none is not known here: %j',
    async (text) => {
      expect(await holderState(text, none)).toBe('not here');
      expect(await holderState(ownProcess() ?? '', 'no marker')).toBe('not here');
    },
  );

  test.runIf(canAskAsNobody)('asked by another user it is not known; root may ask about any', async () => {
    const { child, named } = await holder();
    const parts = named.split('.');
    await killed(child);
    expect(await holderState(named, none)).toBe('gone');
    expect(await holderState([...parts.slice(0, 4), '1000'].join('.'), none)).toBe('gone');
    expect(await asked(process.execPath, askArgs(named), nobody)).toBe('not here');
    expect(await asked(process.execPath, askArgs([...parts.slice(0, 4), '65534'].join('.')), nobody)).toBe('gone');
  });

  test.runIf(canUnshare)(
    'from another PID namespace it is not known, with its own /proc or with the old one',
    async () => {
      const { child, named } = await holder();
      await killed(child);
      const ask = [process.execPath, ...askArgs(named)];
      expect(await asked('unshare', ['-p', '-f', '--mount-proc', ...ask])).toBe('not here');
      expect(await asked('unshare', ['-p', '-f', ...ask])).toBe('not here');
      const inner = await asked('unshare', ['-p', '-f', process.execPath, '--no-warnings', '-e', nameIn(false)]);
      expect(inner).toBe('null');
      expect(
        await asked('unshare', ['-p', '-f', '--mount-proc', process.execPath, '--no-warnings', '-e', nameIn(true)]),
      ).toBe('not here');
    },
  );
});

/** Says how a process in there names itself; with `ask`, what it is known as from a name of out here with its pid. */
const nameIn = (ask: boolean): string => {
  const cells = JSON.stringify(new URL('../../src/cells/index.ts', import.meta.url).href);
  return ask
    ? `import(${cells}).then(async (m) => console.log(await m.holderState(${JSON.stringify(ownProcess())}, '${none}')))`
    : `import(${cells}).then((m) => console.log(m.ownProcess()))`;
};

test.runIf(isLinux)('a code cell and its runner carry the marker that they are given', async () => {
  const { executeCode } = await import('../../src/cells/index.ts');
  const execution = 'c'.repeat(32);
  let log = '';
  const code = 'echo "$PAWL_EXECUTION"; tr "\\0" "\\n" < /proc/$PPID/environ | grep PAWL_RUNNER';
  const add = (_stream: string, text: string): void => {
    log += text;
  };
  await executeCode(inputOf({ kind: 'sh', code }, { execution, log: add }));
  expect(log.trim().split('\n')).toEqual([execution, `PAWL_RUNNER=${execution}`]);
});
