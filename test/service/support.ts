/** A running `npm run dev` with a store of its own, and what a test asks of it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { until } from '../cli/support.ts';
import { freezeProcess } from '../support/workers.ts';

const script = fileURLToPath(new URL('../../scripts/dev.ts', import.meta.url));
/** Of every server of these tests. */
export const token = 'a-token-of-the-tests';

export type Answer = { status: number; headers: Headers; body: Record<string, unknown> };

export type Dev = {
  url: string;
  /** Where one function calls another. */
  lambdaUrl: string;
  pid: number;
  dataDir: string;
  out(): string;
  ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  publish(source: string): Promise<Answer>;
  /** Starts an instance of a runbook and says its id. */
  start(runbookId: string, asked?: object): Promise<string>;
  /** `Event`: asynchronously, and nobody hears how it ended. */
  invoke(name: 'work' | 'tick', event: unknown, type: 'Event' | 'RequestResponse'): Promise<unknown>;
  /** Everything that runs because of it. */
  processes(): number[];
  /** Sends a signal to the server itself, and waits until it has gone. */
  end(signal: NodeJS.Signals): Promise<number | null>;
};

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
};

const parentOf = (pid: number): number | undefined => {
  try {
    return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[1]);
  } catch {
    return undefined; // It has gone meanwhile.
  }
};

export const descendantsOf = (pid: number): number[] => {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => [Number(name), parentOf(Number(name))] as const);
  const found = [pid];
  for (const one of found) found.push(...parents.filter(([, parent]) => parent === one).map(([child]) => child));
  return found.slice(1);
};

export const newDataDir = (): Promise<string> => mkdtemp(join(tmpdir(), 'pawl-dev-'));
/** The store may still be writing when its service has gone. */
export const removeDataDir = (dataDir: string): Promise<void> =>
  rm(dataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });

const asking =
  (url: string): Dev['ask'] =>
  async (method, path, body, headers = {}) => {
    const markdown = typeof body === 'string';
    const media = { 'content-type': markdown ? 'text/markdown' : 'application/json' };
    const sent = body === undefined ? {} : { body: markdown ? body : JSON.stringify(body) };
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : media),
        'x-pawl-actor': 'alice',
        authorization: `Bearer ${token}`,
        ...headers,
      },
      ...sent,
    });
    return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] };
  };

const publishing = (ask: Dev['ask'], source: string): Promise<Answer> =>
  ask('PUT', `/runbooks/${source.match(/^runbook: (\S+)/m)?.[1]}`, source);

const starting = async (ask: Dev['ask'], runbookId: string, asked: object = {}): Promise<string> => {
  const { status, body } = await ask('POST', `/runbooks/${runbookId}/instances`, asked);
  if (status !== 201) throw new Error(`Not started: ${JSON.stringify(body)}`);
  return (body.view as { instanceId: string }).instanceId;
};

export const startDev = async (dataDir: string, env: Record<string, string> = {}): Promise<Dev> => {
  const port = Number(env.PORT ?? (await freePort()));
  const lambdaPort = await freePort();
  // A group of its own, so that a test may press Ctrl-C as a terminal does.
  const child: ChildProcess = spawn(process.execPath, [script], {
    detached: true,
    env: {
      PATH: process.env.PATH ?? '',
      HOME: dataDir,
      PORT: String(port),
      PAWL_LAMBDA_PORT: String(lambdaPort),
      PAWL_DATA_DIR: dataDir,
      PAWL_TAKEOVER_GRACE_MS: '1000',
      PAWL_TOKEN: token,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  const pid = child.pid ?? -1;
  const hasGone = (): boolean => child.exitCode !== null || child.signalCode !== null;
  await until('the line that says it is ready', () => out.includes('Pawl is ready') || hasGone());
  if (hasGone()) throw new Error(`The server ended: ${out}`);

  const url = `http://127.0.0.1:${port}`;
  const lambdaUrl = `http://127.0.0.1:${lambdaPort}`;
  const lambda = new LambdaClient({
    endpoint: lambdaUrl,
    region: 'us-east-1',
    credentials: { accessKeyId: token, secretAccessKey: 'local' },
    maxAttempts: 1,
  });
  const ask = asking(url);
  return {
    url,
    lambdaUrl,
    pid,
    dataDir,
    out: () => out,
    ask,
    publish: (source) => publishing(ask, source),
    start: (runbookId, asked) => starting(ask, runbookId, asked),
    invoke: async (name, event, type) => {
      const command = new InvokeCommand({
        FunctionName: `pawl-local-${name}`,
        InvocationType: type,
        Payload: JSON.stringify(event),
      });
      const { Payload, FunctionError } = await lambda.send(command);
      if (FunctionError !== undefined) throw new Error(`${name} failed: ${Payload?.transformToString()}`);
      const text = Payload?.transformToString() ?? '';
      return text === '' ? undefined : JSON.parse(text);
    },
    processes: () => [pid, ...descendantsOf(pid)],
    end: async (signal) => {
      if (!hasGone()) {
        const gone = once(child, 'exit');
        process.kill(pid, signal);
        await gone;
      }
      lambda.destroy();
      return child.exitCode;
    },
  };
};

/** Nothing of a server is left when its tests are over, however they went. */
export const stopDev = async (dev: Dev | undefined): Promise<void> => {
  if (dev === undefined) return;
  await dev.end('SIGTERM');
};

type View = { status: string; seq: number; cell: string | null; instanceId: string };
export const viewOf = async (dev: Pick<Dev, 'ask'>, instanceId: string): Promise<View> =>
  (await dev.ask('GET', `/instances/${instanceId}`)).body.view as View;

export const untilStatus = async (
  dev: Pick<Dev, 'ask'>,
  instanceId: string,
  status: string,
  withinMs = 120_000,
): Promise<View> => {
  let view = await viewOf(dev, instanceId);
  await until(
    `${instanceId} to be ${status}`,
    async () => {
      view = await viewOf(dev, instanceId);
      return view.status === status;
    },
    withinMs,
  );
  return view;
};

/** The kinds of the entries of a journal, in order, outcomes with their cell and status. */
export const journalOf = async (dev: Pick<Dev, 'ask'>, instanceId: string): Promise<string[]> => {
  const { body } = await dev.ask('GET', `/instances/${instanceId}/journal`);
  return (body.entries as { kind: string; cell?: string; status?: string; reserve?: { cell: string } }[]).map(
    ({ kind, cell, status, reserve }) =>
      [kind, cell, status, reserve === undefined ? undefined : `+ ${reserve.cell}`]
        .filter((one) => one !== undefined)
        .join(' '),
  );
};

/** SQLITE_BUSY: another connection has begun to write. */
const sqliteBusy = 5;
/** Whether nobody is in the middle of a write. */
const isUnlocked = (dataDir: string): boolean => {
  const db = new DatabaseSync(join(dataDir, 'pawl.db'));
  try {
    db.exec('PRAGMA busy_timeout = 0; BEGIN IMMEDIATE; ROLLBACK');
    return true;
  } catch (error) {
    if ((error as { errcode?: number }).errcode !== sqliteBusy) throw error;
    return false;
  } finally {
    db.close();
  }
};

/** Freezes a process that works on the folder, and not in the middle of a write: there it would hold up everybody. @returns what thaws it */
export const freezeIdle = async (pid: number, dataDir: string): Promise<() => void> => {
  let thaw = await freezeProcess(pid);
  while (!isUnlocked(dataDir)) {
    thaw();
    await wait(20);
    thaw = await freezeProcess(pid);
  }
  return thaw;
};

const launcher = fileURLToPath(new URL('../../bin/pawl.js', import.meta.url));

export type Served = Pick<Dev, 'url' | 'pid' | 'dataDir' | 'out' | 'ask' | 'publish' | 'start'> & {
  /** How it ended: its exit code, or the signal. */
  ended: Promise<number | NodeJS.Signals | null>;
  hasGone(): boolean;
};

/** `pawl serve` on a port of its own, in a group of its own. */
export const startServe = async (
  dataDir: string,
  { args = [], env = {} }: { args?: string[]; env?: Record<string, string> } = {},
): Promise<Served> => {
  const child = spawn(process.execPath, [launcher, 'serve', '--port', '0', ...args], {
    detached: true,
    env: {
      PATH: process.env.PATH ?? '',
      HOME: dataDir,
      PAWL_DATA_DIR: dataDir,
      PAWL_TAKEOVER_GRACE_MS: '1000',
      PAWL_TOKEN: token,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
  const ended = once(child, 'close').then(([exit, signal]) => (exit ?? signal) as number | NodeJS.Signals | null);
  const hasGone = (): boolean => child.exitCode !== null || child.signalCode !== null;
  await until('the line that says it is ready', () => out.includes('Pawl is ready') || hasGone());
  if (hasGone()) throw new Error(`It ended: ${out}`);
  const url = /Pawl is ready at (\S+)/.exec(out)?.[1] ?? '';
  const ask = asking(url);
  return {
    url,
    pid: child.pid ?? -1,
    dataDir,
    out: () => out,
    ask,
    publish: (source) => publishing(ask, source),
    start: (runbookId, asked) => starting(ask, runbookId, asked),
    ended,
    hasGone,
  };
};

export const stopServe = async (served: Served | undefined): Promise<void> => {
  if (served === undefined || served.hasGone()) return;
  process.kill(served.pid, 'SIGKILL');
  await served.ended;
};
