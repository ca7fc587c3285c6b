/**
 * `npm test`, `npm run test:proof`, `npm run test:package`, `npm run test:unit`: what each of them runs, one after the other until something
 * fails, then what it cost, and last the plain line. test/suites.ts says which tests those are.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commands } from './suites.ts';

const root = join(import.meta.dirname, '..');
const vitest = (...suites: string[]): string[] => ['vitest', 'run', ...suites.flatMap((name) => ['--project', name])];
const suitesOf = (command: string): string[] => Object.keys(commands[command] ?? {});

const gates: Record<string, string[][]> = {
  test: [
    ['biome', 'ci', '--error-on-warnings', '.'],
    ['knip', '--no-progress'],
    ['tsc', '--noEmit'],
    ['tsc', '--noEmit', '-p', 'src/console'],
    vitest(...suitesOf('test')),
  ],
  'test:proof': [vitest(...suitesOf('test:proof'))],
  'test:package': [vitest(...suitesOf('test:package'))],
  'test:unit': [vitest('unit')],
};

/** The kernel counts in hundredths of a second, whatever its own clock. */
const ticksPerSecond = 100;

/**
 * Of this process and of every process below it that somebody waited for: servers, JVMs, cells.
 */
const processorSeconds = (): number | undefined => {
  try {
    const [, fields = ''] = readFileSync('/proc/self/stat', 'utf8').split(') ');
    const times = fields.split(' ').slice(11, 15).map(Number);
    return times.reduce((sum, ticks) => sum + ticks, 0) / ticksPerSecond;
  } catch {
    return undefined; // Linux only.
  }
};

const [command = ''] = process.argv.slice(2);
const steps = gates[command];
if (steps === undefined) throw new Error(`There is no gate ${command}; there are ${Object.keys(gates).join(', ')}.`);
const folder = mkdtempSync(join(tmpdir(), 'pawl-gate-'));
const lineFile = join(folder, 'line');
const begunAtMs = performance.now();
let failed: string | undefined;
// A Ctrl-C reaches the whole group: whoever runs ends, and so do we, once it has.
process.on('SIGINT', () => {});
for (const [name = '', ...args] of steps) {
  const child = spawn(join(root, 'node_modules/.bin', name), args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PAWL_PLAIN_LINE: lineFile },
  });
  const [code] = await once(child, 'exit');
  if (code === 0) continue;
  failed = [name, ...args].join(' ');
  break;
}
const line = (() => {
  try {
    return readFileSync(lineFile, 'utf8');
  } catch {
    return '0 passed, 1 failed'; // It did not come to the tests, or they to their end.
  }
})();
rmSync(folder, { recursive: true });
if (failed !== undefined) console.log(`failed: ${failed}`);
const wall = ((performance.now() - begunAtMs) / 1000).toFixed(0);
const processor = processorSeconds();
console.log(
  `npm run ${command}: ${wall} s, ${processor === undefined ? 'unknown' : processor.toFixed(0)} s of processor time`,
);
console.log(line);
process.exitCode = failed === undefined ? 0 : 1;
