/**
 * Stands between the engine and a cell's process. It starts the process in a group of its own, forwards its log, and
 * kills it: at its time-out, when the engine says so, and when the engine is gone, however it went. Its environment is
 * `PAWL_RUNNER` alone, by which it is found, so nothing else of the engine's can be read from it. Where cells run as another user,
 * it stays the engine's, and so out of their reach.
 *
 * It may stand ready before there is a job (`standBy`), with a harness that waits for one: neither knows anything of a cell until
 * its job comes, and that is sent only after its reservation stands. So nothing can begin before (I4).
 *
 * From the engine: perhaps `standBy`, then once a job, or a folder to remove; during a job `'stop'`, and of one that is held by a
 * lease `{ killAtMs }` where it was renewed. To the engine: `{ kind: 'ready' }`, `{ kind: 'spawned', pid }`,
 * `{ kind: 'log', stream, text, glimpse }` …, perhaps `{ kind: 'reading' }`, `{ kind: 'done', result }`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, fstatSync, mkdirSync, openSync, readSync, rmdirSync, unlinkSync } from 'node:fs';
import { evidenceIn } from './evidence.mjs';
import { asUser, remove, removeSoon } from './folder.mjs';
import { beginIn, enter, leave, removeGroup } from './group.mjs';
import { createLongLog } from './longLog.mjs';
import { createSecretFiles } from './madeSecrets.mjs';
import { createMasker } from './masking.mjs';
import { beginCounted, look, reap } from './reap.mjs';

/**
 * @typedef {{ kind: 'ts' | 'js' | 'sh', shell: boolean, folder: string, dir: string, file: string,
 *   user?: import('./folder.mjs').User, args: string[], command: string,
 *   env: Record<string, string>, waited: boolean, grouped: boolean, marker: string, nonce: string, input: unknown, killAtMs: number, timeoutAtMs: number,
 *   secrets: Record<string, string>, secretBytesMax: number, outputBytesMax: number, outputHeadBytes: number, glimpseMs: number, log: import('./longLog.mjs').Sizes,
 *   evidence: import('./evidence.mjs').EvidenceSizes }} Job
 * @typedef {{ command: string, args: string[], env: Record<string, string> }} Harness
 * @typedef {{ status: 'completed' | 'failed' | 'unknown' | 'never', output?: string, outputBytes?: number,
 *   exitCode?: number, error?: { code: string, message: string }, evidence?: import('./evidence.mjs').Evidence }} Result
 */

// Nobody reads where an error of this process came from, and to find that out takes it longer than most that it does.
Error.stackTraceLimit = 0;

/** Made before there is a job: it learns of what it is to mask with that. */
const masker = createMasker([]);

/** The control group of what this runner has begun, where it could make one. @type {string | undefined} */
let control;
/** That this process, too, is in: while it waits for a script, so that this begins there at once. */
let isInside = false;
/** When it is not in it any more. */
let outside = Promise.resolve();
process.on('exit', () => removeGroup(control));

/** Only then can it be removed. What is in it can be ended before. */
const leaveGroup = () => {
  if (control !== undefined && isInside)
    outside = leave(control).then(() => {
      isInside = false;
    });
  return outside;
};

/** Before all that the cell has begun, as the kernel counts. @type {import('./reap.mjs').Births | undefined} */
let since;

/**
 * Begins a process in the control group of the cell.
 * @param {string} command @param {string[]} args @param {import('node:child_process').SpawnOptions} options
 */
const spawnInGroup = (command, args, options) => {
  if (isInside) {
    const { begun, since: before } = beginCounted(() => spawn(command, args, options));
    since = before;
    void leaveGroup();
    return begun;
  }
  const { begun, group } = beginIn(process.env.PAWL_RUNNER ?? '', () =>
    beginCounted(() => spawn(command, args, options)),
  );
  control = group;
  since = begun.since;
  return begun.begun;
};

/** What is told of an error, and the most that the harness tells of it. */
const messageCharsMax = 300;
const thrownCharsMax = 64 * 1024;

/** @param {import('./masking.mjs').Masker} masker @param {string} text */
const thrownText = (masker, text) => {
  const masked = text.length < thrownCharsMax ? masker.text(text) : masker.head(Buffer.from(text)).toString('utf8');
  return masked.slice(0, messageCharsMax);
};

/** Signals that a process does not send to itself by crashing. */
const fromOutside = new Set(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']);

/** By it the harness ends its process when it has said how its cell ended: it is to it what an exit with 0 is. */
const ownEnd = 'SIGVTALRM';

/** What a shell exits with when a signal ended the command that it ran last: 128 and the signal's number. */
const signalled = { min: 129, max: 159 };

/** @param {Result['status']} status @param {string} code @param {string} message @returns {Result} */
const ended = (status, code, message) => ({ status, error: { code, message } });

/** @typedef {import('./masking.mjs').Masker} Masker */
/** @typedef {{ kind: string, text: string, bytes: number } | 'none' | 'forged'} Frame */

/** The beginning of what is too large to be kept; masked before it is cut. @param {Job} job @param {Masker} masker @param {string} text */
const headOf = (job, masker, text) =>
  masker.head(Buffer.from(text)).subarray(0, job.outputHeadBytes).toString('utf8').trim();

/** `KEY=value`, in each line that is not empty. */
const line = /^([A-Za-z_][A-Za-z0-9_]{0,63})=(.*)$/;

/**
 * Lines `KEY=value` as an object of texts; `undefined`: they are none, or a key stands there twice.
 * @param {string} text @returns {string | undefined}
 */
const objectOfLines = (text) => {
  /** @type {Map<string, string>} */
  const values = new Map();
  for (const written of text.split(/\r?\n/)) {
    if (written.trim() === '') continue;
    const [, key, value] = line.exec(written) ?? [];
    if (key === undefined || value === undefined || values.has(key)) return undefined;
    values.set(key, value);
  }
  return values.size === 0 ? undefined : JSON.stringify(Object.fromEntries(values));
};

/** @param {string} text */
const isJson = (text) => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

/**
 * What the script wrote to PAWL_OUTPUT, masked. @param {Job} job @param {Masker} masker
 * @returns {{ output?: string, outputBytes?: number }}
 */
const outputOf = (job, masker) => {
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
    const written = buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, 0));
    const text = written.trim();
    if (tooLarge) return { output: headOf(job, masker, written), outputBytes: stat.size };
    if (text === '' || isJson(text)) return text === '' ? {} : { output: masker.json(text) };
    const object = objectOfLines(written);
    if (object === undefined) return { output: masker.text(text) };
    // As JSON it is longer than it was written.
    const bytes = Buffer.byteLength(object);
    return bytes > job.outputBytesMax
      ? { output: headOf(job, masker, object), outputBytes: bytes }
      : { output: masker.json(object) };
  } finally {
    closeSync(fd);
  }
};

/**
 * Reads the one frame on the result channel: `<nonce> <kind> <bytes>\n<text>`. Anything else is no result.
 * @param {string} nonce @param {Buffer} kept the beginning of what was written @param {number} bytes all of it
 * @returns {Frame}
 */
const frameOf = (nonce, kept, bytes) => {
  if (bytes === 0) return 'none';
  const line = kept.subarray(0, 200).indexOf('\n');
  const match = /^([0-9a-f]+) (value|nothing|threw|invalid) (\d+)$/.exec(kept.toString('latin1', 0, Math.max(0, line)));
  if (match === null || match[1] !== nonce || bytes !== line + 1 + Number(match[3])) return 'forged';
  return { kind: String(match[2]), text: kept.toString('utf8', line + 1), bytes: Number(match[3]) };
};

/**
 * A throw or an exit other than 0 is the author's own word that it failed. What ended otherwise without an output that can be
 * read did all it had to do, as far as can be known.
 * @param {Job} job @param {Masker} masker @param {Frame} frame @param {number | null} code @returns {Result}
 */
const codeResult = (job, masker, frame, code) => {
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
  if (frame.kind === 'threw') return ended('failed', 'cell.threw', thrownText(masker, frame.text));
  if (frame.kind === 'invalid') return ended('completed', 'output.invalid', masker.text(frame.text));
  if (frame.kind === 'nothing') return { status: 'completed' };
  if (frame.bytes > job.outputBytesMax) {
    return { status: 'completed', output: headOf(job, masker, frame.text), outputBytes: frame.bytes };
  }
  return { status: 'completed', output: masker.json(frame.text) };
};

/** Why what a script wrote is no JSON. @param {{ output?: string, outputBytes?: number }} output */
const notJson = ({ output, outputBytes }) => {
  if (output === undefined || outputBytes !== undefined) return undefined;
  try {
    JSON.parse(output);
    return undefined;
  } catch (error) {
    return `PAWL_OUTPUT holds neither one JSON value nor lines KEY=value, each key once: ${/** @type {Error} */ (error).message}`;
  }
};

/**
 * An exit other than 0 is the author's own word that it failed, unless a signal ended what the shell ran last: that was not
 * asked. An exit of 0 says that all was done, whatever was left as the output.
 * @param {Job} job @param {Masker} masker @param {number | null} code @returns {Result}
 */
const scriptResult = (job, masker, code) => {
  const output = asUser(job.user, () => outputOf(job, masker));
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

/**
 * The process of the cell. Where that is the one that waited, it is what a fresh one would be, but for what only its job tells: folder
 * and variables. One that died waiting is replaced: it was told nothing.
 * @param {Job} job @param {import('node:child_process').ChildProcess | undefined} waiting
 */
const begin = (job, waiting) => {
  if (waiting !== undefined && job.waited && waiting.exitCode === null && waiting.signalCode === null) return waiting;
  since = undefined;
  waiting?.kill('SIGKILL');
  const code = job.kind !== 'sh';
  const start = job.grouped || isInside ? spawnInGroup : spawn;
  return start(job.command, job.args, {
    cwd: job.dir,
    env: job.env,
    detached: true,
    // Begun by root with a user it also loses root's further groups.
    ...job.user,
    stdio: [code ? 'pipe' : 'ignore', 'pipe', 'pipe', code ? 'pipe' : 'ignore'],
  });
};

/** @param {Job} job @param {import('node:child_process').ChildProcess} [waiting] */
const run = async (job, waiting) => {
  /** @type {Result | undefined} */
  let cut;
  /** @type {import('node:child_process').ChildProcess | undefined} */
  let child;
  /** @type {(value?: unknown) => void} */
  let finished = () => {};
  const over = new Promise((resolve) => {
    finished = resolve;
  });

  const end = () => reap(child?.pid, job.marker, control, since);
  /** @param {Result} why */
  const stop = async (why) => {
    cut ??= why;
    await end();
  };
  // A moment, not a duration: an engine that froze before it sent the job must not begin the cell after its deadline.
  const nowMs = () => Number(process.hrtime.bigint() / 1_000_000n);
  let { killAtMs } = job;
  if (killAtMs - nowMs() <= 0) {
    waiting?.kill('SIGKILL');
    await leaveGroup();
    remove(job.folder);
    const late = ended('never', 'cell.late', 'No time was left to begin.');
    tell({ kind: 'done', result: late }, () => process.exit(0));
    return;
  }
  const untilKill = () =>
    setTimeout(() => {
      const isOver = killAtMs >= job.timeoutAtMs;
      const unrenewed = 'Stopped, since its lease was not renewed in time: it may have happened.';
      void stop(
        isOver
          ? ended('unknown', 'cell.timeout', 'Stopped at its time-out: it may have happened.')
          : ended('unknown', 'cell.unrenewed', unrenewed),
      );
    }, killAtMs - nowMs());
  let timer = untilKill();
  process.on('message', (message) => {
    if (typeof message === 'object' && message !== null && 'killAtMs' in message) {
      // A process that was frozen as well hears of it when its time was over already: what it heard of in time counts.
      if (cut !== undefined || nowMs() >= killAtMs) return;
      killAtMs = Number(message.killAtMs);
      clearTimeout(timer);
      timer = untilKill();
    }
    if (message === 'stop')
      void stop(ended('unknown', 'cell.aborted', 'Stopped because its caller gave up: it may have happened.'));
  });
  process.on('disconnect', async () => {
    // The engine is gone: nothing of the cell may outlive it, and there is no caller left to tell.
    await end();
    remove(job.folder);
    await outside;
    process.exit(0);
  });

  masker.add(Object.values(job.secrets));
  /** @type {ReturnType<typeof createSecretFiles>} */
  let files;
  try {
    files = createSecretFiles(job.dir, job.secrets, job.secretBytesMax, masker, job.user);
  } catch (error) {
    clearTimeout(timer);
    await leaveGroup();
    remove(job.folder);
    const why = `Its secrets could not be written (${/** @type {NodeJS.ErrnoException} */ (error).code}).`;
    tell({ kind: 'done', result: ended('never', 'cell.unstarted', why) }, () => process.exit(0));
    return;
  }

  const code = job.kind !== 'sh';
  child = begin(job, waiting);
  // One that waited begins when it has read all of its input. Where that could not be written it had died, and nothing has begun.
  let isUntaken = false;
  // Any other may end without reading its input.
  child.stdin?.on('error', (/** @type {NodeJS.ErrnoException} */ { code: why, syscall }) => {
    isUntaken = child === waiting && why === 'EPIPE' && syscall === 'write';
  });
  const { nonce, file, input, secrets, dir, env } = job;
  const place = child === waiting ? { dir, env } : {};
  const timeoutMs = job.timeoutAtMs - nowMs();
  child.stdin?.end(JSON.stringify({ nonce, file, input, secrets, timeoutMs, ...place }));
  // It works while the rest is made ready: until this turn is over nothing of it can be missed.
  if (child.pid !== undefined) tell({ kind: 'spawned', pid: child.pid });

  const log = createLongLog(job.log, (stream, text, glimpse) => tell({ kind: 'log', stream, text, glimpse }));
  // Masked before anything of it is cut or told.
  const streams = /** @type {const} */ (['stdout', 'stderr']).map((stream) => ({ stream, masked: masker.stream() }));
  for (const { stream, masked } of streams)
    child[stream]?.on('data', (/** @type {Buffer} */ chunk) => {
      files.look();
      const bytes = masked.write(chunk);
      if (bytes.length > 0) log.add(stream, bytes);
    });
  const glimpses = setInterval(log.glimpse, job.glimpseMs);

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

  /** @type {Result | undefined} */
  let result;
  let gone = false;
  let isOwnEnd = false;
  /** @type {Record<string, string> | undefined} */
  let made;
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
    gone = await end();
    await closed;
    made = files.made();
    const frame = code ? frameOf(job.nonce, Buffer.concat(kept), resultBytes) : 'none';
    isOwnEnd = frame !== 'none' && signal === ownEnd;
    if (isUntaken) result = ended('never', 'cell.unstarted', 'The process that waited for it had died.');
    else if (signal === null || isOwnEnd)
      result = code ? codeResult(job, masker, frame, isOwnEnd ? 0 : exitCode) : scriptResult(job, masker, exitCode);
    else if (fromOutside.has(signal))
      result = ended('unknown', 'cell.killed', `Killed by ${signal} from outside: it may have happened.`);
    else result = ended('unknown', 'cell.crashed', `Crashed with ${signal}: it may have happened.`);
    finished();
  });
  const closed = new Promise((resolve) => child?.on('close', resolve));

  await over;
  clearTimeout(timer);
  clearInterval(glimpses);
  for (const { stream, masked } of streams) {
    const last = masked.end();
    if (last.length > 0) log.add(stream, last);
  }
  log.end();
  if (!gone) gone = await end();
  // Whoever started this may end it once it has heard, and then removes a group that it was still in: the kernel lets that wait for its way out.
  if (!isInside) removeGroup(control);
  const whole = cut === undefined && (child.exitCode !== null || isOwnEnd);
  const folder = String(job.env.PAWL_EVIDENCE);
  // Nothing of the cell is alive any more: that its time is over while this is read changes nothing.
  const reading = () => tell({ kind: 'reading' });
  const evidence = gone ? evidenceIn(folder, job.evidence, masker, whole, reading, job.user) : undefined;
  removeSoon(job.folder);
  const left = ended('unknown', 'cell.alive', 'A process of the cell could not be killed.');
  const told = gone ? (cut ?? result) : left;
  tell({ kind: 'done', result: { ...told, ...(made && { made }), ...(evidence && { evidence }) } }, async () => {
    await outside;
    process.exit(0);
  });
};

/**
 * Goes once, over nothing, through what a cell waits for: the first call of a function takes longer than what it does.
 * @param {() => void} then
 */
const rehearse = (then) => {
  for (let stream = 0; stream < 2; stream += 1) masker.stream().end();
  createLongLog({ headBytes: 0, endBytes: 0, glimpseBytes: 0, glimpsesBytes: 0 }, () => {}).end();
  frameOf('0', Buffer.from('0 nothing 0\n'), 1);
  evidenceIn('/dev/null', { files: 0, fileBytes: 0, bytes: 0, nameChars: 0 }, masker, false, () => {});
  look(['PAWL_EXECUTION='.padEnd(47, '-')], since);
  for (const act of [mkdirSync, rmdirSync, unlinkSync]) {
    try {
      act('/dev/null/none');
    } catch {
      // There can be nothing below that.
    }
  }
  process.kill(process.pid, 0);
  clearTimeout(setTimeout(() => {}, 0));
  clearInterval(setInterval(() => {}, 1));
  const nobody = spawn('/bin/sh', ['-c', 'read line; echo "$line"'], {
    cwd: '/',
    env: {},
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
  });
  nobody.on('error', () => {}).on('close', then);
  nobody.stdin?.on('error', () => {}).end('{}');
  for (const stream of [nobody.stdout, nobody.stderr, nobody.stdio[3]]) stream?.on('data', () => {});
};

/**
 * Stands ready: a harness, where there is to be one, waits for its input. Whoever started this may end at any time: then both end.
 * @param {{ harness: Harness | null }} asked
 */
const standBy = ({ harness }) => {
  const waiting =
    harness === null
      ? undefined
      : spawnInGroup(harness.command, harness.args, {
          cwd: '/',
          env: harness.env,
          detached: true,
          // The last one it closes when it waits.
          stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
        });
  waiting?.on('error', () => {});
  waiting?.stdin?.on('error', () => {});
  const end = async () => {
    await leaveGroup();
    if (waiting?.pid === undefined || waiting.exitCode !== null || waiting.signalCode !== null) process.exit(0);
    waiting.on('exit', () => process.exit(0));
    waiting.kill('SIGKILL');
  };
  process.once('disconnect', end);
  process.once('message', (/** @type {Job} */ job) => {
    process.off('disconnect', end);
    void run(job, waiting?.pid === undefined ? undefined : waiting);
  });
  if (waiting === undefined) {
    control = enter(process.env.PAWL_RUNNER ?? '');
    isInside = control !== undefined;
    rehearse(() => tell({ kind: 'ready' }));
  } else {
    const waits = /** @type {import('node:stream').Readable} */ (waiting.stdio[4]);
    const waited = once(waits.resume(), 'close');
    rehearse(() => void waited.then(() => tell({ kind: 'ready' })));
  }
};

process.once('message', (/** @type {Job | { remove: string } | { standBy: { harness: Harness | null } }} */ asked) => {
  if ('standBy' in asked) return standBy(asked.standBy);
  if (!('remove' in asked)) return void run(asked);
  remove(asked.remove);
  process.exit(0);
});
