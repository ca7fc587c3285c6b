/** What esbuild is told beyond serverless.yml: plugins that serverless-esbuild loads. */
import { execFile } from 'node:child_process';
import { copyFile, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { tasksBeside, tasksKnown } from './tasks.mjs';

/**
 * `import { z } from 'zod'` keeps every name of zod alive, and with it its texts in 50 languages: 450 KB.
 * English, which zod itself sets, stays.
 * @type {import('esbuild').Plugin}
 */
const englishOnly = {
  name: 'pawl-english-only',
  setup: (build) => {
    build.onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
      loader: 'js',
    }));
  },
};

/**
 * `npm run dev` shares the command line's file and sets PAWL_DATA_FILE. What is deployed has no use for SQLite.
 * @type {import('esbuild').Plugin}
 */
const noSqlite = {
  name: 'pawl-no-sqlite',
  setup: (build) => {
    if (process.env.PAWL_DATA_FILE) return;
    build.onLoad({ filter: /[\\/]src[\\/]store[\\/]local\.ts$/ }, () => ({
      contents: "throw new Error('This bundle holds no SQLite.');",
      loader: 'js',
    }));
  },
};

/**
 * The functions on AWS have no packages beside them: clients that `aws` cells use are bundled, those that are listed.
 * @type {import('esbuild').Plugin}
 */
const awsClients = {
  name: 'pawl-aws-clients',
  setup: (build) => {
    if (process.env.PAWL_DATA_FILE) return;
    build.onLoad({ filter: /[\\/]src[\\/]aws[\\/]bundled\.ts$/ }, async ({ path }) => {
      /** @type {string[]} */
      const services = JSON.parse(await readFile(join(import.meta.dirname, 'aws-clients.json'), 'utf8'));
      const entries = services.map(
        (service) => `${JSON.stringify(service)}: () => require(${JSON.stringify(`@aws-sdk/client-${service}`)})`,
      );
      const contents = [
        `export const bundled = { ${entries.join(', ')} };`,
        "export const schemas = () => require('@smithy/core/schema');",
      ].join('\n');
      return { contents, loader: 'js', resolveDir: dirname(path) };
    });
  },
};

/** As a bundle names a file of `src/cells` that it starts as a process or a thread of its own. */
const started = /new URL\(["'`](\w+\.mjs)["'`], ?import\.meta\.url\)/g;

/**
 * What is started by file lies beside the bundle that starts it, with all that it imports.
 * @type {import('esbuild').Plugin}
 */
const scriptsBeside = {
  name: 'pawl-scripts-beside',
  setup: (build) => {
    build.initialOptions.metafile = true;
    /** @param {string[]} entryPoints @returns {Promise<string[]>} they and what they import */
    const withImports = async (entryPoints) => {
      const made = { bundle: true, write: false, metafile: true, outdir: '.' };
      const { metafile } = await build.esbuild.build({ ...made, entryPoints, platform: 'node', format: 'esm' });
      return Object.keys(metafile?.inputs ?? {});
    };
    build.onEnd(async ({ metafile }) => {
      for (const path of Object.keys(metafile?.outputs ?? {})) {
        if (!/\.m?js$/.test(path)) continue;
        const files = [...(await readFile(path, 'utf8')).matchAll(started)].map(([, name]) =>
          join('src', 'cells', String(name)),
        );
        if (files.length === 0) continue;
        const all = await withImports([...new Set(files)]);
        await Promise.all(all.map((file) => copyFile(file, join(dirname(path), basename(file)))));
      }
    });
  },
};

/**
 * The page in the browser lies beside the function that serves it, made from what stands in src/console.
 * `npm run dev` has none.
 * @type {import('esbuild').Plugin}
 */
const consoleBeside = {
  name: 'pawl-console-beside',
  setup: (build) => {
    if (process.env.PAWL_DATA_FILE) return;
    build.onEnd(async ({ metafile }) => {
      for (const [path, output] of Object.entries(metafile?.outputs ?? {})) {
        if (!('src/handlers/consoleFiles.ts' in output.inputs) || output.entryPoint === undefined) continue;
        await promisify(execFile)(process.execPath, [join('scripts', 'console.ts')]);
        await cp(join('dist', 'console'), join(dirname(path), 'console'), { recursive: true });
      }
    });
  },
};

/**
 * With PAWL_METAFILES set to a folder: what is in each bundle, for scripts/sizes.ts.
 * @type {import('esbuild').Plugin}
 */
const metafiles = {
  name: 'pawl-metafiles',
  setup: (build) => {
    const folder = process.env.PAWL_METAFILES;
    if (folder === undefined) return;
    build.onEnd(async ({ metafile }) => {
      const entry = Object.values(metafile?.outputs ?? {}).find(
        ({ entryPoint }) => entryPoint !== undefined,
      )?.entryPoint;
      if (entry === undefined) return;
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, `${basename(entry, '.ts')}.json`), JSON.stringify(metafile));
    });
  },
};

/** Of the command line too (scripts/build.ts). */
export const plugins = [englishOnly, scriptsBeside, metafiles];

/** @param {{ serviceDir: string, service: { custom: { tasks: unknown } } }} serverless */
export default ({ serviceDir, service }) => {
  const { tasks } = service.custom;
  const folder = { serviceDir, tasks, plugins: [englishOnly] };
  return [...plugins, noSqlite, awsClients, consoleBeside, tasksKnown(folder), tasksBeside(folder)];
};
