/** Whether a call that meets an open wait looks at it: one row for each kind of wait and each thing it depends on. */
import { describe, expect, test } from 'vitest';
import type { Cell, CellBody, Open } from '../../src/engine/index.ts';
import type { Wish } from '../../src/engine/rules/decide.ts';
import { parkOf } from '../../src/engine/waiting/park.ts';
import { approving, awaiting, cellOf, waitingFor } from './runbooks.ts';

type Waiting = Extract<Open, { kind: 'waiting' }>;
const now = 1_795_489_200_000;
const wish: Wish = { cell: undefined, reservationsLeft: 1, wroteSome: false, endAtMs: now + 60_000, explicit: true };
const manual: CellBody = { kind: 'manual', instructions: [] };
const polled: Partial<Cell> = { poll: { everyMs: 30_000, withinMs: null, onTimeout: 'fail' } };

const parked = (open: Partial<Waiting>, cell: Partial<Cell>, wanted: Partial<Wish> = {}) => {
  const waits: Waiting = { kind: 'waiting', seq: 7, cell: 'look', dueAtMs: null, atMs: now - 10_000, ...open };
  const decision = parkOf({ kind: 'waiting', cell: cellOf(0, 'look', cell), open: waits }, { ...wish, ...wanted }, now);
  if (decision.kind === 'stop') return decision.result === 'parked' ? ['parked', decision.dueAtMs] : decision.result;
  return decision.kind === 'wait' ? ['sleeps', decision.ms] : decision.kind;
};

describe('a wait is looked at, slept for, or left', () => {
  test.each([
    ['manual: a person ends it', { body: manual }, {}, ['parked', null]],
    ['await: a look tells', { body: awaiting(['a']) }, {}, 'look'],
    ['await: a look tells, also before its time is over', { body: awaiting(['a']) }, { dueAtMs: now + 9_000 }, 'look'],
    ['approve: votes are missing', { body: approving(['bob']) }, { quorum: 1, approvals: [] }, ['parked', null]],
    [
      'approve: until it expires',
      { body: approving(['bob']) },
      { quorum: 1, approvals: [], dueAtMs: now + 1 },
      ['parked', now + 1],
    ],
    ['approve: it has expired', { body: approving(['bob']) }, { quorum: 1, approvals: [], dueAtMs: now }, 'look'],
    ['approve: the quorum is there', { body: approving(['bob']) }, { quorum: 1, approvals: ['bob'] }, 'look'],
    ['approve: rejected', { body: approving(['bob']) }, { quorum: 2, approvals: [], rejected: true }, 'look'],
    ['wait: its moment has come', { body: waitingFor(1_000) }, { dueAtMs: now }, 'look'],
    ['wait: a short while is slept', { body: waitingFor(1_000) }, { dueAtMs: now + 5_000 }, ['sleeps', 5_000]],
    ['wait: a long one is left', { body: waitingFor(1_000) }, { dueAtMs: now + 50_000 }, ['parked', now + 50_000]],
    ['poll: a look tells', polled, { pollMs: 30_000 }, 'look'],
  ] as const)('%s', (_, cell, open, expected) => {
    expect(parked(open as Partial<Waiting>, cell)).toEqual(expected);
  });

  test.each([
    ['has nothing left to do', { reservationsLeft: 0 }],
    ['ends before', { endAtMs: now + 4_999 }],
  ])('a call that %s sleeps for nothing', (_, wanted) => {
    expect(parked({ dueAtMs: now + 5_000 }, { body: waitingFor(1_000) }, wanted)).toEqual(['parked', now + 5_000]);
  });
});
