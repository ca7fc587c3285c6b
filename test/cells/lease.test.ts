/** A cell that is held by leases: its runner kills it at the last deadline that it heard of, whatever becomes of the engine. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CellInput, Entry } from '../../src/engine/index.ts';
import { isAlive, sh, until } from './cells.ts';
import { by, instanceId, openLeased } from './leaseProcess.ts';

const patienceMs = 120_000;
let dir = '';
const started: ChildProcess[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'cells-lease-'));
});
afterEach(() => {
  for (const one of started.splice(0)) one.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});
const said = (name: string): string =>
  existsSync(join(dir, name)) ? readFileSync(join(dir, name), 'utf8').trim() : '';

/** A lease whose holder is this test. */
const held = (firstMs: number) => {
  let untilMs = performance.now() + firstMs;
  let tell = (): void => {};
  const lease: NonNullable<CellInput['lease']> = {
    leftMs: () => untilMs - performance.now(),
    onRenewed: (listener) => {
      tell = listener;
    },
  };
  const renew = (ms: number): void => {
    untilMs = performance.now() + ms;
    tell();
  };
  return { lease, renew, isOver: () => performance.now() > untilMs };
};

/** Goes on until it is told to end. */
const waiting = () => `echo $$ > "${dir}/pid"; while [ ! -e "${dir}/go" ]; do sleep 0.1; done`;

describe('a runner', () => {
  test('lets a body live beyond its first lease once it has heard of more', async () => {
    const { lease, renew } = held(4_000);
    const first = performance.now() + 4_000;
    const ran = sh(waiting(), { lease, timeoutMs: 120_000 });
    expect(await until(() => said('pid') !== '')).toBe(true);
    renew(90_000);
    expect(await until(() => performance.now() > first + 1_000)).toBe(true);
    expect(isAlive(Number(said('pid')))).toBe(true);
    writeFileSync(join(dir, 'go'), '');
    expect(await ran).toMatchObject({ status: 'completed' });
  });

  test('kills it when it has heard of no more, though nobody says so', async () => {
    const { lease, isOver } = held(3_000);
    const ran = await sh(waiting(), { lease, timeoutMs: 120_000 });
    expect(isOver()).toBe(true);
    expect(ran).toMatchObject({ status: 'unknown', error: { code: 'cell.unrenewed' } });
    expect(isAlive(Number(said('pid')))).toBe(false);
  });

  test('kills it at the time-out of the cell, however often it is renewed', async () => {
    const { lease, renew } = held(90_000);
    const ran = sh(waiting(), { lease, timeoutMs: 4_000 });
    expect(await until(() => said('pid') !== '')).toBe(true);
    renew(90_000);
    expect(await ran).toMatchObject({ status: 'unknown', error: { code: 'cell.timeout' } });
  });

  test('does not begin it when nothing of the lease is left', async () => {
    const { lease } = held(0);
    const ran = await sh(waiting(), { lease, timeoutMs: 60_000 });
    expect(ran).toMatchObject({ status: 'never', error: { code: 'cell.unstarted' } });
    expect(said('pid')).toBe('');
  });
});

describe('an engine process', () => {
  const begin = (): ChildProcess => {
    const script = fileURLToPath(new URL('leaseProcess.ts', import.meta.url));
    const engine = spawn(process.execPath, [script, join(dir, 'data'), waiting()], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    started.push(engine);
    return engine;
  };
  const read = async (): Promise<Entry[]> => {
    const { engine, close } = await openLeased(join(dir, 'data'));
    try {
      return (await engine.journal(instanceId, -1, 100).catch(() => [])).map(({ entry }) => entry);
    } finally {
      close();
    }
  };
  /** Until the first lease is over, and renewals of it stand. */
  const beyondItsFirstLease = async (): Promise<Entry[]> => {
    const endMs = performance.now() + patienceMs;
    for (;;) {
      const entries = existsSync(join(dir, 'data')) ? await read() : [];
      const last = entries.at(-1);
      const reserved = entries.find(({ kind }) => kind === 'reserved');
      if (reserved?.kind === 'reserved' && last?.kind === 'renewed' && last.atMs > reserved.deadlineAtMs)
        return entries;
      if (performance.now() > endMs) throw new Error(`it was not renewed: ${entries.map(({ kind }) => kind)}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  };
  /** As another caller finds it, again and again, until it is in flight no more. */
  const inDoubt = async () => {
    const { engine, close, clock } = await openLeased(join(dir, 'data'));
    try {
      for (;;) {
        const { stop } = await engine.advance(instanceId, { budgetMs: 60_000, by });
        if (stop.result !== 'in_flight') return { stop, nowMs: clock.nowMs() };
        await clock.sleep(200);
      }
    } finally {
      close();
    }
  };

  test('killed amid a cell that it renews: the body dies, and its step is in doubt after the newest deadline', async () => {
    const engine = begin();
    const entries = await beyondItsFirstLease();
    const pid = Number(said('pid'));
    expect(isAlive(pid)).toBe(true);
    expect(entries.slice(0, 3).map(({ kind }) => kind)).toEqual(['started', 'reserved', 'renewed']);
    engine.kill('SIGKILL');
    await once(engine, 'exit');
    expect(await until(() => !isAlive(pid))).toBe(true);
    const newest = (await read()).findLast((entry) => entry.kind === 'renewed');
    const { stop, nowMs } = await inDoubt();
    expect(stop).toMatchObject({ result: 'in_doubt', cell: 'long', seq: 1 });
    expect(nowMs).toBeGreaterThanOrEqual((newest?.kind === 'renewed' ? newest.deadlineAtMs : 0) + 1_000);
  });

  test('stopped amid it: the runner kills the body by the last deadline that it heard of, before anybody takes over', async () => {
    const engine = begin();
    await beyondItsFirstLease();
    const pid = Number(said('pid'));
    engine.kill('SIGSTOP');
    const { stop } = await inDoubt();
    expect(stop).toMatchObject({ result: 'in_doubt', seq: 1 });
    expect(isAlive(pid)).toBe(false);
    engine.kill('SIGCONT');
    await once(engine, 'exit');
    // What it saw of the end is the truth while nobody has decided otherwise: stopped, so unknown.
    const last = (await read()).at(-1);
    expect(last).toMatchObject({ kind: 'outcome', status: 'unknown', error: { code: 'cell.unrenewed' } });
  });
});
