/**
 * Stands between the engine and a cell's process. It starts the process in a group of its own, forwards its log, and
 * kills it: at its time-out, when the engine says so, and when the engine is gone, however it went. Its environment is
 * empty, so nothing of the engine's can be read from it.
 *
 * From the engine, once: a job. To the engine: `{ kind: 'spawned', pid }`, `{ kind: 'log', stream, text }` …,
 * `{ kind: 'done', result }`.
 */
import { spawn } from 'node:child_process';
import { chmodSync, closeSync, constants, fstatSync, openSync, readdirSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { reap } from './reap.mjs';

/**
 * @typedef {{ kind: 'ts' | 'js' | 'sh', shell: boolean, dir: string, file: string, args: string[], command: string,
 *   env: Record<string, string>, marker: string, nonce: string, input: unknown, killAtMs: number,
 *   outputBytesMax: number, outputHeadBytes: number, logBytesMax: number }} Job
 * @typedef {{ status: 'completed' | 'failed' | 'unknown' | 'never', output?: string, outputBytes?: number,
 *   exitCode?: number, error?: { code: string, message: string } }} Result
 */

/** Signals that a process does not send to itself by crashing. */
const fromOutside = new Set(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']);

/** What a shell exits with when a signal ended the command that it ran last: 128 and the signal's number. */
const signalled = { min: 129, max: 159 };

/** @param {Result['status']} status @param {string} code @param {string} message @returns {Result} */
const ended = (status, code, message) => ({ status, error: { code, message } });

/** Removes a folder, also one that the cell made unwritable. @param {string} dir */
const remove = (dir) => {
  /** @param {string} at */
  const open = (at) => {
    try {
      chmodSync(at, 0o700);
      for (const entry of readdirSync(at, { withFileTypes: true })) if (entry.isDirectory()) open(join(at, entry.name));
    } catch {
      // Gone already, or not ours to open; rm says what is left.
    }
  };
  open(dir);
  rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
};

/** What the script wrote to PAWL_OUTPUT. @param {Job} job @returns {{ output?: string, outputBytes?: number }} */
const outputOf = (job) => {
  let fd;
  try {
    // Not a link, and not a pipe that would block for ever.
    fd = openSync(String(job.env.PAWL_OUTPUT), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return {};
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size === 0) return {};
    const tooLarge = stat.size > job.outputBytesMax;
    const buffer = Buffer.alloc(tooLarge ? job.outputHeadBytes : stat.size);
    const text = buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, 0)).trim();
    if (tooLarge) return { output: text, outputBytes: stat.size };
    return text === '' ? {} : { output: text };
  } finally {
    closeSync(fd);
  }
};

/**
 * Reads the one frame on the result channel: `<nonce> <kind> <bytes>\n<text>`. Anything else is no result.
 * @param {Job} job @param {Buffer} kept the beginning of what was written @param {number} bytes all of it
 * @returns {{ kind: string, text: string, bytes: number } | 'none' | 'forged'}
 */
const frameOf = (job, kept, bytes) => {
  if (bytes === 0) return 'none';
  const line = kept.subarray(0, 200).indexOf('\n');
  const match = /^([0-9a-f]+) (value|nothing|threw|invalid) (\d+)$/.exec(kept.toString('latin1', 0, Math.max(0, line)));
  if (match === null || match[1] !== job.nonce || bytes !== line + 1 + Number(match[3])) return 'forged';
  return { kind: String(match[2]), text: kept.toString('utf8', line + 1), bytes: Number(match[3]) };
};

/**
 * A throw or an exit other than 0 is the author's own word that it failed. What ended otherwise without an output that can be
 * read did all it had to do, as far as can be known.
 * @param {Job} job @param {Buffer} kept @param {number} bytes @param {number | null} code @returns {Result}
 */
const codeResult = (job, kept, bytes, code) => {
  const frame = frameOf(job, kept, bytes);
  const exit = { exitCode: code ?? 0 };
  if (frame === 'forged' && code === 0)
    return ended('completed', 'output.invalid', 'Something else was written to the result channel.');
  if (frame === 'forged') return { ...ended('failed', 'cell.exited', `The process exited with ${code}.`), ...exit };
  if (frame === 'none') {
    const message = `The process exited with ${code} before it returned anything.`;
    return {
      ...(code === 0 ? ended('completed', 'output.invalid', message) : ended('failed', 'cell.exited', message)),
      ...exit,
    };
  }
  if (frame.kind === 'threw') return ended('failed', 'cell.threw', frame.text);
  if (frame.kind === 'invalid') return ended('completed', 'output.invalid', frame.text);
  if (frame.kind === 'nothing') return { status: 'completed' };
  if (frame.bytes > job.outputBytesMax) {
    const head = Buffer.from(frame.text).subarray(0, job.outputHeadBytes).toString('utf8');
    return { status: 'completed', output: head, outputBytes: frame.bytes };
  }
  return { status: 'completed', output: frame.text };
};

/** Why what a script wrote is no JSON. @param {{ output?: string, outputBytes?: number }} output */
const notJson = ({ output, outputBytes }) => {
  if (output === undefined || outputBytes !== undefined) return undefined;
  try {
    JSON.parse(output);
    return undefined;
  } catch (error) {
    return `PAWL_OUTPUT does not hold one JSON value: ${/** @type {Error} */ (error).message}`;
  }
};

/**
 * An exit other than 0 is the author's own word that it failed, unless a signal ended what the shell ran last: that was not
 * asked. An exit of 0 says that all was done, whatever was left as the output.
 * @param {Job} job @param {number | null} code @returns {Result}
 */
const scriptResult = (job, code) => {
  const output = outputOf(job);
  const exit = { exitCode: code ?? 0 };
  const invalid = notJson(output);
  const kept = invalid === undefined ? output : {};
  if (job.shell && code !== null && code >= signalled.min && code <= signalled.max) {
    const message = `The script exited with ${code}: a signal ended its last command. It may have happened.`;
    return { ...ended('unknown', 'cell.killed', message), ...exit };
  }
  if (code !== 0) {
    const also = invalid === undefined ? '' : ` ${invalid}`;
    return { ...ended('failed', 'cell.exit', `The script exited with ${code}.${also}`), ...exit, ...kept };
  }
  if (invalid !== undefined) return { ...ended('completed', 'output.invalid', invalid), ...exit };
  return { status: 'completed', ...exit, ...output };
};

/**
 * Says something to the engine. One that is gone is noticed by `disconnect`; a message to it must not be what ends the
 * runner before it has killed what it runs.
 * @param {object} message
 */
const tell = (message, then = () => {}) => {
  if (process.connected) process.send?.(message, undefined, undefined, () => then());
  else then();
};

/** @param {Job} job */
const run = async (job) => {
  /** @type {Result | undefined} */
  let cut;
  /** @type {import('node:child_process').ChildProcess | undefined} */
  let child;
  /** @type {(value?: unknown) => void} */
  let finished = () => {};
  const over = new Promise((resolve) => {
    finished = resolve;
  });

  /** @param {Result} why */
  const stop = async (why) => {
    cut ??= why;
    await reap(child?.pid, job.marker);
  };
  // A moment, not a duration: an engine that froze before it sent the job must not begin the cell after its deadline.
  const leftMs = job.killAtMs - Number(process.hrtime.bigint() / 1_000_000n);
  if (leftMs <= 0) {
    remove(job.dir);
    const late = ended('never', 'cell.late', 'No time was left to begin.');
    tell({ kind: 'done', result: late }, () => process.exit(0));
    return;
  }
  const timer = setTimeout(() => {
    void stop(ended('unknown', 'cell.timeout', 'Stopped at its time-out: it may have happened.'));
  }, leftMs);
  process.on('message', (message) => {
    if (message === 'stop')
      void stop(ended('unknown', 'cell.aborted', 'Stopped because its caller gave up: it may have happened.'));
  });
  process.on('disconnect', async () => {
    // The engine is gone: nothing of the cell may outlive it, and there is no caller left to tell.
    await reap(child?.pid, job.marker);
    remove(job.dir);
    process.exit(0);
  });

  const code = job.kind !== 'sh';
  child = spawn(job.command, job.args, {
    cwd: job.dir,
    env: job.env,
    detached: true,
    stdio: [code ? 'pipe' : 'ignore', 'pipe', 'pipe', code ? 'pipe' : 'ignore'],
  });
  if (child.pid !== undefined) tell({ kind: 'spawned', pid: child.pid });

  let logBytes = 0;
  for (const stream of /** @type {const} */ (['stdout', 'stderr'])) {
    const decoder = new StringDecoder('utf8');
    child[stream]?.on('data', (/** @type {Buffer} */ chunk) => {
      // What is over the limit is read and thrown away: a full pipe would stop the cell.
      if (logBytes >= job.logBytesMax) return;
      const text = decoder.write(chunk.subarray(0, job.logBytesMax - logBytes));
      logBytes += chunk.length;
      tell({ kind: 'log', stream, text });
      if (logBytes >= job.logBytesMax) {
        tell({ kind: 'log', stream, text: `\n[log cut here: logBytesMax is ${job.logBytesMax} bytes]\n` });
      }
    });
  }

  /** @type {Buffer[]} */
  const kept = [];
  let keptBytes = 0;
  let resultBytes = 0;
  const channel = /** @type {import('node:stream').Readable | null} */ (child.stdio[3]);
  channel?.on('data', (/** @type {Buffer} */ chunk) => {
    resultBytes += chunk.length;
    const room = job.outputBytesMax + 200 - keptBytes;
    if (room <= 0) return;
    kept.push(chunk.subarray(0, room));
    keptBytes += Math.min(room, chunk.length);
  });
  // The cell may end without reading its input.
  child.stdin?.on('error', () => {});
  child.stdin?.end(JSON.stringify({ nonce: job.nonce, file: job.file, input: job.input, timeoutMs: leftMs }));

  /** @type {Result | undefined} */
  let result;
  child.on('error', (error) => {
    // Only a process that never came to be can say that nothing happened.
    result =
      child?.pid === undefined
        ? ended('never', 'cell.unstarted', error.message)
        : ended('unknown', 'cell.broken', error.message);
    finished();
  });
  child.on('exit', async (exitCode, signal) => {
    clearTimeout(timer);
    // Whatever it left running goes with it, and only then are its pipes closed.
    await reap(child?.pid, job.marker);
    await closed;
    if (signal === null)
      result = code ? codeResult(job, Buffer.concat(kept), resultBytes, exitCode) : scriptResult(job, exitCode);
    else if (fromOutside.has(signal))
      result = ended('unknown', 'cell.killed', `Killed by ${signal} from outside: it may have happened.`);
    else result = ended('unknown', 'cell.crashed', `Crashed with ${signal}: it may have happened.`);
    finished();
  });
  const closed = new Promise((resolve) => child?.on('close', resolve));

  await over;
  clearTimeout(timer);
  const gone = await reap(child.pid, job.marker);
  remove(job.dir);
  const left = ended('unknown', 'cell.alive', 'A process of the cell could not be killed.');
  tell({ kind: 'done', result: gone ? (cut ?? result) : left }, () => process.exit(0));
};

process.once('message', (job) => void run(/** @type {Job} */ (job)));
