/** What a user does: packs this project, and installs the file in a folder that has nothing. */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

export const root = join(import.meta.dirname, '../..');
const run = promisify(execFile);
const outputBytesMax = 16 * 1024 * 1024;

/** Nothing of the npm that runs the tests: neither its script, nor its settings. */
const plainEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(npm_lifecycle|npm_package|npm_command|INIT_CWD)/.test(name)),
  );

const npm = (cwd: string, ...args: string[]) =>
  run('npm', args, { cwd, env: plainEnvironment(), maxBuffer: outputBytesMax });

export type Tarball = { file: string; files: string[] };

/** Builds, and packs into `folder`. */
export const pack = async (folder: string): Promise<Tarball> => {
  await mkdir(folder, { recursive: true });
  const { stdout } = await npm(root, 'pack', '--json', '--silent', '--pack-destination', folder);
  // The build speaks first.
  const [packed] = JSON.parse(stdout.slice(stdout.indexOf('[\n'))) as [{ filename: string; files: { path: string }[] }];
  return { file: join(folder, packed.filename), files: packed.files.map(({ path }) => path) };
};

export const install = async (folder: string, ...packages: string[]): Promise<void> => {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  await npm(folder, 'install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', ...packages);
};

export const packAndInstall = async (folder: string): Promise<{ pawl: string; tarball: Tarball }> => {
  const tarball = await pack(join(folder, 'packed'));
  await install(join(folder, 'user'), tarball.file);
  return { pawl: join(folder, 'user/node_modules/pawl/bin/pawl.js'), tarball };
};
