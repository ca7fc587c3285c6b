import { describe, expect, test } from 'vitest';
import type { State } from '../../src/engine/index.ts';
import { limits, storedForm } from '../../src/engine/index.ts';
import { apply } from '../../src/engine/rules/apply.ts';
import type { EntryDraft } from '../../src/engine/rules/going.ts';
import { satisfiedAt } from '../../src/engine/rules/satisfied.ts';
import { initialState } from '../support/state.ts';

const at = 1_795_489_200_000;
const by = { actor: 'alice', via: 'test', where: 'host:1' };
const hash = 'a'.repeat(64);
const other = 'b'.repeat(64);

const started: EntryDraft = {
  kind: 'started',
  seq: 0,
  atMs: at,
  by,
  runbookId: 'demo',
  version: 1,
  runHash: hash,
  cells: 2,
  params: {},
  drive: 'manual',
  epoch: 0,
  deployment: 'd',
  storeId: '5707e1d0aaaa',
  lock: null,
  continues: null,
};
const reserved = (seq: number, over: object = {}): EntryDraft =>
  ({
    kind: 'reserved',
    seq,
    atMs: at + seq,
    by,
    index: 0,
    cell: 'a',
    visit: 1,
    attempt: 1,
    key: 'k',
    inputsHash: hash,
    deadlineAtMs: at + 60_000,
    ...over,
  }) as EntryDraft;
const outcome = (seq: number, over: object = {}): EntryDraft =>
  ({
    kind: 'outcome',
    seq,
    atMs: at + seq,
    by,
    closes: seq - 1,
    index: 0,
    cell: 'a',
    visit: 1,
    attempt: 1,
    status: 'completed',
    closedBy: 'holder',
    then: 'next',
    output: null,
    error: null,
    exitCode: null,
    expectations: [],
    permission: null,
    dueAtMs: null,
    durationMs: 5,
    logBytes: 0,
    note: null,
    evidence: null,
    ...over,
  }) as EntryDraft;
const retry = { kind: 'retry', detail: 'retry=1' };
const cancelled = (seq: number): EntryDraft => ({ kind: 'cancelled', seq, atMs: at + seq, by, reason: 'because' });
const waiting = (seq: number, over: object = {}): EntryDraft =>
  ({
    kind: 'waiting',
    seq,
    atMs: at + seq,
    by,
    index: 0,
    cell: 'a',
    visit: 1,
    inputsHash: hash,
    dueAtMs: null,
    shownHash: null,
    ...over,
  }) as EntryDraft;
/** After the deadline of what it is about: before it a person says more. */
const resolved = (seq: number, over: object = {}): EntryDraft =>
  ({
    kind: 'resolved',
    seq,
    atMs: at + 60_000 + seq,
    by,
    about: 1,
    index: 0,
    cell: 'a',
    verdict: 'succeeded',
    closedBy: 'person',
    then: 'next',
    permission: null,
    freshKey: false,
    dueAtMs: null,
    reason: 'looked',
    output: null,
    evidence: null,
    expectations: [],
    ...over,
  }) as EntryDraft;

const fold = (...steps: EntryDraft[]): State => {
  let state: State | null = null;
  for (const step of steps) state = apply(state, step);
  return state as State;
};
const unknown = outcome(2, { status: 'unknown', then: 'halt' });

describe('apply: what is true after an entry', () => {
  test('started: the first cell is next and nothing is open', () => {
    expect(fold(started)).toEqual(initialState({ cells: 2 }));
  });

  test('started as a continuation: the cells before are behind it, and its own count from there', () => {
    const continues = { instanceId: 'i0', seq: 9, at: 'b', index: 1, reason: null, outputs: {} };
    const state = fold(
      { ...started, continues } as EntryDraft,
      reserved(1, { index: 1, cell: 'b' }),
      outcome(2, { index: 1, cell: 'b' }),
    );
    expect(state).toMatchObject({ next: 2, from: 1, ended: 'completed', satisfied: { recent: [2] } });
    expect(satisfiedAt(state, 0)).toBeUndefined();
    expect(satisfiedAt(state, 1)).toEqual({ seq: 2 });
  });

  test('a permission stands in the state until the reservation that uses it up (I5)', () => {
    const failed = outcome(2, { status: 'failed', then: 'retry', permission: retry, dueAtMs: at });
    expect(fold(started, reserved(1)).permission).toBeNull();
    expect(fold(started, reserved(1), failed).permission).toBe('retry');
    expect(fold(started, reserved(1), failed, reserved(3, { attempt: 2 })).permission).toBeNull();
  });

  test('reserved: the step is open under its seq, with holder and deadline', () => {
    const state = fold(started, reserved(1));
    expect(state.open).toEqual({
      kind: 'reserved',
      seq: 1,
      cell: 'a',
      attempt: 1,
      deadlineAtMs: at + 60_000,
      by,
      atMs: at + 1,
    });
    expect([state.attempt, state.firstAtMs, state.inputsHash, state.counters.attempts]).toEqual([1, at + 1, hash, 1]);
  });

  test('a completed cell: the next one, a fresh visit, and where its output stands', () => {
    const state = fold(started, reserved(1), outcome(2));
    expect([state.next, state.visit, state.attempt, state.open, state.inputsHash]).toEqual([1, 1, 0, null, null]);
    expect(state.satisfied.recent).toEqual([2]);
  });

  test('the last cell done ends the instance', () => {
    const state = fold(
      started,
      reserved(1),
      outcome(2),
      reserved(3, { index: 1, cell: 'b' }),
      outcome(4, { index: 1, cell: 'b' }),
    );
    expect(state.ended).toBe('completed');
  });

  test('a known failure with retries left: the same cell, the permission spent by the next attempt', () => {
    const again = { status: 'failed', then: 'retry', permission: retry, dueAtMs: at + 900 };
    const state = fold(started, reserved(1), outcome(2, again));
    expect([state.next, state.attempt, state.dueAtMs, state.inputsHash]).toEqual([0, 1, at + 900, hash]);
    expect(fold(started, reserved(1), outcome(2, again), reserved(3, { attempt: 2 })).open).toMatchObject({
      seq: 3,
      attempt: 2,
    });
  });

  test('never: costs no attempt, and is counted in a row', () => {
    const never = { status: 'never', then: 'retry', permission: { kind: 'never', detail: 'late' }, dueAtMs: at };
    const state = fold(started, reserved(1), outcome(2, never));
    expect([state.attempt, state.falseStarts]).toEqual([0, 1]);
    expect(fold(started, reserved(1), outcome(2, never), reserved(3), outcome(4, never)).falseStarts).toBe(2);
  });

  test('unknown halts in doubt; a failure halts without', () => {
    expect(fold(started, reserved(1), unknown).halted).toEqual({
      seq: 1,
      cell: 'a',
      doubt: true,
      atMs: at + 2,
      deadlineAtMs: at + 60_000,
    });
    expect(fold(started, reserved(1), outcome(2, { status: 'failed', then: 'halt' })).halted).toMatchObject({
      seq: 1,
      cell: 'a',
      doubt: false,
    });
  });

  test('abandoned: closed with a permission, and an interruption is counted', () => {
    const permission = { kind: 'interrupted', detail: 'interrupted=retry' };
    const state = fold(
      started,
      reserved(1),
      outcome(2, { status: 'abandoned', closedBy: 'policy', then: 'retry', permission, dueAtMs: at }),
    );
    expect([state.next, state.attempt, state.interruptions, state.open]).toEqual([0, 1, 1, null]);
  });

  test('verdicts after the fact: succeeded and skip go on, retry permits one attempt, a fresh key is a new visit', () => {
    const doubt = [started, reserved(1), unknown] as const;
    expect(fold(...doubt, resolved(3)).next).toBe(1);
    expect(fold(...doubt, resolved(3, { verdict: 'skip' })).counters.skipped).toBe(1);
    const permission = { kind: 'person', detail: 'checked' };
    const again = fold(...doubt, resolved(3, { verdict: 'retry', then: 'retry', permission }));
    expect([again.halted, again.visit, again.attempt]).toEqual([null, 1, 1]);
    const fresh = fold(...doubt, resolved(3, { verdict: 'retry', then: 'retry', permission, freshKey: true }));
    expect([fresh.visit, fresh.attempt, fresh.inputsHash]).toEqual([2, 0, null]);
    expect(fold(...doubt, resolved(3, { verdict: 'failed', then: 'halt' })).halted).toMatchObject({ doubt: false });
  });

  test('an outcome may carry the reservation of the next cell', () => {
    const reserve = {
      index: 1,
      cell: 'b',
      visit: 1,
      attempt: 1,
      key: 'k',
      inputsHash: other,
      deadlineAtMs: at + 90_000,
    };
    const state = fold(started, reserved(1), outcome(2, { reserve }));
    expect([state.next, state.open?.seq, state.open?.cell, state.satisfied.recent]).toEqual([1, 2, 'b', [2]]);
  });

  test('cancelled with nothing open ends; with an open step it ends when that is closed', () => {
    expect(fold(started, cancelled(1)).ended).toBe('cancelled');
    const open = fold(started, reserved(1), cancelled(2));
    expect([open.ended, open.cancelled, open.open?.seq]).toEqual([null, 2, 1]);
    expect(fold(started, reserved(1), cancelled(2), outcome(3, { closes: 1 })).ended).toBe('cancelled');
  });

  test('a wait is closed by a person, and by a cancellation', () => {
    expect(fold(started, waiting(1), outcome(2, { attempt: 0, closedBy: 'person' })).next).toBe(1);
    expect(fold(started, waiting(1), cancelled(2)).ended).toBe('cancelled');
  });

  test('an end cell ends green before the last cell', () => {
    const state = fold(started, outcome(1, { closes: null, attempt: 0, then: 'end' }));
    expect([state.ended, state.next]).toEqual(['completed', 1]);
  });

  test('control changes the drive, also while a step is open', () => {
    const step: EntryDraft = { kind: 'control', seq: 2, atMs: at + 2, by, drive: 'auto', reason: null };
    const state = fold(started, reserved(1), step);
    expect([state.drive, state.open?.seq]).toEqual(['auto', 1]);
  });

  test('a start that was given up leaves an instance that can never begin', () => {
    const state = fold(cancelled(0));
    expect(state.ended).toBe('cancelled');
    expect(() => apply(state, reserved(1))).toThrow('ended');
  });
});

describe('apply refuses what is not a legal step (I1, I2, I3, I6, I9)', () => {
  const cases: [string, EntryDraft[]][] = [
    ['a second start', [started, { ...started, seq: 1 }]],
    [
      'a continuation that begins behind the last cell',
      [
        {
          ...started,
          continues: { instanceId: 'i0', seq: 9, at: 'c', index: 2, reason: null, outputs: {} },
        } as EntryDraft,
      ],
    ],
    ['a journal that begins with a reservation', [reserved(0)]],
    ['a reservation while one is open (I2)', [started, reserved(1), reserved(2, { attempt: 2 })]],
    ['a reservation of a cell that is not next (I3)', [started, reserved(1, { index: 1, cell: 'b' })]],
    ['a reservation of a halted instance (I3)', [started, reserved(1), unknown, reserved(3, { attempt: 2 })]],
    [
      'a reservation after a cancellation (I6)',
      [
        started,
        reserved(1),
        cancelled(2),
        outcome(3, { closes: 1, status: 'failed', then: 'retry', permission: retry, dueAtMs: at }),
        reserved(4, { attempt: 2 }),
      ],
    ],
    ['a reservation without a gapless attempt', [started, reserved(1, { attempt: 2 })]],
    [
      'a reservation with other inputs in the same visit (I9)',
      [
        started,
        reserved(1),
        outcome(2, { status: 'failed', then: 'retry', permission: retry, dueAtMs: at }),
        reserved(3, { attempt: 2, inputsHash: other }),
      ],
    ],
    ['a deadline that is not after the reservation', [started, reserved(1, { deadlineAtMs: at + 1 })]],
    ['an outcome for a step that is not open', [started, outcome(1, { closes: 0 })]],
    ['a second outcome', [started, reserved(1), outcome(2), outcome(3, { closes: 1 })]],
    ['an outcome of another cell', [started, reserved(1), outcome(2, { cell: 'b' })]],
    [
      'an effect without a reservation',
      [started, outcome(1, { closes: null, attempt: 0, status: 'unknown', then: 'halt' })],
    ],
    [
      'a retry without its permission (I5)',
      [started, reserved(1), outcome(2, { status: 'failed', then: 'retry', dueAtMs: at })],
    ],
    ['a permission that nothing uses (I5)', [started, reserved(1), outcome(2, { permission: retry })]],
    [
      'an interruption permitted as if it were a failure (I5)',
      [
        started,
        reserved(1),
        outcome(2, { status: 'abandoned', closedBy: 'policy', then: 'retry', permission: retry, dueAtMs: at }),
      ],
    ],
    [
      'a retry straight from unknown (I5)',
      [started, reserved(1), outcome(2, { status: 'unknown', then: 'retry', permission: retry, dueAtMs: at })],
    ],
    ['a holder that goes on from unknown', [started, reserved(1), outcome(2, { status: 'unknown', then: 'next' })]],
    [
      'a policy that says never',
      [started, reserved(1), outcome(2, { status: 'never', closedBy: 'policy', then: 'halt' })],
    ],
    [
      'a probe that says failed',
      [started, reserved(1), outcome(2, { status: 'failed', closedBy: 'probe', then: 'halt' })],
    ],
    ['a verdict about a step that is not halted', [started, reserved(1), resolved(2)]],
    ['a verdict about another step', [started, reserved(1), unknown, resolved(3, { about: 2 })]],
    [
      'a verdict that succeeds and tries again',
      [started, reserved(1), unknown, resolved(3, { then: 'retry', permission: { kind: 'person', detail: '' } })],
    ],
    ['a second cancellation', [started, reserved(1), cancelled(2), cancelled(3)]],
    ['a cancellation of a finished instance', [started, cancelled(1), cancelled(2)]],
    [
      'a fused reservation beyond the last cell',
      [
        started,
        reserved(1),
        outcome(2),
        reserved(3, { index: 1, cell: 'b' }),
        outcome(4, {
          index: 1,
          cell: 'b',
          reserve: { index: 2, cell: 'c', visit: 1, attempt: 1, key: 'k', inputsHash: hash, deadlineAtMs: at + 90_000 },
        }),
      ],
    ],
    [
      'a fused reservation after a cancellation (I6)',
      [
        started,
        reserved(1),
        cancelled(2),
        outcome(3, {
          closes: 1,
          reserve: { index: 1, cell: 'b', visit: 1, attempt: 1, key: 'k', inputsHash: hash, deadlineAtMs: at + 90_000 },
        }),
      ],
    ],
    ['a wait while a step is open', [started, reserved(1), waiting(2)]],
    [
      'a waiting step closed as unknown',
      [started, waiting(1), outcome(2, { attempt: 0, status: 'unknown', then: 'halt' })],
    ],
  ];
  test.each(cases)('%s', (_name, steps) => {
    const legal = steps.slice(0, -1);
    const before = legal.length === 0 ? null : fold(...legal);
    expect(() => apply(before, steps.at(-1) as EntryDraft)).toThrow();
  });
});

describe('outputs stay one or two reads away however many cells there are', () => {
  test('100 cells: recent seqs are in the state, older ones in an entry the state names', () => {
    const states: State[] = [];
    let state = fold({ ...started, cells: 100 } as EntryDraft);
    states[0] = state;
    for (let index = 0; index < 100; index += 1) {
      const seq = index + 1;
      state = apply(state, outcome(seq, { closes: null, attempt: 0, index, cell: `c${index}` }));
      states[seq] = state;
    }
    const seqOf = (index: number): number | undefined => {
      const found = satisfiedAt(state, index);
      if (found === undefined) return undefined;
      return 'seq' in found ? found.seq : states[found.ask]?.satisfied.recent[found.at];
    };
    for (const index of [0, 1, 31, 32, 63, 64, 95, 96, 99]) expect(seqOf(index)).toBe(index + 1);
    expect(seqOf(100)).toBeUndefined();
  });

  test('the state stays under 1 KB for the largest runbook after the most attempts', () => {
    const cells = limits.cellsPerRunbookMax;
    const name = 'n'.repeat(64);
    let state: State = {
      ...fold({ ...started, cells } as EntryDraft),
      counters: { attempts: 99_000, covered: 400, forgiven: 20, skipped: 50, overridden: 9 },
    };
    for (let index = 0; index < cells - 1; index += 1) {
      state = apply(state, outcome(200_000 + index, { closes: null, attempt: 0, index, cell: name }));
    }
    state = apply(
      state,
      reserved(300_000, {
        index: cells - 1,
        cell: name,
        deadlineAtMs: at + 900_000,
        by: { actor: 'a'.repeat(128), via: 'work', where: 'w'.repeat(36) },
      }),
    );
    const base = { v: 1, instanceId: 'i1', seq: 300_001, token: 't'.repeat(32), by, atMs: at, prev: null } as const;
    const stored = storedForm({ ...base, kind: 'control', reason: null, state: { ...state, mayHaveHappened: true } });
    expect(new TextEncoder().encode(JSON.stringify(stored)).length).toBeLessThan(1_024);
  });
});
