/**
 * `npm run bench:cells`: what a code cell takes, from `execute` to its answer, beside what nobody could do without: a Node that waits for
 * its job by a pipe, and a shell. Each kind with nothing ready, as it was before, with what stands ready, and js cells without a pause
 * between them, for which little stands ready in time. All in turn, in one run: the ratios count, the milliseconds are the machine's.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createExecute, createStandby } from '../../src/cells/index.ts';
import type { CellInput, Execute } from '../../src/engine/index.ts';
import { readOptions, refuse } from '../../test/support/options.ts';

const most = 2;
const { values } = readOptions(
  `npm run bench:cells -- [--rounds N]

Runs js, ts and sh cells N times each (20), beside a waiting Node and beside a shell alone, and prints medians and ratios.
Fails where a js or ts cell for which a harness waits takes more than ${most} times what the waiting Node takes.`,
  { options: { rounds: { type: 'string', default: '20' } } as const },
);
const rounds = Number(values.rounds);
if (!Number.isSafeInteger(rounds) || rounds < 1 || rounds > 1_000)
  refuse(`--rounds is a whole number from 1 to 1000, not ${values.rounds}`);

type Kind = 'js' | 'ts' | 'sh';
const code: Record<Kind, string> = {
  js: 'export default ({ params }) => ({ n: params.n + 1 })',
  ts: 'export default ({ params }) => ({ n: params.n + 1 })',
  sh: 'echo $((PAWL_PARAM_N + 1))',
};
const folder = mkdtempSync(join(tmpdir(), 'pawl-bench-cells-'));
process.env.TMPDIR = folder;
const file = join(folder, 'cell.mjs');
const script = join(folder, 'cell.sh');
writeFileSync(file, code.js);
writeFileSync(script, code.sh);
const bare = fileURLToPath(new URL('bare.mjs', import.meta.url));
/** As long as whatever was begun needs to become quiet. */
const quietMs = 100;

const timed = async (act: () => Promise<unknown>): Promise<number> => {
  const from = performance.now();
  await act();
  return performance.now() - from;
};
const exited = async (child: ChildProcess): Promise<void> => {
  const [status] = await once(child, 'exit');
  if (status !== 0) throw new Error(`it ended with ${status}`);
};
const waitingNode = async (): Promise<number> => {
  const child = spawn(process.execPath, ['--no-warnings', bare], {
    env: { PATH: process.env.PATH },
    stdio: ['pipe', 'ignore', 'inherit', 'pipe'],
  });
  const result = child.stdio[3] as Readable;
  await once(result, 'data');
  result.resume();
  await wait(quietMs);
  return await timed(async () => {
    child.stdin?.end(JSON.stringify({ file, input: { params: { n: 1 } } }));
    await exited(child);
  });
};
const shellAlone = async (): Promise<number> =>
  await timed(async () => exited(spawn('/bin/sh', [script], { env: { PAWL_PARAM_N: '1' }, stdio: 'ignore' })));

const input = (kind: Kind, over: Partial<CellInput>): CellInput => ({
  body: { kind, code: code[kind] },
  params: { n: 1 },
  outputs: {},
  step: {
    instanceId: 'bench',
    runbookId: 'bench',
    version: 1,
    cell: 'cell',
    seq: 1,
    visit: 1,
    attempt: 1,
    idempotencyKey: 'bench/cell/1',
    deadlineAtMs: Date.now() + 120_000,
  },
  timeoutMs: 60_000,
  signal: new AbortController().signal,
  log: () => {},
  ...over,
});
const cell = async (execute: Execute, kind: Kind, over: Partial<CellInput> = {}): Promise<number> =>
  await timed(async () => {
    const ran = await execute(input(kind, over));
    if (ran.status !== 'completed') throw new Error(`a ${kind} cell ended as ${JSON.stringify(ran)}`);
  });

const standby = createStandby();
const [fromNothing, fromReady] = [createExecute(), createExecute({ standby })];
const ready = async (kind: Kind): Promise<number> => {
  const execution = standby.claim({ kind });
  await standby.ready();
  await wait(quietMs);
  return await cell(fromReady, kind, { execution });
};
const inRow = 5;
/** Each begins when the one before it has answered, as in a run that has nothing else to do. Of one of them. */
const withoutPause = async (kind: Kind): Promise<number> => {
  await standby.ready();
  await wait(quietMs);
  const all = await timed(async () => {
    for (let turn = 0; turn < inRow; turn += 1) {
      const execution = standby.claim({ kind });
      standby.expect({ kind });
      await cell(fromReady, kind, { execution });
    }
  });
  return all / inRow;
};

const kinds: Kind[] = ['js', 'ts', 'sh'];
const measured: Record<string, () => Promise<number>> = {
  'waiting Node': waitingNode,
  'shell alone': shellAlone,
  ...Object.fromEntries(
    kinds.flatMap((kind) => [
      [`${kind} before`, () => cell(fromNothing, kind)],
      [`${kind} ready`, () => ready(kind)],
    ]),
  ),
};
measured[`js, ${inRow} without a pause`] = () => withoutPause('js');
const median = (all: number[]): number => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0;

try {
  const spent: Record<string, number[]> = {};
  // The first round fills the caches.
  for (let round = -1; round < rounds; round += 1) {
    for (const [name, act] of Object.entries(measured)) {
      const ms = await act();
      if (round >= 0) spent[name] = [...(spent[name] ?? []), ms];
    }
  }
  const [node, shell] = [median(spent['waiting Node'] ?? []), median(spent['shell alone'] ?? [])];
  console.log(`Node ${process.versions.node}, median of ${rounds}      ms   waiting Node   shell alone`);
  for (const [name, all] of Object.entries(spent)) {
    const ms = median(all);
    const tooMuch = /^[jt]s ready$/.test(name) && ms / node > most;
    const ratios = `${(ms / node).toFixed(2).padStart(11)} x ${(ms / shell).toFixed(2).padStart(11)} x`;
    console.log(`${name.padEnd(26)}${ms.toFixed(1).padStart(8)}${ratios}${tooMuch ? `: at most ${most} x` : ''}`);
    if (tooMuch) process.exitCode = 1;
  }
} finally {
  await standby.close();
  rmSync(folder, { recursive: true, force: true });
}
