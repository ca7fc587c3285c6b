/** What SQLite promises beyond the conformance suite: processes that share a file, die, hold its lock; its folder, its time. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createExecute } from '../../src/cells/index.ts';
import { readTables } from '../../src/store/dynamodb.ts';
import { createStore, indexes, keysOf, tables } from '../../src/store/index.ts';
import { backUp, networkOf, openFile, openFolder, openMemory, prepareFolder } from '../../src/store/local.ts';
import { createSqliteClock, type Machine } from '../../src/store/sqliteClock.ts';
import { runbookOf } from '../engine/runbooks.ts';
import { engineOn } from '../support/engine.ts';
import { storesFolder } from '../support/inMemory.ts';
import { atMs, entry, putChain } from './fixtures.ts';

let folder: string;
let file: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(storesFolder(), 'pawl-sqlite-'));
  file = join(folder, 'pawl.db');
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
});

/** What a writer was acknowledged: the newest seq of each chain. */
type Writer = { child: ChildProcess; acknowledged: Map<string, number>; gone: Promise<unknown> };
const writer = (name: string, count?: number): Writer => {
  const script = join(import.meta.dirname, 'sqliteWriter.ts');
  const args = [script, file, name, ...(count === undefined ? [] : [String(count)])];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const acknowledged = new Map<string, number>();
  let rest = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [id = '', seq = ''] = line.split(' ');
      acknowledged.set(id, Number(seq));
    }
  });
  return { child, acknowledged, gone: once(child, 'close') };
};

/** Every chain of the file: read whole, so checked by number and hash, and as long as its writer was told at least. */
const expectHolds = async (of: string, acknowledged: Iterable<[string, number]>): Promise<void> => {
  const opened = await openFile(of);
  const { journal } = createStore(opened.client, { clock: opened.clock });
  for (const [id, seq] of acknowledged) {
    const entries = await journal.page(id, -1, 1_000_000);
    expect(entries.length, id).toBeGreaterThan(seq);
    expect(entries.map(({ entry: one }) => one.seq)).toEqual(entries.map((_, at) => at));
  }
  opened.close();
  const db = new DatabaseSync(of);
  expect(db.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
  db.close();
};

describe('processes on one file', { timeout: 240_000 }, () => {
  test('100 × kill -9 of writers: nothing that was acknowledged is lost, and every chain is whole', async () => {
    const all: [string, number][] = [];
    for (let round = 0; round < 25; round += 1) {
      const writers = [0, 1, 2, 3].map((at) => writer(`killed-${round}-${at}`));
      for (const { acknowledged } of writers) await expect.poll(() => acknowledged.size).toBe(1);
      for (const { child } of writers) child.kill('SIGKILL');
      await Promise.all(writers.map(({ gone }) => gone));
      all.push(...writers.flatMap(({ acknowledged }) => [...acknowledged]));
    }
    expect(all).toHaveLength(100);
    await expectHolds(file, all);
  });

  test('24 threads of one service and a command beside it, half of them ended in the middle of a put: the others go on', async () => {
    const script = join(import.meta.dirname, 'sqliteWriter.ts');
    const acknowledged = new Map<string, number>();
    const threads = Array.from({ length: 24 }, (_, at) => {
      const thread = new Worker(script, { argv: [file, `thread-${at}`] });
      thread.on('message', (line: string) => {
        const [id = '', seq = ''] = line.split(' ');
        acknowledged.set(id, Number(seq));
      });
      return thread;
    });
    const beside = writer('beside');
    const least = (ids: string[]): number => Math.min(...ids.map((id) => acknowledged.get(id) ?? -1));
    const idsOf = (from: number, to: number): string[] =>
      Array.from({ length: to - from }, (_, at) => `thread-${from + at}`);
    await expect.poll(() => least(idsOf(0, 24))).toBeGreaterThan(1);
    // They do nothing but put: each is in the middle of one, or of waiting for its turn.
    await Promise.all(threads.slice(0, 12).map((thread) => thread.terminate()));
    const [then, besideThen] = [least(idsOf(12, 24)), beside.acknowledged.get('beside') ?? 0];
    await expect.poll(() => least(idsOf(12, 24))).toBeGreaterThan(then + 2);
    await expect.poll(() => beside.acknowledged.get('beside') ?? 0).toBeGreaterThan(besideThen);
    await Promise.all(threads.slice(12).map((thread) => thread.terminate()));
    beside.child.kill('SIGKILL');
    await beside.gone;
    await expectHolds(file, [...acknowledged, ...beside.acknowledged]);
  });

  test('a backup while eight writers run holds all that was acknowledged before it began, and opens elsewhere', async () => {
    const writers = Array.from({ length: 8 }, (_, at) => writer(`writes-${at}`));
    for (const { acknowledged } of writers)
      await expect.poll(() => [...acknowledged.values()][0] ?? 0).toBeGreaterThan(5);
    const before = writers.flatMap(({ acknowledged }) => [...acknowledged]);
    const target = join(folder, 'elsewhere', 'copy.db');
    mkdirSync(join(folder, 'elsewhere'));
    const opened = await openFile(file);
    const made = await backUp(opened, target);
    expect(made).toEqual({ file: target, bytes: statSync(target).size });
    expect(statSync(target).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(folder, 'elsewhere'))).toEqual(['copy.db']);
    await expect(backUp(opened, target)).rejects.toMatchObject({ code: 'request.invalid' });
    await expect(backUp(opened, join(folder, 'nowhere', 'copy.db'))).rejects.toThrow(/was not made/);
    opened.close();
    for (const { child } of writers) child.kill('SIGKILL');
    await Promise.all(writers.map(({ gone }) => gone));
    await expectHolds(target, before);
  });

  test('another holds the lock for 10 s while the time-out of a cell passes: its body is dead on time, the outcome recorded', async () => {
    const opened = await openFolder(folder);
    const engine = engineOn(createStore(opened.client, { clock: opened.clock }), {
      execute: createExecute({ httpAllow: [] }),
      deployment: { name: 'test', epoch: 0, takeoverGraceMs: 15_000 },
    });
    const marks = join(folder, 'marks');
    const by = { actor: 'ada', via: 'test', where: 'here' };
    const body = { kind: 'sh', code: `while :; do echo . >> '${marks}'; sleep 0.1; done` } as const;
    await engine.publish(JSON.stringify(runbookOf([{ name: 'loops', timeoutMs: 2_000, body } as never])), by);
    const { view } = await engine.start({ runbookId: 'demo', params: {}, instanceId: 'locked', by });
    const running = engine.advance(view.instanceId, { budgetMs: 60_000, by });
    await expect.poll(() => existsSync(marks)).toBe(true);
    const holder = new DatabaseSync(file);
    holder.exec('BEGIN IMMEDIATE');
    const releasing = new Promise<number>((resolve) =>
      setTimeout(() => {
        const size = statSync(marks).size;
        holder.exec('COMMIT');
        holder.close();
        resolve(size);
      }, 10_000),
    );
    const atRelease = await releasing;
    // 2 s of a mark each 0.1 s, two bytes each: seconds later nothing had been added.
    expect(atRelease).toBeLessThan(2 * 40);
    expect(await running).toMatchObject({ steps: [{ cell: 'loops', recorded: true }] });
    expect(statSync(marks).size).toBe(atRelease);
    opened.close();
  });

  test('a write that met the lock all along wrote nothing, and says so', async () => {
    const opened = await openFile(file);
    const { journal } = createStore(opened.client, { clock: opened.clock });
    const holder = new DatabaseSync(file);
    holder.exec('BEGIN IMMEDIATE');
    await expect(journal.putOnce(entry('busy', 0, 'mine'))).rejects.toMatchObject({
      code: 'store.unavailable',
      message: expect.stringContaining('another process had the lock, and nothing was written'),
    });
    // Who reads waits for nobody.
    expect(await journal.head('busy')).toBeUndefined();
    holder.exec('ROLLBACK');
    holder.close();
    expect(await journal.putOnce(entry('busy', 0, 'mine'))).toMatchObject({ kind: 'written', adopted: false });
    opened.close();
  });

  test('a file that is full: unknown, and read back by its token; with room again the same put is written', async () => {
    const opened = await openFile(file);
    const { journal } = createStore(opened.client, { clock: opened.clock });
    await putChain(journal, 'full', 2);
    opened.limitPages(true);
    const large = entry('full-2', 0, 'mine', 'x'.repeat(300_000));
    expect(await journal.putOnce(large)).toMatchObject({ kind: 'unknown', cause: { name: 'SQLITE_FULL' } });
    expect(await journal.head('full-2')).toBeUndefined();
    opened.limitPages(false);
    expect(await journal.putOnce(large)).toMatchObject({ kind: 'written' });
    expect((await journal.page('full', -1, 10)).length).toBe(2);
    opened.close();
  });
});

describe('the file', () => {
  test('is for its owner alone, and so is what SQLite puts beside it', async () => {
    const data = join(folder, 'made', 'for', 'it');
    const opened = await openFolder(data);
    await putChain(createStore(opened.client, { clock: opened.clock }).journal, 'a', 1);
    expect(statSync(data).mode & 0o777).toBe(0o700);
    expect(readdirSync(data).sort()).toEqual(['pawl.db', 'pawl.db-shm', 'pawl.db-wal']);
    for (const name of readdirSync(data)) expect(statSync(join(data, name)).mode & 0o777, name).toBe(0o600);
    opened.close();
  });

  test('refuses to alter what is append-only, also to whoever opens it past Pawl', async () => {
    const opened = await openFile(file);
    await putChain(createStore(opened.client, { clock: opened.clock }).journal, 'a', 1);
    opened.close();
    const db = new DatabaseSync(file);
    for (const sql of ["UPDATE journal SET item = '{}'", 'DELETE FROM journal'])
      expect(() => db.exec(sql), sql).toThrow('append-only');
    db.close();
  });

  test('has the tables, keys and indexes of infra/tables.yml', async () => {
    const deployed = await readTables('t');
    expect(deployed.map(({ TableName }) => TableName?.slice(2)).sort()).toEqual([...tables].sort());
    for (const table of tables) {
      const { KeySchema, GlobalSecondaryIndexes = [] } =
        deployed.find(({ TableName }) => TableName === `t-${table}`) ?? {};
      expect(KeySchema?.map(({ AttributeName }) => AttributeName)).toEqual([...keysOf(table)]);
      const named = GlobalSecondaryIndexes.map(({ IndexName, KeySchema: key }) => [
        IndexName,
        key?.map(({ AttributeName }) => AttributeName),
      ]);
      expect(Object.fromEntries(named)).toEqual(indexes[table]);
    }
  });

  test('that is no store of Pawl, or of a newer one, is refused', async () => {
    const other = new DatabaseSync(file);
    other.exec('CREATE TABLE mine (a)');
    other.close();
    await expect(openFile(file)).rejects.toThrow('none of Pawl');
    rmSync(file);
    (await openFile(file)).close();
    const newer = new DatabaseSync(file);
    newer.exec('PRAGMA user_version = 2');
    newer.close();
    await expect(openFile(file)).rejects.toThrow('newer Pawl');
    writeFileSync(file, 'x'.repeat(10_000));
    await expect(openFolder(folder)).rejects.toMatchObject({ code: 'store.misconfigured' });
  });
});

describe('a folder that cannot be used is refused at once, with a sentence', () => {
  const refused = async (path: string, why: RegExp): Promise<void> => {
    const opening = openFolder(path);
    await expect(opening).rejects.toMatchObject({ code: 'store.misconfigured' });
    await expect(opening).rejects.toThrow(why);
    await expect(opening).rejects.toThrow('PAWL_DATA_DIR');
  };

  test('it cannot be made', () => refused('/proc/x', /cannot be made there|cannot be written/));
  test('it is a file, or below one', async () => {
    writeFileSync(file, '');
    await refused(file, /is a file/);
    await refused(join(file, 'below'), /is a file/);
  });
  test('it was written by a Pawl before SQLite', async () => {
    mkdirSync(join(folder, 'db'));
    writeFileSync(join(folder, 'server.json'), '{}');
    await refused(folder, /before SQLite/);
    expect(existsSync(file)).toBe(false);
  });
  test('it is read only', async () => {
    const script = `import { openFolder } from ${JSON.stringify(new URL('../../src/store/local.ts', import.meta.url))};
      await openFolder(${JSON.stringify(folder)}).catch((error) => console.log(error.message));`;
    chmodSync(folder, 0o555);
    // Root may write everywhere, so it is asked as somebody else.
    const who = process.getuid?.() === 0 ? { uid: 65534 } : {};
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { ...who, cwd: '/' });
    let said = '';
    child.stdout?.on('data', (text) => {
      said += text;
    });
    child.stderr?.on('data', (text) => {
      said += text;
    });
    await once(child, 'close');
    chmodSync(folder, 0o700);
    expect(said).toContain('cannot be written by you');
  });
  test.each([
    ['NFS', 0x6969],
    ['CIFS', 0xff534d42],
    ['CIFS, as a signed number', 0xff534d42 | 0],
    ['9p', 0x01021997],
  ])('it is on a network: %s', async (_, type) => {
    await expect(prepareFolder(folder, async () => type)).rejects.toThrow(/over a network, and SQLite's WAL/);
  });
  test('a local file system is none', () => {
    for (const type of [0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630])
      expect(networkOf(type)).toBeUndefined();
  });
});

describe('its time', () => {
  const machine = () => {
    const now = { monotonic: 5_000, wall: atMs, boot: 'one' };
    const of: Machine = {
      get bootId() {
        return now.boot;
      },
      monotonicMs: () => now.monotonic,
      wallMs: () => now.wall,
    };
    const pass = (ms: number): void => {
      now.monotonic += ms;
      now.wall += ms;
    };
    return { now, of, pass };
  };
  /** Processes of one machine on one file, each of them with a wall clock of its own. */
  const openBoth = async () => {
    const { now, of, pass } = machine();
    let offMs = 0;
    const mine = await openFile(file, of);
    const theirs = await openFile(file, { ...of, bootId: now.boot, wallMs: () => now.wall + offMs });
    const write = (one: typeof mine, id: string) =>
      createStore(one.client, { clock: one.clock }).journal.putOnce(entry(id, 0, 't'));
    return {
      now,
      pass,
      mine,
      theirs,
      write,
      setTheirs: (ms: number) => {
        offMs = ms;
      },
    };
  };
  const graceMs = 15_000;

  test('is the wall clock, and goes on by the monotonic one', async () => {
    const { of, pass } = machine();
    const opened = await openMemory(of);
    expect(opened.clock.nowMs()).toBe(atMs);
    pass(1_234);
    expect([opened.clock.nowMs(), opened.clock.behindMs(), opened.clock.heldMs(0, graceMs)]).toEqual([
      atMs + 1_234,
      0,
      0,
    ]);
  });

  test('never goes below the newest that was committed: a wall clock an hour behind is not believed', async () => {
    const { now, mine, theirs, write, pass, setTheirs } = await openBoth();
    await write(mine, 'a');
    setTheirs(-3_600_000);
    now.wall -= 3_600_000;
    pass(1_000);
    await write(theirs, 'b');
    await write(mine, 'c');
    expect([mine.clock.nowMs(), theirs.clock.nowMs()]).toEqual([atMs + 1_000, atMs + 1_000]);
    expect(mine.clock.heldMs(0, graceMs)).toBe(0);
  });

  test.each(['a clock put on by an hour', 'a machine that slept for an hour'])(
    '%s: what was begun before is left to its holder for that hour, and for a grace at least',
    async () => {
      const { now, mine, theirs, write, pass } = await openBoth();
      await write(mine, 'a');
      const begunAtMs = mine.clock.nowMs();
      pass(1_000);
      now.wall += 3_600_000;
      // Before the file is asked, a body that would begin is told how late it may be.
      expect(mine.clock.behindMs()).toBe(3_600_000);
      await createStore(theirs.client, { clock: theirs.clock }).journal.head('a');
      expect(theirs.clock.nowMs()).toBe(atMs + 3_601_000);
      for (const one of [theirs, await openFile(file, machineAt(now))])
        expect(one.clock.heldMs(begunAtMs, graceMs)).toBe(3_600_000 + graceMs);
      pass(graceMs);
      expect(theirs.clock.heldMs(begunAtMs, graceMs)).toBe(3_600_000);
      // What is begun afterwards has its own time.
      expect(theirs.clock.heldMs(theirs.clock.nowMs(), graceMs)).toBe(0);
    },
  );
  const machineAt = (now: { monotonic: number; wall: number; boot: string }): Machine => ({
    bootId: now.boot,
    monotonicMs: () => now.monotonic,
    wallMs: () => now.wall,
  });

  test('two processes that disagree by an hour share one line: the one ahead moves it, and both hold', async () => {
    const { mine, theirs, write, setTheirs } = await openBoth();
    await write(mine, 'a');
    setTheirs(3_600_000);
    await write(theirs, 'b');
    await write(mine, 'c');
    expect(mine.clock.nowMs()).toBe(atMs + 3_600_000);
    for (const { clock } of [mine, theirs]) expect(clock.heldMs(atMs, graceMs)).toBe(3_600_000 + graceMs);
  });

  test('a step of less than half the grace holds nobody up', async () => {
    const { now, mine, write } = await openBoth();
    await write(mine, 'a');
    now.wall += 5_000;
    await write(mine, 'b');
    expect([mine.clock.nowMs(), mine.clock.heldMs(0, graceMs)]).toEqual([atMs + 5_000, 0]);
  });

  test('after the machine was started again nobody holds anything, and the newest time stands', () => {
    const { now, of } = machine();
    const clock = createSqliteClock(of);
    now.boot = 'two';
    const told = { bootId: 'one', newestMs: atMs + 60_000, monotonicMs: 900_000, jumps: '[]' };
    const after = createSqliteClock({ ...of, bootId: 'two' });
    expect([clock.learn(undefined), after.learn(told)]).toEqual([false, false]);
    expect([after.nowMs(), after.heldMs(0, graceMs)]).toEqual([atMs + 60_000, 0]);
  });
});

/** A disk of its own of half a megabyte, where this machine lets us have one. */
const mountSmall = (at: string): boolean =>
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', at]).status === 0;
const mayMount = ((): boolean => {
  const at = mkdtempSync(join(tmpdir(), 'pawl-disk-'));
  try {
    return mountSmall(at) && spawnSync('umount', [at]).status === 0;
  } finally {
    rmSync(at, { recursive: true, force: true });
  }
})();

// Where nobody may mount, the gate counts these as skipped; the file that may not grow, above, is tested everywhere.
describe.runIf(mayMount)('a real disk that is full', () => {
  let disk: string;
  beforeEach(() => {
    disk = mkdtempSync(join(tmpdir(), 'pawl-disk-'));
    expect(mountSmall(disk)).toBe(true);
  });
  afterEach(() => {
    spawnSync('umount', [disk]);
    rmSync(disk, { recursive: true, force: true });
  });
  const fill = (): void => {
    const handle = openSync(join(disk, 'fill'), 'w');
    const piece = Buffer.alloc(4_096);
    try {
      for (;;) writeSync(handle, piece);
    } catch {
      closeSync(handle);
    }
  };

  test('loses nothing that was acknowledged, and takes the same put once there is room', async () => {
    const dataDir = join(disk, 'data');
    const opened = await openFolder(dataDir);
    const { journal } = createStore(opened.client, { clock: opened.clock });
    await putChain(journal, 'kept', 2);
    fill();
    const large = entry('later', 0, 'mine', 'x'.repeat(300_000));
    expect(await journal.putOnce(large)).toMatchObject({ kind: 'unknown' });
    expect(await journal.head('later')).toBeUndefined();
    opened.close();
    rmSync(join(disk, 'fill'));
    const again = await openFolder(dataDir);
    const { journal: later } = createStore(again.client, { clock: again.clock });
    expect(await later.putOnce(entry('small', 0, 'mine'))).toMatchObject({ kind: 'written' });
    expect((await later.page('kept', -1, 10)).length).toBe(2);
    again.close();
  });

  test('is named when a store cannot be opened on it', async () => {
    const dataDir = join(disk, 'data');
    (await openFolder(dataDir)).close();
    fill();
    await expect(openFolder(dataDir)).rejects.toMatchObject({
      code: 'store.misconfigured',
      message: expect.stringContaining('its disk is full. Make room'),
    });
    await expect(openFolder(join(disk, 'another'))).rejects.toThrow(/disk is full/);
  });
});
