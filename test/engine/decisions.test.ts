/** What each command puts, as a table: the state it finds, what it is asked, the entry it makes or the refusal it gives. */
import { describe, expect, test } from 'vitest';
import { decideDone } from '../../src/engine/commands/done.ts';
import { decideRelease } from '../../src/engine/commands/release.ts';
import type { VerdictRequest } from '../../src/engine/commands/verdictFacts.ts';
import { decideVerdict } from '../../src/engine/commands/verdicts.ts';
import { decideVote, type VoteRequest } from '../../src/engine/commands/votes.ts';
import type { Cell, EntryOf, Open, State, View } from '../../src/engine/index.ts';
import { decideCancel } from '../../src/engine/waiting/cancelling.ts';
import { initialState } from '../support/state.ts';
import { approving, cellOf, fail, pass } from './runbooks.ts';

const now = 1_795_489_200_000;
const hash = 'a'.repeat(64);
const by = (actor: string) => ({ actor, via: 'test', where: 'host:1' });
const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
  return 'nothing was refused';
};

const reserved: Open = {
  kind: 'reserved',
  seq: 5,
  cell: 'a',
  attempt: 2,
  deadlineAtMs: now - 60_000,
  by: by('holder'),
  atMs: now - 90_000,
};
const running = initialState({ attempt: 2, open: reserved });
const doubtful = initialState({
  attempt: 2,
  halted: { seq: 5, cell: 'a', doubt: true, atMs: now - 9_000, deadlineAtMs: now - 60_000 },
});

describe('cancel', () => {
  test.each([
    ['ready', initialState()],
    ['running: what runs is recorded all the same', running],
    ['in doubt', doubtful],
  ])('%s: it is put', (_, state) => {
    expect(decideCancel(state, { cells: [] }, 'i1', { reason: 'because' })).toEqual({
      kind: 'cancelled',
      reason: 'because',
    });
  });

  test('cancelled already: nothing is put, and nothing is refused', () => {
    expect(
      decideCancel(initialState({ cancelled: 3, ended: 'cancelled' }), { cells: [] }, 'i1', { reason: 'because' }),
    ).toBeNull();
  });

  test('completed: refused', () => {
    expect(
      codeOf(() => decideCancel(initialState({ ended: 'completed' }), { cells: [] }, 'i1', { reason: 'because' })),
    ).toBe('instance.finished');
  });
});

describe('release', () => {
  test('of an older epoch: its own is raised', () => {
    const released = decideRelease(initialState({ epoch: 1 }), { epoch: 2, reason: 'checked' });
    expect(released).toEqual({ kind: 'control', epoch: 2, reason: 'checked' });
  });

  test('of this epoch: nothing is put', () => {
    expect(decideRelease(initialState({ epoch: 2 }), { epoch: 2, reason: 'checked' })).toBeNull();
  });
});

describe('done', () => {
  const open = { kind: 'waiting', seq: 2, cell: 'a', dueAtMs: null, atMs: now - 4_000 } as const;
  const state = initialState({ open });
  const decided = (result: 'done' | 'failed', cell: Partial<Cell>, checks: object[] = []) =>
    decideDone(
      state,
      {
        cell: cellOf(0, 'a', cell),
        open,
        output: { kind: 'inline', text: '{"result":"done"}' },
        checks: checks as [],
        attached: [],
      },
      { nowMs: now },
      { result, note: 'looked', by: by('alice') },
    );

  test.each([
    ['done', {}, [], 'completed', 'next', null],
    ['done', { expect: [pass] }, [{ source: 'true', result: 'pass' }], 'completed', 'next', null],
    ['done', { expect: [fail] }, [{ source: 'false', result: 'fail' }], 'completed', 'halt', null],
    ['done', { optional: true }, [{ source: 'false', result: 'fail' }], 'completed', 'next', null],
    ['failed', {}, [], 'failed', 'halt', 'cell.declared'],
    ['failed', { optional: true }, [], 'failed', 'next', 'cell.declared'],
    ['failed', { retryMax: 5 }, [], 'failed', 'halt', 'cell.declared'],
  ] as const)('%s with %j and %j: %s, then %s', (result, cell, checks, status, then, error) => {
    const outcome = decided(result, cell as Partial<Cell>, [...checks]);
    expect(outcome).toMatchObject({ closes: 2, closedBy: 'person', status, then, durationMs: 4_000, note: 'looked' });
    expect(outcome.error?.code ?? null).toBe(error);
  });
});

describe('verdict', () => {
  const decided = (state: State, verdict: VerdictRequest['verdict'], cell: Partial<Cell> = {}, freshKey = false) =>
    decideVerdict(
      state,
      { ...facts, cell: cellOf(0, 'a', cell) },
      { nowMs: now, fraction: () => 0.5, sent: false },
      { seq: 5, verdict, reason: 'seen', by: by('bob'), ...(freshKey ? { freshKey } : {}) },
    );
  const facts = {
    instanceId: 'i1',
    checks: [],
    output: null,
    outputHash: null,
    early: {},
    isAgain: false,
    people: undefined,
  };
  const person = { kind: 'person', detail: 'bob' };

  test.each([
    ['succeeded', {}, { status: 'completed', then: 'next', permission: null, dueAtMs: null }],
    ['skip', {}, { status: 'skipped', then: 'next', permission: null, dueAtMs: null }],
    ['retry', {}, { status: 'abandoned', then: 'retry', permission: person, dueAtMs: now }],
    ['failed', {}, { status: 'failed', then: 'halt', permission: null, dueAtMs: null }],
    ['failed', { optional: true }, { status: 'failed', then: 'next', permission: null }],
    // The second attempt of three: the first pause is a second, the second two, of which chance takes half.
    ['failed', { retryMax: 2 }, { status: 'failed', then: 'retry', dueAtMs: now + 1_000 }],
    ['failed', { retryMax: 1 }, { status: 'failed', then: 'halt' }],
  ] as const)('%s about an open step with %j is its outcome: %j', (verdict, cell, expected) => {
    const outcome = decided(running, verdict, cell);
    expect(outcome).toMatchObject({ kind: 'outcome', closes: 5, attempt: 2, closedBy: 'person', ...expected });
  });

  test.each([
    ['succeeded', {}, { then: 'next', permission: null, dueAtMs: null }],
    ['skip', {}, { then: 'next', permission: null, dueAtMs: null }],
    ['retry', {}, { then: 'retry', permission: person, dueAtMs: now }],
    ['failed', {}, { then: 'halt', permission: null, dueAtMs: null }],
    ['failed', { retryMax: 5 }, { then: 'halt', permission: null }],
    ['failed', { optional: true }, { then: 'next', permission: null }],
  ] as const)('%s about one that was closed, with %j, is resolved: %j', (verdict, cell, expected) => {
    const resolved = decided(doubtful, verdict, cell);
    expect(resolved).toMatchObject({ kind: 'resolved', about: 5, verdict, closedBy: 'person', reason: 'seen' });
    expect(resolved).toMatchObject(expected);
  });

  test('a fresh key stands beside the permission that it belongs to', () => {
    expect(decided(running, 'retry', {}, true)).toMatchObject({ freshKey: true, permission: person });
    expect(decided(running, 'retry')).not.toHaveProperty('freshKey');
    expect(decided(doubtful, 'retry', {}, true)).toMatchObject({ freshKey: true });
  });
});

describe('vote', () => {
  type Facts = Parameters<typeof decideVote>[0];
  type Asks = Facts['open'];
  const waiting = { seq: 3, cell: 'ask', shownHash: hash } as EntryOf<'waiting'>;
  const facts = (open: Partial<Asks> = {}, over: Partial<Facts> = {}): Facts => ({
    cell: cellOf(0, 'ask', { body: approving(['bob', 'carol']) }),
    open: { kind: 'waiting', seq: 3, cell: 'ask', dueAtMs: null, atMs: now - 9_000, quorum: 2, approvals: [], ...open },
    waiting,
    hands: new Map(),
    about: { instanceId: 'i1', headSeq: 3, nowMs: now, view: () => ({}) as View },
    ...over,
  });
  const asked = (over: Partial<VoteRequest> = {}): VoteRequest => ({
    decision: 'approve',
    shownHash: hash,
    groups: [],
    by: by('bob'),
    ...over,
  });
  const at = { nowMs: now, sent: false };

  test.each([
    ['the first approval', {}, {}, ['bob']],
    ['a second one', { approvals: ['carol'] }, {}, ['carol', 'bob']],
    ['a withdrawal', { approvals: ['bob', 'carol'] }, { decision: 'withdraw' }, ['carol']],
    ['a rejection, of whoever approved before', { approvals: ['bob'] }, { decision: 'reject' }, []],
    ['in time', { dueAtMs: now + 1 }, {}, ['bob']],
  ] as const)('%s: %j, %j leaves %j', (_, open, request, approvals) => {
    // At the quorum it is decided: a withdrawal comes before that.
    const quorum = 3;
    const vote = decideVote(facts({ ...(open as Partial<Asks>), quorum }), at, asked(request));
    expect(vote).toMatchObject({ kind: 'vote', about: 3, approvals, shownHash: hash });
  });

  const link = (madeBy: string, about = 3) => ({ hash, madeBy, about });
  test.each([
    ['about something else', {}, { shownHash: 'b'.repeat(64) }, 'vote.stale'],
    ['by a link to an earlier question', {}, { link: link('dan', 2) }, 'vote.stale'],
    ['twice', { approvals: ['bob'] }, {}, 'vote.double'],
    ['to withdraw nothing', {}, { decision: 'withdraw' }, 'vote.double'],
    ['after the quorum', { approvals: ['carol', 'dan'] }, {}, 'vote.closed'],
    ['after a rejection', { rejected: true }, {}, 'vote.closed'],
    ['after its time', { dueAtMs: now }, {}, 'vote.closed'],
    ['by the hand of another approval', { approvals: ['carol'] }, { link: link('mallory') }, 'vote.double'],
  ] as const)('%s: refused', (_, open, request, code) => {
    const hands = new Map([['mallory', 'carol']]);
    expect(codeOf(() => decideVote(facts(open as Partial<Asks>, { hands }), at, asked(request)))).toBe(code);
  });

  test('a hand whose approval was withdrawn is free again', () => {
    const found = facts({ approvals: ['dan'], quorum: 3 }, { hands: new Map([['mallory', 'carol']]) });
    expect(decideVote(found, at, asked({ link: link('mallory') }))).toMatchObject({ approvals: ['dan', 'bob'] });
  });

  test('sent in time and put again after it: whether it stands is not known, so nothing is refused', () => {
    const late = facts({ dueAtMs: now });
    expect(codeOf(() => decideVote(late, { nowMs: now, sent: true }, asked()))).toBe('store.unavailable');
  });
});
