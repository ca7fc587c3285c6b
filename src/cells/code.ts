/**
 * Code cells, seen from the engine: a temporary folder, a runner process, and what it says. Whatever happens, nothing of
 * the cell is alive when `execute` answers; only a process that never came to be is called `never`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CellInput, type CellResult, limits, settleAll } from '../engine/index.ts';
import { reap } from './reap.mjs';

/** When bundled for Lambda these two are copied beside the bundle; nothing else knows where they are. */
const scripts = {
  runner: fileURLToPath(new URL('runner.mjs', import.meta.url)),
  harness: fileURLToPath(new URL('harness.mjs', import.meta.url)),
};
/** The engine's own kill timer, in case the runner's does not fire. */
const beltMs = 500;
const heapMegabytes = 512;

type CodeBody = Extract<CellInput['body'], { code: string }>;
type Message =
  | { kind: 'spawned'; pid: number }
  | { kind: 'log'; stream: 'stdout' | 'stderr'; text: string }
  | { kind: 'done'; result: CellResult };

/** `{"params":…,"outputs":{…},"step":…}` with the outputs' texts as they are, so that large integers survive. */
const inputsText = (input: CellInput): string => {
  const outputs = Object.entries(input.outputs).map(([name, text]) => `${JSON.stringify(name)}:${text}`);
  return `{"params":${JSON.stringify(input.params)},"outputs":{${outputs.join(',')}},"step":${JSON.stringify(input.step)}}`;
};

const environment = (input: CellInput, dir: string, execution: string): Record<string, string> => ({
  PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
  HOME: join(dir, 'home'),
  TMPDIR: join(dir, 'tmp'),
  LANG: 'C.UTF-8',
  PAWL_INPUTS: join(dir, 'inputs.json'),
  PAWL_OUTPUT: join(dir, 'output.json'),
  PAWL_IDEMPOTENCY_KEY: input.step.idempotencyKey,
  PAWL_EXECUTION: execution,
  ...(input.trace === undefined ? {} : { TRACEPARENT: input.trace }),
  ...Object.fromEntries(
    Object.entries(input.params).map(([name, value]) => [
      `PAWL_PARAM_${name.toUpperCase()}`,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  ),
});

/** The machine's monotonic clock, the same for every process of it. */
const monotonicMs = (): number => Number(process.hrtime.bigint() / 1_000_000n);

const prepare = async (dir: string, input: CellInput, body: CodeBody, killAtMs: number) => {
  const execution = randomBytes(16).toString('hex');
  await settleAll([mkdir(join(dir, 'home')), mkdir(join(dir, 'tmp'))]);
  await writeFile(join(dir, 'inputs.json'), inputsText(input), { mode: 0o600 });
  const script = body.kind === 'sh';
  const file = join(dir, `${input.step.cell}.${script ? 'sh' : 'mjs'}`);
  await writeFile(file, body.code, { mode: 0o600 });
  const ownInterpreter = script && body.code.startsWith('#!');
  if (ownInterpreter) await chmod(file, 0o700);
  const node = ['--no-warnings', `--max-old-space-size=${heapMegabytes}`, scripts.harness];
  return {
    kind: body.kind,
    // A shell tells by its exit that a signal ended what it ran.
    shell: script && (!ownInterpreter || /^#!.*sh\b/.test(body.code)),
    dir,
    file,
    command: ownInterpreter ? file : script ? '/bin/sh' : process.execPath,
    args: ownInterpreter ? [] : script ? [file] : node,
    env: environment(input, dir, execution),
    marker: `PAWL_EXECUTION=${execution}`,
    nonce: randomBytes(16).toString('hex'),
    input: script ? null : { params: input.params, outputs: parsed(input.outputs), step: input.step },
    killAtMs,
    outputBytesMax: limits.outputBytesMax,
    outputHeadBytes: limits.outputHeadBytesMax,
    logBytesMax: limits.logBytesMax,
  };
};

const parsed = (outputs: Record<string, string>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(outputs).map(([name, text]) => [name, JSON.parse(text)]));

/** Nothing has begun, and nothing is left behind. */
const neverBegan = async (dir: string | undefined, error: unknown): Promise<CellResult> => {
  if (dir !== undefined) await rm(dir, { recursive: true, force: true });
  return { status: 'never', error: { code: 'cell.unstarted', message: String(error) } };
};

/** Everything after the runner was started: its messages, the time-out, the caller's signal, its death. */
const attend = async (
  runner: ChildProcess,
  job: Awaited<ReturnType<typeof prepare>>,
  input: CellInput,
): Promise<CellResult> => {
  let child: number | undefined;
  let result: CellResult | undefined;
  runner.on('message', (message: Message) => {
    if (message.kind === 'spawned') child = message.pid;
    if (message.kind === 'log') input.log(message.stream, message.text);
    if (message.kind === 'done') result = message.result;
  });
  const stop = (): void => {
    if (runner.connected) runner.send('stop', () => {});
  };
  const belt = setTimeout(() => runner.kill('SIGKILL'), job.killAtMs - monotonicMs() + beltMs);
  try {
    runner.send(job, () => {});
  } catch (error) {
    // It could not be written as a message, so none was sent.
    clearTimeout(belt);
    runner.kill('SIGKILL');
    return await neverBegan(job.dir, error);
  }
  input.signal.addEventListener('abort', stop);
  if (input.signal.aborted) stop();
  await once(runner, 'exit');
  clearTimeout(belt);
  input.signal.removeEventListener('abort', stop);
  if (result !== undefined) return result;
  // The runner died without a word: its child is ours to find now. Without a child nothing has begun, but a runner killed
  // between the spawn and its message cannot be told from one killed before it.
  await reap(child, job.marker);
  await rm(job.dir, { recursive: true, force: true });
  return { status: 'unknown', error: { code: 'cell.killed', message: 'Its runner was killed: it may have happened.' } };
};

export const execute = async (input: CellInput): Promise<CellResult> => {
  const killAtMs = monotonicMs() + input.timeoutMs;
  const body = input.body as CodeBody;
  let dir: string | undefined;
  let job: Awaited<ReturnType<typeof prepare>>;
  let runner: ChildProcess;
  try {
    dir = await mkdtemp(join(tmpdir(), 'pawl-'));
    job = await prepare(dir, input, body, killAtMs);
    if (input.signal.aborted) throw new Error('no time was left to begin');
    runner = spawn(process.execPath, ['--no-warnings', scripts.runner], {
      env: {},
      detached: true,
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    await once(runner, 'spawn');
  } catch (error) {
    return await neverBegan(dir, error);
  }
  return await attend(runner, job, input);
};
