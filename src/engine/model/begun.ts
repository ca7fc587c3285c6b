/** Elements that a parent's journal let begin: read from its entries in their order, whatever became of the sections since. */
import type { Entry } from './entries.ts';
import { begunUpTo, type Family, familyOf } from './family.ts';
import type { RunEnd } from './runEnd.ts';

/** One opening of a section: with `childId` its elements' ids follow from it. */
export type SectionBegun = {
  cell: string;
  visit: number;
  /** Indexes, in the order in which they began. */
  begun: number[];
  /** Those of them that were seen ended, and how. */
  ended: { index: number; as: RunEnd }[];
};

/** Takes the entries of one journal, each in its turn; `add` answers which elements an entry lets begin, and of what. */
export const createSectionsBegun = () => {
  const families = new Map<number, { family: Family; section: SectionBegun }>();
  return {
    sections: (): SectionBegun[] => [...families.values()].map(({ section }) => section),
    add: (entry: Entry): { section: SectionBegun; indexes: number[] } | undefined => {
      if (entry.kind === 'waiting' && entry.each !== undefined) {
        const section = { cell: entry.cell, visit: entry.visit, begun: [], ended: [] };
        families.set(entry.seq, { family: familyOf(entry.each), section });
      }
      if (entry.kind !== 'progress') return undefined;
      const known = families.get(entry.about);
      if (known === undefined) return undefined;
      const { family, section } = known;
      const indexes = begunUpTo(family, entry.spawned);
      known.family = { ...family, spawned: Math.max(family.spawned, entry.spawned) };
      section.begun.push(...indexes);
      section.ended.push(...entry.ended);
      return { section, indexes };
    },
  };
};
