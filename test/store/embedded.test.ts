/** The embedded store as processes see it: who starts it, who shares it, and what survives a kill. */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createClient, createStore } from '../../src/store/index.ts';
import { type Embedded, openEmbedded } from '../../src/store/local.ts';
import { entry, putChain } from './fixtures.ts';

const idleMs = 4_000;

describe('the embedded store', { timeout: 60_000 }, () => {
  let dataDir: string;
  let opened: Embedded[];
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'pawl-embedded-'));
    opened = [];
  });
  afterEach(async () => {
    for (const one of opened) one.close();
    const pid = JSON.parse(await readFile(join(dataDir, 'server.json'), 'utf8').catch(() => '{}')).pid;
    if (await alive(pid)) process.kill(pid, 'SIGKILL');
    // A process that is told to die writes for a moment yet.
    await gone(pid, 2_000);
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  });
  const open = async (): Promise<Embedded> => {
    const one = await openEmbedded(dataDir, { idleMs });
    opened.push(one);
    return one;
  };
  const journalAt = ({ endpoint, tablesPrefix }: Embedded) => {
    const { client, clock } = createClient({ endpoint });
    return createStore(client, { tablesPrefix, clock }).journal;
  };
  /** Whether a server of this folder is running: the pid may belong to somebody else by now. */
  const alive = async (pid: unknown): Promise<boolean> => {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return command.includes('embeddedServer') && command.includes(dataDir);
  };
  const gone = async (pid: unknown, withinMs: number): Promise<boolean> => {
    for (let i = 0; i < withinMs / 50 && (await alive(pid)); i += 1) await wait(50);
    return !(await alive(pid));
  };
  const process_ = (instanceId: string, stayMs = 0) =>
    promisify(execFile)(process.execPath, [
      join(import.meta.dirname, 'opener.ts'),
      dataDir,
      String(idleMs),
      instanceId,
      String(stayMs),
    ]);

  test('six processes at once share one server', async () => {
    const said = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((id) => process_(id)));
    const seen = said.map(({ stdout }) => JSON.parse(stdout));
    expect(new Set(seen.map(({ endpoint, pid }) => `${endpoint} ${pid}`)).size).toBe(1);
    expect(seen.map(({ put }) => put)).toEqual(Array.from({ length: 6 }, () => 'written'));
    const journal = journalAt(await open());
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) expect((await journal.head(id))?.entry.seq).toBe(0);
  });

  test('after kill -9 the next one finds everything that was acknowledged, at the same address', async () => {
    const first = await open();
    const journal = journalAt(first);
    await putChain(journal, 'kept', 50);
    process.kill(first.pid, 'SIGKILL');
    expect(await gone(first.pid, 2_000)).toBe(true);
    const second = await open();
    expect(second.pid).not.toBe(first.pid);
    expect(second.endpoint).toBe(first.endpoint);
    expect((await journal.page('kept', -1, 100)).length).toBe(50);
  });

  test('a server that was killed under a living process is brought back', async () => {
    const working = process_('long', 6_000);
    while (!(await readdir(dataDir)).includes('server.json')) await wait(20);
    const { pid } = await open();
    opened.pop()?.close();
    await wait(1_000);
    process.kill(pid, 'SIGKILL');
    const { stdout } = await working;
    expect(stdout.trim().split('\n')[1]).toBe('0');
  });

  test('a file that names a foreign program, or is rubbish, is not believed', async () => {
    const foreign = createServer((_, response) => response.end('hello'));
    await new Promise<void>((resolve) => foreign.listen(0, '127.0.0.1', resolve));
    const address = foreign.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    await writeFile(join(dataDir, 'server.json'), JSON.stringify({ pid: process.pid, port, startId: 'stale' }));
    const found = await open();
    expect(found.endpoint).not.toBe(`http://127.0.0.1:${port}`);
    expect(await alive(found.pid)).toBe(true);
    await new Promise((resolve) => foreign.close(resolve));
    // The running server holds the files and says so again.
    await writeFile(join(dataDir, 'server.json'), 'rubbish');
    expect((await open()).pid).toBe(found.pid);
    process.kill(found.pid, 'SIGTERM');
    expect(await gone(found.pid, 3_000)).toBe(true);
    expect((await journalAt(await open()).putOnce(entry('a', 0, 'mine'))).kind).toBe('written');
  });

  test('when the folder is deleted its server leaves, and the next begins anew', async () => {
    const first = await open();
    await journalAt(first).putOnce(entry('old', 0, 'mine'));
    first.close();
    await rm(dataDir, { recursive: true });
    const second = await open();
    expect(await gone(first.pid, 3_000)).toBe(true);
    expect(await journalAt(second).head('old')).toBeUndefined();
    expect(await alive(second.pid)).toBe(true);
  });

  test('it stays while a process works and leaves when nobody asks any more', async () => {
    const one = await open();
    await wait(idleMs * 1.6);
    expect(await alive(one.pid)).toBe(true);
    one.close();
    expect(await gone(one.pid, idleMs * 2)).toBe(true);
    expect(await readFile(join(dataDir, 'embedded.log'), 'utf8')).toContain('leaves: nothing was asked');
  });

  test('no web page gets in', async () => {
    const { endpoint } = await open();
    const answer = await fetch(endpoint, { method: 'POST', headers: { origin: 'http://evil.example' } });
    expect(answer.status).toBe(403);
  });

  test('a folder that cannot be used says what to do', async () => {
    const file = join(dataDir, 'file');
    await writeFile(file, '');
    await chmod(file, 0o400);
    const failed = openEmbedded(file, { idleMs });
    await expect(failed).rejects.toMatchObject({ code: 'store.misconfigured' });
    await expect(failed).rejects.toThrow('PAWL_DATA_DIR');
  });
});
