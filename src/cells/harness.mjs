/**
 * The first module of a `ts` or `js` cell's process: it takes the input, imports the cell, calls it, and writes one framed
 * result to file descriptor 3. The nonce of the frame came by standard input, which is used up before the cell is loaded.
 */
import { readFileSync, writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const { nonce, file, input, timeoutMs } = JSON.parse(readFileSync(0, 'utf8'));
const messageCharsMax = 300;
const { stringify } = JSON;
const { exit } = process;
const write = writeSync;

/** @param {'value' | 'nothing' | 'threw' | 'invalid'} kind @param {string} text */
const finish = (kind, text) => {
  const content = Buffer.from(text);
  let rest = Buffer.concat([Buffer.from(`${nonce} ${kind} ${content.length}\n`), content]);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(write(3, rest));
    } catch (error) {
      // The pipe is full for a moment.
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EAGAIN') throw error;
    }
  }
  // Promises that are still running end here, with the process.
  exit(0);
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
  // The stack names the lines of the cell as it was written: types were blanked out, not cut out.
  if (error instanceof Error) console.error(error.stack);
  finish('threw', describe(error));
};
process.on('uncaughtException', fail);

const warned = new AbortController();
// A cell that listens gets a moment to stop by itself; one that does not is killed.
setTimeout(
  () => warned.abort(new Error('the time-out is near')),
  timeoutMs - Math.min(1_000, Math.max(50, timeoutMs / 10)),
).unref();

try {
  const cell = await import(pathToFileURL(file).href);
  if (typeof cell.default !== 'function') throw new TypeError('the default export is not a function');
  /** @param {...unknown} parts */
  const log = (...parts) => console.log(...parts);
  const value = await cell.default({ ...input, secrets: {}, signal: warned.signal, log });
  if (value === undefined) finish('nothing', '');
  let text;
  try {
    text = stringify(value);
  } catch (error) {
    finish('invalid', `What the cell returned is not JSON: ${describe(error)}`);
  }
  if (text === undefined) finish('invalid', `What the cell returned is not JSON: a ${typeof value}.`);
  finish('value', String(text));
} catch (error) {
  fail(error);
}
