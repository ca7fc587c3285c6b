import { describe, expect, test } from 'vitest';
import { type CellInput, type CellResult, createEngine, type Entry, PawlError } from '../../src/engine/index.ts';
import type { StoreClient } from '../../src/store/access.ts';
import type { Command } from '../support/operations.ts';
import { runbookOf } from './runbooks.ts';
import { alice, bob, isEntry, setup, T0, type World } from './world.ts';

const minuteMs = 60_000;
const sixHours = { timeoutMs: 360 * minuteMs };
const request = { budgetMs: 15 * minuteMs, by: alice };
const kinds = (entries: Entry[]): string[] =>
  entries.map((entry) => (entry.kind === 'outcome' ? `${entry.status}>${entry.then}` : entry.kind));
const renewals = (entries: Entry[]): number[] =>
  entries.flatMap((entry) => (entry.kind === 'renewed' ? [(entry.deadlineAtMs - T0) / minuteMs] : []));

type Alarm = { atMs: number; ring(): void };

/** A place that holds cells by leases, and whose time goes on only when it is told to. */
const longWorld = (wrap?: (client: StoreClient, world: () => World) => StoreClient) => {
  const world: World = setup(wrap && ((client) => wrap(client, () => world)));
  const alarms = new Set<Alarm>();
  world.ports.clock.alarm = (ms, signal) =>
    new Promise<void>((resolve) => {
      const alarm = { atMs: world.now + Math.max(0, ms), ring: resolve };
      alarms.add(alarm);
      signal.addEventListener('abort', () => {
        alarms.delete(alarm);
        resolve();
      });
    });
  world.ports.lease = { ms: 15 * minuteMs, everyMs: 5 * minuteMs, overMs: 14 * minuteMs };
  world.engine = createEngine(world.ports);
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  };
  const pass = async (minutes: number): Promise<void> => {
    const untilMs = world.now + minutes * minuteMs;
    await settle();
    for (;;) {
      const [next] = [...alarms].filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      alarms.delete(next);
      world.now = Math.max(world.now, next.atMs);
      next.ring();
      await settle();
    }
    world.now = untilMs;
  };
  /** A body that lasts until its time-out, its last deadline less the margin, or the end that it is given. */
  const body = () => {
    const told: number[] = [];
    let input: CellInput | undefined;
    let finish: (result: CellResult) => void = () => {};
    world.behave = (given) => {
      input = given;
      given.lease?.onRenewed(() => told.push((world.now + (given.lease?.leftMs() ?? 0) - T0) / minuteMs));
      return new Promise<CellResult>((resolve) => {
        finish = resolve;
        given.signal.addEventListener('abort', () =>
          resolve({ status: 'unknown', error: { code: 'cell.aborted', message: 'Stopped.' } }),
        );
      });
    };
    return { told, leftMs: () => input?.lease?.leftMs(), end: () => finish({ status: 'completed', output: '{}' }) };
  };
  return { world, pass, settle, body };
};

/** An engine of another process on the same tables. */
const another = ({ ports }: World) => createEngine({ ...ports });

describe('a cell longer than a lease is held by renewals', () => {
  test('each renewal stands before its executor hears of it, and the outcome follows the last', async () => {
    const { world, pass, body } = longWorld();
    const { told, leftMs, end } = body();
    const id = await world.start(runbookOf([sixHours]));
    const advancing = world.engine.advance(id, request);
    await pass(1);
    // 15 minutes less the margin of 10 s, of which one minute has passed.
    expect(leftMs()).toBe(14 * minuteMs - 10_000);
    await pass(16);
    expect(renewals(await world.entries(id))).toEqual([20, 25, 30]);
    expect(told).toEqual([20 - 1 / 6, 25 - 1 / 6, 30 - 1 / 6]);
    end();
    expect((await advancing).result).toBe('completed');
    const entries = await world.entries(id);
    expect(kinds(entries)).toEqual(['started', 'reserved', 'renewed', 'renewed', 'renewed', 'completed>next']);
    expect(entries[1]).toMatchObject({
      deadlineAtMs: T0 + 15 * minuteMs,
      untilAtMs: T0 + 360 * minuteMs + 10_000,
      state: { open: { lease: { untilAtMs: T0 + 360 * minuteMs + 10_000, token: entries[1]?.token } } },
    });
    expect(entries[2]).toMatchObject({ about: 1, cell: 'c0', token: entries[1]?.token });
    expect((await world.engine.verify(id)).breaks).toEqual([]);
    // A write unit each, however long they go on.
    for (const row of world.tables.rows('journal')) expect(JSON.stringify(row).length).toBeLessThan(1_024);
  });

  test('its body is told when all of its time is over, not when the first lease is', async () => {
    const { world, pass, body } = longWorld();
    const { end } = body();
    const id = await world.start(runbookOf([sixHours]));
    const advancing = world.engine.advance(id, request);
    await pass(1);
    end();
    await advancing;
    expect(world.begun[0]?.step.deadlineAtMs).toBe(T0 + 360 * minuteMs + 10_000);
  });

  test('no renewal goes beyond its time-out, and a body that has not ended by then is stopped', async () => {
    const { world, pass, body } = longWorld();
    body();
    const id = await world.start(runbookOf([{ timeoutMs: 30 * minuteMs }]));
    const advancing = world.engine.advance(id, request);
    await pass(40);
    expect((await advancing).steps[0]).toMatchObject({ status: 'unknown', then: 'halt' });
    const entries = await world.entries(id);
    expect(renewals(entries)).toEqual([20, 25, 30, 30 + 1 / 6]);
    expect(entries.at(-1)?.atMs).toBe(T0 + 30 * minuteMs + 10_000);
  });

  test('a cell that fits into one lease is held as ever', async () => {
    const { world, pass } = longWorld();
    const id = await world.start(runbookOf([{ timeoutMs: 14 * minuteMs }]));
    await world.engine.advance(id, request);
    await pass(1);
    const [, reserved] = await world.entries(id);
    expect(reserved).toMatchObject({ deadlineAtMs: T0 + 14 * minuteMs + 10_000 });
    expect(reserved).not.toHaveProperty('untilAtMs');
    expect(world.begun[0]).not.toHaveProperty('lease');
  });

  test('a call with a waiting caller does not begin it, a process that is leaving neither', async () => {
    const { world } = longWorld();
    const id = await world.start(runbookOf([sixHours]));
    const answer = await world.engine.advance(id, { ...request, budgetMs: 25_000 });
    expect(answer.stop).toMatchObject({ result: 'deferred', why: 'budget' });
    const leaving = createEngine({ ...world.ports, leaving: AbortSignal.abort() });
    expect((await leaving.advance(id, request)).result).toBe('deferred');
    expect(world.begun).toEqual([]);
  });

  test('where nothing is held by leases it is not begun, and its view says what is missing', async () => {
    const { world } = longWorld();
    const { lease: _, ...ports } = world.ports;
    const functions = createEngine(ports);
    const id = await world.start(runbookOf([sixHours]));
    const answer = await functions.advance(id, request);
    const missing = 'time for 360 min: functions have 14 (cellTimeoutMsMax), a worker has it';
    expect(answer.stop).toMatchObject({ result: 'parked', waitsFor: { place: 'local', missing: [missing] } });
    expect((await functions.inspect(id, bob)).view.waitsFor).toBe(missing.slice(0, 48));
    expect(kinds(await world.entries(id))).toEqual(['started']);
  });
});

describe('whoever looks goes by the newest deadline', () => {
  test('a step is in flight while its renewals stand, and in doubt the grace after the last', async () => {
    const { world, pass, body } = longWorld();
    body();
    const id = await world.start(runbookOf([{ ...sixHours, interrupted: 'retry' }]));
    void world.engine.advance(id, request);
    await pass(8);
    const other = another(world);
    // Its process is gone: nothing renews any more, and nothing of it is heard of.
    world.now = T0 + 20 * minuteMs + 14_999;
    const looked = await other.advance(id, { ...request, by: bob });
    expect(looked.stop).toMatchObject({
      result: 'in_flight',
      holder: { deadlineAtMs: T0 + 20 * minuteMs, untilAtMs: T0 + 360 * minuteMs + 10_000 },
    });
    expect(looked.view).toMatchObject({ status: 'running', dueAtMs: T0 + 20 * minuteMs + 15_000 });
    world.now = T0 + 20 * minuteMs + 15_000;
    world.behave = () => ({ status: 'completed', output: '{}' });
    await other.advance(id, { ...request, by: bob });
    expect(kinds(await world.entries(id))).toEqual([
      ...['started', 'reserved', 'renewed', 'abandoned>retry'],
      ...['reserved', 'completed>next'],
    ]);
  });

  test('a verdict is early until the newest deadline, whatever the reservation said', async () => {
    const { world, pass, body } = longWorld();
    body();
    const id = await world.start(runbookOf([sixHours]));
    void world.engine.advance(id, request);
    await pass(6);
    world.now = T0 + 16 * minuteMs;
    const verdict = { seq: 1, verdict: 'failed', reason: 'it hangs', by: bob } as const;
    await expect(another(world).verdict(id, verdict)).rejects.toMatchObject({
      code: 'verdict.early',
      details: { untilMs: T0 + 20 * minuteMs + 15_000 },
    });
    world.now = T0 + 20 * minuteMs + 15_000;
    await another(world).verdict(id, verdict);
    expect((await world.entries(id)).at(-1)).toMatchObject({ kind: 'outcome', verdict: 'failed' });
  });

  test('whoever cancels is told until when it may run, and it is renewed all the same', async () => {
    const { world, pass, body } = longWorld();
    const { end } = body();
    const id = await world.start(runbookOf([sixHours]));
    const advancing = world.engine.advance(id, request);
    await pass(6);
    const { mayStillRun } = await another(world).cancel(id, 'enough', bob);
    expect(mayStillRun).toEqual({ cell: 'c0', seq: 1, deadlineAtMs: T0 + 360 * minuteMs + 10_000 });
    await pass(5);
    end();
    expect((await advancing).result).toBe('cancelled');
    const all = ['started', 'reserved', 'renewed', 'cancelled', 'renewed', 'completed>next'];
    expect(kinds(await world.entries(id))).toEqual(all);
  });
});

describe('a renewal is a conditional put like any other', () => {
  const isRenewal = (command: Command): boolean => isEntry(command) && command.item?.kind === 'renewed';
  /** Meets each renewal with what `fault` says: `lost`, its answer; `away`, all of it. */
  const faulty = (fault: (n: number, atMs: number) => 'lost' | 'away' | undefined) => {
    let n = 0;
    return longWorld((client, world) => {
      const send = async (command: Command): Promise<unknown> => {
        const what = isRenewal(command) ? fault(n++, world().now) : undefined;
        if (what === 'away') throw Object.assign(new Error('away'), { name: 'TimeoutError' });
        const answer = await client.send(command as never);
        if (what === 'lost') throw Object.assign(new Error('lost'), { name: 'TimeoutError' });
        return answer;
      };
      return { send } as unknown as StoreClient;
    });
  };

  test('one whose answer is lost is put again into its slot, and what stands there counts', async () => {
    const { world, pass, body } = faulty((n) => (n === 0 ? 'lost' : undefined));
    const { told, end } = body();
    const id = await world.start(runbookOf([sixHours]));
    const advancing = world.engine.advance(id, request);
    await pass(6);
    expect(renewals(await world.entries(id))).toEqual([20]);
    expect(told).toEqual([20 - 1 / 6]);
    end();
    await advancing;
  });

  test('a store that is away for two minutes in hour five costs nothing but tries', async () => {
    const awayMs = { from: T0 + 275 * minuteMs, to: T0 + 277 * minuteMs };
    const { world, pass, body } = faulty((_n, atMs) => (atMs >= awayMs.from && atMs < awayMs.to ? 'away' : undefined));
    const { end } = body();
    const id = await world.start(runbookOf([sixHours]));
    const advancing = world.engine.advance(id, request);
    await pass(300);
    const late = renewals(await world.entries(id)).filter((minute) => minute > 285 && minute < 300);
    expect(late[0]).toBeGreaterThan(292);
    expect(late[0]).toBeLessThan(292.5);
    expect(world.events.some(({ kind }) => kind === 'lease.unrenewed')).toBe(true);
    end();
    expect((await advancing).result).toBe('completed');
  });

  test('while none stands its executor hears of no more time, and the body is stopped at the last deadline', async () => {
    const { world, pass, body } = faulty((n) => (n >= 1 ? 'away' : undefined));
    const { told, leftMs } = body();
    const id = await world.start(runbookOf([sixHours]));
    const advancing = world.engine.advance(id, request);
    await pass(19);
    expect(told).toEqual([20 - 1 / 6]);
    expect(leftMs()).toBe(minuteMs - 10_000);
    await pass(1);
    expect((await advancing).steps[0]).toMatchObject({ status: 'unknown', then: 'halt' });
    expect(renewals(await world.entries(id))).toEqual([20]);
  });

  test('a renewal that lands after its body ended is not taken for the outcome', async () => {
    let held: (() => Promise<unknown>) | undefined;
    const { world, pass, body } = longWorld((client) => {
      const send = async (command: Command): Promise<unknown> => {
        if (isRenewal(command)) {
          // On the wire for long: it lands when the outcome is put.
          held = () => client.send(command as never);
          throw Object.assign(new Error('lost'), { name: 'TimeoutError' });
        }
        if (isEntry(command) && command.item?.kind === 'outcome' && held !== undefined) {
          const land = held;
          held = undefined;
          await land();
        }
        return await client.send(command as never);
      };
      return { send } as unknown as StoreClient;
    });
    const { end } = body();
    const id = await world.start(runbookOf([sixHours]));
    const advancing = world.engine.advance(id, request);
    await pass(5);
    end();
    expect((await advancing).result).toBe('completed');
    expect(kinds(await world.entries(id))).toEqual(['started', 'reserved', 'renewed', 'completed>next']);
  });

  test('a holder that froze past its lease and lost the step stops its body and gets no further slot', async () => {
    const { world, pass, settle, body } = longWorld();
    body();
    const id = await world.start(runbookOf([sixHours]));
    const advancing = world.engine.advance(id, request);
    await settle();
    // The other one's clock is right, and ours was stopped: when it goes on it does not know how long that took.
    const clock = { ...world.ports.clock, nowMs: () => T0 + 16 * minuteMs };
    const reason = 'the host is down';
    await createEngine({ ...world.ports, clock }).verdict(id, { seq: 1, verdict: 'failed', reason, by: bob });
    await pass(5);
    const answer = await advancing;
    expect(answer.steps[0]).toMatchObject({ status: 'unknown', recorded: false });
    expect(kinds(await world.entries(id))).toEqual(['started', 'reserved', 'failed>halt']);
    expect((await world.ports.journal.notes(id, 1)).map(({ kind }) => kind)).toEqual(['fenced']);
  });

  test('a machine that slept longer than its lease does not renew it', async () => {
    const { world, pass, body } = longWorld();
    const { leftMs } = body();
    const id = await world.start(runbookOf([sixHours]));
    const advancing = world.engine.advance(id, request);
    await pass(1);
    world.slept = 20 * minuteMs;
    expect(leftMs()).toBeLessThan(0);
    await pass(14);
    expect((await advancing).steps[0]).toMatchObject({ status: 'unknown' });
    expect(renewals(await world.entries(id))).toEqual([]);
  });

  test('an entry that the store refuses is no more time', async () => {
    const { world, pass, body } = longWorld();
    const { told } = body();
    const putOnce = world.ports.journal.putOnce;
    world.ports.journal.putOnce = async (entry) => {
      if (entry.kind === 'renewed') throw new PawlError('store.unavailable', 'refused');
      return await putOnce(entry);
    };
    world.engine = createEngine(world.ports);
    const id = await world.start(runbookOf([sixHours]));
    const advancing = world.engine.advance(id, request);
    await pass(16);
    expect(told).toEqual([]);
    expect((await advancing).steps[0]).toMatchObject({ status: 'unknown' });
  });
});
