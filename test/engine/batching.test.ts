import { describe, expect, test } from 'vitest';
import { openCall } from '../../src/engine/call/call.ts';
import { createEngine, type Entry } from '../../src/engine/index.ts';
import type { StoreClient } from '../../src/store/access.ts';
import type { Command } from '../support/operations.ts';
import { fail, pass, runbookOf } from './runbooks.ts';
import { alice, bob, setup, T0 } from './world.ts';

const request = { budgetMs: 60_000, by: alice };
const all = { ...request, maxCells: Number.POSITIVE_INFINITY };
const line = (entry: Entry): string => {
  if (entry.kind !== 'outcome') return entry.kind;
  return `${entry.cell} ${entry.status}${entry.reserve === undefined ? '' : ` + ${entry.reserve.cell}`}`;
};
const lines = (entries: Entry[]): string[] => entries.map(line);

describe('batching: an outcome also carries the reservation of the next cell', () => {
  test('n cells in one call take n + 1 puts to the journal, and every cell has its own outcome', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, { reads: ['c0'] }, {}, {}]));
    world.tables.requests.clear();
    expect((await world.engine.advance(id, all)).result).toBe('completed');
    expect(lines(await world.entries(id))).toEqual([
      'started',
      'reserved',
      'c0 completed + c1',
      'c1 completed + c2',
      'c2 completed + c3',
      'c3 completed',
    ]);
    expect(world.tables.requests.get('putIf journal')).toBe(5);
    expect(world.begun.map((input) => [input.step.cell, input.step.seq, input.step.attempt])).toEqual([
      ['c0', 1, 1],
      ['c1', 2, 1],
      ['c2', 3, 1],
      ['c3', 4, 1],
    ]);
  });

  test('the step it opens is in flight under the seq of the outcome, and doubts and verdicts name that', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, {}]));
    const holder = createEngine({
      ...world.ports,
      execute: (input) => (input.step.cell === 'c0' ? Promise.resolve({ status: 'completed' }) : new Promise(() => {})),
    });
    void holder.advance(id, { ...all, by: bob });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await world.engine.advance(id, request)).toMatchObject({
      result: 'in_flight',
      stop: { holder: { cell: 'c1', seq: 2, by: bob, deadlineAtMs: T0 + 5_000 } },
    });
    expect((await world.engine.inspect(id, alice)).cells).toMatchObject([
      { name: 'c0', state: 'completed', attempts: 1, seq: 1 },
      { name: 'c1', state: 'running', attempts: 1, seq: 2, by: 'bob' },
    ]);
    world.now = T0 + 5_000 + 15_000;
    await world.engine.verdict(id, { seq: 2, verdict: 'skip', reason: 'looked', by: alice });
    expect(lines(await world.entries(id))).toEqual(['started', 'reserved', 'c0 completed + c1', 'c1 skipped']);
  });

  test('only the cells that the call may still reserve', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, {}, {}]));
    expect((await world.engine.advance(id, { ...request, maxCells: 2 })).result).toBe('advanced');
    expect(lines(await world.entries(id))).toEqual(['started', 'reserved', 'c0 completed + c1', 'c1 completed']);
    expect((await world.engine.advance(id, { ...request, cell: 'c2' })).result).toBe('completed');
  });

  test('not when the time left does not hold the next cell', async () => {
    const world = setup();
    world.behave = () => {
      world.now += 2_000;
      return { status: 'completed' };
    };
    const id = await world.start(runbookOf([{}, {}]));
    expect(await world.engine.advance(id, { ...all, budgetMs: 6_000 })).toMatchObject({ result: 'deferred' });
    expect(lines(await world.entries(id))).toEqual(['started', 'reserved', 'c0 completed']);
  });

  test('not after a failure, and not before a cell that waits, asserts, or is skipped', async () => {
    const world = setup();
    const id = await world.start(
      runbookOf([
        {},
        { body: { kind: 'assert', expressions: [pass] } },
        {},
        { when: { source: 'false', line: 1 } },
        { expect: [fail] },
        {},
      ]),
    );
    expect((await world.engine.advance(id, all)).result).toBe('halted');
    expect(lines(await world.entries(id))).toEqual([
      'started',
      'reserved',
      'c0 completed',
      'c1 completed',
      'reserved',
      'c2 completed',
      'c3 skipped',
      'reserved',
      'c4 completed',
    ]);
  });

  test('not when the next cell reads what is not in hand: nothing is read between an effect and its record', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, {}, { reads: ['c0'] }]));
    await world.engine.advance(id, request);
    // Another call knows nothing of the first output.
    await world.engine.advance(id, all);
    expect(lines(await world.entries(id)).slice(3)).toEqual(['reserved', 'c1 completed', 'reserved', 'c2 completed']);
  });

  test('a cancel that takes the slot first: the outcome is recorded after it, without a reservation (I6)', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, {}]));
    world.behave = async () => {
      await world.engine.cancel(id, 'stop', bob);
      return { status: 'completed' };
    };
    expect((await world.engine.advance(id, all)).result).toBe('cancelled');
    expect(lines(await world.entries(id))).toEqual(['started', 'reserved', 'cancelled', 'c0 completed']);
    expect(world.begun).toHaveLength(1);
  });

  test('a drive that was changed meanwhile stands, and the holder decides anew on it', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, {}]));
    await world.engine.advance(id, { ...request, maxCells: 0, drive: 'auto' });
    world.behave = async (input) => {
      if (input.step.cell === 'c0') {
        const { chain } = await openCall({ ...world.ports, startedOf: new Map(), homeOf: new Map() }, id, bob, 60_000);
        await chain.append(() => ({ kind: 'control', drive: 'manual', reason: null }));
      }
      return { status: 'completed' };
    };
    expect((await world.engine.advance(id, { ...all, explicit: false })).result).toBe('parked');
    expect(lines(await world.entries(id))).toEqual(['started', 'control', 'reserved', 'control', 'c0 completed']);
  });

  test('a lost answer to the fused entry: what stands is adopted, and the next cell begins once', async () => {
    let puts = 0;
    const world = setup(
      (client) =>
        ({
          send: async (command: Command) => {
            const answer = await client.send(command as never);
            const put = command.kind === 'putIf' && command.table === 'journal';
            if (put) puts += 1;
            if (put && puts === 3) throw Object.assign(new Error('socket hang up'), { name: 'TimeoutError' });
            return answer;
          },
        }) as unknown as StoreClient,
    );
    const id = await world.start(runbookOf([{}, {}]));
    expect((await world.engine.advance(id, all)).result).toBe('completed');
    expect(lines(await world.entries(id))).toEqual(['started', 'reserved', 'c0 completed + c1', 'c1 completed']);
    expect(world.begun.map((input) => input.step.cell)).toEqual(['c0', 'c1']);
    expect(world.events.map((event) => event.kind)).toContain('self_conflict');
  });

  test('an earlier fused put of ours that lands late is adopted although the later one reserved nothing', async () => {
    // The first put of c0's outcome (with c1's reservation) gets no answer and lands late; by then the budget is gone, so
    // the second would reserve nothing. What stands counts: c1 is ours, too late to begin, and recorded as never.
    let puts = 0;
    const late: (() => Promise<unknown>)[] = [];
    const world = setup(
      (client) =>
        ({
          send: async (command: Command) => {
            const put = command.kind === 'putIf' && command.table === 'journal';
            if (put && ++puts === 3) {
              late.push(() => client.send(command as never));
              throw Object.assign(new Error('socket hang up'), { name: 'TimeoutError' });
            }
            if (put && puts === 4) {
              await late[0]?.();
              world.now += 58_000;
            }
            return await client.send(command as never);
          },
        }) as unknown as StoreClient,
    );
    const id = await world.start(runbookOf([{}, {}]));
    await world.engine.advance(id, all);
    expect(lines(await world.entries(id))).toEqual(['started', 'reserved', 'c0 completed + c1', 'c1 never']);
    expect(world.begun.map((input) => input.step.cell)).toEqual(['c0']);
    await world.engine.advance(id, all);
    expect(lines(await world.entries(id)).slice(4)).toEqual(['reserved', 'c1 completed']);
  });
});
