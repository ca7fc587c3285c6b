/**
 * The first module of a task's thread: it reads the files of the deployment's tasks, or runs one task. Whatever it does, the
 * thread that started it goes on, and can end it.
 */
import { existsSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { parentPort, workerData } from 'node:worker_threads';

/** @typedef {import('../tasks/index.ts').Task} Task */

const mark = Symbol.for('pawl.task');
const messageCharsMax = 64 * 1024;
/** Beside this file in the sources and in what was built of them; in a bundle for AWS it is part of the task's own. */
const door = [new URL('../tasks/index.ts', import.meta.url), new URL('../tasks/index.js', import.meta.url)].find(
  (url) => existsSync(url),
);

// A folder of tasks need not have packages: what it is written with is here.
registerHooks({
  resolve: (specifier, context, next) => {
    if (specifier === 'pawl/tasks' && door !== undefined)
      return next(door.href, { ...context, parentURL: import.meta.url });
    try {
      return next(specifier, context);
    } catch (error) {
      if (specifier !== 'zod' || door === undefined) throw error;
      return next(specifier, { ...context, parentURL: door.href });
    }
  },
});

/** @param {unknown} value @returns {value is Task} */
const isTask = (value) => typeof value === 'object' && value !== null && mark in value;

/** @param {string} file @returns {Promise<Task[]>} */
const tasksIn = async (file) => {
  const module = await import(pathToFileURL(file).href);
  return [...new Set(Object.values(module).filter(isTask))];
};

/** @param {unknown} error */
const describe = (error) => {
  try {
    if (!(error instanceof Error)) return `threw ${typeof error === 'string' ? error : inspect(error, { depth: 3 })}`;
    const said = error.message === '' ? inspect({ ...error }, { depth: 2, breakLength: Number.POSITIVE_INFINITY }) : '';
    return `${error.name}: ${error.message}${said === '{}' ? '' : said}`.slice(0, messageCharsMax);
  } catch {
    return 'threw something that cannot be printed';
  }
};

/** @param {object} message */
const tell = (message) => parentPort?.postMessage(message);

/** @param {string} file */
const read = async (file) => {
  try {
    const found = await tasksIn(file);
    const tasks = found.map((task) => ({
      name: task.name,
      ...task.describe(),
      ...(task.effects === undefined ? {} : { effects: task.effects }),
    }));
    tell({ kind: 'tasks', file, tasks });
  } catch (error) {
    tell({ kind: 'broken', file, why: describe(error) });
  }
};

/** @param {{ file: string, task: string, input: string, effects?: 'commit', context: Record<string, any>, warnAtMs: number }} job */
const run = async ({ file, task: name, input, effects, context, warnAtMs }) => {
  /** @type {Task | undefined} */
  let task;
  try {
    task = (await tasksIn(file)).find((one) => one.name === name);
  } catch (error) {
    return {
      kind: 'refused',
      code: 'task.broken',
      message: `The file of task ${name} cannot be read: ${describe(error)}`,
    };
  }
  if (task === undefined)
    return { kind: 'refused', code: 'task.unknown', message: `Task ${name} is not in its file any more.` };
  if (task.effects !== effects) {
    const message = `Task ${name} now says other effects than when this version was published: publish the runbook again.`;
    return { kind: 'refused', code: 'task.changed', message };
  }
  const read = await task.readInput(JSON.parse(input)).catch((error) => ({ why: describe(error) }));
  if ('why' in read)
    return { kind: 'refused', code: 'task.input', message: `The input does not fit task ${name}: ${read.why}` };
  const warned = new AbortController();
  setTimeout(
    () => warned.abort(new Error('the time-out is near')),
    warnAtMs - Number(process.hrtime.bigint() / 1_000_000n),
  ).unref();
  tell({ kind: 'began' });
  /** @param {...unknown} parts */
  const log = (...parts) => console.log(...parts);
  const { step, params, each, run: end, secrets } = context;
  const more = { ...(each === undefined ? {} : { each }), ...(end === undefined ? {} : { run: end }) };
  /** @type {unknown[]} */
  const writes = [];
  let isOver = false;
  /** @param {...unknown} more */
  const commit = (...more) => {
    if (effects !== 'commit') throw new TypeError(`task ${name} commits nothing: declare \`effects: 'commit'\``);
    // Else it would seem to be committed.
    if (isOver) throw new TypeError(`task ${name} has returned: nothing more is committed`);
    writes.push(...structuredClone(more));
  };
  let returned;
  try {
    returned = await task.run({
      input: read.value,
      params,
      step,
      secrets,
      ...more,
      signal: warned.signal,
      log,
      commit,
    });
    isOver = true;
  } catch (error) {
    if (error instanceof Error) console.error(error.stack);
    return { kind: 'threw', text: describe(error) };
  }
  const output = await task.readOutput(returned).catch((error) => ({ why: describe(error) }));
  if ('why' in output)
    return { kind: 'invalid', text: `What task ${name} returned does not fit its output: ${output.why}` };
  if (output.value === undefined) return { kind: 'nothing', writes };
  try {
    const text = JSON.stringify(output.value);
    if (text !== undefined) return { kind: 'value', text, writes };
    return { kind: 'invalid', text: `What task ${name} returned is not JSON: a ${typeof output.value}.` };
  } catch (error) {
    return { kind: 'invalid', text: `What task ${name} returned is not JSON: ${describe(error)}` };
  }
};

/** Its log is whole before its end is told: then the thread is ended. @param {object} ended */
const finish = async (ended) => {
  for (const stream of [process.stdout, process.stderr]) await new Promise((resolve) => stream.write('', resolve));
  tell({ kind: 'done', ended });
};

if ('files' in workerData) for (const file of workerData.files) await read(file);
else {
  process.on('uncaughtException', (error) => {
    try {
      console.error(error instanceof Error ? error.stack : inspect(error));
    } catch {
      // What cannot be printed is told without.
    }
    void finish({ kind: 'threw', text: describe(error) });
  });
  await finish(await run(workerData));
}
