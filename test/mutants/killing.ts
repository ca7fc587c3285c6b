/**
 * Runs the killing seed of each mutant, all in one process: a copy of the project and a process for each costs a second.
 * Every mutant is a module graph of its own: a mark (`?mutant=…`) goes from a module of ours to those that it imports, and
 * whoever is loaded under it is read with the edit made. Prints a line of JSON for each, as soon as it is known.
 */
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Simulated } from '../simulation/simulate.ts';
import { type Change, changed, project, readEdit } from '../support/edited.ts';
import { editOf, killers } from './mutant.ts';

/** `right`: what breaks under the same seed in the engine that stands; `wrong`: in the mutant. */
export type Killing = { name: string; right: string | null; wrong: string | null };

const ours = pathToFileURL(`${project}/`).href;
const isOurs = (url: string): boolean => url.startsWith(ours) && !url.includes('/node_modules/');
/** What is left to be made of each edit: nothing, once every file that it names has been loaded. */
const edits = new Map<string, Change[]>();

registerHooks({
  resolve: (specifier, context, next) => {
    const found = next(specifier, context);
    const mark = new URL(context.parentURL ?? ours).search;
    return mark.startsWith('?mutant=') && isOurs(found.url) ? { ...found, url: `${found.url}${mark}` } : found;
  },
  load: (url, context, next) => {
    const loaded = next(url, context);
    const mutant = new URL(url).searchParams.get('mutant');
    if (mutant === null) return loaded;
    const file = join(fileURLToPath(url));
    const mine = (edits.get(mutant) ?? []).filter((change) => join(project, change.file) === file);
    edits.set(
      mutant,
      (edits.get(mutant) ?? []).filter((change) => !mine.includes(change)),
    );
    return mine.length === 0 ? loaded : { ...loaded, source: mine.reduce(changed, String(loaded.source)) };
  },
});

type Simulation = { simulate(seed: number): Promise<Simulated> };
const right = (await import('../simulation/simulate.ts')) as Simulation;
for (const [name, { seed }] of Object.entries(killers())) {
  edits.set(name, readEdit(editOf(name)));
  const wrong = (await import(`../simulation/simulate.ts?mutant=${name}`)) as Simulation;
  const unmade = edits.get(name) ?? [];
  if (unmade.length > 0) throw new Error(`${name} edits ${unmade[0]?.file}, which the simulation does not load`);
  const ruleOf = async ({ simulate }: Simulation) => (await simulate(seed)).broken?.rule ?? null;
  const told: Killing = { name, right: await ruleOf(right), wrong: await ruleOf(wrong) };
  console.log(JSON.stringify(told));
}
