/** The entries of one journal as far as they were read: each is read once, since none ever changes. */
import { useRef } from 'preact/hooks';
import { call, type Entry } from '../api.ts';

const pagesMax = 60;

/** @returns all of them up to `seq` at least, as far as there are so many; asks only for what it has not */
export const useJournal = (instanceId: string): ((seq: number) => Promise<Entry[]>) => {
  const read = useRef<{ instanceId: string; entries: Entry[] }>({ instanceId, entries: [] });
  if (read.current.instanceId !== instanceId) read.current = { instanceId, entries: [] };
  return async (seq) => {
    const mine = read.current;
    let after: number | null = mine.entries.at(-1)?.seq ?? -1;
    if (after >= seq) return mine.entries;
    for (let page = 0; page < pagesMax && after !== null; page += 1) {
      const found: { entries: Entry[]; next: number | null } = await call('journal', {
        path: { instanceId },
        query: { after, limit: 100 },
      });
      const known = mine.entries.at(-1)?.seq ?? -1;
      // Two looks at once may have read the same. Where nothing is new it stays the same array.
      const fresh = found.entries.filter((entry) => entry.seq > known);
      if (fresh.length > 0) mine.entries = [...mine.entries, ...fresh];
      after = found.next;
    }
    return mine.entries;
  };
};
