import { describe, expect, test } from 'vitest';
import type { State } from '../../src/engine/index.ts';
import { decide, marginMs, type Wish } from '../../src/engine/rules/decide.ts';
import { initialState } from '../support/state.ts';
import { cellOf, pass, runbookOf } from './runbooks.ts';

const now = 1_795_489_200_000;
const at = { nowMs: now, graceMs: 15_000, epoch: 0 };
const by = { actor: 'alice', via: 'test', where: 'host:1' };
const book = runbookOf([
  { name: 'a' },
  { name: 'b' },
  { name: 'look', body: { kind: 'manual', instructions: [] } },
  { name: 'check', body: { kind: 'assert', expressions: [pass] } },
]);
const fresh = initialState({ cells: 4 });
const wish: Wish = { cell: undefined, reservationsLeft: 1, wroteSome: false, endAtMs: now + 60_000, explicit: true };
const open = (deadlineAtMs: number): State => ({
  ...fresh,
  attempt: 1,
  open: { kind: 'reserved', seq: 5, cell: 'a', attempt: 1, deadlineAtMs, by, atMs: now - 3_000 },
});

describe('decide: what this call does next', () => {
  test('the next cell is entered', () => {
    expect(decide(fresh, book, wish, at)).toEqual({ kind: 'enter', cell: book.cells[0], mayReserve: true });
  });

  test('a reserved step is in flight until its deadline and grace have passed, then in doubt', () => {
    const holder = { cell: 'a', seq: 5, by, reservedAtMs: now - 3_000, ageMs: 3_000, deadlineAtMs: now - 14_999 };
    expect(decide(open(now - 14_999), book, wish, at)).toEqual({ kind: 'stop', result: 'in_flight', holder });
    expect(decide(open(now - 15_000), book, wish, at)).toMatchObject({
      kind: 'stop',
      result: 'in_doubt',
      cell: 'a',
      seq: 5,
      holder: { by },
    });
  });

  test('an unknown outcome is in doubt; another halt is a halt', () => {
    expect(
      decide(
        { ...fresh, halted: { seq: 3, cell: 'a', doubt: true, atMs: now - 9_000, deadlineAtMs: now } },
        book,
        wish,
        at,
      ),
    ).toEqual({ kind: 'stop', result: 'in_doubt', cell: 'a', seq: 3, holder: null, nextAtMs: null });
    expect(
      decide(
        { ...fresh, halted: { seq: 3, cell: 'a', doubt: false, atMs: now - 9_000, deadlineAtMs: null } },
        book,
        wish,
        at,
      ),
    ).toEqual({ kind: 'stop', result: 'halted', cell: 'a', seq: 3, why: 'step' });
  });

  test('what waits is for its kind to say', () => {
    const waits = { kind: 'waiting', seq: 7, cell: 'look', dueAtMs: null, atMs: now } as const;
    const decided = { kind: 'waiting', cell: book.cells[2], open: waits };
    expect(decide({ ...fresh, next: 2, open: waits }, book, wish, at)).toEqual(decided);
  });

  test('what has ended says how', () => {
    expect(decide({ ...fresh, ended: 'completed' }, book, wish, at)).toEqual({ kind: 'stop', result: 'completed' });
    expect(decide({ ...fresh, ended: 'cancelled' }, book, wish, at)).toEqual({ kind: 'stop', result: 'cancelled' });
  });

  test('no reservation left: stops before a cell with effects, goes on through cells without', () => {
    const spent = { ...wish, reservationsLeft: 0, wroteSome: true };
    expect(decide({ ...fresh, next: 1 }, book, spent, at)).toEqual({ kind: 'stop', result: 'advanced' });
    expect(decide({ ...fresh, next: 2 }, book, spent, at)).toEqual({
      kind: 'enter',
      cell: book.cells[2],
      mayReserve: false,
    });
    expect(decide({ ...fresh, next: 3 }, book, spent, at)).toEqual({
      kind: 'enter',
      cell: book.cells[3],
      mayReserve: false,
    });
  });

  test('no reservation left: a `when` is still looked at, for a skip costs none', () => {
    const conditional = runbookOf([{ when: pass }]);
    const spent = { ...wish, reservationsLeft: 0, wroteSome: true };
    expect(decide({ ...fresh, cells: 1 }, conditional, spent, at)).toMatchObject({ kind: 'enter', mayReserve: false });
    expect(decide({ ...fresh, cells: 1, attempt: 1 }, conditional, spent, at)).toEqual({
      kind: 'stop',
      result: 'advanced',
    });
  });

  test('a cell whose time-out and margin do not fit the budget is deferred, not begun and cut', () => {
    const needs = 4_000 + 1_000;
    expect(decide(fresh, book, { ...wish, endAtMs: now + needs }, at)).toMatchObject({ kind: 'enter' });
    expect(decide(fresh, book, { ...wish, endAtMs: now + needs - 1 }, at)).toEqual({
      kind: 'stop',
      result: 'deferred',
      cell: 'a',
      untilMs: now,
      why: 'budget',
    });
  });

  test('a backoff is waited for inside the call if it is short and fits, else deferred', () => {
    expect(decide({ ...fresh, attempt: 1, dueAtMs: now + 700 }, book, wish, at)).toEqual({ kind: 'wait', ms: 700 });
    expect(decide({ ...fresh, attempt: 1, dueAtMs: now }, book, wish, at)).toMatchObject({ kind: 'enter' });
    const long = { kind: 'stop', result: 'deferred', cell: 'a', untilMs: now + 20_001, why: 'backoff' };
    expect(decide({ ...fresh, attempt: 1, dueAtMs: now + 20_001 }, book, wish, at)).toEqual(long);
    expect(
      decide({ ...fresh, attempt: 1, dueAtMs: now + 700 }, book, { ...wish, endAtMs: now + 5_500 }, at),
    ).toMatchObject({ result: 'deferred', why: 'backoff' });
  });

  test('the schedule reserves nothing new in drive manual', () => {
    expect(decide(fresh, book, { ...wish, explicit: false }, at)).toEqual({
      kind: 'stop',
      result: 'parked',
      cell: 'a',
      seq: null,
      dueAtMs: null,
    });
    expect(decide({ ...fresh, drive: 'auto' }, book, { ...wish, explicit: false }, at)).toMatchObject({
      kind: 'enter',
    });
  });

  test('an instance of an older epoch is held', () => {
    expect(decide(fresh, book, wish, { ...at, epoch: 1 })).toEqual({
      kind: 'stop',
      result: 'halted',
      cell: 'a',
      seq: 0,
      why: 'epoch',
    });
  });

  test('attempts have a limit', () => {
    const state = { ...fresh, counters: { ...fresh.counters, attempts: 100_000 } };
    expect(decide(state, book, wish, at)).toEqual({
      kind: 'stop',
      result: 'halted',
      cell: 'a',
      seq: 0,
      why: 'attempts',
    });
  });
});

describe('decide refuses a wish for a cell that cannot be', () => {
  const refused = (state: State, cell: string) => {
    try {
      decide(state, book, { ...wish, cell }, at);
    } catch (error) {
      return error;
    }
    return undefined;
  };
  test('an unknown cell', () => expect(refused(fresh, 'nope')).toMatchObject({ code: 'cell.unknown' }));
  test('a cell out of order, naming the next', () =>
    expect(refused(fresh, 'b')).toMatchObject({ code: 'cell.outOfOrder', details: { next: 'a' } }));
  test('a cell that is done', () =>
    expect(refused({ ...fresh, next: 1 }, 'a')).toMatchObject({ code: 'cell.outOfOrder', details: { next: 'b' } }));
  test('a cell of a finished instance', () =>
    expect(refused({ ...fresh, ended: 'cancelled' }, 'a')).toMatchObject({ code: 'instance.finished' }));
  test('after it ran, the call answers with what it did', () => {
    expect(decide({ ...fresh, next: 1 }, book, { ...wish, cell: 'a', wroteSome: true }, at)).toEqual({
      kind: 'stop',
      result: 'advanced',
    });
  });
});

test('the margin between time-out and deadline: a quarter, at least 1 s, at most 10 s', () => {
  expect([marginMs(100), marginMs(8_000), marginMs(60_000)]).toEqual([1_000, 2_000, 10_000]);
  expect(cellOf(0, 'a').timeoutMs).toBe(4_000);
});
