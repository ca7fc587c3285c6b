/** What the journals say and what the witness saw, put side by side. */
import type { Entry } from '../../src/engine/index.ts';
import { attemptsOf } from '../support/scene.ts';
import type { Saw } from './processes.ts';

export type Attempt = ReturnType<typeof attemptsOf>[number];

/** What a run is judged by. */
export type Rules = {
  /** By cell: kinds of permission that its author or a person may have given for another attempt. */
  permits(cell: string): readonly string[];
  /** Of the runbook, in order. Each has to complete. */
  cells: readonly string[];
  /**
   * Whether something is known that can have cut off this attempt before it began. Only then may the journal take it for
   * doubtful although the witness has no line of it.
   */
  mayBeUnseen(id: string, attempt: Attempt): boolean;
  /** Whether the witness sees when the cell has happened; without this it sees all of them. */
  isWitnessed?(cell: string): boolean;
};
/**
 * How long before its entry somebody may have looked: clocks of witness and store differ, an entry is timed before it stands,
 * and the worker that is asked to record a verdict may be frozen, for up to 7.6 seconds (chaos.ts), and slow.
 */
const lookedBeforeMs = { probe: 2_000, person: 12_000 };

export type Judged = {
  /** Each a sentence about what must not be; empty when journal and witness agree. */
  wrong: string[];
  cellsCompleted: number;
  /** Attempts that were closed by a person, a probe or their policy since their holder did not. */
  doubts: number;
  /** Of them, those of which the witness has a line. */
  doubtsWitnessed: number;
};

const effectsOf = (seen: Saw[], key: string): Saw[] => seen.filter((one) => one.key === key);

/** One instance. `seen` is of that instance alone. */
const judgeOne = (id: string, entries: Entry[], seen: Saw[], rules: Rules): Judged => {
  const { permits, cells } = rules;
  const wrong: string[] = [];
  const say = (what: string): void => void wrong.push(`${id}: ${what}`);
  const attempts = attemptsOf(entries);
  const reservedAt = new Map(attempts.map((attempt) => [attempt.seq, attempt]));
  const falseStarts = new Set(entries.flatMap((e) => (e.kind === 'outcome' && e.status === 'never' ? [e.closes] : [])));

  // Every begin is of one reservation, and of each reservation there is one at most.
  const begun = new Set<number>();
  const begins = seen.filter(({ what }) => what === 'begin');
  for (const { key, seq } of begins) {
    if (seq === null) continue;
    if (begun.has(seq)) say(`the step of seq ${seq} began twice`);
    begun.add(seq);
    if (falseStarts.has(seq)) say(`seq ${seq} is closed as never begun, and it began`);
    else if (reservedAt.get(seq)?.key !== key) say(`${key} began under seq ${seq}, which no entry reserved for it`);
  }
  // A command does not say by which reservation it comes.
  const beganAs = ({ key, seq, by }: Attempt): boolean =>
    begins.some((one) => one.key === key && (one.seq === null ? by.via === 'cli' : one.seq === seq));
  for (const key of new Set(begins.map((one) => one.key))) {
    const [begunTimes, reserved] = [begins, attempts].map((list) => list.filter((one) => one.key === key).length);
    if ((begunTimes ?? 0) > (reserved ?? 0))
      say(`${key} began ${begunTimes} times, ${reserved} attempts were reserved`);
  }

  // A further attempt of a cell stands after a permission about the one before, of a kind that is declared.
  const permissions = entries.flatMap((entry) => {
    if (entry.kind !== 'outcome' && entry.kind !== 'resolved') return [];
    const { seq, cell, permission } = entry;
    // An attempt that never began is none: a permission for another one says nothing about the world.
    if (permission === null || permission.kind === 'never') return [];
    return [{ seq, cell, kind: permission.kind, about: entry.kind === 'outcome' ? entry.closes : entry.about }];
  });
  for (const { seq, cell, kind } of permissions)
    if (!permits(cell).includes(kind)) say(`seq ${seq} permits as ${kind}, which ${cell} does not declare`);
  for (const cell of new Set(attempts.map((attempt) => attempt.cell))) {
    const mine = attempts.filter((attempt) => attempt.cell === cell);
    for (const [n, { seq, visit, key }] of mine.entries()) {
      const before = mine[n - 1];
      if (before === undefined) continue;
      if (visit === before.visit && key !== before.key)
        say(`${cell} is reserved at seq ${seq} under ${key}, and was under ${before.key} before`);
      if (!permissions.some((one) => one.about === before.seq && one.seq < seq))
        say(`${cell} is reserved at seq ${seq}, and nothing permits another attempt after seq ${before.seq}`);
    }
  }

  // Who looked said that it had not happened, and it had.
  for (const { seq, kind, about } of permissions) {
    if (kind !== 'probe' && kind !== 'person') continue;
    const looked = (entries[seq]?.atMs ?? 0) - lookedBeforeMs[kind];
    const key = about === null ? undefined : reservedAt.get(about)?.key;
    const had = seen.some(
      (one) => one.what === 'effect' && one.key === key && (one.atMs ?? Number.POSITIVE_INFINITY) < looked,
    );
    if (had) say(`seq ${seq} permits another attempt of ${key} by a ${kind}, and it had happened`);
  }

  const done: string[] = [];
  let cellsCompleted = 0;
  const doubtful = new Set<Attempt>();
  for (const entry of entries) {
    if (entry.kind !== 'outcome' && entry.kind !== 'resolved') continue;
    const about = entry.kind === 'outcome' ? entry.closes : entry.about;
    const reserved = about === null ? undefined : reservedAt.get(about);
    if (reserved === undefined) continue;
    // What its holder itself calls failed is known, whoever permits another attempt of it.
    const isKnown = entries.some(
      (one) => one.kind === 'outcome' && one.closes === about && one.closedBy === 'holder' && one.status === 'failed',
    );
    if (entry.closedBy !== 'holder' && !isKnown) doubtful.add(reserved);
    const status = entry.kind === 'outcome' ? entry.status : entry.verdict === 'succeeded' ? 'completed' : 'other';
    if (status !== 'completed') {
      // No cell here is best effort, optional or conditional: one that did not complete is never passed.
      if (entry.then === 'next') say(`seq ${about} ended as ${status} by its ${entry.closedBy}, and was passed`);
      continue;
    }
    if (entry.closedBy === 'policy') say(`seq ${about} is completed by its policy, which cannot know`);
    done.push(entry.cell);
    cellsCompleted += 1;
    // The holder saw its own answer; a probe and a person looked for the key.
    const effects = effectsOf(seen, reserved.key).filter(({ what }) => what === 'effect');
    const own = entry.closedBy === 'holder' ? effects.filter(({ seq }) => seq === null || seq === about) : effects;
    // One that was cut off between its effect and the line of the witness: the next one finds it done.
    const isCutOff = (): boolean =>
      effects.length === 0 &&
      [...doubtful].some((one) => one.key === reserved.key && one !== reserved && rules.mayBeUnseen(id, one));
    if (own.length === 0 && rules.isWitnessed?.(entry.cell) !== false && !isCutOff())
      say(`seq ${about} is completed by its ${entry.closedBy}, and it did not happen`);
  }
  const unseen = [...doubtful].filter((attempt) => rules.isWitnessed?.(attempt.cell) !== false && !beganAs(attempt));
  for (const attempt of unseen)
    if (!rules.mayBeUnseen(id, attempt)) say(`seq ${attempt.seq} was in doubt, and nothing cut it off before it began`);
  const ended = entries.at(-1)?.state.ended ?? null;
  if (ended === 'completed' && done.join() !== cells.join())
    say(`it is completed, and of its cells ${cells.join()} these are: ${done.join()}`);
  if (ended !== 'completed') say(`it stands at seq ${entries.at(-1)?.seq} as ${ended ?? 'unfinished'}`);
  for (let seq = 0; seq < entries.length; seq += 1) if (entries[seq]?.seq !== seq) say(`entry ${seq} is missing`);
  return { wrong, cellsCompleted, doubts: doubtful.size, doubtsWitnessed: doubtful.size - unseen.length };
};

export const judge = (journals: Map<string, Entry[]>, seen: Saw[], rules: Rules): Judged => {
  const by = new Map<string, Saw[]>([...journals.keys()].map((id) => [id, []]));
  const total: Judged = { wrong: [], cellsCompleted: 0, doubts: 0, doubtsWitnessed: 0 };
  for (const one of seen) {
    const of = by.get(one.key.split('/')[2] ?? '');
    if (of === undefined) total.wrong.push(`${one.key} was seen, and no such instance exists`);
    else of.push(one);
  }
  for (const [id, entries] of journals) {
    const one = judgeOne(id, entries, by.get(id) ?? [], rules);
    total.wrong.push(...one.wrong);
    total.cellsCompleted += one.cellsCompleted;
    total.doubts += one.doubts;
    total.doubtsWitnessed += one.doubtsWitnessed;
  }
  return total;
};
