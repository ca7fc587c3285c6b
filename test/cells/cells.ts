/** How the tests of cells call them. */
import { readFileSync } from 'node:fs';
import { createExecute } from '../../src/cells/index.ts';
import type { CellInput, CellResult, RenderedBody } from '../../src/engine/index.ts';

export type Ran = CellResult & { log: string };

export const inputOf = (body: RenderedBody, over: Partial<CellInput> = {}): CellInput => ({
  body,
  params: {},
  outputs: {},
  step: {
    instanceId: 'i1',
    runbookId: 'demo',
    version: 1,
    cell: 'cell',
    seq: 7,
    visit: 1,
    attempt: 1,
    idempotencyKey: 'test/i1/cell/1',
    deadlineAtMs: 1_795_489_200_000,
  },
  // Time enough to begin and to end, on any machine: a test that is about its end says how much it gives.
  timeoutMs: 60_000,
  signal: new AbortController().signal,
  log: () => {},
  ...over,
});

export const run = async (
  body: RenderedBody,
  over: Partial<CellInput> = {},
  execute = createExecute(),
): Promise<Ran> => {
  let log = '';
  // Glimpses are for whoever is never told the end; on a slow machine there are some.
  const add: CellInput['log'] = (_stream, text, glimpse) => {
    if (glimpse !== true) log += text;
  };
  const result = await execute(inputOf(body, { log: add, ...over } as Partial<CellInput>));
  return { ...result, log };
};
export const sh = (code: string, over: Partial<CellInput> = {}): Promise<Ran> => run({ kind: 'sh', code }, over);
export const ts = (code: string, over: Partial<CellInput> = {}): Promise<Ran> => run({ kind: 'ts', code }, over);

/** A zombie is dead: it only waits for whoever adopted it to ask. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

/** So long a condition is waited for: a bound for what hangs, and no measure of the machine. */
const patienceMs = 120_000;
export const until = async (condition: () => boolean): Promise<boolean> => {
  const end = performance.now() + patienceMs;
  while (performance.now() < end) {
    if (condition()) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return condition();
};
