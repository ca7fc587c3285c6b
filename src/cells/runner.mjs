/**
 * Stands between the engine and a cell's process. It starts the process in a group of its own, forwards its log, and
 * kills it: at its time-out, when the engine says so, and when the engine is gone, however it went. Its environment is
 * empty, so nothing of the engine's can be read from it.
 *
 * Arguments: the cell's folder, its marker. From the engine: a job, perhaps `stop`. To the engine:
 * `{ kind: 'spawned', pid }`, `{ kind: 'log', stream, text }` …, `{ kind: 'done', result }`.
 */
import { spawn } from 'node:child_process';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as wait } from 'node:timers/promises';
import { reap, removeFolder } from './reap.mjs';
import { ended, frameLineMax, moduleResult, scriptResult } from './results.mjs';

/** @typedef {import('./results.mjs').Job} Job @typedef {import('./results.mjs').Result} Result */

const [, , dir = '', marker = ''] = process.argv;
/** How long a pipe may stay open after everybody is dead, before its rest is given up. */
const closeMs = 500;
/** @type {import('node:child_process').ChildProcess | undefined} */
let child;
/** Why it was killed by us. @type {Result | undefined} */
let cut;

/** An engine that is gone is noticed by `disconnect`; a message to it must not be what ends the runner. */
const tell = (/** @type {object} */ message, then = () => {}) => {
  if (process.connected) process.send?.(message, undefined, undefined, () => then());
  else then();
};

/** Nobody is left to tell: nothing of the cell may outlive the engine. */
const abandon = async () => {
  await reap(child?.pid, marker);
  removeFolder(dir);
  process.exit(1);
};

/** @param {Result} why */
const stop = (why) => {
  cut ??= why;
  void reap(child?.pid, marker);
};

/** Reads a stream to its end; what is over the limit is thrown away, since a full pipe would stop the cell. @param {Job} job */
const forwardLogs = (job) => {
  let logBytes = 0;
  for (const stream of /** @type {const} */ (['stdout', 'stderr'])) {
    const decoder = new StringDecoder('utf8');
    child?.[stream]?.on('data', (/** @type {Buffer} */ chunk) => {
      if (logBytes >= job.logBytesMax) return;
      const text = decoder.write(chunk.subarray(0, job.logBytesMax - logBytes));
      logBytes += chunk.length;
      if (text !== '') tell({ kind: 'log', stream, text });
      if (logBytes < job.logBytesMax) return;
      tell({ kind: 'log', stream, text: `\n[log cut here: logBytesMax is ${job.logBytesMax} bytes]\n` });
    });
  }
};

/** Keeps the beginning of the result channel, as much as a frame may have. @param {Job} job */
const keepWritten = (job) => {
  /** @type {Buffer[]} */
  const kept = [];
  let bytes = 0;
  const channel = /** @type {import('node:stream').Readable | null | undefined} */ (child?.stdio[3]);
  channel?.on('data', (/** @type {Buffer} */ chunk) => {
    const room = job.outputBytesMax + frameLineMax - bytes;
    if (room > 0) kept.push(chunk.subarray(0, room));
    bytes += chunk.length;
  });
  channel?.on('error', () => {});
  return () => ({ head: Buffer.concat(kept), bytes });
};

/** Starts the child and waits for its end. @param {Job} job @returns {Promise<Result>} */
const run = async (job) => {
  const isScript = job.kind === 'sh';
  const leftMs = job.killAtMs - performance.timeOrigin - performance.now();
  if (leftMs <= 0) return ended('never', 'cell.late', 'No time was left to begin.');
  const timer = setTimeout(() => {
    stop(ended('unknown', 'cell.timeout', 'Stopped at its time-out: it may have happened.'));
  }, leftMs);
  child = spawn(job.command, job.args, {
    cwd: dir,
    env: job.env,
    detached: true,
    stdio: [isScript ? 'ignore' : 'pipe', 'pipe', 'pipe', isScript ? 'ignore' : 'pipe'],
  });
  const closed = new Promise((resolve) => child?.on('close', resolve));
  /** @type {Promise<{ exitCode: number | null, signal: NodeJS.Signals | null } | Error>} */
  const exited = new Promise((resolve) => {
    child?.on('error', resolve);
    child?.on('exit', (exitCode, signal) => resolve({ exitCode, signal }));
  });
  if (child.pid !== undefined) tell({ kind: 'spawned', pid: child.pid });
  forwardLogs(job);
  const written = keepWritten(job);
  // The cell may end without reading its input.
  child.stdin?.on('error', () => {});
  child.stdin?.end(JSON.stringify({ nonce: job.nonce, file: job.file, killAtMs: job.killAtMs, keptMax: job.outputHeadBytes, bytesMax: job.outputBytesMax }));

  const end = await exited;
  clearTimeout(timer);
  if (end instanceof Error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (end);
    const missing = code === 'ENOENT' || code === 'EACCES' || code === 'ENOTDIR';
    return missing
      ? ended('failed', 'cell.interpreter', `${job.command} cannot be run here: ${end.message}`)
      : ended('never', 'cell.unstarted', end.message);
  }
  // Whatever it left running goes with it; only then do its pipes end.
  await reap(child.pid, marker);
  await Promise.race([closed, wait(closeMs)]);
  return (isScript ? scriptResult : moduleResult)(job, { ...end, cut, written: written() });
};

process.on('disconnect', () => void abandon());
process.on('uncaughtException', () => void abandon());
process.on('message', async (message) => {
  if (message === 'stop') return stop(ended('unknown', 'cell.aborted', 'Its caller gave up: it may have happened.'));
  const result = await run(/** @type {Job} */ (message));
  const gone = await reap(child?.pid, marker);
  removeFolder(dir);
  const alive = ended('unknown', 'cell.alive', 'A process of the cell could not be killed.');
  tell({ kind: 'done', result: gone ? result : alive }, () => process.exit(0));
});
