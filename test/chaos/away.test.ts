/** The store goes away under load and comes back: nothing that was acknowledged is lost, whoever asks is told, all resumes. */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { type Entry, isPawlError, type Unrecorded } from '../../src/engine/index.ts';
import { createClient } from '../../src/store/dynamodb.ts';
import { createStore } from '../../src/store/index.ts';
import { until } from '../cli/support.ts';
import { runbookOf } from '../engine/runbooks.ts';
import { createdTables } from '../support/createdTables.ts';
import { engineOn } from '../support/engine.ts';
import { startStored } from '../support/servers.ts';
import { aftermath, readJournals, readNeverBegun, type Strike, type Told } from './aftermath.ts';
import { pawl, type Saw, spawnWorker } from './processes.ts';

const by = { actor: 'away', via: 'test', where: `here-${process.pid}` };
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
  const { client, clock, document } = createClient({ tablesPrefix: 'away', endpoint });
  await createdTables(document, 'away');
  const store = createStore(client, { clock });
  const seen: Saw[] = [];
  const aside: Unrecorded[] = [];
  const engine = engineOn(store, {
    setAside: async (item) => void aside.push(item),
    deployment: { name: 'away', epoch: 0, takeoverGraceMs: 1_000 },
    execute: async ({ step: { idempotencyKey: key, seq } }) => {
      seen.push({ what: 'begin', key, seq }, { what: 'effect', key, seq });
      await wait(5);
      return { status: 'completed', output: '{}' };
    },
  });
  const worker = await spawnWorker({ endpoint, prefix: 'away', graceMs: 1_000, httpAllow: [], workMs: 900_000 });
  cleanUp.push(async () => worker.kill());
  const cells = Array.from({ length: 30 }, () => ({ timeoutMs: 2_000, interrupted: 'retry' as const, retryMax: 20 }));
  await engine.publish(JSON.stringify(runbookOf(cells, { runbookId: 'away' })), by);
  const ids = Array.from({ length: 12 }, (_, n) => `away-${n}`);
  for (const instanceId of ids) await engine.start({ runbookId: 'away', params: {}, instanceId, by });

  const told: Told[] = [];
  // A reservation may stand of which the store could not tell any more: nobody began it, and its holder gave up asking.
  const strikes: Strike[] = [];
  let refused = 0;
  let over = false;
  const drive = async (instanceId: string): Promise<void> => {
    while (!over) {
      try {
        const { steps, result } = await engine.advance(instanceId, { budgetMs: 10_000, by });
        for (const { seq, status, recorded } of steps) if (recorded) told.push({ id: instanceId, seq, status });
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
    const strike: Strike = { pid: process.pid, fromMs: Date.now(), untilMs: 0 };
    strikes.push(strike);
    await tables.kill();
    // Who asks the service meanwhile is told so, by a 503 that says what to do.
    const answer = await fetch(`${worker.url}/instances/${ids[0]}`);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: 'store.unavailable' });
    expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
    tables = await startStored(folder, port);
    strike.untilMs = Date.now();
  }
  await Promise.all(driving.map((one) => Promise.race([one, wait(120_000)])));
  over = true;
  // Where the store was away for longer than a holder tries (on a machine that starts it slowly).
  for (const item of aside) await engine.redrive(item, by);
  const journals = await readJournals(store, ids);
  const names = cells.map((_, n) => `c${n}`);
  const neverBegun = await readNeverBegun(store, ids);
  const happened = { journals, seen, strikes, told, neverBegun, begun: new Set<string>() };
  const judged = aftermath({ ...happened, permits: anything, cells: names });
  console.log(JSON.stringify({ refused, aside: aside.length, told: told.length, ...judged }));
  // Hardly a doubt: a holder tries to record for longer than the store is away, mostly. `wire.test.ts` outlasts that.
  expect(judged.wrong).toEqual([]);
  expect(told.length).toBeGreaterThan(ids.length);
  expect(refused).toBeGreaterThan(0);
  document.destroy();
}, 240_000);

test('commands on SQLite killed while their cells run: what was told stands, and the next command goes on', async () => {
  const folder = await folderOf();
  const env = { HOME: folder, PAWL_DATA_DIR: join(folder, 'data'), PAWL_ACTOR: 'away', PAWL_TAKEOVER_GRACE_MS: '1000' };
  const marks = join(folder, 'marks.txt');
  const names = ['c0', 'c1', 'c2', 'c3'];
  // Its second cell waits to be killed.
  const go = join(folder, 'go');
  const cellOf = (name: string): string =>
    `\`\`\`sh { name=${name} timeout=10s interrupted=retry retry=10 }\necho "$PAWL_IDEMPOTENCY_KEY" >> "${marks}"\n${name === 'c1' ? `until [ -e "${go}" ]; do sleep 0.05; done` : ''}\n\`\`\`\n`;
  const file = join(folder, 'many.md');
  await writeFile(file, `---\nrunbook: many\ntitle: t\n---\n${names.map(cellOf).join('')}`);
  const seen = async (): Promise<Saw[]> =>
    (await readFile(marks, 'utf8').catch(() => ''))
      .split('\n')
      .slice(0, -1)
      .flatMap((key) => ['begin', 'effect'].map((what): Saw => ({ what: what as Saw['what'], key, seq: null })));
  const begunOf = async (id: string): Promise<number> =>
    (await seen()).filter(({ what, key }) => what === 'begin' && key.split('/')[2] === id).length;
  const told: Told[] = [];
  const exits: (number | null)[] = [];
  const note = (id: string, { exit, out }: { exit: number | null; out: string }): void => {
    exits.push(exit);
    const { steps = [] } = (out === '' ? {} : JSON.parse(out)) as { steps?: (Told & { recorded: boolean })[] };
    for (const { seq, status, recorded } of steps) if (recorded) told.push({ id, seq, status });
  };
  const rounds = ['many-0', 'many-1', 'many-2'];
  const strikes: Strike[] = [];
  for (const id of rounds) {
    const running = pawl(env, ['run', file, '--instance', id]);
    await until('its second cell to run', async () => (await begunOf(id)) >= 2);
    running.child.kill('SIGKILL');
    strikes.push({ pid: Number(running.child.pid), fromMs: Date.now(), untilMs: Number.POSITIVE_INFINITY });
    // There is more to do.
    expect(await begunOf(id)).toBe(2);
    note(id, await running.ended);
  }
  await writeFile(go, '');
  for (const id of rounds) {
    for (;;) {
      const ended = await pawl(env, ['advance', id, '--max-cells', 'all']).ended;
      note(id, ended);
      if (ended.exit === 0) break;
      // In flight, or in doubt until the grace is over.
      expect([4, 5]).toContain(ended.exit);
      await wait(300);
    }
  }
  const journals = new Map<string, Entry[]>();
  for (const id of rounds) {
    const { out } = await pawl(env, ['journal', id]).ended;
    journals.set(id, (JSON.parse(out) as { entries: Entry[] }).entries);
  }
  const nothing = { neverBegun: new Set<string>(), begun: new Set<string>() };
  const judged = aftermath({
    journals,
    seen: await seen(),
    strikes,
    told,
    ...nothing,
    permits: anything,
    cells: names,
  });
  console.log(JSON.stringify({ exits, told: told.length, ...judged }));
  expect(judged.wrong).toEqual([]);
  expect(told.length).toBeGreaterThanOrEqual(names.length);
  // Of each command that died one cell is in doubt.
  expect(judged.doubtsWitnessed).toBeGreaterThanOrEqual(1);
}, 240_000);
