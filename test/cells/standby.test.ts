/** Processes that stand ready for code cells: what they know, what a cell finds in them, and that nothing of them stays. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type CellsStandby, createExecute, createStandby } from '../../src/cells/index.ts';
import { look } from '../../src/cells/reap.mjs';
import type { CodeToCome, Execute } from '../../src/engine/index.ts';
import { isAlive, type Ran, run, until } from './cells.ts';

const isLinux = process.platform === 'linux';
const isRoot = process.geteuid?.() === 0;
const js: CodeToCome = { kind: 'js' };
const sh: CodeToCome = { kind: 'sh' };

let place = '';
const tmpBefore = process.env.TMPDIR;
beforeAll(() => {
  // Of their own: other tests run cells beside these, and what they leave is looked for.
  place = mkdtempSync(join(tmpdir(), 'pawl-standby-'));
  process.env.TMPDIR = place;
});
afterAll(() => {
  if (tmpBefore === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = tmpBefore;
  rmSync(place, { recursive: true, force: true });
});

const opened: CellsStandby[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});
type Ready = { standby: CellsStandby; execute: Execute };
const open = (user?: { name: string; uid: number; gid: number }): Ready => {
  const standby = createStandby(user);
  opened.push(standby);
  return { standby, execute: createExecute({ standby, ...(user === undefined ? {} : { cellsAs: user }) }) };
};
/** As the engine does: claims, puts its reservation meanwhile, and executes. */
const claimed = async ({ standby }: Ready, code: CodeToCome): Promise<string> => {
  const execution = standby.claim(code);
  await standby.ready();
  return execution;
};
const carrying = (execution: string): number[] =>
  look([`PAWL_EXECUTION=${execution}`, `PAWL_RUNNER=${execution}`]).marked;
const harnessOf = (execution: string): number[] => look([`PAWL_EXECUTION=${execution}`]).marked;
/** Of the cell nothing is alive when its answer is here; its runner was killed by then, and may still be dying. */
const assertEnded = async (execution: string): Promise<void> => {
  expect(harnessOf(execution)).toEqual([]);
  expect(await until(() => carrying(execution).length === 0)).toBe(true);
};
const runnerOf = (execution: string): number[] => look([`PAWL_RUNNER=${execution}`]).marked;
/** Until its last thread is dead a process may hold what others write to it. */
const isWhollyDead = (pid: number): boolean => {
  try {
    return !isAlive(pid) && readdirSync(`/proc/${pid}/task`).length === 1;
  } catch {
    return true;
  }
};
/** Of whom a process is a child. */
const ofParent = (pid: string): string | undefined => {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1];
  } catch {
    return undefined;
  }
};
const folders = (): string[] => readdirSync(place);

describe.runIf(isLinux)('what stands ready', () => {
  test('knows nothing of a cell: an environment that all have alike, no folder, no job (I4)', async () => {
    const ready = open();
    const execution = await claimed(ready, js);
    const found = carrying(execution).map((pid) =>
      readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').filter(Boolean).sort(),
    );
    const PATH = `PATH=${process.env.PATH}`;
    expect(found.map((env) => env.filter((one) => !one.startsWith('NODE_CHANNEL')))).toEqual([
      [`PAWL_RUNNER=${execution}`],
      ['LANG=C.UTF-8', PATH, `PAWL_EXECUTION=${execution}`].sort(),
    ]);
    expect(folders()).toEqual([]);
    const ran = await run({ kind: 'js', code: 'export default () => process.pid' }, { execution }, ready.execute);
    expect(ran).toMatchObject({ status: 'completed' });
    expect(folders()).toEqual([]);
  });

  test('is to a cell what one begun for it would be', async () => {
    const code = `import { readdirSync } from 'node:fs';
      import { homedir, tmpdir } from 'node:os';
      export default ({ params }) => ({
        env: Object.entries(process.env).sort(), argv: process.argv.slice(1), execArgv: process.execArgv, cwd: process.cwd(),
        home: homedir(), tmp: tmpdir(), params, files: readdirSync('.').sort(), ids: [process.getuid(), process.getgroups()],
      })`;
    const over = { execution: 'd'.repeat(32), params: { a: '1', b: [2] }, outputs: { c: '{"d":1}' } };
    const of = (ran: Ran, execution: string): string =>
      String(ran.output)
        .replaceAll(/pawl-[A-Za-z0-9]{6}/g, 'pawl-')
        .replaceAll(execution, 'execution');
    const fresh = of(await run({ kind: 'js', code }, { timeoutMs: 60_000, ...over }), over.execution);
    const ready = open();
    const execution = await claimed(ready, js);
    const [harness] = harnessOf(execution);
    const waited = await run(
      { kind: 'js', code: code.replace('({ params }) => ({', '({ params }) => ({ pid: process.pid,') },
      { timeoutMs: 60_000, ...over, execution },
      ready.execute,
    );
    expect(JSON.parse(waited.output ?? '').pid).toBe(harness);
    expect(of(waited, execution).replace(/"pid":\d+,/, '')).toBe(fresh);
    expect(fresh).toContain('PAWL_PARAM_B');
  });

  test('gives way where a cell needs what is fixed when a process begins', async () => {
    process.env.TZ_BEFORE = process.env.TZ ?? '';
    const ready = open();
    const execution = await claimed(ready, js);
    process.env.TZ = 'Asia/Tokyo';
    try {
      const code = 'export default () => [new Date(0).getHours(), process.env.TZ]';
      const over = { execution, env: ['TZ'], timeoutMs: 60_000 };
      expect((await run({ kind: 'js', code }, over, ready.execute)).output).toBe('[9,"Asia/Tokyo"]');
    } finally {
      if (process.env.TZ_BEFORE === '') delete process.env.TZ;
      else process.env.TZ = process.env.TZ_BEFORE;
      delete process.env.TZ_BEFORE;
    }
    await assertEnded(execution);
  });

  test('for a script is a runner alone; one for code serves a script as well', async () => {
    const ready = open();
    const execution = await claimed(ready, sh);
    expect([runnerOf(execution).length, harnessOf(execution).length]).toEqual([1, 0]);
    const script = { kind: 'sh', code: 'printf %s "$PAWL_EXECUTION"' } as const;
    const over = { timeoutMs: 60_000 };
    expect((await run(script, { ...over, execution }, ready.execute)).log).toBe(execution);
    const other = await claimed(ready, js);
    expect((await run(script, { ...over, execution: other }, ready.execute)).log).toBe(other);
    await assertEnded(other);
  });

  test.runIf(isRoot)('where cells run as another user is out of their reach: a runner of root’s', async () => {
    const ready = open({ name: 'nobody', uid: 65_534, gid: 65_534 });
    const execution = await claimed(ready, js);
    expect([runnerOf(execution).length, harnessOf(execution).length]).toEqual([1, 0]);
    // Not its own user's: what the temporary folder of these tests lies in may be closed to that one.
    await ready.standby.close();
    expect(carrying(execution)).toEqual([]);
  });
});

describe.runIf(isLinux)('one that dies before its job', () => {
  const code = { kind: 'js', code: 'export default () => process.env.PAWL_EXECUTION' } as const;
  test.each([
    ['its runner, which is not known yet', false],
    ['its runner, which is known', true],
  ] as const)('is replaced, and the step is what its reservation says: %s', async (_what, isKnown) => {
    const ready = open();
    const execution = await claimed(ready, js);
    const [pid = 0] = runnerOf(execution);
    process.kill(pid, 'SIGKILL');
    if (isKnown) expect(await until(() => !existsSync(`/proc/${pid}`))).toBe(true);
    // Without a turn of this process's loop: it dies, and is not yet seen to have died.
    else while (!isWhollyDead(pid));
    const ran = await run(code, { execution, timeoutMs: 60_000 }, ready.execute);
    expect(ran).toMatchObject({ status: 'completed', output: JSON.stringify(execution) });
    await assertEnded(execution);
    expect(folders()).toEqual([]);
  });

  test('and whose harness alone died is replaced by its runner, or says that nothing began', async () => {
    const ready = open();
    const execution = await claimed(ready, js);
    const [pid = 0] = harnessOf(execution);
    process.kill(pid, 'SIGKILL');
    // Its runner may not have seen it yet.
    expect(await until(() => isWhollyDead(pid))).toBe(true);
    const ran = await run(code, { execution, timeoutMs: 60_000 }, ready.execute);
    if (ran.status === 'never') expect(ran.error?.code).toBe('cell.unstarted');
    else expect(ran).toMatchObject({ status: 'completed', output: JSON.stringify(execution) });
    await assertEnded(execution);
    expect(folders()).toEqual([]);
  });

  test('while it has no job is followed by another', async () => {
    const ready = open();
    const [first, second] = [await claimed(ready, js), await claimed(ready, js)];
    for (const pid of runnerOf(first)) process.kill(pid, 'SIGKILL');
    expect(await until(() => carrying(first).length === 0)).toBe(true);
    const ran = await run(code, { execution: second, timeoutMs: 60_000 }, ready.execute);
    expect(ran).toMatchObject({ status: 'completed', output: JSON.stringify(second) });
  });
});

describe.runIf(isLinux)('nothing of it stays', () => {
  test('that was dropped, or is there when it is closed', async () => {
    const { standby } = open();
    standby.expect(js);
    const [one, two] = [standby.claim(js), standby.claim(sh)];
    await standby.ready();
    expect([carrying(one).length, carrying(two).length]).toEqual([2, 1]);
    standby.drop(one);
    expect(await until(() => carrying(one).length === 0)).toBe(true);
    expect(carrying(two)).toHaveLength(1);
    await standby.close();
    expect(carrying(two)).toEqual([]);
    expect(carrying(standby.claim(js))).toEqual([]);
  });

  test('that nothing came for', async () => {
    const standby = createStandby(undefined, 1);
    opened.push(standby);
    standby.expect(js);
    standby.expect(sh);
    const children = (): string[] => readdirSync('/proc').filter((pid) => ofParent(pid) === String(process.pid));
    const before = children();
    await new Promise((resolve) => setImmediate(resolve));
    const begun = children().filter((pid) => !before.includes(pid));
    expect(begun).toHaveLength(2);
    expect(await until(() => !begun.some((pid) => existsSync(`/proc/${pid}`)))).toBe(true);
  });

  test('when its engine is killed', async () => {
    const script = fileURLToPath(new URL('standbyProcess.ts', import.meta.url));
    const engine = spawn(process.execPath, ['--no-warnings', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = await once(engine.stdout, 'data');
    const ofEngine = readdirSync('/proc').filter((pid) => ofParent(pid) === String(engine.pid));
    const execution = String(line).trim();
    // Two runners, and one harness below them.
    expect([ofEngine.length, carrying(execution).length]).toEqual([2, 2]);
    engine.kill('SIGKILL');
    const isGone = (): boolean =>
      carrying(execution).length === 0 && !ofEngine.some((pid) => existsSync(`/proc/${pid}`));
    expect(await until(isGone)).toBe(true);
  });

  test('after 200 cells in a row: no process, no folder, no handle', async () => {
    const ready = open();
    const { standby, execute } = ready;
    const handles = (): string[] => process.getActiveResourcesInfo().filter((one) => /Process|Pipe|Timeout/.test(one));
    const open0 = readdirSync('/proc/self/fd').length;
    const before = handles();
    const used: string[] = [];
    for (let cell = 0; cell < 200; cell += 1) {
      const kind = cell % 2 === 0 ? 'js' : 'sh';
      const execution = standby.claim({ kind });
      const code = kind === 'js' ? 'export default ({ params }) => params.cell' : 'printf %s "$PAWL_PARAM_CELL"';
      const running = run({ kind, code }, { execution, params: { cell }, timeoutMs: 60_000 }, execute);
      standby.expect({ kind: kind === 'js' ? 'sh' : 'js' });
      const ran = await running;
      expect([ran.status, kind === 'js' ? ran.output : ran.log]).toEqual(['completed', String(cell)]);
      used.push(execution);
    }
    await standby.close();
    expect(new Set(used).size).toBe(200);
    expect(look(used.flatMap((one) => [`PAWL_EXECUTION=${one}`, `PAWL_RUNNER=${one}`])).marked).toEqual([]);
    expect(folders()).toEqual([]);
    await expect.poll(() => [handles().length, readdirSync('/proc/self/fd').length]).toEqual([before.length, open0]);
  }, 600_000);
});
