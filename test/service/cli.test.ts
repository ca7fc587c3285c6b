/** `pawl --url` on a running `npm run dev`: the same commands as on the embedded store, and the same answers. */

import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { begin, createWarm, type Ended, until } from '../cli/support.ts';
import { createWitness, type Witness } from '../support/witness.ts';
import { type Dev, newDataDir, removeDataDir, startDev, stopDev, token, untilStatus } from './support.ts';

let dataDir: string;
let folder: string;
let witness: Witness;
let dev: Dev;
const warm = createWarm();

beforeAll(async () => {
  [dataDir, witness, folder] = await Promise.all([newDataDir(), createWitness(), mkdtemp(join(tmpdir(), 'pawl-url-'))]);
  dev = await startDev(dataDir, { PAWL_HTTP_ALLOW: witness.host });
  writeFileSync(join(folder, 'asked.md'), asked);
  writeFileSync(join(folder, 'broken.md'), '---\nrunbook: broken\ntitle: x\n---\n```js { nam=x }\n1\n```\n');
  writeFileSync(join(folder, 'long.md'), long(witness.url));
  writeFileSync(join(folder, 'first.md'), first);
  // A function that is slow to start has no time left for its cell, which is a false start: two entries more than elsewhere.
  const started = await warm.pawl(folder, ['--url', dev.url, 'run', 'first.md'], { env: { PAWL_TOKEN: token } });
  expect(started.exit, started.err).toBe(0);
});
afterAll(async () => {
  await warm.end();
  await stopDev(dev);
  await witness.close();
  await Promise.all([removeDataDir(dataDir), rm(folder, { recursive: true, force: true, maxRetries: 5 })]);
});

const first =
  '---\nrunbook: first\ntitle: Starts the function of cells\n---\n```js { name=one }\nexport default () => 1;\n```\n';

const asked = `---
runbook: asked
title: A cell, a person, a cell that halts
params:
  n: { type: integer }
unique: "{{ params.n }}"
---
\`\`\`js { name=double }
export default ({ params }) => ({ n: params.n * 2 });
\`\`\`
\`\`\`cel { expect=double }
output.n == params.n * 2
\`\`\`
\`\`\`manual { name=look }
Is {{ outputs.double.n }} what you wanted?
\`\`\`
\`\`\`js { name=breaks }
export default () => { throw new Error("no"); };
\`\`\`
\`\`\`js { name=last }
export default () => ({ done: true });
\`\`\`
`;

const long = (url: string) => `---
runbook: long
title: Longer than a call to a service may take
---
\`\`\`http { name=effect timeout=60s }
POST ${url}/effect
\`\`\`
\`\`\`http { name=after timeout=5s }
POST ${url}/effect
\`\`\`
`;

/** What differs between two runs of the same: times, ids of processes and requests, hashes of these. */
const comparable = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value === 'string') return value.replaceAll(/file:\S+\/|\((?:cli|api), [^)]*\), of [^;]*/g, '');
  if (typeof value !== 'object' || value === null) return value;
  const varies =
    /(^at$|AtMs|Ms|^where|^via|^token|^prev|^deadlineAt|^hash|^headHash|^storeId|^inputsHash|^key|^logBytes)$/;
  // A service answers with the trace and the id of the request; a stack names the folder of its process.
  // Functions have no process that anybody could look for. Which store it was is all else that is to differ.
  const { trace: _, request: __, store: ___, process: ____, ...same } = value as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(same).map(([name, one]) => {
      return [name, varies.test(name) && one !== null ? '~' : comparable(one)];
    }),
  );
};

/** The command on the service, and the same on the embedded store of this folder. */
const both = async (...args: string[]): Promise<[Ended, Ended]> => {
  const service = await warm.pawl(folder, ['--url', dev.url, ...args, '--json'], { env: { PAWL_TOKEN: token } });
  const embedded = await warm.pawl(folder, [...args, '--json'], { env: { PAWL_DEPLOYMENT: 'local' } });
  return [service, embedded];
};

describe('pawl --url', () => {
  it('publishes, runs, waits for a person, halts, decides, goes on and continues, as on the embedded store', async () => {
    const exits: (number | null)[] = [];
    for (const args of [
      ['publish', 'asked.md'],
      ['publish', 'broken.md'],
      ['run', 'asked.md', '-p', 'n=4'],
      ['status', 'asked.4'],
      ['done', 'asked.4', 'look', '--note', 'seen'],
      ['advance', 'asked.4'],
      ['doubts'],
      ['list', '--runbook', 'asked'],
      ['verdict', 'asked.4', 'retry', '--seq', '5', '--reason', 'once more'],
      ['advance', 'asked.4', '--cell', 'last'],
      ['advance', 'asked.4', '--expected-seq', '1'],
      ['cancel', 'asked.4', '--reason', 'enough'],
      ['journal', 'asked.4', '--notes'],
      ['start', 'asked', '-p', 'n=4', '--continue', 'asked.4', '--at', 'last', '--instance', 'asked.4b'],
      ['start', 'asked', '-p', 'n=five'],
      ['start', 'nothing'],
      ['status', 'nothing'],
      ['release', 'asked.4', '--reason', 'why not'],
    ]) {
      const [service, embedded] = await both(...args);
      expect(comparable(service.json), args.join(' ')).toEqual(comparable(embedded.json));
      expect(Object.keys(service.json), args.join(' ')).not.toEqual([]);
      expect([args[0], service.exit]).toEqual([args[0], embedded.exit]);
      exits.push(service.exit);
    }
    expect(new Set(exits)).toEqual(new Set([0, 1, 2, 3, 4]));
  });

  it('takes the URL from PAWL_URL as well, and shows what it is told in the same words', async () => {
    const env = { PAWL_URL: dev.url, PAWL_TOKEN: token };
    const run = await warm.pawl(folder, ['run', 'asked.md', '-p', 'n=9'], { env });
    expect(run.out).toContain('Parked: look waits for a person.');
    expect(run.out).toContain('Is 18 what you wanted?');
    expect(run.exit).toBe(3);
    const status = await warm.pawl(folder, ['status', 'asked.9'], { env });
    expect(status.out).toContain('asked.9');
  });

  it('follows a run that takes longer than a call may, to its end', async () => {
    const before = witness.effects.length;
    const { promise, resolve } = Promise.withResolvers<void>();
    witness.onEffect(() => promise);
    const running = begin(folder, ['--url', dev.url, 'run', 'long.md', '--instance', 'long-1'], {
      env: { PAWL_TOKEN: token },
    });
    await witness.effectsReach(before + 1);
    // The service has answered 202 when the function `work` holds the cell: it took over from a call that could not.
    await until('work to hold it', () => dev.out().includes('pawl-local-work'));
    resolve();
    const { exit, out } = await running.ended;
    expect(exit, out).toBe(0);
    expect(out).toContain('Completed procedurally');
    expect(witness.effects.length - before).toBe(2);
  });

  it('Ctrl-C ends the waiting and not the cell: the service carries it to its end', async () => {
    const before = witness.effects.length;
    const { promise, resolve } = Promise.withResolvers<void>();
    witness.onEffect(() => promise);
    const running = begin(folder, ['--url', dev.url, 'run', 'long.md', '--instance', 'long-2'], {
      env: { PAWL_TOKEN: token },
    });
    await witness.effectsReach(before + 1);
    running.kill('SIGINT');
    const { exit, out } = await running.ended;
    expect(exit).toBe(130);
    expect(out).toContain('no longer waiting; what the service has begun goes on there');
    resolve();
    await untilStatus(dev, 'long-2', 'completed');
    expect(witness.effects.length - before).toBe(2);
  });

  it('says what to do when nobody answers', async () => {
    const { exit, json } = await warm.pawl(folder, ['--url', 'http://127.0.0.1:1', 'list', '--json']);
    expect(exit).toBe(4);
    expect(json).toMatchObject({
      error: { code: 'store.unavailable', message: expect.stringContaining('`pawl serve`') },
    });
  });
});
