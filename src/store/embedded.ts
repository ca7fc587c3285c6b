/**
 * The embedded store: DynamoDB on files, for a developer's machine. A background process (embeddedServer.ts) serves
 * dynalite to all processes that work with the same folder; the first that needs it starts it, it leaves when none asks any more.
 *
 * `server.json` says where it listens. The file is a hint, nothing more: who reads it asks that address for the start
 * id, so a stale file or a foreign program on the port is noticed. That only one server runs is LevelDB's own lock.
 */
import { spawn } from 'node:child_process';
import { access, constants, type FileHandle, mkdir, open, readFile } from 'node:fs/promises';
import { extname, join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { PawlError } from '../engine/index.ts';

export const embeddedPrefix = 'pawl';
export const serverFile = 'server.json';
/** Asked by GET: answers with the content of `server.json`, and counts as a request. */
export const identityPath = '/.pawl';
const serverSchema = z.strictObject({ pid: z.int(), port: z.int(), startId: z.string() });
export type ServerInfo = z.infer<typeof serverSchema>;

const idleMsDefault = 30_000;
const startWithinMs = 20_000;
const pollMs = 50;
const askWithinMs = 2_000;
const logFile = 'embedded.log';

export type Embedded = {
  endpoint: string;
  /** Tables are `<tablesPrefix>-journal` and so on. */
  tablesPrefix: string;
  pid: number;
  /** Stops keeping the server alive for this process. Needed by tests only: a process that ends does the same. */
  close(): void;
};

/** What `server.json` says, whether true or not. */
export const readServerFile = async (dataDir: string): Promise<ServerInfo | undefined> => {
  try {
    return serverSchema.parse(JSON.parse(await readFile(join(dataDir, serverFile), 'utf8')));
  } catch {
    return undefined; // None yet, or not one of ours: it will be written anew.
  }
};

const isServing = async (server: ServerInfo): Promise<boolean> => {
  try {
    const answer = await fetch(`http://127.0.0.1:${server.port}${identityPath}`, {
      signal: AbortSignal.timeout(askWithinMs),
    });
    return answer.ok && serverSchema.parse(await answer.json()).startId === server.startId;
  } catch {
    return false;
  }
};

const openLog = async (dataDir: string): Promise<FileHandle> => {
  try {
    await mkdir(dataDir, { recursive: true });
    await access(dataDir, constants.W_OK);
    return await open(join(dataDir, logFile), 'a');
  } catch (error) {
    const message = `The data folder ${dataDir} cannot be written: make it writable or set PAWL_DATA_DIR to another.`;
    throw new PawlError('store.misconfigured', message, { dataDir }, error);
  }
};

/** Starts a server that outlives this process. `exited` says when it is gone: it lost the race, or it could not start. */
const start = async (dataDir: string, idleMs: number): Promise<{ exited(): boolean }> => {
  const log = await openLog(dataDir);
  try {
    const script = fileURLToPath(
      new URL(`./embeddedServer${extname(fileURLToPath(import.meta.url))}`, import.meta.url),
    );
    const server = spawn(process.execPath, [script, dataDir, String(idleMs)], {
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: {},
    });
    let exited = false;
    server.once('exit', () => {
      exited = true;
    });
    server.once('error', () => {
      exited = true;
    });
    server.unref();
    return { exited: () => exited };
  } finally {
    await log.close();
  }
};

const ensure = async (dataDir: string, idleMs: number): Promise<ServerInfo> => {
  const endMs = performance.now() + startWithinMs;
  let started: { exited(): boolean } | undefined;
  do {
    const server = await readServerFile(dataDir);
    if (server !== undefined && (await isServing(server))) return server;
    // A loser leaves as soon as it finds the files locked. The winner is then about to serve, or just about to leave.
    if (started === undefined || started.exited()) started = await start(dataDir, idleMs);
    await wait(pollMs);
  } while (performance.now() < endMs);
  const message = `The embedded store did not start within ${startWithinMs / 1000} s: read ${join(dataDir, logFile)}.`;
  throw new PawlError('store.unavailable', message, { dataDir });
};

/**
 * Finds the running server of this folder or starts one. While this process lives it asks now and then, so that the
 * server stays through a cell of minutes, and brings it back if it was killed: on its former port, if that is free.
 */
export const openEmbedded = async (folder: string, options: { idleMs?: number } = {}): Promise<Embedded> => {
  const dataDir = resolve(folder);
  const idleMs = options.idleMs ?? idleMsDefault;
  const { port, pid } = await ensure(dataDir, idleMs);
  let asking = false;
  const keepAlive = setInterval(async () => {
    if (asking) return;
    asking = true;
    // What goes wrong here shows at the next request, with an error of its own.
    await ensure(dataDir, idleMs).catch(() => undefined);
    asking = false;
  }, idleMs / 3);
  keepAlive.unref();
  return {
    endpoint: `http://127.0.0.1:${port}`,
    tablesPrefix: embeddedPrefix,
    pid,
    close: () => clearInterval(keepAlive),
  };
};
