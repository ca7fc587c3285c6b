/**
 * The tasks that a deployment is packaged with: the files of the folder that `--param tasks=…` names, read as they are read on one
 * machine. What they declare goes into the bundles that publish, their code beside that of `execute-task`, each file with what it imports.
 */
import { existsSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { build as bundle } from 'esbuild';
import { readTasks } from '../src/cells/tasks.ts';

const byItself = 'tasks';
const runner = 'src/handlers/functions/executeTask.ts';
const root = dirname(import.meta.dirname);

/** @typedef {{ serviceDir: string, tasks: unknown, plugins: import('esbuild').Plugin[] }} Folder */

/** @param {Folder} folder @returns {string} */
const placeOf = ({ serviceDir, tasks }) => {
  if (typeof tasks !== 'string') throw new Error(`tasks is ${JSON.stringify(tasks)}; it is the path of a folder.`);
  const place = resolve(serviceDir, tasks || byItself);
  if (tasks !== '' && tasks !== byItself && !existsSync(place))
    throw new Error(`tasks is ${JSON.stringify(tasks)}, and there is no such folder.`);
  return place;
};

/** One that cannot be read would be missing where it is called. @param {string} place */
const readAll = async (place) => {
  const { known, broken } = await readTasks(place, byItself);
  const [first] = broken;
  if (first !== undefined) throw new Error(`${first.file} cannot be read as tasks: ${first.why}`);
  return [...known.values()];
};

/** @type {Map<string, ReturnType<typeof readAll>>} */
const read = new Map();
/** @param {string} place */
const tasksIn = (place) => {
  const found = read.get(place) ?? readAll(place);
  read.set(place, found);
  return found;
};

/** @param {Folder} folder @returns {import('esbuild').Plugin} */
export const tasksKnown = (folder) => ({
  name: 'pawl-tasks-known',
  setup: (build) => {
    build.onLoad({ filter: /[\\/]src[\\/]handlers[\\/]packagedTasks\.ts$/ }, async () => {
      const tasks = await tasksIn(placeOf(folder));
      const known = `new Map(${JSON.stringify(tasks.map((task) => [task.name, task]))})`;
      return {
        contents: `export const packagedTasks = { where: 'tasks', known: ${known}, broken: [] };`,
        loader: 'js',
      };
    });
  },
});

/**
 * A folder of tasks need not have packages: what it is written with is here.
 * @type {import('esbuild').Plugin}
 */
const written = {
  name: 'pawl-tasks-written',
  setup: (build) => {
    build.onResolve({ filter: /^pawl\/tasks$/ }, () => ({ path: join(root, 'src/tasks/index.ts') }));
    build.onResolve({ filter: /^zod$/ }, async ({ path, kind, resolveDir, pluginData }) => {
      if (pluginData === written.name) return undefined;
      const found = await build.resolve(path, { kind, resolveDir, pluginData: written.name });
      if (found.errors.length === 0) return found;
      return build.resolve(path, { kind, resolveDir: root, pluginData: written.name });
    });
  },
};

/** @param {Folder} folder @returns {import('esbuild').Plugin} */
export const tasksBeside = (folder) => ({
  name: 'pawl-tasks-beside',
  setup: (build) => {
    build.initialOptions.metafile = true;
    build.onEnd(async ({ metafile }) => {
      const [path] = Object.entries(metafile?.outputs ?? {}).find(([, { entryPoint }]) => entryPoint === runner) ?? [];
      if (path === undefined) return;
      const place = placeOf(folder);
      const names = new Set((await tasksIn(place)).map(({ file }) => basename(file)));
      if (names.size === 0) return;
      const {
        banner = {},
        keepNames = true,
        minify = true,
        sourcesContent = false,
        target = 'node24',
      } = build.initialOptions;
      await bundle({
        ...{ banner, keepNames, minify, sourcesContent, target },
        entryPoints: [...names].map((name) => ({ in: join(place, name), out: basename(name, extname(name)) })),
        outdir: join(dirname(path), 'tasks'),
        outExtension: { '.js': '.mjs' },
        bundle: true,
        format: 'esm',
        platform: 'node',
        mainFields: ['module', 'main'],
        sourcemap: 'linked',
        plugins: [written, ...folder.plugins],
        logLevel: 'warning',
      });
    });
  },
});
