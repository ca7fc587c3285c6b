import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { simulate } from '../simulation/simulate.ts';
import { describeMutant, killers, mutants, simulateEdited, simulateMutant } from './mutant.ts';

const withoutBatching = fileURLToPath(new URL('../../bench/batching/plain.edit', import.meta.url));

test('an engine that batches nothing keeps the rules as well: batching saves writes, and no rule rests on it', async () => {
  const { failure, totals } = await simulateEdited(withoutBatching, 1, 2_000, availableParallelism());
  expect(failure).toBeNull();
  expect(totals.schedules).toBe(2_000);
}, 120_000);

/** Killing seeds were found with `npm run mutants -- --write`. */
describe('the simulation can fail: it finds every wrong engine by its seed', () => {
  const killed = killers();

  test('each edit has its seed, and no seed is without an edit', () => {
    expect(Object.keys(killed).sort()).toEqual(mutants);
    expect(mutants.length).toBeGreaterThanOrEqual(12);
  });

  test.each(mutants)(
    '%s',
    async (name) => {
      const killer = killed[name];
      if (killer === undefined) throw new Error(`${name} has no seed: npm run mutants -- --write`);
      expect(describeMutant(name)).not.toBe('');
      expect((await simulate(killer.seed)).broken).toBeNull();
      const { failure } = await simulateMutant(name, killer.seed, 1);
      expect({ seed: failure?.seed, rule: failure?.rule }).toEqual(killer);
    },
    120_000,
  );
});
