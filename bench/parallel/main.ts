/**
 * `npm run bench:parallel`: fifty commands at once on one data folder, against the same fifty in folders of their own, and how
 * long `pawl serve` takes until it answers. Ratios in one run; the best of three, for the machine is not ours alone.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const launcher = join(root, 'bin/pawl.js');
const hello = join(root, 'runbooks/hello.md');
const commands = 50;
const rounds = 3;

const folder = mkdtempSync(join(tmpdir(), 'pawl-parallel-'));
const begin = (args: string[], dataDir: string) =>
  spawn(process.execPath, [launcher, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, PAWL_DATA_DIR: dataDir, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });

/** @returns seconds, and how many succeeded */
const runAll = async (dataDirOf: (n: number) => string): Promise<{ seconds: number; succeeded: number }> => {
  const beganMs = performance.now();
  const exits = await Promise.all(
    Array.from({ length: commands }, async (_, n) => {
      const child = begin(['run', hello], dataDirOf(n));
      child.stdout.resume();
      const [exit] = await once(child, 'close');
      return exit as number | null;
    }),
  );
  return { seconds: (performance.now() - beganMs) / 1_000, succeeded: exits.filter((exit) => exit === 0).length };
};

const untilReady = async (dataDir: string): Promise<number> => {
  const beganMs = performance.now();
  const child = begin(['serve', '--port', '0'], dataDir);
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  while (!out.includes('Pawl is ready')) await once(child.stdout, 'data');
  const ms = performance.now() - beganMs;
  const ended = once(child, 'close');
  child.kill('SIGTERM');
  await ended;
  return ms;
};

const untilEmptyEnds = async (): Promise<number> => {
  const beganMs = performance.now();
  await once(spawn(process.execPath, ['-e', ''], { stdio: 'ignore' }), 'close');
  return performance.now() - beganMs;
};

try {
  let shared = Number.POSITIVE_INFINITY;
  let apart = Number.POSITIVE_INFINITY;
  let ready = Number.POSITIVE_INFINITY;
  let empty = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round += 1) {
    for (const isShared of [true, false]) {
      const of = `${round}-${isShared}`;
      const { seconds, succeeded } = await runAll((n) => join(folder, isShared ? of : `${of}-${n}`));
      if (succeeded < commands) process.exitCode = 1;
      console.log(
        `${succeeded} of ${commands} runs succeeded ${isShared ? 'on one folder' : 'each on its own'}: ${seconds.toFixed(1)} s`,
      );
      if (isShared) shared = Math.min(shared, seconds);
      else apart = Math.min(apart, seconds);
    }
    ready = Math.min(ready, await untilReady(join(folder, `${round}-true`)));
    empty = Math.min(empty, await untilEmptyEnds());
  }
  console.log(`on one folder, against folders of their own: ${(shared / apart).toFixed(2)} x`);
  console.log(`pawl serve until it is ready: ${Math.round(ready)} ms, ${(ready / empty).toFixed(1)} x an empty Node`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
