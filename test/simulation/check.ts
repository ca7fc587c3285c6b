/**
 * Judges one finished simulation, from the journal as it stands in the tables and from the witness of effects. Nothing
 * here asks the engine under test except for `apply`, whose own tables of literal entries are in test/engine.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { apply, type Entry, entrySchema, type State } from '../../src/engine/index.ts';
import type { World } from './processes.ts';

/** What callers were told, to be compared with what stands in the end. */
export type Told =
  | { kind: 'step'; by: string; cell: string; seq: number; status: string; recorded: boolean }
  | { kind: 'cancelled' }
  | { kind: 'cancelRefused' }
  | { kind: 'in_flight'; seq: number }
  | { kind: 'verdict'; seq: number; verdict: string; by: string };

export const journalOf = (world: World, instanceId: string): { entry: Entry; text: string }[] =>
  world.tables
    .rows('journal')
    .filter((row) => row.instanceId === instanceId)
    .sort((a, b) => (a.seq as number) - (b.seq as number))
    .map((row) => ({ entry: entrySchema.parse(JSON.parse(row.entry as string)), text: row.entry as string }));

/** I1, I2, I3, I6 hold of a journal that folds: `apply` refuses everything else. */
const checkChain = (journal: { entry: Entry; text: string }[]): void => {
  let state: State | null = null;
  let prev: string | null = null;
  journal.forEach(({ entry, text }, index) => {
    assert.equal(entry.seq, index, 'I1: seqs without gaps');
    assert.equal(entry.prev, prev, 'I1: the hash of the entry before');
    const after = apply(state, entry);
    assert.deepEqual(entry.state, after, `I1: the state of entry ${entry.seq} is what apply gives`);
    state = after;
    prev = createHash('sha256').update(text).digest('hex');
  });
};

/**
 * How often a cell may begin before `seq`, as the journal permits it: once, and once more for each permission. A `never`
 * gives back its own reservation, so its permission counts only if nothing began under it.
 */
const permitted = (entries: Entry[], begins: World['begins'], begin: { cell: string; seq: number }): number => {
  const permissions = entries.filter((entry) => {
    if (entry.kind !== 'outcome' && entry.kind !== 'resolved') return false;
    if (entry.cell !== begin.cell || entry.seq >= begin.seq || entry.permission === null) return false;
    if (entry.kind !== 'outcome' || entry.status !== 'never') return true;
    assert(
      !begins.some((other) => other.seq === entry.closes),
      `I5: seq ${entry.closes} began and was closed as never`,
    );
    return false;
  });
  return 1 + permissions.length;
};

/** I4, I5, I6, I9 on the witness: what really began, against what the journal allowed. */
const checkWitness = (world: World, entries: Entry[]): void => {
  const cancelled = entries.find((entry) => entry.kind === 'cancelled');
  const seen = new Map<string, number>();
  // By seq: with clocks far apart a takeover may begin before the body it took over from.
  for (const begin of [...world.begins].sort((a, b) => a.seq - b.seq)) {
    const entry = entries[begin.seq];
    const reserve = entry?.kind === 'reserved' ? entry : entry?.kind === 'outcome' ? entry.reserve : undefined;
    assert(
      entry !== undefined && reserve !== undefined,
      `I4: ${begin.cell} began at seq ${begin.seq} without a reservation`,
    );
    assert(
      begin.tokens.has(entry.token),
      `I4: ${begin.process} began a reservation of somebody else at seq ${begin.seq}`,
    );
    assert.equal(reserve.cell, begin.cell, 'I4: another cell than reserved');
    assert(!world.clocksRight || begin.atMs < reserve.deadlineAtMs, 'I4: begun after its deadline');
    assert(cancelled === undefined || begin.seq < cancelled.seq, 'I6: reserved after the cancellation');
    assert.equal(world.begins.filter((other) => other.seq === begin.seq).length, 1, `I4: seq ${begin.seq} began twice`);
    seen.set(begin.cell, (seen.get(begin.cell) ?? 0) + 1);
    assert(
      (seen.get(begin.cell) ?? 0) <= permitted(entries, world.begins, begin),
      `I5: ${begin.cell} began again at seq ${begin.seq} without a permission`,
    );
    assert.equal(begin.key, `sim/${begin.instanceId}/${begin.cell}/${begin.visit}`, 'I9: the key names cell and visit');
    assert.equal(reserve.visit, begin.visit, 'I9: another visit than reserved');
  }
  if (!world.noOverlap) return;
  const sorted = [...world.begins].sort((a, b) => a.atMs - b.atMs);
  sorted.forEach((begin, index) => {
    const next = sorted[index + 1];
    if (next === undefined || begin.endedAtMs === null) return;
    assert(begin.endedAtMs <= next.atMs, `two bodies at once: seq ${begin.seq} and ${next.seq}`);
  });
};

/** I10: what a caller was told stands in the journal; a refusal never appears in it later. */
const checkTold = (told: Told[], entries: Entry[]): void => {
  for (const one of told) {
    if (one.kind === 'cancelled')
      assert(
        entries.some((entry) => entry.kind === 'cancelled'),
        'I10: told cancelled',
      );
    if (one.kind === 'cancelRefused')
      assert(!entries.some((entry) => entry.kind === 'cancelled'), 'I10: told that it cannot be cancelled');
    if (one.kind === 'in_flight') {
      const entry = entries[one.seq];
      const reserved = entry?.kind === 'reserved' || (entry?.kind === 'outcome' && entry.reserve !== undefined);
      assert(reserved, `I10: told in flight at seq ${one.seq}`);
    }
    if (one.kind === 'verdict') {
      const ruled = entries.some(
        (entry) =>
          entry.by.actor === one.by &&
          ((entry.kind === 'resolved' && entry.about === one.seq && entry.verdict === one.verdict) ||
            (entry.kind === 'outcome' && entry.closes === one.seq && entry.closedBy === 'person')),
      );
      assert(ruled, `I10: told that the verdict ${one.verdict} about seq ${one.seq} stands`);
    }
    if (one.kind === 'step') {
      const closing = entries.find((entry) => entry.kind === 'outcome' && (entry.closes ?? entry.seq) === one.seq);
      assert(closing?.kind === 'outcome', `I10: told that seq ${one.seq} was closed`);
      if (one.recorded) assert.equal(closing.status, one.status, 'I10: told another status');
      if (!one.recorded) assert.notEqual(closing.by.actor, one.by, 'I10: told fenced, by itself');
    }
  }
};

export const checkAll = (world: World, instanceId: string, told: Told[]): Entry[] => {
  const journal = journalOf(world, instanceId);
  const entries = journal.map((line) => line.entry);
  checkChain(journal);
  checkWitness(world, entries);
  checkTold(told, entries);
  return entries;
};
