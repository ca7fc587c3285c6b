/**
 * A task runs in a thread of its own: one that is busy stops nobody's clock but its own, and the thread is ended at its
 * time-out, with every process that it began. `execute` answers only once that is certain. A thread that cannot be ended
 * (it waits in the system for something) ends with this process, before the deadline: nothing may be alive after that.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { type CellInput, type CellResult, closed, type Execute, limits, readWrites } from '../engine/index.ts';
import { createLongLog } from './longLog.mjs';
import { createMasker } from './masking.mjs';
import { reap } from './reap.mjs';
import { type FoundTasks, taskThread, threadFlags } from './tasks.ts';

const heapMegabytes = 512;
const messageCharsMax = 300;
/** Between the time-out and the deadline there is a second at least; what is not over by then ends with the process. */
const confirmMs = 600;
const warnMsMax = 1_000;
const reapPauseMs = 20;

type TaskInput = CellInput['body'] & { kind: 'task' };
type Ended =
  | { kind: 'refused'; code: string; message: string }
  | { kind: 'threw' | 'invalid'; text: string }
  | { kind: 'value'; text: string; writes: unknown[] }
  | { kind: 'nothing'; writes: unknown[] };
type Message = { kind: 'began' } | { kind: 'done'; ended: Ended };

/** The same in every thread. */
const monotonicMs = (): number => Number(process.hrtime.bigint() / 1_000_000n);

const refused = (code: string, message: string): CellResult => ({
  status: 'failed',
  error: { code, message },
  unbegun: true,
});
const unknown = (code: string, message: string): CellResult => ({ status: 'unknown', error: { code, message } });

/** A task of another process's environment would not be found by the marker; of Pawl's own it gets nothing. */
const environment = (execution: string): Record<string, string> => {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('PAWL_'));
  return { ...(Object.fromEntries(own) as Record<string, string>), PAWL_EXECUTION: execution };
};

const valuesOf = ({ secrets = {} }: CellInput): Record<string, string> =>
  Object.fromEntries(Object.entries(secrets).map(([name, { value }]) => [name, value]));

type Masker = ReturnType<typeof createMasker>;

const resultOf = (ended: Ended, masker: Masker): CellResult => {
  switch (ended.kind) {
    case 'refused':
      return refused(ended.code, masker.text(ended.message).slice(0, messageCharsMax));
    case 'threw':
      return {
        status: 'failed',
        error: { code: 'cell.threw', message: masker.text(ended.text).slice(0, messageCharsMax) },
      };
    case 'invalid': {
      const message = masker.text(ended.text).slice(0, messageCharsMax);
      return { status: 'completed', error: { code: 'output.invalid', message } };
    }
    case 'nothing':
      return { status: 'completed' };
    case 'value': {
      const bytes = Buffer.byteLength(ended.text);
      if (bytes <= limits.outputBytesMax) return { status: 'completed', output: masker.json(ended.text) };
      const head = masker.head(Buffer.from(ended.text)).subarray(0, limits.outputHeadBytesMax);
      return { status: 'completed', output: head.toString('utf8').trim(), outputBytes: bytes };
    }
  }
};

/** An end without a word: by `process.exit`, which ends a thread alone, or by the thread's own death. */
const silent = (code: number, died: Error | undefined): CellResult => {
  if (died !== undefined) return unknown('cell.crashed', `Its thread died (${died.message}): it may have happened.`);
  const message = `The task exited with ${code} before it returned anything.`;
  if (code !== 0) return { status: 'failed', exitCode: code, error: { code: 'cell.exited', message } };
  return { status: 'completed', exitCode: 0, error: { code: 'output.invalid', message } };
};

/** What it commits goes with what it returned; where one of the two cannot be, neither is, and it did not happen. */
const withCommit = (ended: Ended | undefined, result: CellResult): CellResult => {
  const { status, error, outputBytes } = result;
  if (status !== 'completed') return result;
  const message = error?.message ?? (outputBytes === undefined ? undefined : `Its output has ${outputBytes} bytes.`);
  if (message !== undefined) {
    const text = `${message} Nothing was committed.`;
    return { status: 'failed', error: { code: error?.code ?? 'output.truncated', message: text } };
  }
  const read = readWrites(ended !== undefined && 'writes' in ended ? ended.writes : []);
  if ('why' in read)
    return {
      status: 'failed',
      error: { code: 'commit.invalid', message: closed(`Nothing was committed: ${read.why}`) },
    };
  return read.writes.length === 0 ? result : { ...result, commit: read.writes };
};

const listen = (thread: Worker, input: CellInput, masker: Masker): { end(): void } => {
  const log = createLongLog(
    {
      headBytes: limits.logHeadBytesMax,
      endBytes: limits.logEndBytesMax,
      glimpseBytes: Math.ceil((limits.logGlimpsesBytesMax * limits.logGlimpseMs) / input.timeoutMs),
      glimpsesBytes: limits.logGlimpsesBytesMax,
    },
    input.log,
  );
  const streams = (['stdout', 'stderr'] as const).map((stream) => ({ stream, masked: masker.stream() }));
  for (const { stream, masked } of streams)
    thread[stream].on('data', (chunk: Buffer) => {
      const bytes = masked.write(chunk);
      if (bytes.length > 0) log.add(stream, bytes);
    });
  const glimpses = setInterval(log.glimpse, limits.logGlimpseMs);
  return {
    end: () => {
      clearInterval(glimpses);
      for (const { stream, masked } of streams) {
        const last = masked.end();
        if (last.length > 0) log.add(stream, last);
      }
      log.end();
    },
  };
};

/** Ends this process where a thread of it cannot be ended. At once: an orderly end would wait for that thread. */
const endProcess = (): void => {
  process.kill(process.pid, 'SIGKILL');
};

const attend = async (
  thread: Worker,
  input: CellInput,
  execution: string,
  give: { up(): void },
): Promise<CellResult> => {
  const masker = createMasker(Object.values(valuesOf(input)));
  const log = listen(thread, input, masker);
  let cut: CellResult | undefined;
  let ended: Ended | undefined;
  let died: Error | undefined;
  const exited = new Promise<number>((resolve) => thread.on('exit', resolve));
  const over = new Promise<void>((resolve) => {
    thread.on('message', (message: Message) => {
      if (message.kind !== 'done') return;
      ended ??= message.ended;
      resolve();
    });
    thread.on('error', (error) => {
      died = error instanceof Error ? error : new Error(String(error));
    });
    void exited.then(() => resolve());
    const stop = (why: CellResult) => () => {
      cut ??= why;
      resolve();
    };
    const timedOut = stop(unknown('cell.timeout', 'Stopped at its time-out: it may have happened.'));
    const aborted = stop(unknown('cell.aborted', 'Stopped because its caller gave up: it may have happened.'));
    const timer = setTimeout(timedOut, input.timeoutMs);
    input.signal.addEventListener('abort', aborted);
    if (input.signal.aborted) aborted();
    void exited.then(() => {
      clearTimeout(timer);
      input.signal.removeEventListener('abort', aborted);
    });
  });
  await over;
  const unended = setTimeout(give.up, confirmMs);
  void thread.terminate();
  // What it began carries its marker. A thread may be waiting for just that, and until it is over it may begin another one.
  const marker = `PAWL_EXECUTION=${execution}`;
  let code: number | undefined;
  while (code === undefined) {
    await reap(undefined, marker);
    code = await Promise.race([exited, wait(reapPauseMs, undefined, { ref: false })]);
  }
  const gone = await reap(undefined, marker);
  clearTimeout(unended);
  log.end();
  if (!gone) return unknown('cell.alive', 'A process of the task could not be killed.');
  if (cut !== undefined) return cut;
  const result = ended === undefined ? silent(code, died) : resultOf(ended, masker);
  return (input.body as TaskInput).effects === 'commit' ? withCommit(ended, result) : result;
};

/** @param read the tasks of the deployment, as they are now */
export const createTask = (read: () => Promise<FoundTasks>, give = { up: endProcess }): Execute => {
  let reading: Promise<FoundTasks> | undefined;
  /** Read again where a name is not known: it may have come since. */
  const fileOf = async (name: string): Promise<string | undefined> => {
    const known = await reading?.catch(() => undefined);
    if (known?.pathOf(name) === undefined) reading = read();
    return (await reading)?.pathOf(name);
  };
  return async (input) => {
    const { execution = randomBytes(16).toString('hex'), timeoutMs } = input;
    const { task, input: text, effects } = input.body as TaskInput;
    const { params, step, each, run } = input;
    let thread: Worker;
    try {
      const file = await fileOf(task);
      if (file === undefined)
        return refused('task.unknown', `There is no task ${task} here: deploy it, then try again.`);
      if (input.signal.aborted) throw new Error('no time was left to begin');
      const warnAtMs = monotonicMs() + timeoutMs - Math.min(warnMsMax, Math.max(50, timeoutMs / 10));
      const context = { params, step, each, run, secrets: valuesOf(input) };
      thread = new Worker(taskThread, {
        workerData: { file, task, input: text, effects, context, warnAtMs },
        env: environment(execution),
        execArgv: threadFlags,
        stdout: true,
        stderr: true,
        resourceLimits: { maxOldGenerationSizeMb: heapMegabytes },
      });
    } catch (error) {
      return { status: 'never', error: { code: 'cell.unstarted', message: String(error) } };
    }
    return await attend(thread, input, execution, give);
  };
};
