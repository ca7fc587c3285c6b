/**
 * The tasks of a deployment: the files of one folder, each read in a thread, so that whatever a file does when it is
 * imported holds up nobody, and a file that cannot be read spoils no other.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type BrokenTasks, limits, type TaskSpec, type Tasks } from '../engine/index.ts';

/** When bundled for Lambda it is copied beside the bundle, as the runner is. */
export const taskThread = fileURLToPath(new URL('taskThread.mjs', import.meta.url));
/** Types are stripped without a word; nothing of the flags of this process is of use there. */
export const threadFlags = ['--disable-warning=ExperimentalWarning'];

/** `pathOf`: the file that a task is in. */
export type FoundTasks = Tasks & { pathOf(name: string): string | undefined };

const isTaskFile = (name: string): boolean => /\.(?:ts|mts|js|mjs)$/.test(name) && !/\.(?:d|test)\.m?[jt]s$/.test(name);

type Told =
  | { kind: 'tasks'; file: string; tasks: Omit<TaskSpec, 'file'>[] }
  | { kind: 'broken'; file: string; why: string };

const told = async (files: string[]): Promise<Told[]> => {
  const found: Told[] = [];
  const thread = new Worker(taskThread, { workerData: { files }, execArgv: threadFlags, stdout: true, stderr: true });
  thread.on('message', (message: Told) => found.push(message));
  // What they print when they are imported is nobody's log.
  thread.stdout.resume();
  thread.stderr.resume();
  let timer: NodeJS.Timeout | undefined;
  const why = await new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('it was not read in time (tasksReadMsMax)'), limits.tasksReadMsMax);
    thread.on('error', (error) => resolve(String(error)));
    thread.on('exit', () => resolve('it ended the thread that read it'));
  });
  clearTimeout(timer);
  await thread.terminate();
  const missing = files.find((file) => !found.some((one) => one.file === file));
  return missing === undefined ? found : [...found, { kind: 'broken', file: missing, why }];
};

const nothingIn = (where: string): FoundTasks => ({ where, known: new Map(), broken: [], pathOf: () => undefined });

/** What the files of a folder declare. */
const tellTasks = async (folder: string): Promise<Told[]> => {
  const names = await readdir(folder).catch((): string[] => []);
  const files = names.filter(isTaskFile).sort();
  if (files.length === 0) return [];
  const all = await told(files.map((name) => join(folder, name)));
  return all.map((one) => ({ ...one, file: one.file.slice(folder.length).replace(/^[\\/]+/, '') }));
};

/** Reads a folder; one that is not there has no tasks. @param where as people know it */
export const readTasks = async (folder: string, where = folder): Promise<FoundTasks> => {
  const all = await tellTasks(folder);
  if (all.length === 0) return nothingIn(where);
  const known = new Map<string, TaskSpec>();
  const broken: BrokenTasks[] = [];
  for (const one of all) {
    const file = `${where}/${one.file}`;
    if (one.kind === 'broken') {
      broken.push({ file, why: one.why });
      continue;
    }
    for (const task of one.tasks) {
      const first = known.get(task.name);
      if (first !== undefined) broken.push({ file, why: `${task.name} is declared in ${first.file} already` });
      else if (known.size >= limits.tasksMax)
        broken.push({ file, why: `there are more than ${limits.tasksMax} tasks (tasksMax)` });
      else known.set(task.name, { ...task, file });
    }
  }
  const pathOf = (name: string): string | undefined => {
    const file = known.get(name)?.file;
    return file === undefined ? undefined : join(folder, file.slice(where.length + 1));
  };
  return { where, known, broken, pathOf };
};
