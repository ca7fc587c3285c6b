/** The server as processes: how it comes, what it leaves behind, and what it finds again after it was killed. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { isAlive, until } from '../cli/support.ts';
import {
  type Dev,
  descendantsOf,
  journalOf,
  newDataDir,
  removeDataDir,
  startDev,
  stopDev,
  untilStatus,
} from './support.ts';

let dataDir: string;
let marks: string;
let dev: Dev | undefined;

/** A cell that says that it runs and who it is, and then takes for ever, unless it has run before. */
const slowRunbook = (id: string, attributes: string) => `---
runbook: ${id}
title: A cell that is cut off
params:
  dir: { type: string }
---
\`\`\`sh { name=slow timeout=15s ${attributes} }
echo run >> "$PAWL_PARAM_DIR/${id}.runs"
[ "$(wc -l < "$PAWL_PARAM_DIR/${id}.runs")" -gt 1 ] && exit 0
echo $$ > "$PAWL_PARAM_DIR/${id}.pid"
sleep 300
\`\`\`
\`\`\`js { name=after }
export default () => ({ done: true });
\`\`\`
`;

const runsOf = (id: string): number =>
  readFileSync(join(marks, `${id}.runs`), 'utf8')
    .trim()
    .split('\n').length;
const cellPid = async (id: string): Promise<number> => {
  const file = join(marks, `${id}.pid`);
  await until(`the cell of ${id}`, () => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'));
  return Number(readFileSync(file, 'utf8'));
};

/** Begins a cell and does not wait for it; its server is about to die. */
const beginSlow = async (server: Dev, id: string): Promise<{ instanceId: string; pid: number }> => {
  const instanceId = await server.start(id, { params: { dir: marks } });
  server.ask('POST', `/instances/${instanceId}/advance`).catch(() => undefined);
  return { instanceId, pid: await cellPid(id) };
};

beforeAll(async () => {
  marks = await mkdtemp(join(tmpdir(), 'pawl-marks-'));
  dataDir = await newDataDir();
});
afterEach(async () => {
  await stopDev(dev);
  dev = undefined;
});
afterAll(async () => {
  await removeDataDir(dataDir);
  await rm(marks, { recursive: true, force: true });
});

describe('npm run dev', { timeout: 300_000 }, () => {
  it('says in one line that it is ready and what to try, and nothing else', async () => {
    dev = await startDev(dataDir);
    const server = dev;
    await until('the second line', () => server.out().includes('/login?code='));
    // A slow machine says what it waits for.
    const lines = dev
      .out()
      .trim()
      .split('\n')
      .filter((line) => !line.startsWith('Building and starting'));
    expect(lines).toEqual([
      `Pawl is ready at ${dev.url} (store: ${dataDir}; Ctrl-C ends it). Try: npx pawl --url ${dev.url} run runbooks/hello.md`,
      expect.stringMatching(
        /^Browser, once, within five minutes: http:\/\/127\.0\.0\.1:\d+\/login\?code=[0-9a-f]{48}$/,
      ),
    ]);
  });

  it('refuses a port that is taken, and names the next move', async () => {
    dev = await startDev(dataDir);
    const { port } = new URL(dev.url);
    await expect(startDev(dataDir, { PORT: port })).rejects.toThrow(
      `Port ${port} is taken: give another, \`PORT=${Number(port) + 1} npm run dev\`.`,
    );
  });

  it('leaves no process behind after Ctrl-C, not even a cell that was running', async () => {
    dev = await startDev(dataDir);
    expect((await dev.publish(slowRunbook('interrupted', ''))).status).toBe(201);
    const { pid } = await beginSlow(dev, 'interrupted');
    const processes = dev.processes();
    expect(processes).toContain(pid);
    expect(processes.length).toBeGreaterThan(3);
    // As a terminal does: to everybody in the group.
    process.kill(-dev.pid, 'SIGINT');
    await until('the end of all of them', () => processes.every((one) => !isAlive(one)));
  });

  it('kill -9 in mid-cell: the cell dies too; after a restart the one may be repeated, about the other a person decides', async () => {
    const killed = await startDev(dataDir);
    dev = killed;
    for (const [id, attributes] of [
      ['held', ''],
      ['safe', 'interrupted=retry'],
    ] as const)
      expect((await killed.publish(slowRunbook(id, attributes))).status).toBe(201);
    const [held, safe] = await Promise.all([beginSlow(killed, 'held'), beginSlow(killed, 'safe')]);
    const served = descendantsOf(killed.pid);
    expect(served).toEqual(expect.arrayContaining([held.pid, safe.pid]));
    await killed.end('SIGKILL');
    // The store goes on: other processes may be using it.
    await until('the end of the rest', () => !served.some(isAlive));

    const server = await startDev(dataDir);
    dev = server;
    await untilStatus(server, held.instanceId, 'in_doubt');
    const doubtful = await server.ask('POST', `/instances/${held.instanceId}/advance`);
    expect([doubtful.status, doubtful.body]).toEqual([
      200,
      expect.objectContaining({ result: 'in_doubt', steps: [], view: expect.objectContaining({ cell: 'slow' }) }),
    ]);
    expect(runsOf('held')).toBe(1);

    // Declared safe: its deadline and grace have passed as well by now, or will have.
    await until('the end of the other one', async () => {
      const { body } = await server.ask('POST', `/instances/${safe.instanceId}/advance`, { maxCells: 'all' });
      return body.result === 'completed' || (body.view as { status?: string } | undefined)?.status === 'completed';
    });
    expect(await journalOf(server, safe.instanceId)).toEqual([
      'started',
      'reserved slow',
      'outcome slow abandoned',
      'reserved slow',
      'outcome slow completed + after',
      'outcome after completed',
    ]);
    expect(runsOf('safe')).toBe(2);

    const seen = { seq: 1, verdict: 'succeeded', reason: 'looked at it', output: '{}' };
    const decided = await server.ask('POST', `/instances/${held.instanceId}/verdict`, seen);
    expect([decided.status, decided.body.view]).toEqual([200, expect.objectContaining({ cell: 'after' })]);
    await server.ask('POST', `/instances/${held.instanceId}/advance`);
    expect(await journalOf(server, held.instanceId)).toEqual([
      'started',
      'reserved slow',
      'outcome slow completed',
      'reserved after',
      'outcome after completed',
    ]);
    expect(runsOf('held')).toBe(1);
  });
});
