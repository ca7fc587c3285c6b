/**
 * Code cells, seen from the engine: a temporary folder, a runner process, and what it says. Whatever happens, nothing of
 * the cell is alive when `execute` answers; only a process that never came to be is called `never`.
 */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CellInput, type CellResult, type Execute, isNeverHanded, limits, settleAll } from '../engine/index.ts';
import { elementByName, itemMissing, outputsByName, paramsByName, runByName } from './byName.ts';
import { ended } from './ending.ts';
import { handTo, makeFolder, removeFolder, type StepFolder, spawnRunner } from './folders.ts';
import { reap } from './reap.mjs';
import { launchOf } from './shells.ts';
import { unwrittenIn } from './unwritten.ts';
import type { CellsUser } from './user.ts';

/** When bundled for Lambda it is copied beside the bundle, as the runner is. */
const harness = fileURLToPath(new URL('harness.mjs', import.meta.url));
/** The engine's own kill timer, in case the runner's does not fire. */
const beltMs = 500;
const heapMegabytes = 512;

type CodeBody = Extract<CellInput['body'], { code: string }>;
type Message =
  | { kind: 'spawned'; pid: number }
  | { kind: 'log'; stream: 'stdout' | 'stderr'; text: string; glimpse: boolean }
  | { kind: 'done'; result: CellResult };

/** `{"params":…,"outputs":{…},"step":…}` with the outputs' texts as they are, so that large integers survive. */
const inputsText = (input: CellInput): string => {
  const outputs = Object.entries(input.outputs).map(([name, text]) => `${JSON.stringify(name)}:${text}`);
  const each = input.each === undefined ? '' : `,"each":${JSON.stringify(input.each)}`;
  const run = input.run === undefined ? '' : `,"run":${JSON.stringify(input.run)}`;
  return `{"params":${JSON.stringify(input.params)},"outputs":{${outputs.join(',')}},"step":${JSON.stringify(input.step)}${each}${run}}`;
};

/** What a cell declared that it needs of this process's environment; what is Pawl's own it never gets. */
const declared = ({ env = [] }: CellInput): Record<string, string> =>
  Object.fromEntries(
    env.flatMap((name) => {
      const value = isNeverHanded(name) ? undefined : process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );

/** The step as `PAWL_…`, as a function has it in its argument. */
const stepByName = ({ step }: CellInput): Record<string, string> => ({
  PAWL_INSTANCE_ID: step.instanceId,
  PAWL_RUNBOOK_ID: step.runbookId,
  PAWL_VERSION: String(step.version),
  PAWL_CELL: step.cell,
  PAWL_SEQ: String(step.seq),
  PAWL_VISIT: String(step.visit),
  PAWL_ATTEMPT: String(step.attempt),
  PAWL_IDEMPOTENCY_KEY: step.idempotencyKey,
  PAWL_DEADLINE_AT_MS: String(step.deadlineAtMs),
  ...(step.originalKey === undefined ? {} : { PAWL_ORIGINAL_KEY: step.originalKey }),
});

const environment = (input: CellInput, dir: string, execution: string): Record<string, string> => ({
  ...declared(input),
  PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
  HOME: join(dir, 'home'),
  TMPDIR: join(dir, 'tmp'),
  LANG: 'C.UTF-8',
  PAWL_INPUTS: join(dir, 'inputs.json'),
  PAWL_OUTPUT: join(dir, 'output.json'),
  PAWL_SECRETS: join(dir, 'secrets'),
  ...stepByName(input),
  ...elementByName(input.each),
  ...runByName(input.run),
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

/** What a script of those gets that names them. Read from its text, as authoring does, so that others pay nothing. */
const namedIn = async (dir: string, { kind, code }: CodeBody, input: CellInput): Promise<Record<string, string>> => {
  if (kind !== 'sh') return {};
  const [outputs, params] = [join(dir, 'outputs'), join(dir, 'params')];
  await settleAll([mkdir(outputs), mkdir(params)]);
  const { variables, files } = /PAWL_OUT_|PAWL_OUTPUTS/.test(code)
    ? outputsByName(input.outputs)
    : { variables: {}, files: {} };
  const write = async (folder: string, content: Record<string, string>): Promise<void> => {
    for (const [name, text] of Object.entries(content)) await writeFile(join(folder, name), text, { mode: 0o600 });
  };
  await settleAll([
    write(outputs, files),
    write(params, code.includes('PAWL_PARAMS') ? paramsByName(input.params) : {}),
  ]);
  return { ...variables, PAWL_OUTPUTS: outputs, PAWL_PARAMS: params };
};

/** A script that names lines of a value which has none, or an element that is no variable, is not begun; `undefined`: nothing speaks against it. */
const refusalOf = ({ kind, code }: CodeBody, input: CellInput): CellResult | undefined => {
  if (kind !== 'sh') return undefined;
  const noItem = itemMissing(code, input.each);
  if (noItem !== undefined) return { status: 'failed', error: { code: 'cell.noItem', message: noItem }, unbegun: true };
  if (!/PAWL_(PARAMS|OUTPUTS)/.test(code)) return undefined;
  const params = Object.entries(input.params).map(([name, value]) => [name, JSON.stringify(value)]);
  const message =
    unwrittenIn(code, 'PAWL_PARAMS', Object.fromEntries(params), paramsByName(input.params)) ??
    unwrittenIn(code, 'PAWL_OUTPUTS', input.outputs, outputsByName(input.outputs).files);
  return message === undefined
    ? undefined
    : { status: 'failed', error: { code: 'cell.noLines', message }, unbegun: true };
};

type Beginning = StepFolder & { body: CodeBody; killAtMs: number; execution: string };

const prepare = async (input: CellInput, { folder, dir, user, body, killAtMs, execution }: Beginning) => {
  await settleAll([mkdir(join(dir, 'home')), mkdir(join(dir, 'tmp'))]);
  await writeFile(join(dir, 'inputs.json'), inputsText(input), { mode: 0o600 });
  const script = body.kind === 'sh';
  const file = join(dir, `${input.step.cell}.${script ? 'sh' : 'mjs'}`);
  await writeFile(file, body.code, { mode: 0o600 });
  const node = ['--no-warnings', `--max-old-space-size=${heapMegabytes}`, harness];
  const launch = script
    ? launchOf(body)
    : { shell: false, asFile: false as const, command: process.execPath, args: node };
  if (launch.asFile) await chmod(file, 0o700);
  const byName = await namedIn(dir, body, input);
  // Until here it was ours alone, so nobody could put something in the way of what was written.
  if (user !== undefined) await handTo(user, dir);
  return {
    kind: body.kind,
    shell: launch.shell,
    folder,
    dir,
    ...(user === undefined ? {} : { user: { uid: user.uid, gid: user.gid } }),
    file,
    command: launch.asFile ? file : launch.command,
    args: launch.asFile ? [] : script ? [...launch.args, file] : launch.args,
    env: { ...byName, ...environment(input, dir, execution) },
    marker: `PAWL_EXECUTION=${execution}`,
    nonce: randomBytes(16).toString('hex'),
    input: script
      ? null
      : {
          params: input.params,
          outputs: parsed(input.outputs),
          step: input.step,
          ...(input.run === undefined ? {} : { run: input.run }),
          ...input.each,
        },
    killAtMs,
    // By the channel alone: the runner writes the files, and removes them whatever becomes of this process.
    secrets: Object.fromEntries(Object.entries(input.secrets ?? {}).map(([name, { value }]) => [name, value])),
    secretBytesMax: limits.secretBytesMax,
    outputBytesMax: limits.outputBytesMax,
    outputHeadBytes: limits.outputHeadBytesMax,
    glimpseMs: limits.logGlimpseMs,
    log: {
      headBytes: limits.logHeadBytesMax,
      endBytes: limits.logEndBytesMax,
      glimpseBytes: Math.ceil((limits.logGlimpsesBytesMax * limits.logGlimpseMs) / input.timeoutMs),
      glimpsesBytes: limits.logGlimpsesBytesMax,
    },
  };
};

const parsed = (outputs: Record<string, string>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(outputs).map(([name, text]) => [name, JSON.parse(text)]));

/** Nothing has begun, and nothing is left behind. */
const neverBegan = async (folder: StepFolder | undefined, error: unknown): Promise<CellResult> => {
  if (folder !== undefined) await removeFolder(folder);
  return { status: 'never', error: { code: 'cell.unstarted', message: String(error) } };
};

/** Everything after the runner was started: its messages, the time-out, the caller's signal, its death. */
const attend = async (
  runner: ChildProcess,
  job: Awaited<ReturnType<typeof prepare>>,
  input: CellInput,
): Promise<CellResult> => {
  const over = ended(runner);
  let child: number | undefined;
  let result: CellResult | undefined;
  runner.on('message', (message: Message) => {
    if (message.kind === 'spawned') child = message.pid;
    if (message.kind === 'log') input.log(message.stream, message.text, message.glimpse);
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
    return await neverBegan(job, error);
  }
  input.signal.addEventListener('abort', stop);
  if (input.signal.aborted) stop();
  await over;
  clearTimeout(belt);
  input.signal.removeEventListener('abort', stop);
  if (result !== undefined) return result;
  // The runner died without a word: its child is ours to find now. Without a child nothing has begun, but a runner killed
  // between the spawn and its message cannot be told from one killed before it.
  await reap(child, job.marker);
  await removeFolder(job);
  return { status: 'unknown', error: { code: 'cell.killed', message: 'Its runner was killed: it may have happened.' } };
};

/** @param user as whom cells run; without one as ours */
export const createCode =
  (user?: CellsUser): Execute =>
  async (input) => {
    const killAtMs = monotonicMs() + input.timeoutMs;
    const body = input.body as CodeBody;
    const { execution = randomBytes(16).toString('hex') } = input;
    const refused = refusalOf(body, input);
    if (refused !== undefined) return refused;
    let folder: StepFolder | undefined;
    let job: Awaited<ReturnType<typeof prepare>>;
    let runner: ChildProcess;
    try {
      folder = await makeFolder(execution, user);
      job = await prepare(input, { ...folder, body, killAtMs, execution });
      if (input.signal.aborted) throw new Error('no time was left to begin');
      runner = spawnRunner(execution);
      await once(runner, 'spawn');
    } catch (error) {
      return await neverBegan(folder, error);
    }
    return await attend(runner, job, input);
  };

export const execute = createCode();
