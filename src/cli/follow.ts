/** Live progress, read from the journal and from nothing else: what is shown has been recorded. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Entry, EntryOf } from '../engine/index.ts';
import { isPawlError } from '../engine/index.ts';
import { askedFor } from './asked.ts';
import { type Badge, badgeOfOutcome, nameWidthMax, progressLine } from './cells.ts';
import type { Client } from './client.ts';
import { duration, plural } from './format.ts';
import { harmless, type Screen } from './screen.ts';

const pollMs = 200;
const running: Badge = { mark: '…', word: 'running', tone: 'strong' };
const waiting: Badge = { mark: '‖', word: 'waiting', tone: 'warn' };

type Watched = { instanceId: string; cells: string[]; afterSeq: number };
type Running = { cell: string; attempt: number; sinceMs: number };

const pauseAfter = (entry: EntryOf<'outcome' | 'resolved'>): string => {
  const { then, dueAtMs, atMs } = entry;
  if (then !== 'retry' || dueAtMs === null) return '';
  const asked = entry.kind === 'outcome' ? askedFor(entry.askedMs) : '';
  return `, again in ${duration(Math.max(0, dueAtMs - atMs))}${asked}`;
};

/** Of what comes after it only how much that is: its cells are told as they go. */
const wayOverText = ({ as, undos, began }: EntryOf<'ending'>): string => {
  const back = undos === 0 ? '' : `, ${plural(undos, 'cell')} to take back`;
  return `the way is over: ${as}, by ${harmless(began.by)}${back}`;
};

const createTeller = (screen: Screen, cells: string[]) => {
  const width = Math.min(nameWidthMax, Math.max(4, ...cells.map((name) => name.length)));
  let now: Running | undefined;
  const line = (cell: string, look: Badge, attempt: number, ms: number | null) =>
    progressLine(screen, width, cell, look, attempt, ms);
  const begin = ({ cell, attempt }: Pick<EntryOf<'reserved'>, 'cell' | 'attempt'>) => {
    now = { cell, attempt, sinceMs: performance.now() };
  };
  const tell = (entry: Entry): void => {
    if (entry.kind === 'reserved') begin(entry);
    if (entry.kind === 'waiting') screen.print(line(entry.cell, waiting, 0, null));
    if (entry.kind === 'cancelled') {
      const what = entry.stopsCleanup === undefined ? 'cancelled' : 'what is at its end is stopped';
      screen.print(screen.paint('bad', `  ${what} by ${harmless(entry.by.actor)}`));
    }
    if (entry.kind === 'ending') screen.print(screen.paint('warn', `  ${wayOverText(entry)}`));
    if (entry.kind === 'resolved') screen.print(line(entry.cell, badgeOfOutcome(entry), 0, null) + pauseAfter(entry));
    if (entry.kind !== 'outcome') return;
    now = undefined;
    const ran = entry.closes !== null && entry.status !== 'skipped' && entry.closedBy === 'holder';
    screen.print(
      line(entry.cell, badgeOfOutcome(entry), ran ? entry.attempt : 0, ran ? entry.durationMs : null) +
        pauseAfter(entry),
    );
    if (entry.reserve !== undefined) begin(entry.reserve);
  };
  const refresh = (): void => {
    if (now !== undefined) screen.status(line(now.cell, running, now.attempt, performance.now() - now.sinceMs));
  };
  return { tell, refresh };
};

/** Shows what the journal of an instance gains while `work` goes on, and what it holds when the work is over. */
export const following = async <T>(screen: Screen, client: Client, watched: Watched, work: Promise<T>): Promise<T> => {
  const teller = createTeller(screen, watched.cells);
  let afterSeq = watched.afterSeq;
  const catchUp = async (): Promise<void> => {
    const entries = await client.entriesAfter(watched.instanceId, afterSeq);
    entries.forEach(teller.tell);
    afterSeq = entries.at(-1)?.seq ?? afterSeq;
  };
  const patiently = async (): Promise<void> => {
    try {
      await catchUp();
    } catch (error) {
      if (!isPawlError(error, 'store.unavailable')) throw error; // The work itself will say so if it lasts.
    }
  };
  const over = work.then(
    () => true,
    () => true,
  );
  do {
    await patiently();
    teller.refresh();
  } while (!(await Promise.race([over, wait(pollMs, false)])));
  await patiently();
  return await work;
};
