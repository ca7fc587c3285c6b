/** The journal of an instance and its notes, as tables. */
import type { Entry, Note } from '../engine/index.ts';
import { entryText } from './entryText.ts';
import { clock, day, stamp, unbroken, zone } from './format.ts';
import { noteLines } from './notes.ts';
import { harmless, type Screen } from './screen.ts';

/** The local day and its zone stand once above its times; a time of another day, or in another zone, says so. */
const timeWithin = (atMs: number, firstMs: number): string =>
  [day(atMs) === day(firstMs) ? '' : day(atMs), clock(atMs), zone(atMs) === zone(firstMs) ? '' : zone(atMs)]
    .filter((part) => part !== '')
    .join(' ');

/**
 * A journal that may go on: entries that come later go on in the same columns.
 * @param elementOf of a family's: of which element an entry is; empty for the run itself
 */
export const createJournalTable = (
  screen: Screen,
  elementOf?: (entry: Entry) => string,
): { add(entries: Entry[]): void } => {
  let firstMs: number | undefined;
  let widths: readonly number[] | undefined;
  return {
    add: (entries) => {
      const [first] = entries;
      if (first === undefined) return;
      if (firstMs === undefined)
        screen.print(screen.paint('quiet', `${day(first.atMs)}, times are UTC${zone(first.atMs)}`));
      const beganMs = firstMs ?? first.atMs;
      firstMs = beganMs;
      const rows = entries.map((entry) => [
        ...(elementOf === undefined ? [] : [elementOf(entry)]),
        String(entry.seq),
        timeWithin(entry.atMs, beganMs),
        entry.kind,
        unbroken(harmless(`${entry.by.actor} ${entry.by.where}`)),
        unbroken(harmless(entryText(entry))),
      ]);
      const head = ['seq', 'time', 'entry', 'who', 'what'];
      widths = screen.table(elementOf === undefined ? head : ['element', ...head], rows, widths);
    },
  };
};

export const journalTable = (screen: Screen, entries: Entry[]): void => {
  if (entries.length === 0) return screen.print('No entries.');
  createJournalTable(screen).add(entries);
};

/** Evidence for a verdict stands in its entry; it is read together with the notes. */
const evidenceOf = (entries: Entry[]): Note[] =>
  entries.flatMap((entry) =>
    (entry.kind === 'resolved' || entry.kind === 'outcome' || entry.kind === 'proposed') && entry.evidence !== null
      ? [
          {
            kind: 'evidence',
            about: entry.kind === 'outcome' ? (entry.closes ?? entry.seq) : entry.about,
            cell: entry.cell,
            atMs: entry.atMs,
            by: entry.by,
            text: entry.evidence,
          },
        ]
      : [],
  );

export const noteTable = (screen: Screen, entries: Entry[], written: Note[]): void => {
  // That a probe was asked is told where its answer never came.
  const isAnswered = ({ about, atMs }: Note): boolean =>
    written.some((other) => other.kind === 'probe' && other.about === about && other.atMs >= atMs);
  const unanswered = written.filter((note) => note.kind !== 'asked' || !isAnswered(note));
  const notes = [...unanswered, ...evidenceOf(entries)].sort((a, b) => a.atMs - b.atMs);
  if (notes.length === 0) return screen.print('No notes.');
  for (const note of notes) {
    const { kind, about, cell, atMs, by } = note;
    screen.print(
      screen.paint('strong', `${kind} of ${cell}, seq ${about}, ${stamp(atMs)}, ${unbroken(harmless(by.actor))}`),
    );
    for (const line of noteLines(note)) screen.print(`  ${line}`);
  }
};
