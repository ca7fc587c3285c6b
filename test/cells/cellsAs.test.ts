/** Cells as another user: what such a one tries for on this machine, and what it leaves in the way of who clears up behind it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createCode } from '../../src/cells/code.ts';
import { cellsUser, createExecute, holderState, lookAround, lookAroundAs } from '../../src/cells/index.ts';
import type { CellInput } from '../../src/engine/index.ts';
import { isAlive, type Ran, run, until } from './cells.ts';

const isRoot = process.geteuid?.() === 0;
if (!isRoot)
  process.stderr.write('Not root: cells as another user are not run here; that they are refused is tested.\n');
const nobody = { name: 'nobody', uid: 65_534, gid: 65_534 };
const nothing = { readable: [], alterable: [], addresses: [] };

describe('who may be named as the user of cells', () => {
  const asRoot = { own: 0, lacks: () => [] };
  test('one of this machine by name, or any by numbers', async () => {
    expect(await cellsUser('12345:12346', asRoot)).toEqual({ name: '12345:12346', uid: 12_345, gid: 12_346 });
    expect(await cellsUser('nobody', asRoot)).toMatchObject({ name: 'nobody', uid: expect.any(Number) });
  });
  test.each([
    ['no-such-user-18', asRoot, 'this machine knows no such user'],
    ['-u', asRoot, 'that is no name of a user'],
    ['$(id)', asRoot, 'that is no name of a user'],
    ['root', asRoot, 'that is root'],
    ['0:5', asRoot, 'that is root'],
    ['5:0', asRoot, "its group is root's"],
    ['4294967295:5', asRoot, 'no number that a process could have'],
    ['1234:1234', { own: 1_234, lacks: () => [] }, 'that is the user of this process itself'],
    ['1235:1235', { own: 1_234, lacks: () => [] }, 'only root may begin a process as another user'],
    ['1235:1235', { own: null }, 'this system knows no users by number'],
    ['1235:1235', { own: 0, lacks: () => ['CAP_SYS_PTRACE'] }, 'root without CAP_SYS_PTRACE'],
  ])('not %s where it is %o: %s', async (name, here, why) => {
    await expect(cellsUser(name, here)).rejects.toThrow(why);
    await expect(cellsUser(name, here)).rejects.toMatchObject({ code: 'request.invalid' });
  });
});

describe('what a cell reaches by the network, as one of them finds it', () => {
  test('what takes a connection is in reach, what refuses one is not', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const gone = createServer().listen(0, '127.0.0.1');
    await once(gone, 'listening');
    const { port: closed } = gone.address() as { port: number };
    gone.close();
    await once(gone, 'close');
    const addresses = [port, closed].map((one) => ({ host: '127.0.0.1', port: one }));
    expect(await lookAround({ ...nothing, addresses })).toMatchObject({ reached: [{ host: '127.0.0.1', port }] });
    if (isRoot)
      expect(await lookAroundAs(nobody, { ...nothing, addresses })).toMatchObject({ reached: [addresses[0]] });
    server.close();
  });
});

describe.runIf(isRoot)('a cell as another user', () => {
  /** For everybody, with what the cell says there; and what is root's alone. */
  let dir: string;
  let own: string;
  let before: string[];
  /** Root's, as an engine looks from the outside: what it was started with can be read in its environment. */
  let beside: ChildProcess;
  const folders = (): string[] => readdirSync(tmpdir()).filter((name) => /^pawl-[A-Za-z0-9]{6}$/.test(name));
  const execute = createExecute({ cellsAs: nobody });
  const as = (kind: 'sh' | 'js', code: string, over: Partial<CellInput> = {}): Promise<Ran> =>
    run({ kind, code }, { timeoutMs: 60_000, ...over }, execute);
  const said = (name: string): string =>
    existsSync(join(dir, name)) ? readFileSync(join(dir, name), 'utf8').trim() : '';
  const secrets = { TOKEN: { value: 'token-of-the-cell', hosts: [] } };

  const others = process.env.TMPDIR;
  beforeAll(() => {
    // Folders of cells that other tests run at the same time are not counted here.
    process.env.TMPDIR = mkdtempSync(join(tmpdir(), 'pawl-alone-'));
    chmodSync(tmpdir(), 0o755);
    const env = { PATH: process.env.PATH, PAWL_TEST_SECRET: 'secret-of-the-engine' };
    beside = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 600_000)'], { env, stdio: 'ignore' });
  });
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'pawl-as-'));
    chmodSync(dir, 0o777);
    own = join(dir, 'own');
    mkdirSync(own, { mode: 0o700 });
    writeFileSync(join(own, 'pawl.db'), '"the journal"', { mode: 0o600 });
    writeFileSync(join(own, 'TOKEN'), 'a-secret-of-root', { mode: 0o600 });
    before = folders();
    return () => rmSync(dir, { recursive: true, force: true });
  });
  afterAll(() => {
    beside.kill('SIGKILL');
    rmSync(tmpdir(), { recursive: true, force: true });
    if (others === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = others;
  });

  test('has that user’s ids and none of root’s groups, a folder of its own, and inputs and outputs as ever', async () => {
    const code = `grep -E '^(Uid|Gid|Groups):' /proc/self/status | tr -s '\\t ' ' '; stat -c '%u %a' . "$PAWL_SECRETS" "$PAWL_INPUTS" "$HOME"
      cat "$PAWL_SECRETS/TOKEN"; echo; cat "$PAWL_OUTPUTS/one.txt"; echo '{"done":true}' > "$PAWL_OUTPUT"`;
    const ran = await as('sh', code, { secrets, outputs: { one: '"x"' } });
    expect(ran).toMatchObject({ status: 'completed', output: '{"done":true}' });
    const id = nobody.uid;
    expect(ran.log.split('\n').map((line) => line.trim())).toEqual([
      ...[`Uid: ${id} ${id} ${id} ${id}`, `Gid: ${id} ${id} ${id} ${id}`, 'Groups:'],
      ...[`${id} 700`, `${id} 700`, `${id} 600`, `${id} 755`, '•••', 'x'],
    ]);
    const js = await as(
      'js',
      'export default ({ secrets, params }) => [process.getuid(), process.getgroups(), secrets.TOKEN.length, params.a]',
      {
        ...{ secrets, params: { a: 1 } },
      },
    );
    expect(JSON.parse(js.output ?? '')).toEqual([id, [id], 17, 1]);
    const asFile = await as('sh', '#!/usr/bin/env node\nconsole.log(process.getuid())');
    expect(asFile).toMatchObject({ status: 'completed', log: `${id}\n` });
    expect(folders()).toEqual(before);
  });

  test('reads no environment, memory or files of engine, runner, store and credentials, and stops none of them', async () => {
    const aws = join(own, '.aws');
    mkdirSync(aws);
    writeFileSync(join(aws, 'credentials'), 'aws_secret_access_key=root');
    const others = [process.pid, beside.pid];
    const code = `
import { constants, openSync, readFileSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
const tried = (act) => { try { return String(act()); } catch (error) { return error.code; } };
const pids = [process.ppid, ...${JSON.stringify(others)}];
const seen = readdirSync('/proc').filter((pid) => /^\\d+$/.test(pid)).flatMap((pid) => {
  try { return [[pid, readFileSync('/proc/' + pid + '/environ', 'latin1')]]; } catch { return []; }
});
export default () => ({
  secrets: seen.filter(([, text]) => text.includes('secret-of-the-engine') || text.includes('PAWL_RUNNER=')).length,
  processes: pids.map((pid) => [
    tried(() => readFileSync('/proc/' + pid + '/environ')), tried(() => openSync('/proc/' + pid + '/mem', constants.O_RDWR)),
    tried(() => readlinkSync('/proc/' + pid + '/root')), tried(() => readdirSync('/proc/' + pid + '/fd')),
    tried(() => process.kill(pid, 'SIGKILL')), tried(() => process.kill(pid, 'SIGSTOP')),
  ]),
  files: ${JSON.stringify([join(own, 'pawl.db'), join(aws, 'credentials'), '/etc/shadow'])}.map((file) => tried(() => readFileSync(file))),
  writing: tried(() => writeFileSync(${JSON.stringify(join(own, 'pawl.db'))}, 'forged')),
  folder: tried(() => readdirSync('..')) ,
  holder: tried(() => readFileSync('../holder.json')),
});`;
    const ran = await as('js', code);
    expect(ran.status, ran.error?.message).toBe('completed');
    expect(JSON.parse(ran.output ?? '')).toEqual({
      secrets: 0,
      processes: [0, 1, 2].map(() => ['EACCES', 'EACCES', 'EACCES', 'EACCES', 'EPERM', 'EPERM']),
      files: ['EACCES', 'EACCES', 'EACCES'],
      writing: 'EACCES',
      folder: 'EACCES',
      holder: 'EACCES',
    });
    expect([isAlive(process.pid), isAlive(beside.pid ?? -1)]).toEqual([true, true]);
  });

  test('reads nothing of a cell that runs as somebody else', async () => {
    const daemon = createExecute({ cellsAs: { name: 'daemon', uid: 1, gid: 1 } });
    const waiting = `pwd > "${dir}/where"; until [ -e "${dir}/go" ]; do sleep 0.05; done; cat "$PAWL_SECRETS/TOKEN" > "${dir}/had"`;
    const other = run({ kind: 'sh', code: waiting }, { timeoutMs: 120_000, secrets }, daemon);
    expect(await until(() => said('where') !== '')).toBe(true);
    const tries = await as(
      'sh',
      'set +e; ls "$1"; cat "$(cat where)/secrets/TOKEN"; ls "$(cat where)"; true'.replaceAll(
        '$(cat where)',
        said('where'),
      ),
    );
    writeFileSync(join(dir, 'go'), '');
    expect(await other).toMatchObject({ status: 'completed' });
    expect(said('had')).toBe('token-of-the-cell');
    expect(tries.log).not.toContain('token-of-the-cell');
    expect(tries.log.match(/Permission denied/g)).toHaveLength(2);
  });

  test('a secret that it makes is taken, and masked', async () => {
    const code = 'echo made-by-the-cell > "$PAWL_SECRETS/TOKEN"; cat "$PAWL_SECRETS/TOKEN"';
    expect(await as('sh', code, { secrets })).toMatchObject({
      ...{ status: 'completed', log: '•••\n', made: { TOKEN: 'made-by-the-cell' } },
    });
  });

  describe('what it leaves is looked at with its own eyes', () => {
    test.each([
      ['a link to a file of root', (file: string) => `ln -s "${file}" "$PAWL_OUTPUT"`],
      ['a hard link to a file of root', (file: string) => `ln "${file}" "$PAWL_OUTPUT"; true`],
      ['a pipe', () => 'mkfifo "$PAWL_OUTPUT"'],
      ['a folder', () => 'mkdir "$PAWL_OUTPUT"'],
    ])('no output is read by %s', async (_what, leave) => {
      const ran = await as('sh', `set +e; ${leave(join(own, 'pawl.db'))}`);
      expect(ran.status).toBe('completed');
      expect(ran.output).toBeUndefined();
      expect(folders()).toEqual(before);
    });

    test('nor by a hard link to a file of root, where the system lets anybody make one', async () => {
      const code = `pwd > "${dir}/where"; until [ -e "${dir}/go" ]; do sleep 0.05; done`;
      const running = as('sh', code, { secrets });
      expect(await until(() => said('where') !== '')).toBe(true);
      linkSync(join(own, 'pawl.db'), join(said('where'), 'output.json'));
      rmSync(join(said('where'), 'secrets/TOKEN'));
      linkSync(join(own, 'TOKEN'), join(said('where'), 'secrets/TOKEN'));
      writeFileSync(join(dir, 'go'), '');
      const ran = await running;
      expect(ran.status).toBe('completed');
      expect([ran.output, ran.made]).toEqual([undefined, undefined]);
      expect(readFileSync(join(own, 'pawl.db'), 'utf8')).toBe('"the journal"');
    });

    test.each([
      ['a link to a file of root', (file: string) => `ln -s "${file}" x`, 'x', 'kind'],
      ['a folder that it closed', () => 'echo 1 > x; chmod 600 .', 'x', 'unreadable'],
      ['one that nobody lists', () => 'echo 1 > x; chmod 000 .', 'PAWL_EVIDENCE', 'unreadable'],
      ['a file that it cannot read itself', () => 'echo 1 > x; chmod 000 x', 'x', 'unreadable'],
    ])('of evidence it says that it cannot be had: %s', async (_what, leave, name, why) => {
      const ran = await as('sh', `cd "$PAWL_EVIDENCE"; ${leave(join(own, 'pawl.db'))}`);
      expect(ran).toMatchObject({ status: 'completed', evidence: { files: [], unkept: { files: [{ name, why }] } } });
      expect(folders()).toEqual(before);
    });
    test('evidence that can be read is kept', async () => {
      const ran = await as('sh', 'echo 1 > "$PAWL_EVIDENCE/x"');
      expect(ran.evidence?.files).toEqual([{ name: 'x', base64: 'MQo=' }]);
    });

    test.each([
      ['the file of a secret is a link', (to: string) => `ln -sf "${to}/TOKEN" "$PAWL_SECRETS/TOKEN"`],
      ['their folder is a link', (to: string) => `rm -r "$PAWL_SECRETS"; ln -s "${to}" "$PAWL_SECRETS"`],
      ['the file of a secret is a pipe', () => 'rm "$PAWL_SECRETS/TOKEN"; mkfifo "$PAWL_SECRETS/TOKEN"'],
      ['the file leads to itself', () => 'ln -sf TOKEN "$PAWL_SECRETS/TOKEN"'],
      ['their folder is closed', () => 'chmod 000 "$PAWL_SECRETS"'],
    ])('no secret is made where %s', async (_what, leave) => {
      const ran = await as('sh', `${leave(own)}; echo said; sleep 0.2; echo more`, { secrets });
      expect(ran).toMatchObject({ status: 'completed', log: 'said\nmore\n' });
      expect(ran.made).toBeUndefined();
      expect(folders()).toEqual(before);
    });

    test('its folder cannot be put aside, and what links lead to is neither opened nor removed', async () => {
      mkdirSync(join(own, 'deep'), { mode: 0o500 });
      const code = `set +e; mv "$PWD" "${dir}/aside"; mv "$PWD/.." "${dir}/aside"
        ln -s "${own}" link; ln -s "${own}/deep" deep; rm -r tmp home; ln -s "${own}" tmp; ln -s "${own}/deep" home; mkdir -p a/b; chmod 000 a; true`;
      expect(await as('sh', code)).toMatchObject({ status: 'completed' });
      expect(existsSync(join(dir, 'aside'))).toBe(false);
      expect(readdirSync(own).sort()).toEqual(['TOKEN', 'deep', 'pawl.db']);
      expect(statSync(join(own, 'deep')).mode & 0o777).toBe(0o500);
      expect(folders()).toEqual(before);
    });

    test('one that nobody finds and that swaps folders for links all the time leads nobody out of there', async () => {
      mkdirSync(join(own, 'a'));
      writeFileSync(join(own, 'a/b'), 'root');
      // Without its marker, in another session, and in no control group: it lives on.
      const spin = `echo $$ > "${dir}/spinner"; cd "$1" || exit; while [ ! -e "${dir}/end" ]; do mkdir -p a; touch a/b; rm -rf a; ln -s "${own}/a" a; rm -f a; done`;
      const code = `setsid env -i PATH="$PATH" sh -c '${spin}' sh "$PWD" > "${dir}/spun" 2>&1 < /dev/null &
        until [ -s "${dir}/spinner" ]; do sleep 0.02; done`;
      const ran = await run({ kind: 'sh', code }, { timeoutMs: 60_000 }, createCode(nobody, undefined, false));
      expect(ran.status).toBe('completed');
      const pid = Number(said('spinner'));
      expect(pid).toBeGreaterThan(1);
      writeFileSync(join(dir, 'end'), '');
      expect(await until(() => !isAlive(pid))).toBe(true);
      expect(readFileSync(join(own, 'a/b'), 'utf8')).toBe('root');
      // What it has left is its own, and lies where no secret lies any more.
      for (const name of folders().filter((one) => !before.includes(one))) {
        expect(existsSync(join(tmpdir(), name, 'cell/secrets'))).toBe(false);
        rmSync(join(tmpdir(), name), { recursive: true });
      }
    });
  });

  describe('nothing of it is alive when it has ended', () => {
    test('at its time-out, in another session too', async () => {
      const code = `echo $$ > "${dir}/one"; setsid sh -c 'echo $$ > "${dir}/two"; sleep 60' & env -i sh -c 'echo $$ > "${dir}/three"; sleep 60' & sleep 60`;
      expect(await as('sh', code, { timeoutMs: 6_000 })).toMatchObject({
        ...{ status: 'unknown', error: { code: 'cell.timeout' } },
      });
      const pids = ['one', 'two', 'three'].map((name) => Number(said(name)));
      expect(pids.every((pid) => pid > 1)).toBe(true);
      expect(pids.map(isAlive)).toEqual([false, false, false]);
      expect(folders()).toEqual(before);
    });

    test('when its runner is killed by root', async () => {
      const running = as(
        'sh',
        `echo $PPID > "${dir}/runner"; echo $$ > "${dir}/cell"; mkdir closed; touch closed/a; chmod 000 closed; sleep 60`,
      );
      expect(await until(() => said('cell') !== '')).toBe(true);
      process.kill(Number(said('runner')), 'SIGKILL');
      expect(await running).toMatchObject({ status: 'unknown', error: { code: 'cell.killed' } });
      expect(isAlive(Number(said('cell')))).toBe(false);
      expect(folders()).toEqual(before);
    });

    test('when its engine is killed', async () => {
      const code = `pwd > "${dir}/where"; echo $$ > "${dir}/cell"; setsid sh -c 'echo $$ > "${dir}/grandchild"; sleep 60' & sleep 60`;
      const script = fileURLToPath(new URL('engineProcess.ts', import.meta.url));
      const engine = spawn(process.execPath, [script, code, dir, 'nobody'], { stdio: 'ignore' });
      expect(await until(() => said('cell') !== '' && said('grandchild') !== '')).toBe(true);
      const pids = [Number(said('cell')), Number(said('grandchild'))];
      expect(pids.map(isAlive)).toEqual([true, true]);
      engine.kill('SIGKILL');
      expect(await until(() => !pids.some(isAlive) && !existsSync(said('where')))).toBe(true);
    });
  });

  test('a holder that is dead is gone only when its cell of another user is', async () => {
    const execution = 'a1'.repeat(16);
    const holder = spawn(process.execPath, [fileURLToPath(new URL('holderProcess.ts', import.meta.url)), 'be'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [line] = await once(holder.stdout, 'data');
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    const cell = spawn('sleep', ['60'], { env: { PATH: process.env.PATH, PAWL_EXECUTION: execution }, ...nobody });
    await once(cell, 'spawn');
    expect(await holderState(String(line).trim(), execution)).toBe('alive');
    cell.kill('SIGKILL');
    await once(cell, 'exit');
    expect(await holderState(String(line).trim(), execution)).toBe('gone');
  });

  describe('looked at before the first one', () => {
    const under = async <T>(folder: string, act: () => Promise<T>): Promise<T> => {
      const standing = process.env.TMPDIR;
      process.env.TMPDIR = folder;
      try {
        return await act();
      } finally {
        if (standing === undefined) delete process.env.TMPDIR;
        else process.env.TMPDIR = standing;
      }
    };

    test('what that user can read and alter all the same is named', async () => {
      const open = join(dir, 'open.db');
      writeFileSync(open, 'x');
      chmodSync(open, 0o644);
      writeFileSync(join(dir, 'wide'), 'x');
      chmodSync(join(dir, 'wide'), 0o666);
      const files = [open, join(dir, 'wide'), join(own, 'pawl.db'), own];
      expect(await lookAroundAs(nobody, { ...nothing, readable: files, alterable: [...files, dir] })).toEqual({
        readable: [open, join(dir, 'wide')],
        alterable: [join(dir, 'wide'), dir],
        reached: [],
      });
    });

    test('a temporary folder that it cannot reach is refused, and one whose parts it could swap', async () => {
      await expect(under(own, () => lookAroundAs(nobody, nothing))).rejects.toThrow(
        /one that tried came to nothing \(.*\)\. That user must be able to reach .*own/,
      );
      await expect(under(dir, () => lookAroundAs(nobody, nothing))).rejects.toThrow(
        `that user could alter what this process itself runs by: ${dir}. Take that right away.`,
      );
    });
  });
});
