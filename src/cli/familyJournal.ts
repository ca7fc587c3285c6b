/**
 * The journals of a run and of all its elements as one, in order of time. Each is read page by page, and an element's only from the
 * entry on that lets it begin: so its entries never stand before that one, whatever the clocks said, and only of those under way
 * something is kept.
 */
import { createSectionsBegun, type Entry, isPawlError } from '../engine/index.ts';
import type { Client } from './client.ts';
import type { Unreadable } from './doubts.ts';
import { elementIdOf } from './elementIds.ts';

/** Journals read at the same time. */
const readersMax = 10;
/** Of an element, which has few entries. */
const pageSize = 20;

type Chain = {
  instanceId: string;
  /** Of which element it is, as in ids: `restart.3`, `restart.3~inner.0`; empty for the run itself. */
  element: string;
  after: number;
  /** Read and not told. */
  read: Entry[];
  /** All that stands was read. */
  isDry: boolean;
  begun: ReturnType<typeof createSectionsBegun>;
};

const chainOf = (instanceId: string, element: string): Chain => ({
  instanceId,
  element,
  after: -1,
  read: [],
  isDry: false,
  begun: createSectionsBegun(),
});

const childrenOf = ({ instanceId, element, begun }: Chain, entry: Entry): Chain[] => {
  const more = begun.add(entry);
  if (more === undefined) return [];
  const { cell, visit } = more.section;
  return more.indexes.map((index) => {
    const own = `${cell}${visit === 1 ? '' : `-${visit}`}.${index}`;
    return chainOf(
      elementIdOf({ instanceId, cell, index }, visit),
      [element, own].filter((part) => part !== '').join('~'),
    );
  });
};

/** At the same moment an element comes before its parent, which may have seen what it did. */
const earliest = (chains: Iterable<Chain>): Chain | undefined => {
  let found: Chain | undefined;
  for (const chain of chains) {
    const [entry] = chain.read;
    if (entry !== undefined && entry.atMs <= (found?.read[0]?.atMs ?? entry.atMs)) found = chain;
  }
  return found;
};

export const createFamilyJournal = (client: Client, instanceId: string) => {
  const chains = new Set([chainOf(instanceId, '')]);
  const elements = new Map<string, string>();
  const unreadable: Unreadable[] = [];
  let isOver = false;

  const readMore = async (chain: Chain): Promise<void> => {
    const isElement = chain.element !== '';
    try {
      const query = { after: chain.after, ...(isElement ? { limit: pageSize } : {}) };
      const page = await client.journal({ path: { instanceId: chain.instanceId }, query });
      chain.read = page.entries;
      chain.after = page.entries.at(-1)?.seq ?? chain.after;
      chain.isDry = page.next === null;
    } catch (error) {
      if (!isElement || !isPawlError(error) || error.code === 'store.unavailable') throw error;
      chain.isDry = true;
      // It may begin, and nobody began it yet.
      if (error.code === 'instance.unknown') return;
      // One journal that cannot be read hides no other.
      chains.delete(chain);
      unreadable.push({ instanceId: chain.instanceId, code: error.code, message: error.message });
    }
  };

  return {
    unreadable,
    /** Whether the run had ended by what was told. */
    isOver: () => isOver,
    elementOf: (entry: Entry): string => elements.get(entry.instanceId) ?? '',
    /** What stands now and was not told yet. */
    async *more(): AsyncGenerator<Entry> {
      for (const chain of chains) chain.isDry = false;
      for (;;) {
        const empty = [...chains].filter(({ read, isDry }) => read.length === 0 && !isDry);
        while (empty.length > 0) await Promise.all(empty.splice(0, readersMax).map(readMore));
        const chain = earliest(chains);
        const entry = chain?.read.shift();
        if (chain === undefined || entry === undefined) return;
        for (const child of childrenOf(chain, entry)) {
          chains.add(child);
          elements.set(child.instanceId, child.element);
        }
        const hasEnded = entry.state.ended !== null;
        if (hasEnded && chain.element === '') isOver = true;
        if (hasEnded && chain.element !== '' && chain.read.length === 0) chains.delete(chain);
        yield entry;
      }
    },
  };
};
