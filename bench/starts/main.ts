/**
 * `npm run bench:starts`: what it costs to start the installed command line, as ratios to an empty Node in the same run.
 * Processor time, for the machine is not ours alone; the median of 20, each command once in turn.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packAndInstall } from '../../test/package/install.ts';

const rounds = 20;
/** By the issue that asked for them. Before there was a package: 5.7 for `--help`, in a clone. */
const most: Record<string, number> = { '--help': 2.5, '--version': 2.5, list: 5 };

const folder = mkdtempSync(join(tmpdir(), 'pawl-starts-'));
/** `/proc/self/stat` counts in hundredths; what a process says of itself at its end is exact. */
const meter = join(folder, 'meter.mjs');
const spentFile = join(folder, 'spent');

const spentBy = (args: string[], env: NodeJS.ProcessEnv): number => {
  const { status, stderr } = spawnSync(process.execPath, ['--import', meter, ...args], {
    env: { ...env, PAWL_METER: spentFile },
    encoding: 'utf8',
    cwd: folder,
  });
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`);
  return Number(readFileSync(spentFile, 'utf8'));
};

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

try {
  writeFileSync(
    meter,
    `import { writeFileSync } from 'node:fs';
process.on('exit', () => {
  const { user, system } = process.cpuUsage();
  writeFileSync(process.env.PAWL_METER, String((user + system) / 1000));
});\n`,
  );
  const empty = join(folder, 'empty.mjs');
  writeFileSync(empty, '');
  const { pawl } = await packAndInstall(join(folder, 'installed'));
  const env = { PATH: process.env.PATH, HOME: folder, NO_COLOR: '1', PAWL_DATA_DIR: join(folder, 'data') };
  // What a list reads is there, as it is for whoever asks for one.
  const hello = join(pawl, '../../runbooks/hello.md');
  for (let run = 0; run < 20; run += 1) spentBy([pawl, 'run', hello], env);
  const all: Record<string, string[]> = {
    empty: [empty],
    '--help': [pawl, '--help'],
    '--version': [pawl, '--version'],
    list: [pawl, 'list'],
  };
  const spent: Record<string, number[]> = {};
  // The first round fills the caches, and starts what has to be started.
  for (let round = -1; round < rounds; round += 1) {
    for (const [name, args] of Object.entries(all)) {
      const ms = spentBy(args, env);
      if (round >= 0) spent[name] = [...(spent[name] ?? []), ms];
    }
  }
  const base = median(spent.empty ?? []);
  console.log(`empty Node ${process.versions.node}: ${base.toFixed(1)} ms of processor time, median of ${rounds}`);
  for (const [name, limit] of Object.entries(most)) {
    const ratio = median(spent[name] ?? []) / base;
    console.log(
      `pawl ${name.padEnd(10)} ${ratio.toFixed(2)} x, at most ${limit} x${ratio > limit ? ': TOO MUCH' : ''}`,
    );
    if (ratio > limit) process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
