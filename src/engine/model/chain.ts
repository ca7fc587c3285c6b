/** What it takes for one entry to follow another. A chain that is broken somewhere is trusted nowhere after that. */
import type { Entry, Standing, Unchecked } from './entries.ts';
import { PawlError } from './errors.ts';

/** The entry at `seq` does not follow: it is missing, or not what the one before it, or after it, proves. */
export const brokenAt = (instanceId: string, seq: number, why: string): PawlError => {
  const message = `The journal of ${instanceId} is broken at seq ${seq}: ${why}. Nothing runs in it; compare it with a backup, then restore it, or cancel the run.`;
  return new PawlError('journal.broken', message, { instanceId, seq, why });
};

/** What is wrong where `next` comes after `before`; `undefined` when it follows, by its number and by `prev`. */
export const breakBetween = (
  before: Pick<Unchecked, 'seq' | 'hash'> | undefined,
  next: Pick<Entry, 'seq' | 'prev'>,
): { seq: number; why: string } | undefined => {
  const seq = before === undefined ? 0 : before.seq + 1;
  if (next.seq !== seq) return { seq, why: 'the entry is missing' };
  if (next.prev === (before?.hash ?? null)) return undefined;
  const which = before === undefined ? 'an entry before the first' : `entry ${before.seq}`;
  return { seq, why: `what it says of ${which} (its \`prev\`) is not the hash of what stands there` };
};

/** @throws PawlError `journal.broken` unless `next` is the entry that follows `before`, by its number and by `prev` */
export const assertFollows = (before: Standing, next: Standing): void => {
  const { instanceId, seq } = before.entry;
  const broken = breakBetween({ seq, hash: before.hash }, next.entry);
  if (broken !== undefined) throw brokenAt(instanceId, broken.seq, broken.why);
};

/** @throws PawlError `journal.broken` where one of them does not follow the one before */
export const assertChain = (entries: Standing[]): void => {
  entries.forEach((next, at) => {
    const before = entries[at - 1];
    if (before !== undefined) assertFollows(before, next);
  });
};
