/** The journal of an instance and its notes, as tables. */
import type { Checked, Entry, EntryOf, Note } from '../engine/index.ts';
import { clock, day, duration, oneLine, zone } from './format.ts';
import { noteLines } from './notes.ts';
import { harmless, type Screen } from './screen.ts';

const reserving = (reserved: Pick<EntryOf<'reserved'>, 'cell' | 'attempt' | 'visit' | 'deadlineAtMs'>): string => {
  const { cell, attempt, visit, deadlineAtMs } = reserved;
  return `${cell}, attempt ${attempt}${visit > 1 ? ` of visit ${visit}` : ''}, until ${clock(deadlineAtMs)}`;
};

/** Where an entry leads, and by what permission where `said` does not tell already. */
const leading = (entry: EntryOf<'outcome' | 'resolved'>, said: string | null): string => {
  if (entry.then === 'halt') return entry.kind === 'outcome' && entry.status === 'unknown' ? '; in doubt' : '; halts';
  if (entry.then === 'end') return '; ends the run';
  if (entry.then === 'next') return '';
  const { permission, dueAtMs } = entry;
  const due = dueAtMs !== null && dueAtMs - entry.atMs >= 1_000 ? ` from ${clock(dueAtMs)} on` : '';
  const by = permission === null || permission.kind === 'person' ? '' : permission.detail;
  return `; again${due}${by === '' || by === said ? '' : ` (${by})`}`;
};

const checks = (expectations: Checked[]): string[] =>
  expectations
    .filter(({ result }) => result !== 'pass')
    .map(({ source, result, overridden }) => `${overridden ? 'overridden' : result}: ${source}`);

/** Who or what settled a step that its holder did not: a person with a reason, the policy, the probe. */
const settledBy = (entry: EntryOf<'outcome' | 'resolved'>, said: string, reason: string): string => {
  const { cell, closedBy, by } = entry;
  const who = { person: by.actor, probe: 'its probe', policy: 'its policy', holder: 'its holder' }[closedBy];
  return `${cell}: ${said} by ${who}${leading(entry, reason)}: ${reason}`;
};

const verdicts = {
  completed: 'succeeded',
  failed: 'failed',
  skipped: 'skip',
  abandoned: 'retry',
  unknown: 'unknown',
  never: 'never',
} as const;

const outcomeTold = (entry: EntryOf<'outcome'>): string => {
  const { cell, status, then, durationMs, closes, closedBy, attempt, note, error, freshKey } = entry;
  const also = entry.reserve === undefined ? '' : `; reserved ${reserving(entry.reserve)}`;
  const missed = status === 'unknown' ? [] : checks(entry.expectations);
  const time = closes === null ? '' : `, ${duration(durationMs)}`;
  const message = error?.message ?? '';
  // The holder itself saw that it was cut off, and its policy let it go on in the same entry.
  if (closedBy === 'policy' && note === null)
    return `${cell} ${status}${time}; goes on by its policy${also}${message === '' ? '' : ` — ${message}`}`;
  // A manual cell is done by a person in the ordinary way: no verdict.
  if (closedBy !== 'holder' && attempt > 0) {
    const said = `${verdicts[status]}${freshKey ? ' with a fresh key' : ''}`;
    return [settledBy(entry, said, note ?? 'no reason given'), ...missed].join('; ') + also;
  }
  const on = then === 'next' && status !== 'completed' && status !== 'skipped' ? '; goes on' : leading(entry, null);
  const because = [message, ...missed, note === null ? '' : `"${note}"`].filter((text) => text !== '');
  return `${cell} ${status}${time}${on}${also}${because.length === 0 ? '' : ` — ${because.join('; ')}`}`;
};

const continuing = ({ continues }: EntryOf<'started'>): string => {
  if (continues === null) return '';
  const { instanceId, at, reason, outputs } = continues;
  const cited = Object.entries(outputs).map(([cell, { instanceId, seq }]) => `${cell} (${instanceId}, seq ${seq})`);
  const cites = cited.length === 0 ? '' : `; cites ${cited.join(', ')}`;
  return `; continues ${instanceId} at ${at}${reason === null ? '' : `: ${reason}`}${cites}`;
};

/** What an entry says, in a few words. */
const told = (entry: Entry): string => {
  switch (entry.kind) {
    case 'started':
      return `${entry.runbookId} version ${entry.version}, drive ${entry.drive}${continuing(entry)}`;
    case 'reserved':
      return reserving(entry);
    case 'outcome':
      return outcomeTold(entry);
    case 'waiting':
      return `${entry.cell} waits`;
    case 'resolved': {
      const said = `${entry.verdict}${entry.freshKey ? ' with a fresh key' : ''}`;
      return [settledBy(entry, said, entry.reason), ...checks(entry.expectations)].join('; ');
    }
    case 'control': {
      const released = entry.epoch === undefined ? '' : `released to epoch ${entry.epoch}`;
      const drive = entry.drive === undefined ? '' : `drive ${entry.drive}`;
      return [released, drive, entry.reason ?? ''].filter((text) => text !== '').join(': ');
    }
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
      oneLine(harmless(told(entry)), 500),
    ];
  });
  screen.table(['seq', 'time', 'entry', 'who', 'what'], rows);
};

/** Evidence for a verdict after the fact stands in its entry; it is read together with the notes. */
const evidenceOf = (entries: Entry[]): Note[] =>
  entries.flatMap((entry) =>
    entry.kind === 'resolved' && entry.evidence !== null
      ? [
          {
            kind: 'evidence',
            about: entry.about,
            cell: entry.cell,
            atMs: entry.atMs,
            by: entry.by,
            text: entry.evidence,
          },
        ]
      : [],
  );

export const noteTable = (screen: Screen, entries: Entry[], written: Note[]): void => {
  const notes = [...written, ...evidenceOf(entries)].sort((a, b) => a.atMs - b.atMs);
  if (notes.length === 0) return screen.print('No notes.');
  for (const note of notes) {
    const { kind, about, cell, atMs, by } = note;
    screen.print(
      screen.paint('strong', `${kind} of ${cell}, seq ${about}, ${clock(atMs)}, ${oneLine(harmless(by.actor), 40)}`),
    );
    for (const line of noteLines(note)) screen.print(`  ${line}`);
  }
};
