/**
 * Code cells, seen from the engine: a temporary folder, a runner process, and what it says. Whatever happens, nothing of
 * the cell is alive when `execute` answers; only a process that never came to be is called `never`.
 */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CellInput, type CellResult, type Execute, limits } from '../engine/index.ts';
import { itemMissing, outputsByName, paramsByName } from './byName.ts';
import { ended } from './ending.ts';
import { environment, inputsText } from './environment.ts';
import { handTo, makeFolder, removeFolder, type StepFolder, spawnRunner } from './folders.ts';
import { groupOf, removeGroup } from './group.mjs';
import { reap } from './reap.mjs';
import { launchOf } from './shells.ts';
import { type CellsStandby, drawExecution, harnessArgs } from './standby.ts';
import { unwrittenIn } from './unwritten.ts';
import type { CellsUser } from './user.ts';

/** The engine's own kill timer, in case the runner's does not fire. */
const beltMs = 500;
/** So long the runner may read what a cell left that has ended. */
const readingMs = 4_000;

type CodeBody = Extract<CellInput['body'], { code: string }>;
type Message =
  | { kind: 'spawned'; pid: number }
  | { kind: 'log'; stream: 'stdout' | 'stderr'; text: string; glimpse: boolean }
  /** Nothing of the cell is alive any more, and the files that it left are read. */
  | { kind: 'reading' }
  | { kind: 'done'; result: CellResult };

/** The machine's monotonic clock, the same for every process of it. */
const monotonicMs = (): number => Number(process.hrtime.bigint() / 1_000_000n);

/**
 * When the body is to be dead, by that clock: at its time-out, and before that when its lease is used up. The clock is read first:
 * what is slept between the two makes it earlier, never later.
 */
const killAtOf = (timeoutAtMs: number, { lease }: CellInput): number => {
  const nowMs = monotonicMs();
  return lease === undefined ? timeoutAtMs : Math.min(timeoutAtMs, nowMs + lease.leftMs());
};

/** What a script of those gets that names them. Read from its text, as authoring does, so that others pay nothing. */
const namedIn = (dir: string, { kind, code }: CodeBody, input: CellInput): Record<string, string> => {
  if (kind !== 'sh') return {};
  const [outputs, params] = [join(dir, 'outputs'), join(dir, 'params')];
  mkdirSync(outputs);
  mkdirSync(params);
  const { variables, files } = /PAWL_OUT_|PAWL_OUTPUTS/.test(code)
    ? outputsByName(input.outputs)
    : { variables: {}, files: {} };
  const write = (folder: string, content: Record<string, string>): void => {
    for (const [name, text] of Object.entries(content)) writeFileSync(join(folder, name), text, { mode: 0o600 });
  };
  write(outputs, files);
  write(params, code.includes('PAWL_PARAMS') ? paramsByName(input.params) : {});
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

type Beginning = StepFolder & {
  body: CodeBody;
  timeoutAtMs: number;
  execution: string;
  waited: boolean;
  grouped: boolean;
};

const prepare = (input: CellInput, { folder, dir, user, body, timeoutAtMs, execution, waited, grouped }: Beginning) => {
  // One that runs for hours is told of as often in all as the longest of the others.
  const glimpseMs = Math.ceil(limits.logGlimpseMs * Math.max(1, input.timeoutMs / limits.cellTimeoutMsMax));
  mkdirSync(join(dir, 'home'));
  mkdirSync(join(dir, 'tmp'));
  mkdirSync(join(dir, 'evidence'));
  writeFileSync(join(dir, 'inputs.json'), inputsText(input), { mode: 0o600 });
  const script = body.kind === 'sh';
  const file = join(dir, `${input.step.cell}.${script ? 'sh' : 'mjs'}`);
  writeFileSync(file, body.code, { mode: 0o600 });
  const launch = script
    ? launchOf(body)
    : { shell: false, asFile: false as const, command: process.execPath, args: harnessArgs };
  if (launch.asFile) chmodSync(file, 0o700);
  const byName = namedIn(dir, body, input);
  // Until here it was ours alone, so nobody could put something in the way of what was written.
  if (user !== undefined) handTo(user, dir);
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
    waited,
    grouped,
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
    killAtMs: killAtOf(timeoutAtMs, input),
    timeoutAtMs,
    // By the channel alone: the runner writes the files, and removes them whatever becomes of this process.
    secrets: Object.fromEntries(Object.entries(input.secrets ?? {}).map(([name, { value }]) => [name, value])),
    secretBytesMax: limits.secretBytesMax,
    outputBytesMax: limits.outputBytesMax,
    outputHeadBytes: limits.outputHeadBytesMax,
    glimpseMs,
    log: {
      headBytes: limits.logHeadBytesMax,
      endBytes: limits.logEndBytesMax,
      glimpseBytes: Math.ceil((limits.logGlimpsesBytesMax * glimpseMs) / input.timeoutMs),
      glimpsesBytes: limits.logGlimpsesBytesMax,
    },
    evidence: {
      files: limits.evidenceFilesMax,
      fileBytes: limits.attachmentBytesMax,
      bytes: limits.evidenceBytesMax,
      nameChars: limits.attachmentNameCharsMax,
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

type Job = ReturnType<typeof prepare>;

/** One that was killed before it could be sent anything has nothing of it. */
const isGone = (error: Error | null): boolean => {
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  return code === 'EPIPE' || code === 'ERR_IPC_CHANNEL_CLOSED';
};

/**
 * Everything after the runner was started: its messages, the time-out, the caller's signal, its death.
 * @returns `unsent`: it was dead before it had its job, so nothing has begun
 */
const attend = async (
  runner: ChildProcess,
  job: Job,
  input: CellInput,
  { handed, over }: { handed: () => void; over: Promise<void> },
): Promise<CellResult | 'unsent'> => {
  let child: number | undefined;
  let belt: NodeJS.Timeout | undefined;
  const beltAt = (killAtMs: number): void => {
    clearTimeout(belt);
    belt = setTimeout(() => runner.kill('SIGKILL'), killAtMs - monotonicMs() + beltMs);
  };
  const told = new Promise<CellResult>((resolve) => {
    runner.on('message', (message: Message) => {
      if (message.kind === 'spawned') child = message.pid;
      if (message.kind === 'log') input.log(message.stream, message.text, message.glimpse);
      if (message.kind === 'reading') beltAt(monotonicMs() + readingMs);
      if (message.kind === 'done') resolve(message.result);
    });
  });
  const stop = (): void => {
    if (runner.connected) runner.send('stop', () => {});
  };
  beltAt(job.killAtMs);
  try {
    const sent = new Promise<Error | null>((resolve) => runner.send(job, resolve));
    handed();
    // Whoever died is known to have died before what it was sent is known not to have been taken.
    const died = over.then(() => new Promise<null>((resolve) => setImmediate(resolve, null)));
    if (isGone(await Promise.race([sent, told.then(() => null), died]))) {
      clearTimeout(belt);
      return 'unsent';
    }
  } catch (error) {
    // It could not be written as a message, so none was sent.
    clearTimeout(belt);
    runner.kill('SIGKILL');
    return await neverBegan(job, error);
  }
  input.lease?.onRenewed(() => {
    const killAtMs = killAtOf(job.timeoutAtMs, input);
    beltAt(killAtMs);
    // The runner's own time is what counts: what does not reach it gives the body no more.
    if (runner.connected) runner.send({ killAtMs }, () => {});
  });
  input.signal.addEventListener('abort', stop);
  if (input.signal.aborted) stop();
  const result = await Promise.race([told, over.then(() => undefined)]);
  clearTimeout(belt);
  input.signal.removeEventListener('abort', stop);
  // Its last word: its folder is gone, and so is everything that it began.
  runner.kill('SIGKILL');
  if (result !== undefined) return result;
  const execution = job.marker.slice('PAWL_EXECUTION='.length);
  // The runner died without a word: its child is ours to find now. Without a child nothing has begun, but a runner killed
  // between the spawn and its message cannot be told from one killed before it.
  await reap(child, job.marker, groupOf(execution));
  removeGroup(groupOf(execution));
  await removeFolder(job);
  return { status: 'unknown', error: { code: 'cell.killed', message: 'Its runner was killed: it may have happened.' } };
};

/**
 * @param user as whom cells run; without one as ours
 * @param standby what stands ready; without it every cell is begun from nothing
 * @param grouped in a control group, where one can be made
 */
export const createCode = (user?: CellsUser, standby?: CellsStandby, grouped = true): Execute => {
  /** Whatever is thrown from here on, it may have happened: only what was never sent is `unsent`. */
  const attended = async (runner: ChildProcess, job: Job, input: CellInput, handed: () => void) => {
    const over = ended(runner);
    standby?.leaving(over);
    const answer = await attend(runner, job, input, { handed, over });
    // Who keeps nothing ready may be frozen after its answer: by then not even a dead process is left. Others wait for it when they close.
    if (standby === undefined) await over;
    return answer;
  };
  const carryOut = async (input: CellInput, handed: () => void): Promise<CellResult> => {
    const timeoutAtMs = monotonicMs() + input.timeoutMs;
    const body = input.body as CodeBody;
    const spare = standby?.take({ kind: body.kind, env: input.env ?? [] }, input.execution);
    const execution = spare?.execution ?? input.execution ?? drawExecution();
    let folder: StepFolder | undefined;
    let job: Job;
    try {
      folder = await makeFolder(execution, user);
      job = prepare(input, { ...folder, body, timeoutAtMs, execution, waited: spare?.waited ?? false, grouped });
      if (input.signal.aborted || job.killAtMs <= monotonicMs()) throw new Error('no time was left to begin');
    } catch (error) {
      spare?.runner.kill('SIGKILL');
      return await neverBegan(folder, error);
    }
    if (spare !== undefined) {
      const answer = await attended(spare.runner, job, input, handed);
      if (answer !== 'unsent') return answer;
    }
    let runner: ChildProcess;
    try {
      runner = spawnRunner(execution);
      await once(runner, 'spawn');
    } catch (error) {
      return await neverBegan(folder, error);
    }
    const answer = await attended(runner, job, input, handed);
    return answer === 'unsent' ? await neverBegan(folder, 'its runner was killed before it had its job') : answer;
  };
  return async (input) => {
    const refused = refusalOf(input.body as CodeBody, input);
    if (refused !== undefined) return refused;
    const handed = standby?.handing() ?? (() => {});
    try {
      return await carryOut(input, handed);
    } finally {
      handed();
    }
  };
};

export const execute = createCode();
