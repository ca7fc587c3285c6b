/**
 * The store on one machine: a file of SQLite, shared by processes through its own locks. No server, no port, nothing to
 * start; what was acknowledged is on the disk (WAL, `synchronous=FULL`).
 *
 * `node:sqlite` is synchronous, and an event loop that waits cannot stop a body. So SQLite itself waits for a lock for
 * `busyTimeoutMs` at most; then the event loop goes on, and it is tried again after a while. A write that met a lock before
 * its commit has written nothing. One that fails in the commit itself is not known: `putOnce` looks what stands.
 */
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';
import { PawlError } from '../engine/index.ts';
import { createCarryOut } from './carryOut.ts';
import { CompanionRefused } from './companions.ts';
import { prepareFolder } from './dataFolder.ts';
import { createSqliteClock, type Machine, type SqliteClock, type Told, thisMachine } from './sqliteClock.ts';
import { createRows, schema } from './sqliteRows.ts';
import type { AnswerOf, Operation, StoreClient } from './tableOperations.ts';

const busyTimeoutMs = 25;
/** Many commands at once wait for their turn: fifty beside one another on two slow processors need more than ten seconds. */
const busyWithinMs = 30_000;
const pauseMsMax = 100;

/** "Pawl". */
const applicationId = 0x5061776c;
const schemaVersion = 1;

const names: Record<number, string> = {
  7: 'SQLITE_NOMEM',
  8: 'SQLITE_READONLY',
  10: 'SQLITE_IOERR',
  11: 'SQLITE_CORRUPT',
  13: 'SQLITE_FULL',
  14: 'SQLITE_CANTOPEN',
  26: 'SQLITE_NOTADB',
};
/** Of the extended code of an error; 0: it is none of SQLite's. */
const codeOf = (error: unknown): number =>
  error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : 0;
/** SQLITE_BUSY, SQLITE_LOCKED, SQLITE_PROTOCOL: another has the lock. */
const isBusy = (error: unknown): boolean => [5, 6, 15].includes(codeOf(error));

/** With a name by which `failures.ts` knows it. */
const named = (error: unknown): unknown => {
  const code = codeOf(error);
  if (code === 0) return error;
  return Object.assign(new Error((error as Error).message, { cause: error }), {
    name: names[code] ?? `SQLite ${code}`,
  });
};
const busy = (cause: unknown): Error =>
  Object.assign(new Error(`Another process had the lock for ${busyWithinMs / 1000} s.`, { cause }), {
    name: 'StoreBusy',
  });

/** Again and again while another has the lock, and the event loop goes on meanwhile. */
const whenFree = async <T>(work: () => T, sinceMs = performance.now()): Promise<T> => {
  for (;;) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error)) throw named(error);
      if (performance.now() - sinceMs >= busyWithinMs) throw busy(error);
    }
    await wait(5 + Math.random() * pauseMsMax);
  }
};

/** One transaction that takes the lock to write first. What fails before its commit is undone. */
const writing = <T>(db: DatabaseSync, work: () => T): T => {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
};

const timeSchema =
  'CREATE TABLE time (id INTEGER PRIMARY KEY CHECK (id = 0), bootId TEXT NOT NULL, newestMs REAL NOT NULL, monotonicMs REAL NOT NULL, jumps TEXT NOT NULL);';

const refuseFile = (file: string, why: string): never => {
  const message = `${file} cannot be used: ${why}.`;
  throw new PawlError('store.misconfigured', message, { file });
};

const pragma = (db: DatabaseSync, name: string): unknown => Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0];

/** Makes a new file a store of Pawl, and refuses one that is none. Whoever comes second finds it made. */
const assertSchema = (db: DatabaseSync, file: string): void => {
  const made = (): boolean => {
    const [id, version] = [pragma(db, 'application_id'), Number(pragma(db, 'user_version'))];
    if (id === 0 && version === 0 && pragma(db, 'schema_version') === 0) return false;
    if (id !== applicationId) refuseFile(file, 'it is a database, but none of Pawl');
    if (version > schemaVersion)
      refuseFile(file, `it was written by a newer Pawl (format ${version}): update this one`);
    return true;
  };
  if (made()) return;
  writing(db, () => {
    if (made()) return;
    db.exec(`${schema()}\n${timeSchema}`);
    db.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${schemaVersion}`);
  });
};

const connect = (file: string): DatabaseSync => {
  const db = new DatabaseSync(file);
  try {
    db.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
    if (file !== memory && pragma(db, 'journal_mode') !== 'wal') db.exec('PRAGMA journal_mode = WAL');
    db.exec('PRAGMA synchronous = FULL');
    assertSchema(db, file);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
};

const memory = ':memory:';

export type Sqlite = {
  client: StoreClient;
  clock: SqliteClock;
  /** What is in the file goes to `target`, which is made: as it stood at one moment, whoever writes meanwhile. */
  copyTo(target: string): Promise<void>;
  /** For tests: whether the file may grow, as if its disk were full. */
  limitPages(isFull: boolean): void;
  close(): void;
};

const isRead = ({ kind }: Operation): boolean => kind === 'get' || kind === 'batchGet' || kind === 'query';

/** On this file, which is made if it is not there. `machine`: its clocks. */
export const openFile = async (file: string, machine: Machine = thisMachine()): Promise<Sqlite> => {
  const db = await whenFree(() => connect(file));
  const clock = createSqliteClock(machine);
  const carryOut = createCarryOut(createRows(db));
  const told = db.prepare('SELECT bootId, newestMs, monotonicMs, jumps FROM time WHERE id = 0');
  const tell = db.prepare(
    'INSERT OR REPLACE INTO time (id, bootId, newestMs, monotonicMs, jumps) VALUES (0, ?, ?, ?, ?)',
  );
  const learn = (): boolean => clock.learn(told.get() as Told | undefined);
  const keepTime = (): void => {
    const { bootId, newestMs, monotonicMs, jumps } = clock.tell();
    tell.run(bootId, newestMs, monotonicMs, jumps);
  };

  const write = <O extends Operation>(operation: O): AnswerOf<O> => {
    try {
      return writing(db, () => {
        learn();
        const answer = carryOut(operation);
        keepTime();
        return answer;
      });
    } catch (error) {
      // What it had written is undone by now.
      if (!(error instanceof CompanionRefused) || operation.kind !== 'commit') throw error;
      return { kind: 'companion', at: error.at, why: error.message } as AnswerOf<O>;
    }
  };
  /** A jump is told the others at once: whoever comes after this process has to know of it. */
  const read = <O extends Operation>(operation: O): AnswerOf<O> => {
    const answer = carryOut(operation);
    if (learn())
      writing(db, () => {
        learn();
        keepTime();
      });
    return answer;
  };

  // One after the other: of several that wait for a lock, each would hold up the event loop for its own time.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => T): Promise<T> => {
    const sinceMs = performance.now();
    const next = last.then(() => whenFree(work, sinceMs));
    last = next.catch(() => undefined);
    return next;
  };
  await inTurn(learn);

  return {
    client: {
      send: async (operation) => (isRead(operation) ? whenFree(() => read(operation)) : inTurn(() => write(operation))),
    },
    clock,
    copyTo: (target) => whenFree(() => void db.prepare('VACUUM INTO ?').run(target)),
    limitPages: (isFull) => void pragma(db, `max_page_count = ${isFull ? pragma(db, 'page_count') : 0xfffffffe}`),
    close: () => db.close(),
  };
};

/** A store that is gone with its process. */
export const openMemory = (machine?: Machine): Promise<Sqlite> => openFile(memory, machine);

/** SQLite has an error of input and output where it cannot make the files beside its own. */
const hasRoom = async (file: string): Promise<boolean> => {
  const { bavail } = await statfs(dirname(file));
  return bavail > 0;
};

/** What is in it is nothing that could be read. */
const spoiled = ['SQLITE_NOTADB', 'SQLITE_CORRUPT'];
const wayOn =
  '. Move it away with the files beside it (`-wal`, `-shm`) and put a backup in its place, or name another folder with --data or PAWL_DATA_DIR';

/** The store of a data folder. @throws PawlError `store.misconfigured` where it cannot be, at once */
export const openFolder = async (folder: string): Promise<Sqlite> => {
  const file = await prepareFolder(folder);
  try {
    return await openFile(file);
  } catch (error) {
    if (error instanceof PawlError) throw error;
    const { name, message } = error as Error;
    const why = (await hasRoom(file))
      ? `cannot be opened (${name}: ${message})${spoiled.includes(name) ? wayOn : ''}`
      : 'cannot be opened: its disk is full. Make room and ask again; what was recorded is there';
    const text = name === 'StoreBusy' ? `${file} is locked by another process: ask again later.` : `${file} ${why}.`;
    throw new PawlError(name === 'StoreBusy' ? 'store.unavailable' : 'store.misconfigured', text, { file }, error);
  }
};
