/**
 * A control group for each cell, where one can be made: then even what cleans its environment and leaves its session is found. Where
 * none can be made (no cgroup2, not root and no delegation) the tests of that show what is documented of such places.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createCode } from '../../src/cells/code.ts';
import { beginIn, groupOf, isEnded, removeGroup } from '../../src/cells/group.mjs';
import { beginCounted, isBorn, reap } from '../../src/cells/reap.mjs';
import { createStandby } from '../../src/cells/standby.ts';
import { isAlive, run, sh, until } from './cells.ts';

const dir = mkdtempSync(join(tmpdir(), 'pawl-test-groups-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const read = (name: string): string =>
  existsSync(join(dir, name)) ? readFileSync(join(dir, name), 'utf8').trim() : '';

const drawn = (): string => randomBytes(16).toString('hex');
const probe = beginIn(drawn(), () => null).group;
removeGroup(probe);
const has = probe !== undefined;
/** Leaves session, group and environment, and says who it is. */
const hides = (name: string): string =>
  `setsid env -i PATH="$PATH" sh -c 'echo $$ > "${dir}/${name}"; exec sleep 60' > /dev/null 2>&1 < /dev/null &
  until [ -s "${dir}/${name}" ]; do sleep 0.02; done`;
const hidden = (name: string): number => {
  const pid = Number(read(name));
  expect(pid).toBeGreaterThan(1);
  return pid;
};

test('a child that cleans its environment and leaves its session is found by the control group, and nowhere else', async () => {
  expect(await sh(hides('left'))).toMatchObject({ status: 'completed' });
  const pid = hidden('left');
  expect(isAlive(pid)).toBe(!has);
  if (!has) process.kill(pid, 'SIGKILL');
});

test('without a control group such a child is not found: it lives on', async () => {
  const alone = createCode(undefined, undefined, false);
  expect(await run({ kind: 'sh', code: hides('unseen') }, {}, alone)).toMatchObject({ status: 'completed' });
  const pid = hidden('unseen');
  expect(isAlive(pid)).toBe(true);
  process.kill(pid, 'SIGKILL');
});

describe.runIf(process.platform === 'linux')('whoever is older than a cell is not looked at', () => {
  const begin = (marker: string) => () =>
    spawn('sleep', ['60'], { env: { PAWL_EXECUTION: marker.split('=')[1] ?? '' }, detached: true });
  const drawnMarker = (): string => `PAWL_EXECUTION=${drawn()}`;
  const signalOf = async (one: ReturnType<typeof spawn>) => {
    if (one.signalCode === null) await once(one, 'exit');
    return one.signalCode;
  };

  test('where its control group is empty; the cell itself and whoever began since are found, and the others in the second case', async () => {
    const marker = drawnMarker();
    const older = begin(marker)();
    const { begun: first, since } = beginCounted(begin(marker));
    const [second, other] = [begin(marker)(), spawn('sleep', ['60'])];
    await Promise.all([older, first, second, other].map((one) => once(one, 'spawn')));
    // Counted by this kernel, for the namespace of this process.
    expect(since).toBeDefined();
    // As of a control group that has ended.
    expect(await reap(undefined, marker, join(dir, 'none'), since)).toBe(true);
    expect([await signalOf(first), await signalOf(second)]).toEqual(['SIGKILL', 'SIGKILL']);
    expect([older.signalCode, other.signalCode]).toEqual([null, null]);
    // Without a control group all are looked at.
    expect(await reap(undefined, marker, undefined, since)).toBe(true);
    expect([await signalOf(older), other.signalCode]).toEqual(['SIGKILL', null]);
    other.kill('SIGKILL');
  });

  test.each([
    ['more began since than there are pids', (last: number) => ({ last, all: -10, max: 9 })],
    ['the kernel has not counted', () => undefined],
  ])('and all are, where %s', async (_what, sinceOf) => {
    const marker = drawnMarker();
    const one = begin(marker)();
    await once(one, 'spawn');
    expect(await reap(undefined, marker, join(dir, 'none'), sinceOf(one.pid ?? 0))).toBe(true);
    expect(await signalOf(one)).toBe('SIGKILL');
  });

  test('what could not be begun counts for nothing', async () => {
    const { begun, since } = beginCounted(() => spawn(join(dir, 'nowhere')));
    await once(begun, 'error');
    expect(since).toBeUndefined();
  });

  test.each([
    [101, 100, 200, true],
    [200, 100, 200, true],
    [100, 100, 200, false],
    [201, 100, 200, false],
    // From the first pid again.
    [32_767, 32_700, 400, true],
    [301, 32_700, 400, true],
    [401, 32_700, 400, false],
    [32_700, 32_700, 400, false],
    // Nobody.
    [100, 100, 100, false],
  ])('pid %i, given after %i and not after %i: %s', (pid, last, until, is) => {
    expect(isBorn(pid, { last }, { last: until })).toBe(is);
  });
});

test('what is no execution has no group', () => {
  for (const name of ['', '..', 'a'.repeat(31), `${'a'.repeat(31)}/`]) expect(groupOf(name)).toBeUndefined();
  expect(isEnded(join(dir, 'none'))).toBe(true);
});

describe.runIf(has)('where a control group can be made', () => {
  test('the cell is in it, and whoever began it is not; it goes with the cell', async () => {
    // Whoever begins it is in it for as long as that takes.
    const left = 'for n in $(seq 500); do grep -q /pawl- /proc/$PPID/cgroup || break; sleep 0.02; done';
    const ran = await sh(`cat /proc/self/cgroup; ${left}; grep ^0:: /proc/$PPID/cgroup`);
    const lines = ran.log.split('\n').filter((line) => line.startsWith('0::'));
    expect(lines[0]).toMatch(/\/pawl-[0-9a-f]{32}$/);
    expect(lines[1]).not.toContain('pawl-');
    const [, execution = ''] = /pawl-([0-9a-f]{32})$/.exec(lines[0] ?? '') ?? [];
    expect(existsSync(groupOf(execution) ?? dir)).toBe(false);
    expect(readFileSync('/proc/self/cgroup', 'utf8')).not.toContain('/pawl-');
  });

  test('what moves itself out of it is found by its marker, as it is where there is none', async () => {
    const moves = `setsid sh -c 'echo $$ > "$(dirname "${groupOf(drawn())}")/cgroup.procs"; echo $$ > "${dir}/moved"; exec sleep 60' > /dev/null 2>&1 < /dev/null &
      until [ -s "${dir}/moved" ]; do sleep 0.02; done
      grep -q pawl- "/proc/$(cat "${dir}/moved")/cgroup" && exit 9 || exit 0`;
    expect(await sh(moves)).toMatchObject({ status: 'completed' });
    expect(isAlive(hidden('moved'))).toBe(false);
    rmSync(join(dir, 'moved'));
    const code = `import { execFileSync } from 'node:child_process'; export default () => { execFileSync('/bin/sh', ['-c', ${JSON.stringify(moves)}]); };`;
    expect(await run({ kind: 'js', code })).toMatchObject({ status: 'completed' });
    expect(isAlive(hidden('moved'))).toBe(false);
  });

  test('it ends with the cell at its time-out', async () => {
    const ran = await sh(`${hides('late')}; sleep 60`, { timeoutMs: 10_000 });
    expect(ran).toMatchObject({ status: 'unknown', error: { code: 'cell.timeout' } });
    expect(isAlive(hidden('late'))).toBe(false);
  });

  test('it ends also where the runner is killed', async () => {
    const ran = await sh(`${hides('orphan')}; kill -KILL $PPID; sleep 30`);
    expect(ran).toMatchObject({ status: 'unknown', error: { code: 'cell.killed' } });
    expect(isAlive(hidden('orphan'))).toBe(false);
  });

  test('a harness that waited is in one as well, which goes with it, used or not', async () => {
    const standby = createStandby();
    const [used, unused] = [standby.claim({ kind: 'js' }), standby.claim({ kind: 'js' })];
    const isThere = (execution: string): boolean => existsSync(groupOf(execution) ?? '');
    expect(await until(() => isThere(used) && isThere(unused))).toBe(true);
    await standby.ready();
    const code = `import { readFileSync } from 'node:fs'; export default () => readFileSync('/proc/self/cgroup', 'utf8');`;
    const { output } = await run({ kind: 'js', code }, { execution: used }, createCode(undefined, standby));
    expect(output).toContain(`/pawl-${used}`);
    await standby.close();
    expect(await until(() => !isThere(used) && !isThere(unused))).toBe(true);
  });

  test('what a script that waited leaves behind ends with it, while its runner may still be on its way out', async () => {
    const standby = createStandby();
    const execution = standby.claim({ kind: 'sh' });
    await standby.ready();
    // Over in a few milliseconds.
    const code = `setsid env -i sleep 60 > /dev/null 2>&1 < /dev/null & echo $! > "${dir}/soon"`;
    const ran = await run({ kind: 'sh', code }, { execution }, createCode(undefined, standby));
    expect(ran).toMatchObject({ status: 'completed' });
    expect(isAlive(hidden('soon'))).toBe(false);
    await standby.close();
    expect(existsSync(groupOf(execution) ?? '')).toBe(false);
  });

  test('who is in a group ends the others in it, and is alone where no group is below', async () => {
    const group = new URL('../../src/cells/group.mjs', import.meta.url);
    const code = `import { spawn } from 'node:child_process';
      import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
      import { enter, isEnded, leave, removeGroup } from ${JSON.stringify(group.href)};
      const said = [];
      const group = enter(${JSON.stringify(drawn())});
      const sleeps = (folder) => {
        const child = spawn('sleep', ['60'], { stdio: 'ignore' });
        if (folder) writeFileSync(folder + '/cgroup.procs', String(child.pid));
        return new Promise((resolve) => child.on('exit', (_, signal) => resolve(signal)));
      };
      const child = sleeps();
      said.push(isEnded(group), await child, isEnded(group));
      mkdirSync(group + '/below');
      const below = sleeps(group + '/below');
      said.push(isEnded(group));
      await leave(group);
      while (!isEnded(group)) await new Promise((resolve) => setTimeout(resolve, 5));
      said.push(await below);
      rmdirSync(group + '/below');
      removeGroup(group);
      said.push(existsSync(group));
      console.log(JSON.stringify(said));`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [text, [status]] = await Promise.all([child.stdout.toArray(), once(child, 'close')]);
    expect(status).toBe(0);
    expect(JSON.parse(String(text.join('')))).toEqual([false, 'SIGKILL', true, false, 'SIGKILL', false]);
  });
});
