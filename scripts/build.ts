/**
 * `npm run build`: makes `dist/`, what an installed package runs. The library as modules with their types, one for each
 * source; the command line in a few bundles, packages included, for a fast start; the page in the browser.
 *
 * Files find one another by where they lie, so what is built lies as deep as its source: `src/store/…` in `dist/store/`,
 * and the command line in `dist/bin/`.
 */
import { execFileSync } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { plugins } from '../infra/bundle.mjs';
import { licencesOf } from './licences.ts';

const root = dirname(import.meta.dirname);
const dist = join(root, 'dist');
const bin = join(dist, 'bin');

/** Of use to few commands, or to none, and large: they stay packages, which are loaded when they are needed. */
const packagesApart = ['@aws-crypto/*', '@aws-lambda-powertools/*', '@aws-sdk/*', '@middy/*', '@smithy/*', 'undici'];
const ownSource = /^(?:\.\.\/)*src\//;

const buildLibrary = (): void => {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
};

/** The text of our own sources stays in the map; that of others is in their packages. */
const shortenMap = async (file: string): Promise<void> => {
  const map = JSON.parse(await readFile(file, 'utf8'));
  const sourcesContent = map.sources.map((source: string, index: number) =>
    ownSource.test(source) ? map.sourcesContent[index] : null,
  );
  await writeFile(file, JSON.stringify({ ...map, sourcesContent }));
};

const buildCommandLine = async (): Promise<void> => {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['src/cli/main.ts', 'src/cli/gate.ts'],
    entryNames: '[name]',
    outdir: bin,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.18',
    external: packagesApart,
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: 'linked',
    metafile: true,
    plugins,
    logLevel: 'warning',
    // CommonJS packages among what is bundled ask for Node's own modules.
    banner: {
      js: "import { createRequire as pawlRequire } from 'node:module';const require = pawlRequire(import.meta.url);",
    },
  });
  const maps = Object.keys(metafile.outputs).filter((file) => file.endsWith('.map'));
  await Promise.all(maps.map((file) => shortenMap(join(root, file))));
  await writeFile(join(bin, 'LICENSES.txt'), await licencesOf(Object.keys(metafile.inputs)));
};

await rm(dist, { recursive: true, force: true });
buildLibrary();
await buildCommandLine();
execFileSync(process.execPath, [join(root, 'scripts/console.ts')], { cwd: root, stdio: 'inherit' });
