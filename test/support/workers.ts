/** Starts engines as processes of their own, so that one can die at any moment: SIGKILL, or SIGSTOP and SIGCONT. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { AwsAllow } from '../../src/cells/index.ts';
import type { AdvanceAnswer, AdvanceRequest, Inspection } from '../../src/engine/index.ts';

export type WorkerOptions = {
  endpoint: string;
  prefix: string;
  graceMs: number;
  httpAllow: string[];
  /** What its cells may ask of AWS. */
  aws?: AwsAllow;
};
type Order =
  | { do: 'advance' | 'run'; instanceId: string; with?: Partial<Omit<AdvanceRequest, 'by' | 'signal'>> }
  | { do: 'inspect'; instanceId: string }
  | { do: 'resources' };
export type Ordered = Order & { id: number };
export type Answered = {
  id: number;
  value?: unknown;
  error?: { code: string; message: string; details: Record<string, unknown> };
};

export type Worker = {
  pid: number;
  advance(instanceId: string, request?: Partial<Omit<AdvanceRequest, 'by' | 'signal'>>): Promise<AdvanceAnswer>;
  run(instanceId: string, request?: Partial<Omit<AdvanceRequest, 'by' | 'signal'>>): Promise<AdvanceAnswer>;
  inspect(instanceId: string): Promise<Inspection>;
  /** What keeps its event loop busy, by name. */
  resources(): Promise<string[]>;
  /** `kill -9`, and its death awaited. */
  kill(): Promise<void>;
  /** Stops it where it is; resolves once it stands still. */
  freeze(): Promise<void>;
  thaw(): void;
};

/** Whether a process stands still. Linux only, as is all that freezes here. */
const isFrozen = (pid: number): boolean => /\) T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

/** Kills `$1` once its own standard input ends without a word: whoever held the other end is gone. */
const guard = 'read -r word || kill -9 "$1"';

/**
 * Stops a process where it is, and resolves to what lets it go on. A process that stands still does not see its parent go:
 * a guard in a group of its own, which no Ctrl-C reaches, kills it when we die first.
 */
export const freezeProcess = async (pid: number): Promise<() => void> => {
  const guarding = spawn('sh', ['-c', guard, 'sh', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  // Dead before us, it is no loss.
  guarding.stdin.on('error', () => {});
  const leave = (): void => void guarding.stdin.end('thawed\n');
  try {
    process.kill(pid, 'SIGSTOP');
    while (!isFrozen(pid)) await wait(2);
  } catch (error) {
    leave();
    throw error;
  }
  return () => {
    leave();
    try {
      process.kill(pid, 'SIGCONT');
    } catch {
      // It was killed as it stood.
    }
  };
};

/** A wall clock that is wrong by so much; the monotonic one stays right. Loaded before anything else. */
const wrongClock = (offMs: number): string[] => {
  const code = `const Right = Date; const off = ${offMs};
    globalThis.Date = class extends Right { constructor(...a) { a.length === 0 ? super(Right.now() + off) : super(...a); }
      static now() { return Right.now() + off; } };`;
  return ['--import', `data:text/javascript,${encodeURIComponent(code)}`];
};

export const spawnWorker = async (options: WorkerOptions & { wallClockOffMs?: number }): Promise<Worker> => {
  const { wallClockOffMs, ...passed } = options;
  const script = fileURLToPath(new URL('worker.ts', import.meta.url));
  const flags = wallClockOffMs === undefined ? [] : wrongClock(wallClockOffMs);
  const child: ChildProcess = spawn(process.execPath, [...flags, script, JSON.stringify(passed)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  await once(child, 'message');
  const { pid } = child;
  if (pid === undefined) throw new Error('the worker did not start');
  const waiting = new Map<number, (answered: Answered) => void>();
  child.on('message', (answered: Answered) => waiting.get(answered.id)?.(answered));
  let thaw = (): void => {};
  void exited.then(() => thaw());
  let last = 0;
  /** Never resolves when the worker dies first: whoever waited for it has lost it. */
  const order = async (what: Order): Promise<unknown> => {
    last += 1;
    const id = last;
    const answer = new Promise<Answered>((resolve) => waiting.set(id, resolve));
    child.send({ ...what, id });
    const { value, error } = await answer;
    if (error !== undefined) throw Object.assign(new Error(error.message), error);
    return value;
  };
  return {
    pid,
    advance: async (instanceId, request = {}) =>
      (await order({ do: 'advance', instanceId, with: request })) as AdvanceAnswer,
    run: async (instanceId, request = {}) => (await order({ do: 'run', instanceId, with: request })) as AdvanceAnswer,
    inspect: async (instanceId) => (await order({ do: 'inspect', instanceId })) as Inspection,
    resources: async () => (await order({ do: 'resources' })) as string[],
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
    freeze: async () => {
      thaw = await freezeProcess(pid);
    },
    thaw: () => thaw(),
  };
};
