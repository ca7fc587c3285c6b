/** What esbuild is told beyond serverless.yml: plugins that serverless-esbuild loads. */
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Processes of their own, started by file: they lie beside the bundle that starts them. */
const scripts = ['runner.mjs', 'harness.mjs', 'reap.mjs'].map((name) => join('src', 'cells', name));
const starter = 'src/cells/code.ts';

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

/** @type {import('esbuild').Plugin} */
const scriptsBeside = {
  name: 'pawl-scripts-beside',
  setup: (build) => {
    build.initialOptions.metafile = true;
    build.onEnd(async ({ metafile }) => {
      for (const [path, output] of Object.entries(metafile?.outputs ?? {})) {
        if (!(starter in output.inputs)) continue;
        await Promise.all(scripts.map((script) => copyFile(script, join(dirname(path), basename(script)))));
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

export default [englishOnly, noSqlite, scriptsBeside, metafiles];
