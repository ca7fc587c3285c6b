/** Folders that steps have left: which are removed, and which are certainly not. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createExecute, ownProcess, sweepFolders } from '../../src/cells/index.ts';
import { run, until } from './cells.ts';

const isLinux = process.platform === 'linux';
const isRoot = isLinux && process.geteuid?.() === 0;
const [ext4, nfs] = [0xef53, 0x6969];
const execution = 'e5'.repeat(16);
const boot = isLinux ? readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() : '';
const otherBoot = { boot: '00000000-0000-0000-0000-000000000000', host: hostname(), process: '', execution };

let dir: string;
let root: string;
let standing: string | undefined;
const begun: ChildProcess[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'pawl-sweep-'));
  root = join(dir, 'tmp');
  mkdirSync(root);
  standing = process.env.TMPDIR;
  process.env.TMPDIR = root;
});
afterEach(async () => {
  if (standing === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = standing;
  for (const child of begun.splice(0)) {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
  open(dir);
  rmSync(dir, { recursive: true, force: true });
});
/** Who is not root opens what is closed before it can be removed. */
const open = (at: string): void => {
  for (const entry of readdirSync(at, { withFileTypes: true }))
    if (entry.isDirectory()) {
      if (statSync(join(at, entry.name)).uid === process.geteuid?.()) chmodSync(join(at, entry.name), 0o700);
      open(join(at, entry.name));
    }
};

/** As one is left: with a secret, and with what its cell made unremovable. */
const leave = (name: string, holder: object | string | undefined, at = root): string => {
  const folder = join(at, name);
  mkdirSync(join(folder, 'cell/secrets'), { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, 'cell/secrets/TOKEN'), 'value');
  mkdirSync(join(folder, 'cell/closed/in'), { recursive: true });
  chmodSync(join(folder, 'cell/closed'), 0o000);
  const text = typeof holder === 'object' ? JSON.stringify(holder) : holder;
  if (text !== undefined) writeFileSync(join(folder, 'holder.json'), text, { mode: 0o600 });
  chmodSync(folder, 0o700);
  return folder;
};
const left = (): string[] => readdirSync(root).sort();
const killedHolder = async (): Promise<string> => {
  const script = fileURLToPath(new URL('holderProcess.ts', import.meta.url));
  const child = spawn(process.execPath, ['--no-warnings', script, 'be'], { stdio: ['ignore', 'pipe', 'inherit'] });
  begun.push(child);
  const [line] = await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  return String(line).trim();
};

describe.runIf(isLinux)('what a step has left', () => {
  test('of a boot before this one is removed, where one machine alone has the disk', async () => {
    leave('pawl-aaaaaa', otherBoot);
    expect(await sweepFolders(() => nfs)).toBe(0);
    expect(left()).toEqual(['pawl-aaaaaa']);
    expect(await sweepFolders(() => ext4)).toBe(1);
    expect(left()).toEqual([]);
  });

  test('of this boot is removed when its process has ended and nothing runs that was begun for it', async () => {
    const named = await killedHolder();
    const holder = { boot, host: hostname(), process: named, execution };
    leave('pawl-aaaaaa', holder);
    leave('pawl-bbbbbb', { ...holder, execution: 'd4'.repeat(16) });
    leave('pawl-cccccc', { ...holder, execution: 'c3'.repeat(16) });
    for (const mark of [`PAWL_EXECUTION=${'d4'.repeat(16)}`, `PAWL_RUNNER=${'c3'.repeat(16)}`]) {
      const [key = '', value] = mark.split('=');
      const cell = spawn('sleep', ['600'], { env: { PATH: process.env.PATH, [key]: value } });
      begun.push(cell);
      await once(cell, 'spawn');
    }
    expect(await sweepFolders(() => ext4)).toBe(1);
    expect(left()).toEqual(['pawl-bbbbbb', 'pawl-cccccc']);
    for (const cell of begun) if (cell.exitCode === null) cell.kill('SIGKILL');
    await Promise.all(begun.filter(({ signalCode }) => signalCode === null).map((cell) => once(cell, 'exit')));
    expect(await sweepFolders(() => ext4)).toBe(2);
    expect(left()).toEqual([]);
  });

  test('stays while its process is there, while that cannot be known, and where it is another machine’s', async () => {
    const holder = { boot, host: hostname(), process: ownProcess() ?? '', execution };
    leave('pawl-aaaaaa', holder);
    leave('pawl-bbbbbb', { ...holder, process: '' });
    leave('pawl-cccccc', { ...holder, process: holder.process.replace(/^.{12}/, '0'.repeat(12)) });
    leave('pawl-dddddd', { ...otherBoot, host: 'another' });
    leave('pawl-eeeeee', { ...otherBoot, boot: '' });
    expect(await sweepFolders(() => ext4)).toBe(0);
    expect(left()).toHaveLength(5);
  });

  test('what only looks like one stays, and so does what a link leads to', async () => {
    const elsewhere = leave('elsewhere', otherBoot, dir);
    symlinkSync(elsewhere, join(root, 'pawl-aaaaaa'));
    leave('pawl-bbbbbb', undefined);
    leave('pawl-cccccc', '{"boot":');
    leave('pawl-dddddd', { ...otherBoot, host: 7 });
    chmodSync(leave('pawl-eeeeee', otherBoot), 0o770);
    const linked = leave('pawl-ffffff', otherBoot);
    renameSync(join(linked, 'holder.json'), join(dir, 'holder.json'));
    symlinkSync(join(dir, 'holder.json'), join(linked, 'holder.json'));
    leave('pawl-marks-aaaaaa', otherBoot);
    leave('other-aaaaaa', otherBoot);
    writeFileSync(join(root, 'pawl-gggggg'), 'a file');
    expect(await sweepFolders(() => ext4)).toBe(0);
    expect(left()).toHaveLength(9);
    expect(readFileSync(join(elsewhere, 'cell/secrets/TOKEN'), 'utf8')).toBe('value');
  });

  test('links in it are removed, not what they lead to', async () => {
    const folder = leave('pawl-aaaaaa', otherBoot);
    const elsewhere = leave('elsewhere', otherBoot, dir);
    symlinkSync(elsewhere, join(folder, 'cell/link'));
    rmSync(join(folder, 'cell/secrets'), { recursive: true });
    symlinkSync(join(elsewhere, 'cell/secrets'), join(folder, 'cell/secrets'));
    expect(await sweepFolders(() => ext4)).toBe(1);
    expect(left()).toEqual([]);
    expect(readFileSync(join(elsewhere, 'cell/secrets/TOKEN'), 'utf8')).toBe('value');
  });

  test('one of a cell that runs stays, and the cell is none the wiser', async () => {
    const code = `touch "${dir}/begun"; until [ -e "${dir}/go" ]; do sleep 0.05; done; cat "$PAWL_SECRETS/TOKEN" | wc -c`;
    const secrets = { TOKEN: { value: 'token-of-the-cell', hosts: [] } };
    const running = run({ kind: 'sh', code }, { timeoutMs: 120_000, secrets }, createExecute());
    expect(await until(() => readdirSync(dir).includes('begun'))).toBe(true);
    expect(await sweepFolders(() => ext4)).toBe(0);
    writeFileSync(join(dir, 'go'), '');
    expect(await running).toMatchObject({ status: 'completed', log: '17\n' });
    expect(left()).toEqual([]);
  });

  test.runIf(isRoot)(
    'another user’s stays; of root’s own the part of another user is removed with that user’s rights',
    async () => {
      chownSync(leave('pawl-aaaaaa', otherBoot), 65_534, 65_534);
      const folder = leave('pawl-bbbbbb', otherBoot);
      for (const part of ['cell', 'cell/secrets', 'cell/secrets/TOKEN', 'cell/closed'])
        chownSync(join(folder, part), 65_534, 65_534);
      chmodSync(folder, 0o711);
      // What that user may not remove holds up the rest no more than itself.
      rmSync(join(folder, 'cell/closed'), { recursive: true });
      mkdirSync(join(folder, 'cell/of-root/in'), { recursive: true });
      expect(await sweepFolders(() => ext4)).toBe(0);
      expect(left()).toEqual(['pawl-aaaaaa', 'pawl-bbbbbb']);
      expect(readdirSync(join(folder, 'cell'))).toEqual(['of-root']);
      rmSync(join(folder, 'cell/of-root'), { recursive: true });
      expect(await sweepFolders(() => ext4)).toBe(1);
      expect(left()).toEqual(['pawl-aaaaaa']);
    },
  );
});
