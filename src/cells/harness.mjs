/**
 * The first module of a `ts` or `js` cell's process: it takes the input, imports the cell, calls it, and writes one framed
 * result to file descriptor 3. The nonce of the frame came by standard input, which is used up before the cell is loaded.
 *
 * It may have been begun before there was an input (`waits`): then it gets its folder and its variables with that.
 */
import { closeSync, readFileSync, writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';

if (process.argv[2] === 'waits') {
  process.argv.length = 2;
  // What loads the cell is itself loaded by its first use.
  await import('./folder.mjs');
  // Likewise what is called once there is a cell: each once, over nothing.
  process.chdir('/');
  process.kill(process.pid, 0);
  writeSync(3, Buffer.concat([Buffer.from('')]));
  new AbortController().abort();
  clearTimeout(setTimeout(() => {}, 0).unref());
  // Heard by the runner: from here on it waits.
  closeSync(4);
}
const given = readFileSync(0, 'utf8');
// Nobody needs it any more.
if (given === '') process.exit(0);
const { nonce, file, input, secrets, timeoutMs, dir, env } = JSON.parse(given);
if (dir !== undefined) {
  process.chdir(dir);
  Object.assign(process.env, env);
}
/** Cut to what is told by the runner, which masks it first. */
const messageCharsMax = 64 * 1024;
/** Not cut in a text, where a value of a secret may stand; and without the cell's own ways of printing. */
const whole = { maxStringLength: null, customInspect: false };
const { stringify } = JSON;
const { emit, exit, kill, pid } = process;
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
  // Promises that are still running end here, with the process. By a signal that nobody else sends: to end as Node does takes it longer.
  // As Node's own end does: whoever ends it while that is told does not tell it again.
  /** @type {{ _exiting?: boolean }} */ (process)._exiting = true;
  try {
    Reflect.apply(emit, process, ['exit', 0]);
  } catch (error) {
    console.error(error);
  }
  kill.call(process, pid, 'SIGVTALRM');
  // The cell listens to that as well.
  exit(0);
};

/** In one line, as a person would print it. The cell's own ways of printing are left out: they are code. @param {unknown} value */
const printed = (value) =>
  typeof value === 'string'
    ? value
    : inspect(value, { depth: 3, breakLength: Number.POSITIVE_INFINITY, compact: true, ...whole });

/** @param {unknown} error */
const describe = (error) => {
  try {
    if (!(error instanceof Error)) return `threw ${printed(error)}`.slice(0, messageCharsMax);
    // Some say only by their fields, or by their cause, what went wrong.
    const said = error.message === '' ? printed({ ...error, ...(error.cause ? { cause: error.cause } : {}) }) : '';
    const text = `${error.name}: ${error.message}${said === '{}' ? '' : said}`;
    return text.slice(0, messageCharsMax);
  } catch {
    return 'threw something that cannot be printed';
  }
};

/** @param {unknown} error */
const fail = (error) => {
  try {
    // The stack names the lines of the cell as it was written: types were blanked out, not cut out.
    if (error instanceof Error) console.error(error.stack);
    else if (typeof error === 'object') console.error(inspect(error, { depth: 5, ...whole }));
  } catch {
    // What cannot be printed is told without.
  }
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
  const value = await cell.default({ ...input, secrets, signal: warned.signal, log });
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
