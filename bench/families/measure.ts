/** The documents of the benchmark, and how long an element takes in processes on one folder. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const launcher = join(import.meta.dirname, '../../bin/pawl.js');
const timed = 10;

export const cellsOf = (count: number): string =>
  Array.from({ length: count }, (_, at) => `\`\`\`js { name=cell${at + 1} }\nexport default () => ${at};\n\`\`\``).join(
    '\n',
  );

export const documentOf = (runbookId: string, body: string): string => `---
runbook: ${runbookId}
title: What a family costs
params:
  nodes: { type: array, items: { type: string } }
---
${body}
`;

/** @returns milliseconds that the elements took, as their parent's journal tells */
const measured = async (
  cells: number,
  drive: (pawl: Pawl, file: string, nodes: string) => Promise<void>,
): Promise<number> => {
  const folder = mkdtempSync(join(tmpdir(), 'pawl-families-'));
  const env = { PATH: process.env.PATH, HOME: folder, PAWL_DATA_DIR: join(folder, 'data'), NO_COLOR: '1' };
  const begin = (...args: string[]) =>
    spawn(process.execPath, [launcher, ...args], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const pawl: Pawl = {
    begin,
    ask: async (...args) => {
      const child = begin(...args);
      let out = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        out += text;
      });
      await once(child, 'close');
      return out;
    },
  };
  try {
    const file = join(folder, 'family.md');
    writeFileSync(
      file,
      documentOf('family', `## Each { name=each_node each="params.nodes" as=node max=1 }\n${cellsOf(cells)}`),
    );
    await drive(pawl, file, JSON.stringify(Array.from({ length: timed }, (_, index) => `node-${index}`)));
    const { entries } = JSON.parse(await pawl.ask('journal', 'f', '--json')) as {
      entries: { kind: string; atMs: number }[];
    };
    const beganAtMs = entries.find(({ kind }) => kind === 'waiting')?.atMs ?? Number.NaN;
    return ((entries.at(-1)?.atMs ?? Number.NaN) - beganAtMs) / timed / 1_000;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
type Pawl = { begin(...args: string[]): ReturnType<typeof spawn>; ask(...args: string[]): Promise<string> };

/** Seconds an element: one call goes through all of them. */
export const secondsDriven = (cells: number): Promise<number> =>
  measured(cells, async ({ ask }, file, nodes) => {
    await ask('run', file, '--instance', 'f', '-p', `nodes=${nodes}`);
  });

/** Seconds an element: nobody calls, and the service looks after what is due. */
export const secondsScheduled = (cells: number): Promise<number> =>
  measured(cells, async ({ ask, begin }, file, nodes) => {
    await ask('publish', file);
    await ask('start', 'family', '--instance', 'f', '-p', `nodes=${nodes}`, '--drive', 'auto');
    const serving = begin('serve', '--port', '0');
    serving.stdout?.resume();
    try {
      while (!/"status": "completed"/.test(await ask('status', 'f', '--json')))
        await new Promise((resolve) => setTimeout(resolve, 500));
    } finally {
      const ended = once(serving, 'close');
      serving.kill('SIGTERM');
      await ended;
    }
  });
