/**
 * The console where there is much: a journal of 1,000 entries, 10,000 runs, a section over 1,000 elements. Prints what each page costs
 * on a processor that is four times slower, beside a page that shows nothing. No time is asserted: what must be there is.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import { type CellResult, type Engine, limits } from '../../src/engine/index.ts';
import { createStore, storeLater } from '../../src/store/index.ts';
import { openFile } from '../../src/store/local.ts';
import { createRows } from '../../src/store/sqliteRows.ts';
import { engineOn } from '../support/engine.ts';
import { type Console, expectQuiet, openConsole, type Seat } from './support.ts';

const runs = 10_000;
const cells = 500;
const elements = 1_000;
const slower = 4;
/** As `src/store/views.ts` has them. */
const listShards = 4;
const by = { actor: 'ada', via: 'test', where: 'here' };

const cellOf = (name: string): string => `\`\`\`sh { name=${name} }\necho ${name}\n\`\`\`\n`;
const long = `---\nrunbook: long\ntitle: Many steps\n---\n# Many steps\n\n${Array.from({ length: cells }, (_, n) => `Step ${n}.\n\n${cellOf(`step_${n}`)}`).join('\n')}`;
const many = `---\nrunbook: many\ntitle: Many nodes\nparams:\n  nodes: { type: array, items: { type: string } }\n---\n# Many nodes\n\n## Each of them { name=every each="params.nodes" as=node max=16 }\n\n${cellOf('drain')}`;

/** The engine itself on the file of the service; what cells do is made up, and costs nothing. */
const seeded = async (file: string, seed: (engine: Engine) => Promise<void>): Promise<void> => {
  const opening = openFile(file);
  const { client, clock } = storeLater(opening);
  const store = createStore(client, { clock });
  const execute = async ({ step }: { step: { instanceId: string; cell: string } }): Promise<CellResult> =>
    step.instanceId.endsWith(`.${elements - 1}`)
      ? { status: 'failed', error: { code: 'cell.exit', message: 'It does not answer.' } }
      : { status: 'completed', output: JSON.stringify({ step: step.cell }) };
  const deployment = { name: 'local', epoch: 0, takeoverGraceMs: 1_000 };
  try {
    await seed(engineOn(store, { authoring, storeId: store.storeId, execute, deployment }));
  } finally {
    (await opening).close();
  }
};

/** Views alone: that is all that a list reads. */
const copyView = (file: string, from: string, count: number, over?: { status: string; prefix: string }): void => {
  const db = new DatabaseSync(file);
  try {
    const rows = createRows(db);
    const view = rows.get('views', from, null) ?? {};
    db.exec('BEGIN');
    const startedAtMs = Number(view.startedAtMs);
    const { status = String(view.status), prefix = 'bulk' } = over ?? {};
    const inShard = (name: string, n: number) =>
      String(view[name])
        .replace(`${view.status}#`, `${status}#`)
        .replace(/\d+$/, String(n % listShards));
    for (let n = 0; n < count; n += 1)
      rows.replace('views', {
        ...view,
        ...(over === undefined ? {} : { status, cell: 'step_1', waitsFor: status === 'waiting' ? 'ci/pr-7' : null }),
        instanceId: `${prefix}-${n}`,
        newest: `${startedAtMs - n}/${prefix}-${n}`,
        statusShard: inShard('statusShard', n),
        runbookShard: inShard('runbookShard', n),
      });
    db.exec('COMMIT');
  } finally {
    db.close();
  }
};

/** A run that goes on, as far as a list shows it. */
const goOn = (file: string, instanceId: string, cellsDone: number): void => {
  const db = new DatabaseSync(file, { timeout: 5_000 });
  try {
    const rows = createRows(db);
    rows.replace('views', { ...rows.get('views', instanceId, null), cellsDone });
  } finally {
    db.close();
  }
};

let desk: Console;
let seat: Seat;
const figures: { page: string; kB: number; requests: number; ms: number; kBper10s: number; requestsPer10s: number }[] =
  [];

beforeAll(async () => {
  desk = await openConsole();
  const file = join(desk.served.dataDir, 'pawl.db');
  await seeded(file, async (engine) => {
    for (const source of [long, many]) await engine.publish(source, by);
    await engine.start({ runbookId: 'long', params: {}, instanceId: 'long-1', drive: 'manual', by });
    // By one cell a call, so that each has two entries.
    for (let n = 0; n < cells; n += 1) await engine.advance('long-1', { budgetMs: 60_000, maxCells: 1, by });
    const nodes = Array.from({ length: elements }, (_, n) => `node-${n}`);
    await engine.start({ runbookId: 'many', params: { nodes }, instanceId: 'many-1', drive: 'manual', by });
    await engine.advance('many-1', { budgetMs: 600_000, maxCells: Number.POSITIVE_INFINITY, by });
  });
  copyView(file, 'long-1', runs);
  seat = await desk.sit('bob');
}, 600_000);
afterAll(async () => {
  await desk?.close();
  const [empty] = figures;
  if (empty === undefined) return;
  const times = (one: number, none: number): string => `${(one / none).toFixed(1)} ×`;
  console.log(`what a page costs, on a processor ${slower} times slower, beside one that shows nothing`);
  for (const { page, kB, requests, ms, kBper10s, requestsPer10s } of figures)
    console.log(
      [
        page.padEnd(24),
        `${Math.round(kB)} kB (${times(kB, empty.kB)})`,
        `${requests} requests (${times(requests, empty.requests)})`,
        `${Math.round(ms)} ms until it answers (${times(ms, empty.ms)})`,
        `then ${Math.round(kBper10s)} kB and ${requestsPer10s} requests in 10 s`,
      ].join('  '),
    );
});

/** Opens a page anew, as somebody who comes by a link, and measures until `ready` has shown that it answers. */
const measured = async (page: string, path: string, ready: () => Promise<void>): Promise<void> => {
  const session = await seat.context.newCDPSession(seat.page);
  const seen = { bytes: 0, requests: 0 };
  session.on('Network.responseReceived', () => {
    seen.requests += 1;
  });
  session.on('Network.loadingFinished', ({ encodedDataLength }) => {
    seen.bytes += encodedDataLength;
  });
  await session.send('Network.enable');
  await session.send('Network.setCacheDisabled', { cacheDisabled: true });
  await session.send('Emulation.setCPUThrottlingRate', { rate: slower });
  try {
    const beganMs = performance.now();
    await seat.page.goto(`${desk.served.url}/console${path}`);
    await ready();
    const ms = performance.now() - beganMs;
    const { bytes, requests } = seen;
    await seat.page.waitForTimeout(10_000);
    const later = { kBper10s: (seen.bytes - bytes) / 1_000, requestsPer10s: seen.requests - requests };
    figures.push({ page, kB: bytes / 1_000, requests, ms, ...later });
  } finally {
    await session.detach();
  }
};

it('a page that shows nothing is what the others are compared with', async () => {
  await measured('nothing', '/nowhere', async () => {
    await seat.page.getByRole('heading', { name: 'There is no such page' }).waitFor();
  });
  expect(figures).toHaveLength(1);
});

it('a journal of 1,000 entries is there to its beginning, and a cell of 500 unfolds', async () => {
  const { page } = seat;
  await measured('1,000 entries', '/instances/long-1', async () => {
    await page.getByText(/^As of /).waitFor();
    await page
      .getByRole('region', { name: `Cell step_${cells - 1}` })
      .getByText('What it does')
      .click();
    await page.getByText(`echo step_${cells - 1}`).waitFor();
  });
  await page.getByRole('button', { name: /^Show all 1[,\d]*/ }).click();
  const entries = page.getByRole('region', { name: 'What happened' }).getByRole('listitem');
  await expect.poll(() => entries.count()).toBe(1 + 2 * cells);
  await page.getByText('Entry 0, started').click();
  expect(await page.getByLabel('JSON of entry 0').textContent()).toContain('"kind": "started"');
  await page.getByRole('button', { name: 'Verify the chain' }).click();
  await page.getByText(`Verified: ${1 + 2 * cells} entries, the chain holds.`).waitFor();
  expectQuiet(seat);
});

it('among 10,000 runs one is opened by its id, and the list goes on by pages', async () => {
  const { page } = seat;
  const listed = () => page.locator('.run-name a').allTextContents();
  await measured('10,000 runs', '/', async () => {
    await page.getByText(/^As of /).waitFor();
    await page.getByLabel('Search').fill('long-1');
    await page.getByRole('link', { name: 'Open the run long-1' }).waitFor();
  });
  await page.getByRole('link', { name: 'Open the run long-1' }).click();
  await page.getByRole('heading', { name: 'Many steps' }).waitFor();
  await seat.open('/');
  await page
    .getByText(/at least/)
    .first()
    .waitFor();
  expect((await listed()).length).toBeLessThanOrEqual(4 * limits.pageMax);
  await seat.open('/?status=completed');
  const first = await listed();
  await page.getByRole('link', { name: 'Older' }).click();
  const isNext = async () => {
    const now = await listed();
    return now.length === first.length && !now.some((id) => first.includes(id));
  };
  await expect.poll(isNext).toBe(true);
  expectQuiet(seat);
});

it('while runs go on, every look has something new: the overview of a busy day stays as it is', async () => {
  const { page } = seat;
  const file = join(desk.served.dataDir, 'pawl.db');
  for (const [status, count] of Object.entries({ in_doubt: 30, halted: 30, waiting: 150, running: 150 }))
    copyView(file, 'long-1', count, { status, prefix: status });
  let cellsDone = 0;
  const going = setInterval(() => {
    cellsDone += 1;
    goOn(file, 'running-0', cellsDone);
  }, 1_000);
  try {
    await measured('10,000 runs, 360 open', '/', async () => {
      await page.getByText(/^As of /).waitFor();
      await page.getByRole('heading', { name: /^Needs somebody (at least )?[1-9]\d+$/ }).waitFor();
    });
    // Of the others, of which none moves, each has all of its cells done.
    const row = page.locator('li.run', { has: page.getByRole('link', { name: 'running-0', exact: true }) });
    const done = () => row.getByLabel(/^\d+ of 500 cells done$/).getAttribute('aria-label');
    const first = await done();
    await expect.poll(done).not.toBe(first);
  } finally {
    clearInterval(going);
  }
  expectQuiet(seat);
});

it('a section over 1,000 elements says how far it is, and leads to the one that needs somebody', async () => {
  const { page } = seat;
  await measured('1,000 elements', '/instances/many-1', async () => {
    await page
      .getByText(`${elements - 1} of ${elements} completed`)
      .first()
      .waitFor();
  });
  await page
    .getByRole('region', { name: 'Waits for' })
    .getByRole('link', { name: `node-${elements - 1}` })
    .click();
  await page.getByRole('heading', { name: 'drain halted' }).waitFor();
  expectQuiet(seat);
});
