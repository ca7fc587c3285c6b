/**
 * What stands ready for code cells: a runner, and in it a harness for `ts` and `js`, begun before there is a job. Each is used once.
 * What everything of a cell carries in its environment is fixed when a process begins: so it is drawn here, and told to the engine,
 * whose reservation says it. Nothing here knows of a cell before its job comes (I4).
 *
 * It ends when nothing came for a while, when it is dropped, when this is closed, and when this process ends, however it does.
 */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { type CodeToCome, limits, type Standby, settleAll } from '../engine/index.ts';
import { ended } from './ending.ts';
import { commonEnvironment } from './environment.ts';
import { spawnRunner } from './folders.ts';
import type { CellsUser } from './user.ts';

/** When bundled for Lambda it is copied beside the bundle, as the runner is. */
const harness = fileURLToPath(new URL('harness.mjs', import.meta.url));
const heapMegabytes = 512;
export const harnessArgs = ['--no-warnings', `--max-old-space-size=${heapMegabytes}`, harness];

export const drawExecution = (): string => randomBytes(16).toString('hex');

/** One that was told to go and does not is killed. */
const leaveMs = 2_000;

type Spare = {
  execution: string;
  runner: ChildProcess;
  /** With what its harness was begun; `null`: it has none, and a runner alone waits. */
  path: string | null;
  /** When it waits, or has ended. */
  ready: Promise<void>;
  over: Promise<void>;
  idle: NodeJS.Timeout;
};

type Taken = Pick<Spare, 'execution' | 'runner'> & {
  /** Its harness is what a fresh one for this cell would be. */
  waited: boolean;
};

export type CellsStandby = Standby & {
  /**
   * What was claimed under `execution`; without that whatever waits. `undefined`: nothing that is alive, so it is begun anew, and under the
   * execution that was claimed.
   */
  take(wanted: CodeToCome, execution: string | undefined): Taken | undefined;
  /** A job is made: until what it returns is called nothing is begun that would hold it up. */
  handing(): () => void;
  /** Kept until its process has gone. */
  leaving(over: Promise<void>): void;
  /** When all that were begun wait. */
  ready(): Promise<void>;
  /** Nothing is begun any more; when all are gone. */
  close(): Promise<void>;
};

const isThere = ({ runner }: Pick<Spare, 'runner'>): boolean =>
  runner.connected && runner.exitCode === null && runner.signalCode === null;

/** @param user as whom cells run. A harness of theirs would wait within reach of their other cells: then a runner alone does, and that is ours */
export const createStandby = (user?: CellsUser, idleMs: number = limits.spareIdleMs): CellsStandby => {
  // Named here, since nothing stands ready on AWS: what is deployed there goes without that file.
  const readyRunner = fileURLToPath(new URL('readyRunner.mjs', import.meta.url));
  const waiting = new Set<Spare>();
  const claimed = new Map<string, Spare>();
  const going = new Set<Promise<void>>();
  let expected: CodeToCome[] = [];
  let jobs = 0;
  let isClosed = false;

  /** A variable that the cell declared may matter when its process begins: its harness is begun with the job. */
  const wantsHarness = ({ kind, env = [] }: CodeToCome): boolean =>
    kind !== 'sh' && env.length === 0 && user === undefined;

  const leaving = (over: Promise<void>): void => {
    going.add(over);
    void over.then(() => going.delete(over));
  };
  const leave = ({ runner, over, idle }: Spare): void => {
    clearTimeout(idle);
    leaving(over);
    if (runner.connected) runner.disconnect();
    const late = setTimeout(() => runner.kill('SIGKILL'), leaveMs).unref();
    void over.then(() => clearTimeout(late));
  };

  const begin = (wanted: CodeToCome): Spare | undefined => {
    const execution = drawExecution();
    const env = commonEnvironment(execution);
    const path = wantsHarness(wanted) ? (env.PATH ?? '') : null;
    let runner: ChildProcess;
    try {
      runner = spawnRunner(execution, readyRunner);
    } catch {
      return undefined;
    }
    if (runner.pid === undefined) {
      runner.on('error', () => {});
      return undefined;
    }
    const over = ended(runner);
    const ready = new Promise<void>((resolve) => {
      runner.once('message', () => resolve());
      void over.then(resolve);
    });
    const idle = setTimeout(() => {
      if (waiting.delete(spare)) leave(spare);
    }, idleMs).unref();
    const spare: Spare = { execution, runner, path, ready, over, idle };
    void over.then(() => {
      clearTimeout(idle);
      waiting.delete(spare);
    });
    runner.on('error', () => {});
    const waits = path === null ? null : { command: process.execPath, args: [...harnessArgs, 'waits'], env };
    runner.send({ standBy: { harness: waits } }, () => {});
    // It holds up nobody's end.
    runner.unref();
    runner.channel?.unref();
    return spare;
  };

  const waitingFor = (wanted: CodeToCome): Spare | undefined => {
    const fits = wantsHarness(wanted);
    for (const spare of waiting) if ((spare.path !== null) === fits && isThere(spare)) return spare;
    return undefined;
  };
  const beginExpected = (): void => {
    if (jobs > 0 || isClosed) return;
    for (const wanted of expected.splice(0)) {
      if (waiting.size >= limits.sparesMax || waitingFor(wanted) !== undefined) continue;
      const spare = begin(wanted);
      if (spare !== undefined) waiting.add(spare);
    }
  };

  return {
    claim: (wanted) => {
      const spare = waitingFor(wanted) ?? (isClosed ? undefined : begin(wanted));
      if (spare === undefined) return drawExecution();
      waiting.delete(spare);
      clearTimeout(spare.idle);
      claimed.set(spare.execution, spare);
      void spare.over.then(() => claimed.delete(spare.execution));
      return spare.execution;
    },
    expect: (wanted) => {
      expected.push(wanted);
      setImmediate(beginExpected);
    },
    drop: (execution) => {
      const spare = claimed.get(execution);
      claimed.delete(execution);
      if (spare !== undefined) leave(spare);
    },
    take: (wanted, execution) => {
      const spare = execution === undefined ? waitingFor(wanted) : claimed.get(execution);
      if (spare === undefined) return undefined;
      waiting.delete(spare);
      claimed.delete(spare.execution);
      clearTimeout(spare.idle);
      if (!isThere(spare)) return undefined;
      const { runner, path } = spare;
      runner.ref();
      runner.channel?.ref();
      const waited = wantsHarness(wanted) && path === commonEnvironment('').PATH;
      return { execution: spare.execution, runner, waited };
    },
    handing: () => {
      jobs += 1;
      let isHanded = false;
      return () => {
        if (isHanded) return;
        isHanded = true;
        jobs -= 1;
        setImmediate(beginExpected);
      };
    },
    leaving,
    ready: async () => {
      // They hold up nobody's end, so whoever waits for them has to.
      const held = setInterval(() => {}, leaveMs);
      await settleAll([...waiting, ...claimed.values()].map((spare) => spare.ready));
      clearInterval(held);
    },
    close: async () => {
      isClosed = true;
      expected = [];
      const all = [...waiting, ...claimed.values()];
      waiting.clear();
      claimed.clear();
      for (const spare of all) {
        spare.runner.ref();
        leave(spare);
      }
      await settleAll([...going]);
    },
  };
};
