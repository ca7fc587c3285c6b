/** `npm run mutants`: runs every wrong engine until the simulation finds what is wrong with it. */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { readOptions, refuse, seedOr } from '../support/options.ts';
import { describeMutant, type Killer, killers, mutants, simulateMutant } from './mutant.ts';

const seedsMax = 20_000;
const help = `npm run mutants -- [NAME…] [--from S] [--write]

Makes each edit of test/mutants in a copy of the sources and runs up to ${seedsMax} schedules until a rule breaks. Without
names: all of them.

  --from S   the first seed (drawn and told; 1 with --write, so that the file changes only when the engine does)
  --write    keep the seeds that found them in test/mutants/killers.json, which \`npm test\` runs
  --help     this text

Ends with 0 if every mutant was found, 1 if one was not, 2 if it was asked for wrongly.`;

const main = async (): Promise<void> => {
  const options = { from: { type: 'string' }, write: { type: 'boolean', default: false } } as const;
  const { values, positionals } = readOptions(help, { allowPositionals: true, options });
  const unknown = positionals.filter((name) => !mutants.some((one) => one.startsWith(name)));
  if (unknown.length > 0) refuse(`There is no mutant ${unknown.join(', ')}; there are ${mutants.join(', ')}`);
  const chosen = mutants.filter((name) => positionals.length === 0 || positionals.some((one) => name.startsWith(one)));
  const given = values.from === undefined ? undefined : Number(values.from);
  if (given !== undefined && !(Number.isSafeInteger(given) && given >= 1)) refuse('--from is a whole number from 1 on');
  const from = values.write ? (given ?? 1) : seedOr('from', given);
  const found: Record<string, Killer> = {};
  for (const name of chosen) {
    console.log(`${name}: ${describeMutant(name)}`);
    const batch = await simulateMutant(name, from, seedsMax, availableParallelism()).catch((error: Error) => error);
    if (batch instanceof Error) {
      console.log(`  NOT RUN: ${batch.message}`);
      process.exitCode = 1;
      continue;
    }
    const { failure, totals, elapsedMs } = batch;
    const ran = `${totals.schedules} schedules, ${(elapsedMs / 1000).toFixed(1)} s`;
    if (failure === null) {
      console.log(`  NOT FOUND in ${ran}`);
      process.exitCode = 1;
      continue;
    }
    found[name] = { seed: failure.seed, rule: failure.rule };
    console.log(`  found by seed ${failure.seed}: ${failure.message} (${ran})`);
  }
  console.log(`${Object.keys(found).length} of ${chosen.length} found`);
  if (!values.write) return;
  // What was not asked about stays as it is; what was, and is not found any more, goes.
  const others = Object.entries(killers()).filter(([name]) => mutants.includes(name) && !chosen.includes(name));
  const all = Object.fromEntries([...others, ...Object.entries(found)].sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(new URL('killers.json', import.meta.url), `${JSON.stringify(all, null, 2)}\n`);
};

await main();
