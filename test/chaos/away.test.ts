/** The store goes away under load and comes back: nothing that was acknowledged is lost, whoever asks is told, all resumes. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { type Entry, isPawlError } from '../../src/engine/index.ts';
import { createClient, createStore } from '../../src/store/index.ts';
import { createTables } from '../../src/store/local.ts';
import { isAlive, until } from '../cli/support.ts';
import { runbookOf } from '../engine/runbooks.ts';
import { engineOn } from '../support/engine.ts';
import { startStored } from '../support/servers.ts';
import { judge } from './judge.ts';
import { pawl, type Saw, spawnWorker } from './processes.ts';

const by = { actor: 'away', via: 'test', where: 'here' };
/** Every cell here is declared safe to repeat. */
const anything = (): string[] => ['retry', 'interrupted', 'person'];
const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const one of cleanUp.splice(0).reverse()) await one();
});
const folderOf = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'pawl-away-'));
  cleanUp.push(() => rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }));
  return folder;
};

test('DynamoDB Local killed four times under load, and started on what it had written', async () => {
  let tables = await startStored(await folderOf());
  cleanUp.push(() => tables.stop());
  const { endpoint, port, folder } = tables;
  const { client, clock } = createClient({ endpoint });
  await createTables(client, 'away');
  const store = createStore(client, { tablesPrefix: 'away', clock });
  const seen: Saw[] = [];
  const engine = engineOn(store, {
    deployment: { name: 'away', epoch: 0, takeoverGraceMs: 1_000 },
    execute: async ({ step: { idempotencyKey: key, seq } }) => {
      seen.push({ what: 'begin', key, seq }, { what: 'effect', key, seq });
      await wait(5);
      return { status: 'completed', output: '{}' };
    },
  });
  const worker = await spawnWorker({ endpoint, prefix: 'away', graceMs: 1_000, httpAllow: [] });
  cleanUp.push(async () => worker.kill());
  const cells = Array.from({ length: 30 }, () => ({ timeoutMs: 2_000, interrupted: 'retry' as const, retryMax: 20 }));
  await engine.publish(JSON.stringify(runbookOf(cells, { runbookId: 'away' })), by);
  const ids = Array.from({ length: 12 }, (_, n) => `away-${n}`);
  for (const instanceId of ids) await engine.start({ runbookId: 'away', params: {}, instanceId, by });

  /** What somebody was told stands: the seq of the newest entry that an answer named, by instance. */
  const acknowledged: { instanceId: string; seq: number; cell: string; status: string }[] = [];
  let refused = 0;
  let over = false;
  const drive = async (instanceId: string): Promise<void> => {
    while (!over) {
      try {
        const { steps, result } = await engine.advance(instanceId, { budgetMs: 10_000, by });
        for (const { seq, cell, status, recorded } of steps)
          if (recorded) acknowledged.push({ instanceId, seq, cell, status });
        if (result === 'completed') return;
        if (result === 'in_flight') await wait(100);
      } catch (error) {
        if (!isPawlError(error, 'store.unavailable') && !isPawlError(error, 'outcome.unrecorded')) throw error;
        expect(error.message).toContain(instanceId);
        refused += 1;
        await wait(50);
      }
    }
  };
  const driving = ids.map(drive);
  for (let time = 0; time < 4; time += 1) {
    await wait(900);
    await tables.kill();
    // Who asks the service meanwhile is told so, by a 503 that says what to do.
    const answer = await fetch(`${worker.url}/instances/${ids[0]}`);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: 'store.unavailable' });
    expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
    tables = await startStored(folder, port);
  }
  await Promise.all(driving.map((one) => Promise.race([one, wait(120_000)])));
  over = true;
  const journals = new Map<string, Entry[]>();
  for (const id of ids)
    journals.set(
      id,
      (await store.journal.page(id, -1, 10_000)).map(({ entry }) => entry),
    );
  // What an answer said stands, at the seq that it said.
  for (const { instanceId, seq, cell, status } of acknowledged) {
    const stands = journals.get(instanceId)?.find((entry) => entry.kind === 'outcome' && entry.closes === seq);
    expect(stands).toMatchObject({ cell, status });
  }
  expect(acknowledged.length).toBeGreaterThan(ids.length);
  expect(
    judge(journals, seen, { permits: anything, cells: cells.map((_, n) => `c${n}`), mayBeUnseen: () => false }).wrong,
  ).toEqual([]);
  expect(refused).toBeGreaterThan(0);
  client.destroy();
}, 240_000);

test('the embedded store killed under a running command: the next one finds all that was told, and goes on', async () => {
  const folder = await folderOf();
  const env = { HOME: folder, PAWL_DATA_DIR: join(folder, 'data'), PAWL_ACTOR: 'away', PAWL_TAKEOVER_GRACE_MS: '1000' };
  const marks = join(folder, 'marks.txt');
  const cell = (n: number) =>
    `\`\`\`sh { name=c${n} timeout=3s interrupted=retry retry=10 }\necho "$PAWL_IDEMPOTENCY_KEY" >> "${marks}"\nsleep 0.2\n\`\`\`\n`;
  await writeFile(
    join(folder, 'many.md'),
    `---\nrunbook: many\ntitle: t\n---\n${[0, 1, 2, 3, 4, 5].map(cell).join('')}`,
  );
  const storePid = async (): Promise<number> =>
    JSON.parse(await readFile(join(folder, 'data/server.json'), 'utf8')).pid;
  const file = join(folder, 'many.md');
  const alive = async (): Promise<number | undefined> => {
    const pid = await storePid().catch(() => -1);
    return pid > 0 && isAlive(pid) ? pid : undefined;
  };
  /** In the middle of what the command does with it. */
  const killStore = async (): Promise<void> => {
    await until('the store to be there', async () => (await alive()) !== undefined);
    await wait(700);
    const pid = await alive();
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
  };
  cleanUp.push(async () => {
    const pid = await alive();
    if (pid !== undefined) process.kill(pid, 'SIGTERM');
  });
  for (let time = 0; time < 3; time += 1) {
    const running = pawl(env, ['run', file, '--instance', 'many-1']);
    await killStore();
    // It brings the store back itself, or says that it is away.
    expect([0, 1, 4, 5]).toContain((await running.ended).exit);
  }
  for (;;) {
    const { exit } = await pawl(env, ['advance', 'many-1', '--max-cells', 'all']).ended;
    if (exit === 0) break;
    expect([4, 5]).toContain(exit);
    await wait(300);
  }
  const { out } = await pawl(env, ['journal', 'many-1']).ended;
  const { entries } = JSON.parse(out) as { entries: Entry[] };
  const seen = (await readFile(marks, 'utf8'))
    .trim()
    .split('\n')
    .flatMap((key): Saw[] => ['begin', 'effect'].map((what) => ({ what, key, seq: null }) as Saw));
  expect(
    judge(new Map([['many-1', entries]]), seen, {
      permits: anything,
      cells: ['c0', 'c1', 'c2', 'c3', 'c4', 'c5'],
      mayBeUnseen: () => false,
    }).wrong,
  ).toEqual([]);
}, 120_000);
