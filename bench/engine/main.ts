/**
 * `npm run bench:engine`: what the engine and its store cost a cell, beside what the cell itself takes. The cells are plain tasks, the
 * cheapest that really run (a thread each, no process); the store is the embedded one, on a disk. Ratios of one run count.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authoringWith } from '../../src/authoring/index.ts';
import { createExecute, readTasks } from '../../src/cells/index.ts';
import type { Execute } from '../../src/engine/index.ts';
import { createStore, storeLater } from '../../src/store/index.ts';
import { openFile } from '../../src/store/local.ts';
import { engineOn } from '../../test/support/engine.ts';
import { readOptions, refuse } from '../../test/support/options.ts';

const { values } = readOptions(
  `npm run bench:engine -- [--cells N] [--runs N]

Runs N (10) runs of N (20) plain task cells in this process, on the embedded store in a temporary folder, each run by one call. Prints
the median of all cells: from one to the next, in the task alone, and the rest, which is the engine and its store.`,
  { options: { cells: { type: 'string', default: '20' }, runs: { type: 'string', default: '10' } } as const },
);
const numberOf = (name: 'cells' | 'runs', max: number): number => {
  const number = Number(values[name]);
  if (Number.isSafeInteger(number) && number >= 2 && number <= max) return number;
  return refuse(`--${name} is a whole number from 2 to ${max}, not ${values[name]}`);
};
const cells = numberOf('cells', 500);
const runs = numberOf('runs', 1_000);

const by = { actor: 'bench', via: 'bench', where: 'here' };
const document = `---\nrunbook: plain\ntitle: Plain tasks\n---\n${Array.from(
  { length: cells },
  (_, n) => `\`\`\`task { name=add${n} task=add }\nn: ${n}\n\`\`\`\n`,
).join('\n')}`;
const median = (all: number[]): number => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? Number.NaN;

const folder = mkdtempSync(join(tmpdir(), 'pawl-bench-engine-'));
try {
  writeFileSync(
    join(folder, 'add.ts'),
    `import { defineTask, z } from 'pawl/tasks';
export const add = defineTask({ name: 'add', input: z.object({ n: z.number() }), output: z.object({ n: z.number() }),
  run: async ({ input }) => ({ n: input.n + 1 }) });\n`,
  );
  const tasks = await readTasks(folder);
  const real = createExecute({ tasks: async () => tasks });
  const begun: { atMs: number; tookMs: number }[] = [];
  const execute: Execute = async (input) => {
    const atMs = performance.now();
    const result = await real(input);
    if (result.status !== 'completed') throw new Error(`${input.step.cell}: ${JSON.stringify(result)}`);
    begun.push({ atMs, tookMs: performance.now() - atMs });
    return result;
  };
  const opening = openFile(join(folder, 'pawl.db'));
  const { client, clock } = storeLater(opening);
  const store = createStore(client, { clock });
  const engine = engineOn(store, { authoring: authoringWith(tasks), storeId: store.storeId, execute });
  await engine.publish(document, by);
  const whole: number[] = [];
  const inTask: number[] = [];
  // The first run fills the caches.
  for (let run = 0; run <= runs; run += 1) {
    begun.length = 0;
    await engine.start({ runbookId: 'plain', params: {}, instanceId: `plain-${run}`, drive: 'manual', by });
    const { result } = await engine.advance(`plain-${run}`, {
      budgetMs: 600_000,
      maxCells: Number.POSITIVE_INFINITY,
      by,
    });
    if (result !== 'completed' || begun.length !== cells)
      throw new Error(`run ${run}: ${result}, ${begun.length} cells`);
    if (run === 0) continue;
    whole.push(...begun.slice(1).map(({ atMs }, index) => atMs - (begun[index]?.atMs ?? Number.NaN)));
    inTask.push(...begun.slice(1).map(({ tookMs }) => tookMs));
  }
  (await opening).close();
  const [all, task] = [median(whole), median(inTask)];
  console.log(`${runs} runs of ${cells} plain tasks, median of ${whole.length}, embedded store`);
  console.log(`from one cell to the next   ${all.toFixed(2)} ms`);
  console.log(`in the task                 ${task.toFixed(2)} ms`);
  console.log(
    `engine and store            ${(all - task).toFixed(2)} ms, ${((all - task) / task).toFixed(2)} x the task`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
