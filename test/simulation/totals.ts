/** What many schedules add up to: calls, bodies, faults by kind, ways of `decide`, and a digest that anybody can compare. */
import { hash } from 'node:crypto';
import { type Counts, countsFrom0, faultKinds } from './faults.ts';
import type { Simulated } from './simulate.ts';

export type Totals = {
  schedules: number;
  counts: Simulated['counts'];
  faults: Counts;
  branches: Record<string, number>;
  ends: Record<string, number>;
};

export const nothing = (): Totals => ({
  schedules: 0,
  counts: {
    begins: 0,
    entries: 0,
    calls: 0,
    unhit: 0,
    answered: 0,
    refused: 0,
    setAside: 0,
    redriven: 0,
    renewals: 0,
    childRenewals: 0,
    unrenewed: 0,
    committed: 0,
    uncommitted: 0,
    proposed: 0,
    seconded: 0,
    entered: 0,
    passedOver: 0,
    passedByPerson: 0,
    endings: 0,
    takenBack: 0,
    elementsBack: 0,
    stopped: 0,
  },
  faults: countsFrom0(),
  branches: {},
  ends: {},
});

const addAll = <K extends string>(into: Record<K, number>, more: Record<K, number>): void => {
  for (const name of Object.keys(more) as K[]) into[name] = (into[name] ?? 0) + more[name];
};

export const addOne = (into: Totals, one: Simulated): void => {
  into.schedules += 1;
  addAll(into.counts, one.counts);
  addAll(into.faults, one.faults);
  for (const branch of one.branches) into.branches[branch] = (into.branches[branch] ?? 0) + 1;
  const end = one.ended ?? 'waits for a person';
  into.ends[end] = (into.ends[end] ?? 0) + 1;
};

export const addTotals = (into: Totals, more: Totals): void => {
  into.schedules += more.schedules;
  addAll(into.counts, more.counts);
  addAll(into.faults, more.faults);
  addAll(into.branches, more.branches);
  addAll(into.ends, more.ends);
};

/** Of the calls that no fault struck, the share that was answered or rightly refused. */
export const shareOf = ({ counts }: Totals): number =>
  counts.unhit === 0 ? 0 : (counts.answered + counts.refused) / counts.unhit;
export const shareMin = 0.95;

/** sha256 of the lines of a schedule's trace, then of its journal's entries, each ended by a newline. */
export const digestOf = ({ trace, journal }: Pick<Simulated, 'trace' | 'journal'>): string =>
  hash('sha256', `${trace.join('\n')}\n${journal.join('\n')}\n`);

export const rangeSize = 10_000;

/** Digest of a range: sha256 of the digests (hex) of its seeds in order, each ended by a newline. */
export const rangeDigest = (digests: string[]): string => hash('sha256', digests.map((one) => `${one}\n`).join(''));

const sorted = (counts: Record<string, number>): string =>
  Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .map(([name, n]) => `${name} ${n}`)
    .join(', ');

/** The totals in a few lines. */
export const describeTotals = (totals: Totals): string[] => {
  const { counts } = totals;
  const percent = (100 * shareOf(totals)).toFixed(2);
  return [
    `bodies begun ${counts.begins}, entries ${counts.entries}, calls ${counts.calls}, outcomes set aside ${counts.setAside}, of which redrive recorded ${counts.redriven}`,
    `sections gone into ${counts.entered}, passed over ${counts.passedOver}, by a person ${counts.passedByPerson}`,
    `leases renewed ${counts.renewals}, of elements ${counts.childRenewals}, bodies killed by their runner ${counts.unrenewed}; tasks committed ${counts.committed}, closed by others ${counts.uncommitted}; verdicts proposed ${counts.proposed}, agreed with ${counts.seconded}`,
    `ends gone through ${counts.endings}, cells taken back ${counts.takenBack}, elements ${counts.elementsBack}, ends stopped ${counts.stopped}`,
    `calls that no fault struck ${counts.unhit}: answered ${counts.answered}, rightly refused ${counts.refused}, together ${percent} %`,
    `ended: ${sorted(totals.ends)}`,
    `faults: ${faultKinds.map((kind) => `${kind} ${totals.faults[kind]}`).join(', ')}`,
    `decided: ${sorted(totals.branches)}`,
  ];
};
