import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Killing } from './killing.ts';
import { describeMutant, killers, mutants } from './mutant.ts';

/** One that loops for ever takes the rest of the process with it: what was told until then stands. */
const hangMs = 240_000;
const killing = fileURLToPath(new URL('killing.ts', import.meta.url));

/** Killing seeds were found with `npm run mutants -- --write`. */
describe('the simulation can fail: it finds every wrong engine by its seed', () => {
  const killed = killers();
  const told = new Map<string, Killing>();
  let trouble = '';

  beforeAll(async () => {
    const running = promisify(execFile)(process.execPath, [killing], { timeout: hangMs, killSignal: 'SIGKILL' });
    const { stdout, stderr } = await running.catch((error: { stdout: string; stderr: string }) => error);
    for (const line of stdout.split('\n').slice(0, -1)) {
      const one = JSON.parse(line) as Killing;
      told.set(one.name, one);
    }
    trouble = stderr;
  }, hangMs + 10_000);

  test('each edit has its seed, and no seed is without an edit', () => {
    expect(Object.keys(killed).sort()).toEqual(mutants);
    expect(mutants.length).toBeGreaterThanOrEqual(12);
  });

  test.each(mutants)('%s', (name) => {
    expect(describeMutant(name)).not.toBe('');
    const one = told.get(name);
    if (one === undefined) throw new Error(`Nothing was told of ${name}: ${trouble || 'it took too long'}`);
    // The engine that stands passes the seed that finds the wrong one.
    expect(one).toEqual({ name, right: null, wrong: killed[name]?.rule });
  });
});
