/**
 * `npm run dev`: the whole service on this machine, from the files that are deployed: `osls offline` with every route, the schedule, and the Lambda endpoint by which one function calls another.
 *
 * PORT is its HTTP port, PAWL_LAMBDA_PORT that of the Lambda endpoint (any free one). The store is the command line's
 * own: PAWL_DATA_DIR, or PAWL_DYNAMODB_ENDPOINT with PAWL_TABLES.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { drawToken } from '../src/cli/localToken.ts';
import { readServing, readSettings } from '../src/cli/settings.ts';
import { isPawlError, PawlError } from '../src/engine/index.ts';
import { createClient, createTables } from '../src/store/dynamodb.ts';
import { dataFile, openFolder } from '../src/store/local.ts';

const root = dirname(import.meta.dirname);
const buildDir = '.esbuild-dev';
/** Without a word for so long it will not start. */
const silentMsMax = 90_000;
const tellEveryMs = 10_000;
const endWithinMs = 5_000;

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** Whether somebody listens on it is known only by trying. 0: any free one. */
const freePort = (port: number): Promise<number | undefined> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : undefined));
    });
  });

const portOf = async (name: 'PORT' | 'PAWL_LAMBDA_PORT', otherwise: string): Promise<number> => {
  const text = process.env[name] || otherwise;
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) {
    const message = `${name} is ${JSON.stringify(text)}; give a number from 1 to 65535, or unset it.`;
    throw new PawlError('request.invalid', message);
  }
  const free = await freePort(port);
  if (free !== undefined) return free;
  throw new PawlError('request.invalid', `Port ${port} is taken: give another, \`${name}=${port + 1} npm run dev\`.`);
};

/** Each server builds into a folder of its own. What servers left that were killed goes now. */
const prepareBuildDir = async (): Promise<string> => {
  for (const name of await readdir(join(root, buildDir)).catch(() => [])) {
    if (!isAlive(Number(name))) await rm(join(root, buildDir, name), { recursive: true, force: true });
  }
  return join(buildDir, String(process.pid));
};

type Store = { environment: NodeJS.ProcessEnv; about: string };

const openStore = async (): Promise<Store> => {
  const { store } = readSettings();
  if (store.kind === 'aws') {
    throw new PawlError('request.invalid', 'PAWL_STORE is aws, and this service is local: unset it, or deploy one.');
  }
  if (store.kind === 'endpoint') {
    const { endpoint, tables: tablesPrefix } = store;
    const { document } = createClient({ tablesPrefix, endpoint });
    await createTables(document, tablesPrefix);
    document.destroy();
    return { environment: { PAWL_TABLES: tablesPrefix, AWS_ENDPOINT_URL_DYNAMODB: endpoint }, about: endpoint };
  }
  // Refused here, before anything is started, where it cannot be used.
  (await openFolder(store.dataDir)).close();
  const file = join(resolve(store.dataDir), dataFile);
  return { environment: { PAWL_DATA_FILE: file }, about: store.dataDir };
};

/** Nothing of the caller's AWS configuration: a local service never meets a real account. */
const environment = (
  store: Store,
  port: number,
  lambdaPort: number,
  build: string,
  token: string,
): NodeJS.ProcessEnv => {
  const own = Object.entries(process.env).filter(([name]) => !/^(AWS|SLS|SERVERLESS|npm)_|^NODE_OPTIONS$/.test(name));
  return {
    ...Object.fromEntries(own),
    TZ: 'UTC',
    PORT: String(port),
    PAWL_LAMBDA_PORT: String(lambdaPort),
    PAWL_BUILD_DIR: build,
    ...store.environment,
    PAWL_UNRECORDED_DIR: resolve(readSettings().setAsideDir),
    AWS_REGION: 'us-east-1',
    PAWL_TOKEN: token,
    // One function calls another by its port, which asks for the token too.
    AWS_ACCESS_KEY_ID: token,
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ENDPOINT_URL_LAMBDA: `http://127.0.0.1:${lambdaPort}`,
  };
};

const startOffline = (env: NodeJS.ProcessEnv): ChildProcess => {
  const osls = createRequire(import.meta.url).resolve('serverless/bin/serverless.js');
  const before = fileURLToPath(new URL('./offlineProcess.mjs', import.meta.url));
  // serverless-offline leaves an asynchronous invocation that throws unhandled, and its own process would end of it.
  const flags = ['--unhandled-rejections=warn', '--import', before];
  return spawn(process.execPath, [...flags, osls, 'offline', '--stage', 'local', '--noSponsor'], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
};

type Output = {
  show(what: 'all' | 'from now on'): void;
  ready: Promise<void>;
  /** What it said last, and how long ago. */
  last(): { line: string; agoMs: number };
};

/** Keeps what a server says until it is ready, for its list of routes is long; from then on everything is shown. */
const relay = (child: ChildProcess): Output => {
  const held: [NodeJS.WriteStream, string][] = [];
  let shown = false;
  let last = { line: 'nothing yet', atMs: performance.now() };
  const ready = Promise.withResolvers<void>();
  const follow = (from: NodeJS.ReadableStream | null, to: NodeJS.WriteStream): void => {
    if (from === null) return;
    createInterface({ input: from }).on('line', (said) => {
      // serverless-offline says every path, and that of a link is its secret.
      const line = said.replaceAll(/(?<=\/links\/)[0-9a-f]{8,}|(?<=[?&]code=)[0-9a-f]{8,}/g, '…');
      last = { line: stripVTControlCharacters(line).trim() || last.line, atMs: performance.now() };
      if (line.startsWith('Server ready:')) ready.resolve();
      if (shown) to.write(`${line}\n`);
      else held.push([to, line]);
    });
  };
  follow(child.stdout, process.stdout);
  follow(child.stderr, process.stderr);
  return {
    ready: ready.promise,
    last: () => ({ line: last.line, agoMs: performance.now() - last.atMs }),
    show: (what) => {
      shown = true;
      const lines = held.splice(0);
      if (what === 'all') for (const [to, line] of lines) to.write(`${line}\n`);
    },
  };
};

/** A slow machine takes its time: it is waited for as long as it says something. */
const untilReady = async (output: Output, over: Promise<unknown>): Promise<void> => {
  const beganMs = performance.now();
  let isOver = false;
  const either = Promise.race([output.ready, over]).then(() => {
    isOver = true;
  });
  while (!isOver && output.last().agoMs < silentMsMax) {
    await Promise.race([either, wait(tellEveryMs, undefined, { ref: false })]);
    if (isOver) return;
    const seconds = Math.round((performance.now() - beganMs) / 1_000);
    console.error(
      `Building and starting the functions, ${seconds} s so far. Last said: ${output.last().line.slice(0, 120)}`,
    );
  }
};

/** A link by which a browser logs in, made by the process that guards the ports. */
const loginCode = async (child: ChildProcess, actor: string, groups: string[]): Promise<string | undefined> => {
  const answer = once(child, 'message');
  child.send({ actor, groups: groups.join(',') });
  const [{ code }] = (await Promise.race([answer, wait(silentMsMax, [{}], { ref: false })])) as [{ code?: string }];
  return code;
};

const isHealthy = async (url: string): Promise<boolean> => {
  try {
    return (await fetch(`${url}/health`, { signal: AbortSignal.timeout(silentMsMax) })).ok;
  } catch {
    return false;
  }
};

const main = async (): Promise<number> => {
  const stopping = new AbortController();
  const asked = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => resolve(stopping.abort()));
  });
  const port = await portOf('PORT', '3000');
  const lambdaPort = await portOf('PAWL_LAMBDA_PORT', '0');
  const build = await prepareBuildDir();
  const store = await openStore();
  const url = `http://127.0.0.1:${port}`;
  const token = drawToken(readSettings().dataDir, readServing().token);

  const child = startOffline(environment(store, port, lambdaPort, build, token));
  const exited = once(child, 'exit');
  const output = relay(child);
  try {
    await untilReady(output, Promise.race([exited, asked]));
    if (!stopping.signal.aborted && !(await isHealthy(url))) {
      output.show('all');
      throw new PawlError(
        'store.unavailable',
        'The service did not start: what it said stands above, its last words last.',
      );
    }
    if (!stopping.signal.aborted) {
      console.log(
        `Pawl is ready at ${url} (store: ${store.about}; Ctrl-C ends it). Try: npx pawl --url ${url} run runbooks/hello.md`,
      );
      const { by, groups } = readSettings();
      const code = await loginCode(child, by.actor, groups);
      if (code !== undefined) console.log(`Browser, once, within five minutes: ${url}/login?code=${code}`);
      output.show('from now on');
    }
    await Promise.race([exited, asked]);
    return stopping.signal.aborted ? 0 : 1;
  } finally {
    const killing = setTimeout(() => child.kill('SIGKILL'), endWithinMs);
    child.kill('SIGTERM');
    if (child.exitCode === null && child.signalCode === null) await exited;
    clearTimeout(killing);
    await rm(join(root, build), { recursive: true, force: true });
  }
};

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`pawl: ${isPawlError(error) ? error.message : error instanceof Error ? error.stack : error}`);
  process.exitCode = 1;
}
