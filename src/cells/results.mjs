/** What the end of a cell's process means: its exit, the signal that ended it, and what it wrote as its result. */
import { isUtf8 } from 'node:buffer';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/**
 * @typedef {{ kind: 'ts' | 'js' | 'sh', file: string, args: string[], command: string, env: Record<string, string>,
 *   nonce: string, killAtMs: number, outputBytesMax: number, outputHeadBytes: number, logBytesMax: number }} Job
 * @typedef {{ status: 'completed' | 'failed' | 'unknown' | 'never', output?: string, outputBytes?: number,
 *   exitCode?: number, error?: { code: string, message: string } }} Result
 * @typedef {{ exitCode: number | null, signal: NodeJS.Signals | null, cut: Result | undefined, written: Written }} End
 * @typedef {{ head: Buffer, bytes: number }} Written the beginning of the result channel, and the size of the whole
 */

/** A process raises these by its own fault. Every other signal came from somebody, who cannot say how far it was. */
const crashes = new Set(['SIGABRT', 'SIGSEGV', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGTRAP', 'SIGSYS']);
/** Room for the line that opens a frame. */
export const frameLineMax = 100;

/** @param {Result['status']} status @param {string} code @param {string} message @returns {Result} */
export const ended = (status, code, message) => ({ status, error: { code, message } });

/** @param {NodeJS.Signals} signal */
const bySignal = (signal) =>
  crashes.has(signal)
    ? ended('failed', 'cell.crashed', `Crashed with ${signal}.`)
    : ended('unknown', 'cell.killed', `Killed by ${signal} from outside: it may have happened.`);

/**
 * The one frame on the result channel, `<nonce> <kind> <bytes> <bytes of the whole output>\n<text>`. The channel holds
 * exactly this or no result: whatever else was written there, the cell wrote itself.
 * @param {Job} job @param {Written} written
 */
const frameOf = (job, { head, bytes }) => {
  const line = head.subarray(0, frameLineMax).indexOf('\n');
  const opening = head.toString('latin1', 0, Math.max(0, line));
  const match = /^([0-9a-f]+) (value|nothing|threw|invalid) (\d+) (\d+)$/.exec(opening);
  if (match === null || match[1] !== job.nonce || bytes !== line + 1 + Number(match[3])) return undefined;
  return { kind: match[2], text: head.toString('utf8', line + 1), whole: Number(match[4]) };
};

/** @param {Job} job @param {End} end @returns {Result} */
export const moduleResult = (job, { exitCode, signal, cut, written }) => {
  const frame = frameOf(job, written);
  // A whole frame is the truth, however the process ended after it.
  if (frame?.kind === 'threw') return ended('failed', 'cell.threw', frame.text);
  if (frame?.kind === 'invalid') return ended('failed', 'output.invalid', frame.text);
  if (frame?.kind === 'nothing') return { status: 'completed' };
  if (frame !== undefined) {
    const large = frame.whole > job.outputBytesMax;
    return { status: 'completed', output: frame.text, ...(large ? { outputBytes: frame.whole } : {}) };
  }
  if (signal !== null) return cut ?? bySignal(signal);
  if (written.bytes > 0) return ended('failed', 'output.invalid', 'Something else was written to the result channel.');
  const why = exitCode === 13 ? ': it waits for a promise that nothing will settle' : '';
  const message = `The process exited with ${exitCode} before it returned anything${why}.`;
  return { ...ended('failed', 'cell.exited', message), exitCode: exitCode ?? 0 };
};

/** What the script wrote to PAWL_OUTPUT. @param {Job} job @returns {{ output?: string, outputBytes?: number }} */
const outputOf = (job) => {
  let fd;
  try {
    // Not through a link, and not waiting for the writer of a pipe.
    fd = openSync(String(job.env.PAWL_OUTPUT), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return {};
    throw error;
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new Error('it is not a file');
    const large = stat.size > job.outputBytesMax;
    const buffer = Buffer.alloc(large ? job.outputHeadBytes : stat.size);
    const bytes = buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, 0));
    if (large) return { output: bytes.toString('utf8'), outputBytes: stat.size };
    if (!isUtf8(bytes)) throw new Error('it is not UTF-8');
    const output = bytes.toString('utf8').trim();
    if (output === '') return {};
    JSON.parse(output);
    return { output };
  } finally {
    closeSync(fd);
  }
};

/** @param {Job} job @param {End} end @returns {Result} */
export const scriptResult = (job, { exitCode, signal, cut }) => {
  if (signal !== null) return cut ?? bySignal(signal);
  const code = exitCode ?? 0;
  try {
    const output = outputOf(job);
    if (code === 0) return { status: 'completed', exitCode: 0, ...output };
    return { ...ended('failed', 'cell.exit', `The script exited with ${code}.`), exitCode: code, ...output };
  } catch (error) {
    const message = `PAWL_OUTPUT does not hold one JSON value: ${/** @type {Error} */ (error).message.slice(0, 200)}`;
    return { ...ended('failed', 'output.invalid', message), exitCode: code };
  }
};
