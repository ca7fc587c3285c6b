/** The real CLI in processes of its own, on a store of its own in a temporary folder, or on a service that has one. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll } from 'vitest';
import type { Answered, Asked } from './warmProcess.ts';

const launcher = fileURLToPath(new URL('../../bin/pawl.js', import.meta.url));
export const postMerge = fileURLToPath(new URL('../../runbooks/post_merge.md', import.meta.url));

export type Ended = { exit: number | null; out: string; err: string; json: Record<string, unknown> };
export type Running = { pid: number; out(): string; kill(signal: NodeJS.Signals): void; ended: Promise<Ended> };
export type Options = { env?: Record<string, string>; json?: boolean };

const jsonOf = (text: string): Record<string, unknown> => {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
};

/** Idempotency keys without the id that each store draws for itself. */
export const withoutStore = (text: string): string => text.replaceAll(/\blocal\/[0-9a-f]{12}\//g, 'local/');

/** Only what the CLI is told: nothing of the environment the tests run in, which may force colours. */
const environment = (folder: string, env: Record<string, string> = {}): Record<string, string> => ({
  PATH: process.env.PATH ?? '',
  HOME: folder,
  PAWL_DATA_DIR: join(folder, 'data'),
  PAWL_ACTOR: 'alice',
  ...env,
});

export const begin = (folder: string, args: string[], options: Options = {}): Running =>
  beginProgram(folder, [process.execPath, launcher, ...args], options);

const beginProgram = (folder: string, [program = '', ...args]: string[], options: Options = {}): Running => {
  const child = spawn(program, args, {
    cwd: folder,
    env: environment(folder, options.env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exit) => resolve({ exit, out, err, json: jsonOf(out) }));
  });
  return { pid: child.pid ?? -1, out: () => out, kill: (signal) => void child.kill(signal), ended };
};

type Warm = { run(asked: Asked): Promise<Ended>; end(): Promise<void> };

const startWarm = (): Warm => {
  const script = fileURLToPath(new URL('warmProcess.ts', import.meta.url));
  const child = spawn(process.execPath, [script], {
    env: environment(tmpdir()),
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  });
  const asking = child.stdio[3] as Socket;
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let answer: (line: string | undefined) => void = () => {};
  createInterface({ input: asking }).on('line', (line) => answer(line));
  void gone.then(() => answer(undefined));
  return {
    run: async (asked) => {
      const line = await new Promise<string | undefined>((resolve) => {
        answer = resolve;
        asking.write(`${JSON.stringify(asked)}\n`);
      });
      if (line === undefined) throw new Error(`The process died of \`pawl ${asked.args.join(' ')}\`.`);
      const answered = JSON.parse(line) as Answered;
      return { ...answered, json: jsonOf(answered.out) };
    },
    end: async () => {
      asking.end();
      await gone;
    },
  };
};

/** Runs commands in processes that are started once, as many as are at work at the same time. */
export const createWarm = () => {
  const all: Warm[] = [];
  const idle: Warm[] = [];
  return {
    pawl: async (folder: string, args: string[], { env }: Options = {}): Promise<Ended> => {
      const warm = idle.pop() ?? startWarm();
      if (!all.includes(warm)) all.push(warm);
      const ended = await warm.run({ args, env: environment(folder, env), folder });
      idle.push(warm);
      return ended;
    },
    end: () => Promise.all(all.map((warm) => warm.end())),
  };
};

export type Place = {
  folder: string;
  /** One command, in a process that has run others before it (`warmProcess.ts`). */
  pawl(...args: string[]): Promise<Ended>;
  /** The same of somebody whose environment has more in it. */
  pawlWith(env: Record<string, string>): (...args: string[]) => Promise<Ended>;
  /** One command in a process of its own: to be watched, killed, interrupted. */
  begin(args: string[], options?: Options): Running;
  /** A line as somebody pastes it into a shell where `pawl` is a command. */
  shell(line: string): Promise<Ended>;
  write(name: string, text: string): Promise<string>;
  read(name: string): Promise<string>;
};

/** The two ways to the same operations: what a command prints, documents and exits with is the same by both. */
export const transports = ['in process', 'over --url'] as const;
export type Over = (typeof transports)[number];

const service = fileURLToPath(new URL('./serviceProcess.ts', import.meta.url));
/** @returns its URL */
export const startService = async (
  folder: string,
  env: Record<string, string>,
): Promise<{ url: string; child: ChildProcess }> => {
  const told = { ...environment(folder, env), PAWL_DATA_DIR: join(folder, 'served') };
  const child = fork(service, { cwd: folder, env: told });
  const [{ port }] = await once(child, 'message');
  return { url: `http://127.0.0.1:${port}`, child };
};

/** A fresh folder for a test file, and the end of its store. `settings`: the environment of whoever has the store. */
export const setup = (
  over: Over = 'in process',
  settings = async (): Promise<Record<string, string>> => ({}),
): Place => {
  const place = {} as Place;
  const warm = createWarm();
  let served: ChildProcess | undefined;
  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pawl-cli-'));
    place.folder = folder;
    const env = await settings();
    let base = env;
    if (over === 'over --url') {
      const { url, child } = await startService(folder, env);
      served = child;
      base = { PAWL_URL: url };
    }
    const beginWith = (program: string[], { env: more = {} }: Options = {}) =>
      beginProgram(folder, program, { env: { ...base, ...more } });
    place.begin = (args, options) => beginWith([process.execPath, launcher, ...args], options);
    place.pawlWith =
      (more) =>
      (...args) =>
        warm.pawl(folder, args, { env: { ...base, ...more } });
    place.pawl = place.pawlWith({});
    place.shell = (line) =>
      beginWith(['sh', '-c', `pawl() { "${process.execPath}" "${launcher}" "$@"; }\n${line}`]).ended;
    place.write = async (name, text) => {
      await writeFile(join(folder, name), text);
      return name;
    };
    place.read = (name) => readFile(join(folder, name), 'utf8').catch(() => '');
  });
  afterAll(async () => {
    await warm.end();
    if (served?.connected) {
      served.disconnect();
      await once(served, 'exit');
    }
    await rm(place.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  });
  return place;
};

export const until = async (what: string, met: () => boolean | Promise<boolean>, withinMs = 120_000): Promise<void> => {
  const endMs = performance.now() + withinMs;
  for (;;) {
    const lookedAtMs = performance.now();
    if (await met()) return;
    if (performance.now() > endMs) throw new Error(`Waited ${withinMs} ms in vain for: ${what}`);
    // A look that is a command takes the processor from what it looks for: about as long again is left to that.
    await wait(Math.min(500, Math.max(20, performance.now() - lookedAtMs)));
  }
};

/** Each process learns the time from the store by itself, to the second. */
const clocksApartMs = 1_000;

/** What an attempt has begun may act until its deadline: till then no verdict about it is taken. Of several it is waited for at once. */
export const untilDecidable = async (place: Place, ...instanceIds: string[]): Promise<void> => {
  const leftMs = async (instanceId: string): Promise<number> => {
    const { json } = await place.pawl('status', instanceId, '--json');
    const decidableAtMs = at(json, 'step', 'decidableAtMs');
    if (decidableAtMs === null) return 0;
    // A moment more than until then: the clock of whoever tells is another one.
    return 100 + (typeof decidableAtMs === 'number' ? Math.max(0, decidableAtMs - Date.now()) : 0);
  };
  for (const instanceId of instanceIds)
    for (let ms = await leftMs(instanceId); ms > 0; ms = await leftMs(instanceId)) await wait(ms);
  await wait(clocksApartMs);
};

/** A zombie is dead: it only waits for whoever adopted it to ask. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

/** A printed table on one line: where it wraps depends on the name of the machine. */
export const flat = (text: string): string => text.replace(/\s+/g, ' ').trim();

/** The document of a `--json` call as somebody who reads it would take it. */
export const at = (document: unknown, ...path: (string | number)[]): unknown =>
  path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null ? (value as Record<string | number, unknown>)[key] : undefined,
    document,
  );
