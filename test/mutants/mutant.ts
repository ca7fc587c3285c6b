/**
 * Wrong engines: each patch beside this file is one mistake that an engine like ours could have. Applied to a copy of the
 * sources, never to the sources themselves, it has to be found by the simulation; what none finds, none would miss.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Batch } from '../simulation/batch.ts';

const here = dirname(fileURLToPath(import.meta.url));
const project = join(here, '..', '..');
const run = promisify(execFile);
const outputBytesMax = 16 * 1024 * 1024;

/** Names of all mutants, in order. */
export const mutants = readdirSync(here)
  .filter((file) => file.endsWith('.patch'))
  .map((file) => file.slice(0, -'.patch'.length))
  .sort();

/** The first line of a patch says what is wrong in it. */
export const describeMutant = (name: string): string =>
  readFileSync(join(here, `${name}.patch`), 'utf8').split('\n', 1)[0] ?? '';

export type Killer = { seed: number; rule: string };

/** The seed that found each mutant when `npm run mutants` ran last, and the rule that broke in it. */
export const killers = (): Record<string, Killer> => JSON.parse(readFileSync(join(here, 'killers.json'), 'utf8'));

/** What of the project the simulation runs on. */
const copied = ['package.json', 'src', 'test/simulation', 'test/engine/runbooks.ts'];

const copyProject = (): string => {
  const copy = mkdtempSync(join(tmpdir(), 'pawl-mutant-'));
  for (const path of copied) {
    mkdirSync(dirname(join(copy, path)), { recursive: true });
    cpSync(join(project, path), join(copy, path), { recursive: true });
  }
  symlinkSync(join(project, 'node_modules'), join(copy, 'node_modules'), 'junction');
  return copy;
};

/**
 * Runs the simulation on a copy of the project with this patch in it.
 * @throws when the patch does not fit the sources any more: it has to be made anew
 */
export const simulateMutant = async (name: string, from: number, seeds: number, jobs?: number): Promise<Batch> => {
  const copy = copyProject();
  try {
    // A temporary folder inside of some repository would make git look for the paths there.
    const env = { ...process.env, GIT_CEILING_DIRECTORIES: dirname(copy) };
    await run('git', ['apply', '--verbose', join(here, `${name}.patch`)], { cwd: copy, env });
    const args = ['--json', '--from', String(from), '--seeds', String(seeds), '--jobs', String(jobs ?? 1)];
    const simulation = run(process.execPath, ['test/simulation/main.ts', ...args], {
      cwd: copy,
      maxBuffer: outputBytesMax,
    });
    // It ends with 1 when a rule broke, which is what a mutant is for.
    const { stdout, stderr } = await simulation.catch((error: { stdout: string; stderr: string }) => error);
    if (!stdout.startsWith('{')) throw new Error(`The simulation of ${name} did not run: ${stderr}`);
    return JSON.parse(stdout) as Batch;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
};
