/**
 * `npm run build:console`: makes `dist/console/`, the page that `pawl serve` shows at /console. A service that runs from a
 * checkout starts it by itself when there is none, or an older one. What it makes stands whole before index.html names it, so
 * several may build at once.
 */
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { build } from 'vite';
import { operations } from '../src/contract/index.ts';
import { licencesOf } from './licences.ts';

const root = dirname(import.meta.dirname);
const folder = join(root, 'dist/console');

/** The page gets methods, paths and permissions of the one contract, and its types; not the schemas, which would be half of its size. */
const routes = Object.fromEntries(
  Object.entries(operations).map(([name, { method, path, permission }]) => [name, { method, path, permission }]),
);

// Whoever builds: what a test of ours has in its environment would make another page, and a larger one.
process.env.NODE_ENV = 'production';
const made = await build({
  configFile: false,
  root: join(root, 'src/console'),
  base: '/console/',
  logLevel: 'warn',
  define: { __PAWL_ROUTES__: JSON.stringify(routes) },
  resolve: {
    alias: { 'linkify-it': join(root, 'scripts/noLinkify.ts'), entities: join(root, 'src/console/entities.ts') },
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: { write: false, target: 'es2023', modulePreload: false, assetsInlineLimit: 0 },
});
if (Array.isArray(made) || !('output' in made)) throw new Error('Vite made something else than one build.');
const files = made.output.map((one) => ({
  name: one.fileName,
  content: one.type === 'chunk' ? one.code : one.source,
}));
const page = files.find(({ name }) => name === 'index.html');
if (page === undefined) throw new Error('Vite made no index.html.');

await mkdir(join(folder, 'assets'), { recursive: true });
for (const { name, content } of files) if (name !== page.name) await writeFile(join(folder, name), content);
const modules = made.output.flatMap((one) => (one.type === 'chunk' ? one.moduleIds : []));
await writeFile(join(folder, 'LICENSES.txt'), await licencesOf(modules.map((id) => relative(root, id))));
const whole = join(folder, `index.${process.pid}.tmp`);
await writeFile(whole, page.content);
await rename(whole, join(folder, page.name));
const names = new Set(files.map(({ name }) => name));
for (const name of await readdir(join(folder, 'assets')))
  if (!names.has(`assets/${name}`)) await rm(join(folder, 'assets', name), { force: true });
