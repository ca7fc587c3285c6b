/**
 * The first module of a `ts` or `js` cell's process: it takes the inputs, imports the cell, calls it, and writes one
 * framed result to file descriptor 3. The nonce of the frame came by standard input, which is used up before the cell is
 * loaded.
 */
import { readFileSync, writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { NotPlain, writePlain } from './plain.mjs';

const { nonce, file, killAtMs, bytesMax, keptMax } = JSON.parse(readFileSync(0, 'utf8'));
const messageCharsMax = 300;
/** How long before its end a cell is told, at most. */
const warningMsMax = 1_000;

// Taken before the cell is loaded, which may change them.
const write = writeSync;
const kill = process.kill.bind(process, process.pid, 'SIGKILL');
const { from, concat } = Buffer;

/**
 * @param {'value' | 'nothing' | 'threw' | 'invalid'} kind
 * @param {string} text
 * @param {number} whole bytes of the whole output, of which `text` may be the beginning
 */
const finish = (kind, text, whole = 0) => {
  const content = from(text);
  let rest = concat([from(`${nonce} ${kind} ${content.length} ${whole}\n`), content]);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(write(3, rest));
    } catch (error) {
      // The pipe is full for a moment.
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EAGAIN') throw error;
    }
  }
  // Nothing of the cell runs after its result: no promise left running, no exit handler.
  kill();
};

/** @param {unknown} error */
const describe = (error) => {
  try {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : `threw ${String(error)}`;
    return text.slice(0, messageCharsMax);
  } catch {
    return 'threw something that cannot be printed';
  }
};

/** @param {unknown} error */
const fail = (error) => {
  const description = describe(error);
  try {
    // The stack names the lines of the cell as it was written: types were blanked out, not cut out.
    console.error(error instanceof Error ? error.stack : description);
  } finally {
    finish('threw', description);
  }
};
process.on('uncaughtException', fail);

/** As expressions see them: integers that a number cannot hold are BigInt, instead of another integer. @param {string} text */
const parse = (text) => {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  /** @type {(key: string, value: unknown, context: { source?: string }) => unknown} */
  const exact = (_key, value, { source = '' }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source) ? BigInt(source) : value;
  return JSON.parse(text, /** @type {(key: string, value: unknown) => unknown} */ (exact));
};

const warned = new AbortController();
const leftMs = killAtMs - performance.timeOrigin - performance.now();
// A cell that listens gets a moment to stop by itself; one that does not is killed.
setTimeout(
  () => warned.abort(new Error('the time-out is near')),
  leftMs - Math.min(warningMsMax, Math.max(50, leftMs / 10)),
).unref();

try {
  const { params, outputs, step } = parse(readFileSync(String(process.env.PAWL_INPUTS), 'utf8'));
  const cell = await import(pathToFileURL(file).href);
  if (typeof cell.default !== 'function') throw new TypeError('the default export is not a function');
  /** @param {...unknown} parts */
  const log = (...parts) => console.log(...parts);
  const value = await cell.default({ params, outputs, secrets: {}, step, signal: warned.signal, log });
  if (value === undefined) finish('nothing', '');
  const { text, bytes } = writePlain(value, bytesMax);
  if (bytes <= bytesMax) finish('value', text, bytes);
  else finish('value', from(text).subarray(0, keptMax).toString('utf8'), bytes);
} catch (error) {
  if (error instanceof NotPlain) finish('invalid', error.message.slice(0, messageCharsMax));
  else fail(error);
}
