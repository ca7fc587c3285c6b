/** A copy of the project's sources with a patch in it, so that another engine can be tried beside the one that stands. */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const project = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
/** What the simulation and the benches run on. */
const copied = [
  'package.json',
  'infra/tables.yml',
  'src',
  'test/simulation',
  'test/engine/runbooks.ts',
  'test/support/engine.ts',
  'test/support/options.ts',
  'bench/batching',
];
const outputBytesMax = 16 * 1024 * 1024;

const run = promisify(execFile);

const copyProject = (): string => {
  const copy = mkdtempSync(join(tmpdir(), 'pawl-patched-'));
  for (const path of copied) {
    mkdirSync(dirname(join(copy, path)), { recursive: true });
    cpSync(join(project, path), join(copy, path), { recursive: true });
  }
  symlinkSync(join(project, 'node_modules'), join(copy, 'node_modules'), 'junction');
  return copy;
};

/** Runs a script of the project (a path in it, with arguments) and reads the JSON it prints, whatever it ends with. */
export const runJson = async (folder: string, script: string, args: string[]): Promise<unknown> => {
  const ended = run(process.execPath, [script, ...args], { cwd: folder, maxBuffer: outputBytesMax });
  const { stdout, stderr } = await ended.catch((error: { stdout: string; stderr: string }) => error);
  if (!stdout.startsWith('{')) throw new Error(`${script} printed no JSON: ${stderr || stdout}`);
  return JSON.parse(stdout);
};

/**
 * Applies the patch file to a copy, lets `work` do what it wants in it, and takes the copy away.
 * @throws when the patch does not fit the sources any more: it has to be made anew
 */
export const inPatchedCopy = async <T>(patch: string, work: (folder: string) => Promise<T>): Promise<T> => {
  const folder = copyProject();
  try {
    // A temporary folder inside of some repository would make git look for the paths there.
    const env = { ...process.env, GIT_CEILING_DIRECTORIES: dirname(folder) };
    await run('git', ['apply', patch], { cwd: folder, env });
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
