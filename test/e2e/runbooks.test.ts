import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import { createExecute } from '../../src/cells/index.ts';
import { createEngine, type Engine } from '../../src/engine/index.ts';
import type { Store } from '../../src/store/index.ts';
import { portsOn } from '../support/engine.ts';
import { createService, type Service } from '../support/service.ts';
import { freshStore } from '../support/world.ts';

const by = { actor: 'alice', via: 'test', where: 'host:1' };
let service: Service;
let dir = '';
let store: Store;
let engine: Engine;

beforeEach(async () => {
  service = await createService();
  dir = mkdtempSync(join(tmpdir(), 'runbooks-test-'));
  store = (await freshStore('dynamodb')).store;
  engine = createEngine(portsOn(store, { authoring, execute: createExecute({ httpAllow: [service.host] }) }));
});
afterEach(async () => {
  await service.close();
  rmSync(dir, { recursive: true, force: true });
});

const start = async (name: string, params: Record<string, unknown>): Promise<string> => {
  const { runbookId } = await engine.publish(
    readFileSync(new URL(`../../runbooks/${name}.md`, import.meta.url), 'utf8'),
    by,
  );
  return (await engine.start({ runbookId, params: { base: service.base, ...params }, by })).view.instanceId;
};
const run = (instanceId: string) => engine.run(instanceId, { budgetMs: 300_000, by });
const states = async (instanceId: string) =>
  Object.fromEntries((await engine.inspect(instanceId, by)).cells.map((cell) => [cell.name, cell.state]));

describe('post_merge', () => {
  beforeEach(() => {
    for (const name of ['a.premigration', 'b.premigration', 'keep.sql']) writeFileSync(join(dir, name), 'select 1');
  });
  test('goes through by itself: leftovers are gone, predicted failures count, one announcement is made', async () => {
    const id = await start('post_merge', { pr: 7, dir });
    expect(id).toBe('post_merge.pr-7');
    const answer = await run(id);
    expect(answer).toMatchObject({
      result: 'completed',
      verdict: 'passed',
      coverage: { declared: 8, cells: 8, forgiven: 0 },
    });
    expect(readdirSync(dir)).toEqual(['keep.sql']);
    expect(await states(id)).toMatchObject({ old_endpoint: 'failed', old_column: 'failed', announce: 'completed' });
    expect([...service.announcements]).toEqual([
      ['test/5707e1d0aaaa/post_merge.pr-7/announce/1', { text: 'PR 7 is live: 0042_orders', removed: 2 }],
    ]);
    // The same merge again is the same instance, and nothing happens.
    expect(await start('post_merge', { pr: 7, dir })).toBe(id);
    await run(id);
    expect(service.asked.filter((one) => one.startsWith('POST'))).toHaveLength(1);
  });
  test('a surprising success halts: the old column is still used', async () => {
    writeFileSync(join(dir, 'keep.sql'), 'select legacy_total');
    const id = await start('post_merge', { pr: 8, dir });
    expect(await run(id)).toMatchObject({ result: 'halted', stop: { cell: 'old_column' } });
    expect(service.announcements.size).toBe(0);
  });
});

describe('rotate_credentials', () => {
  test('parks for a person between the switch and the revocation, then revokes once', async () => {
    writeFileSync(join(dir, 'current'), 'key-old\n');
    writeFileSync(join(dir, 'key-old'), 'secret');
    const id = await start('rotate_credentials', { service: 'billing', dir });
    await expect(start('rotate_credentials', { service: 'billing', dir })).rejects.toMatchObject({
      code: 'concurrency.held',
      details: { holder: id },
    });
    expect(await run(id)).toMatchObject({ result: 'parked', stop: { cell: 'look' } });
    const current = readFileSync(join(dir, 'current'), 'utf8').trim();
    expect(current).toMatch(/^key-[0-9a-f]{12}$/);
    expect(service.revoked).toEqual([]);
    await engine.done(id, 'look', { result: 'done', note: 'error rate 0.2%', by });
    expect(await run(id)).toMatchObject({ result: 'completed', verdict: 'passed' });
    expect(service.revoked).toEqual(['key-old']);
    expect(readdirSync(dir).sort()).toEqual(['current', current].sort());
  });
  test('may leave the old key: the cells that would revoke it are skipped', async () => {
    writeFileSync(join(dir, 'current'), 'key-old\n');
    const id = await start('rotate_credentials', { service: 'billing', dir, revoke_old: false });
    await run(id);
    await engine.done(id, 'look', { result: 'done', note: 'fine', by });
    expect((await run(id)).result).toBe('completed');
    expect(await states(id)).toMatchObject({ revoke: 'skipped', remove_file: 'skipped' });
    expect(service.revoked).toEqual([]);
  });
});

describe('restore_drill', () => {
  const data = 'id,total\n1,10\n2,20\n';
  const params = () => ({
    backup: join(dir, 'backup.gz'),
    scratch: join(dir, 'scratch'),
    sha256: createHash('sha256').update(data).digest('hex'),
    rows_at_least: 2,
  });
  beforeEach(() => {
    mkdirSync(join(dir, 'scratch'));
    writeFileSync(join(dir, 'backup.gz'), gzipSync(data));
  });
  test('restores, compares, reports once, and clears up', async () => {
    const id = await start('restore_drill', params());
    expect(await run(id)).toMatchObject({ result: 'completed', verdict: 'passed' });
    expect([...service.drills.values()]).toEqual([{ backup: params().backup, rows: 2, bytes: data.length }]);
    expect(existsSync(join(dir, 'scratch', 'restored'))).toBe(false);
  });
  test('ends green when the last drill was lately', async () => {
    service.drillAgeDays = 3;
    const id = await start('restore_drill', params());
    expect(await run(id)).toMatchObject({ result: 'completed', view: { status: 'completed' } });
    expect(await states(id)).toMatchObject({ recent: 'completed', restore: 'not reached', report: 'not reached' });
  });
  test('a backup that is not what it should be halts, and what was restored is left to look at', async () => {
    const id = await start('restore_drill', { ...params(), sha256: 'f'.repeat(64) });
    expect(await run(id)).toMatchObject({ result: 'halted', stop: { cell: 'verify' } });
    expect(existsSync(join(dir, 'scratch', 'restored', 'data.csv'))).toBe(true);
    expect(service.drills.size).toBe(0);
  });
});
