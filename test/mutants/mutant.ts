/**
 * Wrong engines: each edit beside this file is one mistake that an engine like ours could have. Applied to a copy of the
 * sources, never to the sources themselves, it has to be found by the simulation; what none finds, none would miss.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Batch } from '../simulation/batch.ts';
import { inEditedCopy, runJson } from '../support/edited.ts';

const here = dirname(fileURLToPath(import.meta.url));

/** Names of all mutants, in order. */
export const mutants = readdirSync(here)
  .filter((file) => file.endsWith('.edit'))
  .map((file) => file.slice(0, -'.edit'.length))
  .sort();

export const editOf = (name: string): string => join(here, `${name}.edit`);

/** The first line of an edit says what is wrong in it. */
export const describeMutant = (name: string): string => readFileSync(editOf(name), 'utf8').split('\n', 1)[0] ?? '';

export type Killer = { seed: number; rule: string };

/** The seed that found each mutant when `npm run mutants` ran last, and the rule that broke in it. */
export const killers = (): Record<string, Killer> => JSON.parse(readFileSync(join(here, 'killers.json'), 'utf8'));

/** Runs the simulation on a copy of the project with this edit (a file's path) made in it. */
export const simulateEdited = (edit: string, from: number, seeds: number, jobs = 1): Promise<Batch> =>
  inEditedCopy(edit, async (folder) => {
    const args = ['--json', '--from', String(from), '--seeds', String(seeds), '--jobs', String(jobs)];
    return (await runJson(folder, 'test/simulation/main.ts', args)) as Batch;
  });

export const simulateMutant = (name: string, from: number, seeds: number, jobs?: number): Promise<Batch> =>
  simulateEdited(editOf(name), from, seeds, jobs);
