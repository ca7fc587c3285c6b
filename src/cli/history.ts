/** The journal of an instance and its notes, as tables. */
import type { Entry, Note } from '../engine/index.ts';
import { clock, day, duration, oneLine, zone } from './format.ts';
import { harmless, type Screen } from './screen.ts';

const reserving = ({ cell, attempt }: { cell: string; attempt: number }): string => `${cell}, attempt ${attempt}`;

/** What an entry says, in a few words. */
const told = (entry: Entry): string => {
  switch (entry.kind) {
    case 'started':
      return `${entry.runbookId} version ${entry.version}, drive ${entry.drive}`;
    case 'reserved':
      return `${reserving(entry)}, until ${clock(entry.deadlineAtMs)}`;
    case 'outcome': {
      const { cell, status, then, durationMs, closes, closedBy } = entry;
      const time = closes === null ? '' : `, ${duration(durationMs)}`;
      const by = closedBy === 'holder' ? '' : `, by ${closedBy}`;
      const permission = entry.permission === null ? '' : ` (${entry.permission.detail})`;
      const also = entry.reserve === undefined ? '' : `; reserved ${reserving(entry.reserve)}`;
      const missed = entry.expectations.filter(({ result }) => result !== 'pass' && status !== 'unknown');
      const because = [
        entry.error === null ? '' : entry.error.message,
        ...missed.map(({ source, result }) => `${result}: ${source}`),
        entry.note === null ? '' : `"${entry.note}"`,
      ].filter((text) => text !== '');
      const why = because.length === 0 ? '' : ` — ${because.join('; ')}`;
      return `${cell} ${status}${time}${by}, ${then}${permission}${also}${why}`;
    }
    case 'waiting':
      return `${entry.cell} waits`;
    case 'resolved':
      return `${entry.cell}: ${entry.verdict}, ${entry.then}: ${entry.reason}`;
    case 'control':
      return [entry.drive === undefined ? '' : `drive ${entry.drive}`, entry.reason ?? '']
        .filter((text) => text !== '')
        .join(': ');
    case 'cancelled':
      return entry.reason;
  }
};

/** The local day stands once above its times. */
const dayLine = (screen: Screen, atMs: number): void =>
  screen.print(screen.paint('quiet', `${day(atMs)}, times are UTC${zone(atMs)}`));

export const journalTable = (screen: Screen, entries: Entry[]): void => {
  const [first] = entries;
  if (first === undefined) return screen.print('No entries.');
  dayLine(screen, first.atMs);
  const rows = entries.map((entry) => {
    const time =
      day(entry.atMs) === day(first.atMs) ? clock(entry.atMs) : `${day(entry.atMs).slice(5)} ${clock(entry.atMs)}`;
    return [
      String(entry.seq),
      time,
      entry.kind,
      `${oneLine(harmless(entry.by.actor), 12)} ${oneLine(harmless(entry.by.where), 24)}`,
      oneLine(harmless(told(entry)), 300),
    ];
  });
  screen.table(['seq', 'time', 'entry', 'who', 'what'], rows);
};

export const noteTable = (screen: Screen, notes: Note[]): void => {
  if (notes.length === 0) return screen.print('No notes.');
  for (const { kind, about, cell, atMs, text } of notes) {
    screen.print(screen.paint('strong', `${kind} of ${cell}, seq ${about}, ${clock(atMs)}`));
    for (const line of text.trimEnd().split('\n')) screen.print(`  ${harmless(line)}`);
  }
};
