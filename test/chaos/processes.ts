/** Processes of the chaos: workers that are killed and frozen, commands of the CLI, and the witness that stays. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freezeProcess } from '../support/workers.ts';
import type { WorkerOptions } from './worker.ts';

const scriptOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const launcher = scriptOf('../../bin/pawl.js');

const spawnScript = async (name: string, argument: string): Promise<{ child: ChildProcess; port: number }> => {
  const child = spawn(process.execPath, [scriptOf(name), argument], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    // Where the launcher of the CLI keeps what is compiled, too.
    env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache') },
  });
  const died = once(child, 'exit').then(([code]): never => {
    throw new Error(`${name} ended with ${code} before it said where it listens`);
  });
  const [{ port }] = (await Promise.race([once(child, 'message'), died])) as [{ port: number }];
  return { child, port };
};

export type Worker = {
  url: string;
  pid: number;
  /** Cells whose bodies run in it. */
  running: number;
  frozen: boolean;
  /** Thawed, and the cell in which it was frozen has not ended yet. */
  thawing: boolean;
  dead: boolean;
  kill(): void;
  freeze(): Promise<void>;
  thaw(): void;
};

/** @param onBegin told of each body before it begins, by `stepOf` */
export const spawnWorker = async (
  options: WorkerOptions,
  onBegin: (step: string) => void = () => {},
): Promise<Worker> => {
  const { child, port } = await spawnScript('worker.ts', JSON.stringify(options));
  let letGo = (): void => {};
  const worker: Worker = {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid ?? -1,
    running: 0,
    frozen: false,
    thawing: false,
    dead: false,
    kill: () => {
      worker.dead = true;
      child.kill('SIGKILL');
    },
    freeze: async () => {
      worker.frozen = true;
      letGo = await freezeProcess(worker.pid);
    },
    thaw: () => {
      letGo();
      worker.frozen = false;
      worker.thawing = worker.running > 0;
    },
  };
  child.on('message', ({ begins }: { begins?: string }) => {
    if (begins !== undefined) onBegin(begins);
    worker.running += begins === undefined ? -1 : 1;
    if (worker.running === 0) worker.thawing = false;
  });
  child.once('exit', () => {
    worker.dead = true;
    letGo();
  });
  return worker;
};

/** `seq`: of the reservation by which it came, where its sender said so. */
export type Saw = { what: 'begin' | 'effect'; key: string; seq: number | null; atMs?: number };
export type WitnessProcess = { url: string; host: string; seen(): Saw[]; stop(): Promise<void> };

export const spawnWitness = async (file: string): Promise<WitnessProcess> => {
  const { child, port } = await spawnScript('witnessProcess.ts', file);
  const host = `127.0.0.1:${port}`;
  return {
    url: `http://${host}`,
    host,
    // A line is whole once its line break is there.
    seen: () =>
      readFileSync(file, 'utf8')
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Saw),
    stop: async () => {
      const gone = once(child, 'exit');
      child.disconnect();
      await gone;
    },
  };
};

export type Command = { child: ChildProcess; ended: Promise<{ exit: number | null; out: string }> };

/** The shipped command line, on the same tables. */
export const pawl = (env: Record<string, string>, args: string[]): Command => {
  const child = spawn(process.execPath, [launcher, ...args, '--json'], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  const ended = new Promise<{ exit: number | null; out: string }>((resolve) =>
    child.once('close', (exit) => resolve({ exit, out })),
  );
  return { child, ended };
};
