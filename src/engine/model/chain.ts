/** What it takes for one entry to follow another. A chain that is broken somewhere is trusted nowhere after that. */
import type { Standing } from './entries.ts';
import { PawlError } from './errors.ts';

/** The entry at `seq` does not follow: it is missing, or not what the one before it, or after it, proves. */
export const brokenAt = (instanceId: string, seq: number, why: string): PawlError => {
  const message = `The journal of ${instanceId} is broken at seq ${seq}: ${why}. Nothing runs in it; compare it with a backup, then restore it, or cancel the run.`;
  return new PawlError('journal.broken', message, { instanceId, seq, why });
};

/** @throws PawlError `journal.broken` unless `next` is the entry that follows `before`, by its number and by `prev` */
export const assertFollows = (before: Standing, next: Standing): void => {
  const { instanceId, seq } = before.entry;
  if (next.entry.seq !== seq + 1) throw brokenAt(instanceId, seq + 1, 'the entry is missing');
  if (next.entry.prev === before.hash) return;
  throw brokenAt(
    instanceId,
    seq + 1,
    `what it says of entry ${seq} (its \`prev\`) is not the hash of what stands there`,
  );
};

/** @throws PawlError `journal.broken` where one of them does not follow the one before */
export const assertChain = (entries: Standing[]): void => {
  entries.forEach((next, at) => {
    const before = entries[at - 1];
    if (before !== undefined) assertFollows(before, next);
  });
};
