/** A poll that has to hold: what stands of its row, judged by the looks that the world witnessed. */
import type { Cell, EntryOf } from '../../../src/engine/index.ts';
import { must, type PollTried } from '../world.ts';
import type { Oracle, Reading } from './reading.ts';

const gapTurns = 3;

const triedBy = ({ world }: Oracle, about: number, instanceId: string, where?: string): PollTried[] =>
  world.polls.filter(
    (one) => one.instanceId === instanceId && one.about === about && (where === undefined || one.call.id === where),
  );

const turnAt = ({ entries }: Oracle, about: number, cell: Cell, atMs: number): number =>
  Math.floor((atMs - (entries[about]?.atMs ?? 0)) / (cell.poll?.everyMs ?? 1));

export const judgeHolding = (oracle: Oracle, reading: Reading, entry: EntryOf<'holding'>, cell: Cell): void => {
  const { looks, anew, about, instanceId, by, dueAtMs } = entry;
  const at = `seq ${entry.seq}`;
  const holds = cell.poll?.holds;
  must(reading.open?.seq === about && cell.name === entry.cell, 'I2', `${at} is about ${about}`);
  must(holds !== undefined, 'wait', `${at} says that ${cell.name} holds, which it does not have to`);
  const last = triedBy(oracle, about, instanceId, by.where).findLast(({ after }) => after <= entry.seq);
  must(last !== undefined && last.ready === looks > 0, 'wait', `${at} says ${looks}, and its look found otherwise`);
  const { row } = reading;
  must(anew === null || row !== null, 'wait', `${at} begins anew what did not hold`);
  must(looks > 0 || anew !== null, 'wait', `${at} does not say why it begins anew`);
  if (looks === 0) {
    const within = cell.poll?.withinMs ?? null;
    must((dueAtMs === null) === (within === null), 'wait', `${at} is over at ${dueAtMs}, within ${within}`);
    must(dueAtMs === null || dueAtMs > entry.atMs, 'wait', `${at} is over before it begins anew`);
    Object.assign(reading, { row: null, heldDueAtMs: dueAtMs });
    return;
  }
  const before = anew === null ? row : null;
  must(looks === (before?.looks ?? 0) + 1, 'wait', `${at} counts ${looks} looks`);
  if (before !== null) {
    must('times' in holds && looks < holds.times, 'wait', `${at} counts on what needs no count`);
    const [now, then] = [entry.atMs, before.last.atMs].map((atMs) => turnAt(oracle, about, cell, atMs));
    must((now ?? 0) > (then ?? 0), 'wait', `${at} counts the turn of seq ${before.last.seq} twice`);
  }
  Object.assign(reading, { row: { first: before?.first ?? entry, last: entry, looks }, heldDueAtMs: null });
};

/** Between the looks that found it so there is no gap, and whoever ended the row saw nothing else since it began. */
const judgeRow = (oracle: Oracle, entry: EntryOf<'outcome'>, { first }: NonNullable<Reading['row']>, cell: Cell) => {
  const at = `seq ${entry.seq}`;
  const { world, entries } = oracle;
  const about = entry.closes ?? -1;
  const since = triedBy(oracle, about, entry.instanceId).filter(({ after }) => after > first.seq && after <= entry.seq);
  const other = since.find(({ call, ready }) => call.id === entry.by.where && !ready);
  must(other === undefined, 'wait', `${at} ends a row, and its own look found otherwise after seq ${first.seq}`);
  const counted = entries.slice(first.seq, entry.seq).filter(({ kind }) => kind === 'holding');
  const times = [...counted.map(({ atMs }) => atMs), ...since.filter(({ ready }) => ready).map(({ atMs }) => atMs)];
  const sorted = times.sort((a, b) => a - b);
  const gapMs = Math.max(0, ...sorted.map((atMs, index) => atMs - (sorted[index - 1] ?? atMs)));
  const mostMs = gapTurns * (cell.poll?.everyMs ?? 0) + 2 * world.clockErrorMaxMs;
  must(gapMs <= mostMs, 'wait', `${at} ends a row in which nobody looked for ${gapMs} ms`);
};

/** @returns whether the outcome is about the row */
export const judgeHeld = (oracle: Oracle, reading: Reading, entry: EntryOf<'outcome'>, cell: Cell): boolean => {
  const at = `seq ${entry.seq}`;
  const { row, heldDueAtMs } = reading;
  const last = triedBy(oracle, entry.closes ?? -1, entry.instanceId, entry.by.where).findLast(
    ({ after }) => after <= entry.seq,
  );
  if (entry.error?.code === 'wait.unheld') {
    must(row !== null && last?.answered === true && !last.ready, 'wait', `${at} fails what holds, or never did`);
    return true;
  }
  const isExpected = entry.expectations.length > 0 && entry.expectations.every(({ result }) => result === 'pass');
  if (!isExpected) {
    const isOver = row === null && heldDueAtMs !== null && entry.atMs >= heldDueAtMs;
    must(isOver, 'wait', `${at} ends a poll that may still hold`);
    must((entry.timedOut === true) === (entry.status === 'completed'), 'wait', `${at} says ${entry.timedOut}`);
    return true;
  }
  const holds = cell.poll?.holds;
  must(last?.ready === true && row !== null && holds !== undefined, 'wait', `${at} ends a poll that did not hold`);
  if ('forMs' in holds)
    must(entry.atMs - row.first.atMs >= holds.forMs, 'wait', `${at} ends a poll that held from ${row.first.atMs} on`);
  else must(row.looks + 1 >= holds.times, 'wait', `${at} ends a poll that held ${row.looks} times`);
  judgeRow(oracle, entry, row, cell);
  return true;
};
