/**
 * The background process of the embedded store: `node embeddedServer.ts <dataDir> <idleMs>`. It opens the files, makes
 * sure of the tables, and only then says in `server.json` where it listens. If another process holds the files it
 * leaves again, having changed nothing. It leaves when nothing was asked for `idleMs`, and on SIGTERM; after SIGUSR2 as soon
 * as no other process asks: the sender has done its work.
 */
import { randomBytes } from 'node:crypto';
import { access, rename, stat, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { join } from 'node:path';
import dynalite from 'dynalite';
import { createClient } from './client.ts';
import { embeddedPrefix, identityPath, readServerFile, type ServerInfo, serverFile } from './embedded.ts';
import { createTables } from './tables.ts';

/** Connections still open this long after leaving began are cut. */
const leaveWithinMs = 1_000;
const soonMs = 300;

const say = (text: string): void => void process.stdout.write(`${new Date().toISOString()} ${process.pid} ${text}\n`);

const fail = (error: unknown): never => {
  say(`ends: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
};

const listen = (server: Server, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });

/** Creates the tables through a door of its own: the first use of the files, so it fails if another process holds them. */
const openFiles = async (answer: RequestListener): Promise<void> => {
  const door = createServer(answer);
  const { client } = createClient({ endpoint: `http://127.0.0.1:${await listen(door, 0)}` });
  await createTables(client, embeddedPrefix);
  client.destroy();
  door.closeAllConnections();
  door.close();
};

/** Which file LevelDB holds its lock on; `undefined` when it is gone. */
const lockOf = async (dataDir: string): Promise<number | undefined> =>
  (await stat(join(dataDir, 'db', 'LOCK')).catch(() => undefined))?.ino;

const serve = async (dataDir: string, idleMs: number): Promise<void> => {
  let patienceMs = idleMs;
  await access(dataDir); // LevelDB would make it: a folder deleted in the meantime must not come back.
  // Only its request handler is used, and it is not asked to close: LevelDB is as safe against an exit as against a kill.
  const files = dynalite({ path: join(dataDir, 'db'), createTableMs: 0, deleteTableMs: 0 });
  const answer: RequestListener = (request, response) => void files.emit('request', request, response);
  await openFiles(answer);

  const startId = randomBytes(16).toString('hex');
  let info: ServerInfo | undefined;
  let askedMs = performance.now();
  let leaving = false;
  const server = createServer((request, response) => {
    askedMs = performance.now();
    // dynalite lets every web page in (CORS *). No client of ours is a web page, and browsers always say who they are.
    if (request.headers.origin !== undefined) return void response.writeHead(403).end();
    if (leaving) return void response.writeHead(503).end();
    if (request.url !== identityPath) return answer(request, response);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(info ?? {}));
  });

  // On the port of the server before, so that processes which still know that address find this one; else on any.
  const former = await readServerFile(dataDir);
  const port = await listen(server, former?.port ?? 0).catch(() => listen(server, 0));
  info = { pid: process.pid, port, startId };
  const announce = async (mine: ServerInfo): Promise<void> => {
    const written = join(dataDir, `${serverFile}.${startId}`);
    await writeFile(written, JSON.stringify(mine));
    await rename(written, join(dataDir, serverFile));
  };
  await announce(info);
  say(`listens on port ${port}`);

  const leave = (why: string): void => {
    if (leaving) return;
    leaving = true;
    say(`leaves: ${why}`);
    // `server.json` stays: a reader finds no server there, and the next server takes the port from it.
    server.close(() => process.exit(0));
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), leaveWithinMs).unref();
  };
  const held = await lockOf(dataDir);
  const checkFiles = async (mine: ServerInfo): Promise<void> => {
    if (performance.now() - askedMs >= patienceMs) return leave(`nothing was asked for ${patienceMs} ms`);
    // The folder was deleted: the next process begins with new files, and these belong to none.
    if ((await lockOf(dataDir)) !== held) return leave('the files are gone');
    // Who holds the files is the one to ask, whatever became of the file that says so.
    if ((await readServerFile(dataDir))?.startId !== startId && !leaving) await announce(mine);
  };
  setInterval(checkFiles, Math.min(1_000, idleMs / 2), info).unref();
  process.on('SIGTERM', () => leave('SIGTERM'));
  process.on('SIGUSR2', () => {
    patienceMs = Math.min(patienceMs, soonMs);
  });
};

// dynalite throws from its callbacks when the files are locked or damaged.
process.on('uncaughtException', fail);
const [dataDir = '', idleMs = ''] = process.argv.slice(2);
serve(dataDir, Number(idleMs)).catch(fail);
