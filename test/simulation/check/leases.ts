/** Steps that are held by leases: who moves their deadline, how far, and that no body lives beyond what stands. */
import type { Entry, EntryOf } from '../../../src/engine/index.ts';
import { type Begin, must, type World } from '../world.ts';
import type { Oracle, Reading } from './reading.ts';

/** How wrong a clock may be that learns from whole seconds. */
const learntErrorMaxMs = 1_500;

type Reserved = Pick<EntryOf<'reserved'>, 'deadlineAtMs' | 'untilAtMs'>;
const reservedAt = (entries: readonly Entry[], seq: number): Reserved | undefined => {
  const entry = entries[seq];
  return entry?.kind === 'reserved' ? entry : entry?.kind === 'outcome' ? entry.reserve : undefined;
};

/** Only the call that reserved the open step gives it more time, and no more than its cell may take. */
export const judgeRenewed = ({ entries }: Oracle, reading: Reading, entry: EntryOf<'renewed'>): void => {
  const at = `seq ${entry.seq}`;
  const { open } = reading;
  must(open?.kind === 'reserved' && open.seq === entry.about, 'lease', `${at} renews what is not open`);
  const { untilAtMs } = reservedAt(entries, entry.about) ?? {};
  must(untilAtMs !== undefined, 'lease', `${at} renews what is held by no lease`);
  const by = entries[entry.about]?.by.where;
  must(
    by === entry.by.where && open.token === entry.token,
    'lease',
    `${at} is by ${entry.by.where}, and ${by} holds it`,
  );
  must(entry.deadlineAtMs > open.deadlineAtMs, 'lease', `${at} gives no more time`);
  must(entry.deadlineAtMs <= untilAtMs, 'lease', `${at} goes beyond ${untilAtMs}`);
};

/** The newest deadline that the journal gives to a step, by what was written until then. */
export const newestDeadline = (entries: readonly Entry[], seq: number, untilMs = Number.POSITIVE_INFINITY): number =>
  entries.reduce(
    (newest, entry) =>
      entry.kind === 'renewed' && entry.about === seq && entry.atMs <= untilMs ? entry.deadlineAtMs : newest,
    reservedAt(entries, seq)?.deadlineAtMs ?? 0,
  );

/** A runner that got no word in time, or one whose machine slept, knows no better. */
const isExcused = ({ faults }: World): boolean => faults.childOutlives + faults.slept + faults.restore > 0;

/** Whatever became of its engine: nothing of a body is alive after the newest deadline that stands, by the clock of its holder. */
export const checkLeased = ({ world, entries }: Oracle, begin: Begin): void => {
  if (reservedAt(entries, begin.seq)?.untilAtMs === undefined || begin.endedAtMs === null || isExcused(world)) return;
  const offMs = world.learns ? -learntErrorMaxMs : begin.call.process.offMs;
  const newest = newestDeadline(entries, begin.seq);
  const overMs = begin.endedAtMs + offMs - newest;
  must(overMs <= 0, 'lease', `${begin.cell} of seq ${begin.seq} lived ${overMs} ms after the deadline that stands`);
  const next = world.begins.find(
    ({ atMs, seq }) => seq !== begin.seq && atMs >= begin.atMs && atMs < (begin.endedAtMs ?? 0),
  );
  const isClear = next === undefined || world.faults.clockFarOff > 0;
  must(isClear, 'lease', `seq ${next?.seq} began while ${begin.cell} of seq ${begin.seq} was alive`);
};
