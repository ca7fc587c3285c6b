/** What of an entry is stored: what is plain is left out, what is not is said, and either comes back. */
import { expect, test } from 'vitest';
import { type Entry, type EntryOf, entrySchema, fromStored, storedForm } from '../../src/engine/index.ts';
import fc from '../support/properties.ts';
import { initialState } from '../support/state.ts';

const atMs = 1_795_492_800_000;
const by = { actor: 'ada', via: 'cli', where: 'here:1' };
const inputsHash = 'a'.repeat(64);
const next = { index: 3, cell: 'd', visit: 1, attempt: 1, key: 'k', inputsHash, deadlineAtMs: atMs + 20_000 };
const plainState: Entry['state'] = {
  ...initialState({ cells: 9, drive: 'auto' }),
  next: 3,
  attempt: 1,
  firstAtMs: atMs,
  inputsHash,
  open: { kind: 'reserved', seq: 6, cell: 'd', attempt: 1, deadlineAtMs: atMs + 20_000, by, atMs },
};

/** Closes a first attempt of a first visit as well as can be, and goes on to the next cell. */
const plain: EntryOf<'outcome'> = {
  v: 1,
  kind: 'outcome',
  instanceId: 'i',
  seq: 6,
  token: 't'.repeat(32),
  by,
  atMs,
  prev: 'b'.repeat(64),
  closes: 5,
  index: 2,
  cell: 'c',
  visit: 1,
  attempt: 1,
  status: 'completed',
  closedBy: 'holder',
  then: 'next',
  output: { kind: 'inline', text: '7' },
  error: null,
  exitCode: null,
  expectations: [],
  permission: null,
  dueAtMs: null,
  durationMs: 12,
  logBytes: 0,
  note: null,
  evidence: null,
  reserve: next,
  state: plainState,
};

const comesBack = (entry: Entry): void => {
  const { v, instanceId, seq, kind, token } = entry;
  const content = JSON.parse(JSON.stringify(storedForm(entry)));
  expect(entrySchema().parse(fromStored({ v, instanceId, seq, kind, token }, content))).toEqual(entry);
};

test('a plain outcome says what proves something, and nothing that reading fills in', () => {
  expect(storedForm(plain)).toEqual({
    by,
    atMs,
    prev: 'b'.repeat(64),
    closes: 5,
    index: 2,
    cell: 'c',
    status: 'completed',
    output: { kind: 'inline', text: '7' },
    durationMs: 12,
    reserve: { index: 3, cell: 'd', key: 'k', inputsHash, deadlineAtMs: next.deadlineAtMs },
    state: { cells: 9, counters: { attempts: 0 }, satisfied: {} },
  });
  comesBack(plain);
});

const { reserve: _, ...alone } = plain;
const stopped: Entry['state'] = { ...initialState({ cells: 9, drive: 'auto' }), next: 2, attempt: 1 };
test.each<[string, Entry]>([
  ['another visit and attempt', { ...plain, visit: 2, attempt: 3 }],
  ['another visit and attempt of what it reserves', { ...plain, reserve: { ...next, visit: 2, attempt: 4 } }],
  ['a person who closes it', { ...plain, closedBy: 'person', verdict: 'succeeded' }],
  ['a log', { ...plain, logBytes: 8 }],
  ['a state that does not follow from it', { ...plain, state: { ...plainState, next: 7, visit: 5, attempt: 0 } }],
  ['nothing reserved', { ...alone, state: { ...initialState({ cells: 9, drive: 'auto' }), next: 3 } }],
  ['a drive by hand', { ...alone, state: { ...initialState({ cells: 9 }), next: 3 } }],
  ['a halt', { ...alone, status: 'failed', then: 'halt', state: stopped }],
  ['an end', { ...alone, then: 'end', state: { ...stopped, ended: 'completed' } }],
])('%s is said, and comes back', (_what, entry) => comesBack(entry));

const unpassed: EntryOf<'outcome'> = { ...alone, closes: null, cell: 'prod', status: 'skipped', output: null };
const branch: EntryOf<'outcome'> = { ...unpassed, passes: 4 };

test('of a branch that is passed over the state says nothing that its cells have not said', () => {
  const entry: Entry = { ...branch, state: { ...initialState({ cells: 9, drive: 'auto' }), next: 7 } };
  expect(storedForm(entry)).toMatchObject({ passes: 4, status: 'skipped' });
  expect(storedForm(entry)).toHaveProperty('state', { cells: 9, counters: { attempts: 0 }, satisfied: {} });
  comesBack(entry);
});

test('whatever a branch passes over, by itself or by a person, comes back', () => {
  const counts = fc.option(fc.integer({ min: 0, max: 499 }), { nil: undefined });
  const index = fc.integer({ min: 0, max: 499 });
  const then = fc.constantFrom('next', 'halt', 'end');
  const isOther = fc.boolean();
  fc.assert(
    fc.property(
      counts,
      index,
      then,
      fc.nat(600),
      isOther,
      fc.boolean(),
      (passed, at, leads, other, differs, timedOut) => {
        const next = differs ? other : at + 1 + (passed ?? 0);
        const state: Entry['state'] = { ...initialState({ cells: 500, drive: 'auto' }), next };
        const passes = passed === undefined ? {} : { passes: passed };
        comesBack({ ...unpassed, index: at, then: leads, ...passes, state, ...(timedOut ? { timedOut } : {}) });
        const { v, instanceId, seq, token, prev, cell } = branch;
        const word = { about: 5, verdict: 'skip', closedBy: 'person', then: 'next', freshKey: false } as const;
        const none = {
          reason: 'not here',
          permission: null,
          dueAtMs: null,
          output: null,
          evidence: null,
          expectations: [],
        };
        const place = { v, instanceId, seq, token, by, atMs, prev, index: at, cell };
        comesBack({ ...place, kind: 'resolved', ...word, ...none, ...passes, state });
      },
    ),
  );
});
