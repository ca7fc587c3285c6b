/**
 * `--follow` of status, journal and logs: what changes is shown as it comes, until the instance has ended. Nothing is
 * written, so who moves it does not matter, nor how many follow.
 */
import { createHash } from 'node:crypto';
import { type Entry, isRunEnd, limits, type Note, type View } from '../engine/index.ts';
import type { Client, Instance } from './client.ts';
import { type Exit, exitOfResult, exits } from './exits.ts';
import { createFamilyJournal } from './familyJournal.ts';
import { createJournalTable } from './history.ts';
import type { Answer, Session } from './session.ts';
import { printStatus } from './statusScreen.ts';
import { printUnreadable } from './stepScreen.ts';
import { untilEnded } from './untilEnded.ts';

type Status = View['status'];

/** As a run that ended so; whoever reads no more has seen enough. */
const exitOf = (status: Status): Exit => (isRunEnd(status) ? exitOfResult(status) : exits.done);
/** Everything was told line by line. */
const ended = (status: Status): Answer => ({ exit: exitOf(status), document: undefined });

/** What makes a status another one. Ages and times that are only nearer do not. */
const standsAt = ({ view, waits, held, decidableAtMs }: Instance): string =>
  JSON.stringify([view.seq, view.status, waits, held, decidableAtMs === null]);

export const followStatus = async (session: Session, instanceId: string): Promise<Answer> => {
  const { screen, client } = session;
  let status: Status = 'ready';
  let shown: string | undefined;
  await untilEnded(async () => {
    const instance = await client.glance(instanceId);
    const stands = standsAt(instance);
    // A person sees how the time goes by as well.
    if (screen.live || stands !== shown) screen.line(await screen.redraw(() => printStatus(session, instance)));
    shown = stands;
    status = instance.view.status;
    return isRunEnd(status);
  });
  return ended(status);
};

/** What the journal gains after a seq, and where the instance stands by it. */
const journalOf = async (client: Client, instanceId: string, after: number) => {
  const { view } = await client.glance(instanceId);
  let { status } = view;
  let seq = Math.min(after, view.seq);
  return {
    status: () => status,
    more: async () => {
      const entries = await client.entriesAfter(instanceId, seq);
      const last = entries.at(-1);
      seq = last?.seq ?? seq;
      status = last?.state.ended ?? status;
      return entries.filter((entry) => entry.seq > after);
    },
  };
};

export const followJournal = async (
  { screen, client }: Session,
  instanceId: string,
  after: number,
): Promise<Answer> => {
  const journal = await journalOf(client, instanceId, after);
  const table = createJournalTable(screen);
  await untilEnded(async () => {
    const entries = await journal.more();
    table.add(entries);
    for (const entry of entries) screen.line(entry);
    return isRunEnd(journal.status());
  });
  return ended(journal.status());
};

/** Of a run and all its elements. What is read at a time is told at once, however much there is. */
export const followFamily = async ({ screen, client }: Session, instanceId: string): Promise<Answer> => {
  const family = createFamilyJournal(client, instanceId);
  const table = createJournalTable(screen, family.elementOf);
  let status: Status = 'ready';
  await untilEnded(async () => {
    // Its elements ended before it did, and may have been read before they had.
    const isLast = family.isOver();
    let entries: Entry[] = [];
    const tell = (): void => {
      table.add(entries);
      for (const entry of entries) screen.line(entry);
      entries = [];
    };
    for await (const entry of family.more()) {
      if (entry.instanceId === instanceId) status = entry.state.ended ?? status;
      entries.push(entry);
      if (entries.length >= limits.familyEntriesMax) tell();
    }
    tell();
    return isLast;
  });
  printUnreadable(screen, family.unreadable);
  return family.unreadable.length > 0 ? { exit: exits.failed, document: undefined } : ended(status);
};

const nameOf = ({ about, atMs, by, text }: Note): string =>
  createHash('sha256')
    .update(JSON.stringify([about, atMs, by.where, text]))
    .digest('base64');

/** @param tell shows one log */
export const followLogs = async (
  { screen, client }: Session,
  instanceId: string,
  cell: string | undefined,
  tell: (log: Note) => object,
): Promise<Answer> => {
  const journal = await journalOf(client, instanceId, -1);
  const told = new Set<string>();
  let from: number | undefined;
  await untilEnded(async () => {
    // Looked at before the logs: what a cell has said is written before its end is.
    await journal.more();
    const isLast = isRunEnd(journal.status());
    // Notes are in order of the clocks of those who wrote them, so one may come late to a page that is read already.
    const { notes, lastPage } = await client.notesFrom(instanceId, isLast ? undefined : from);
    from = lastPage;
    for (const note of notes) {
      const isNew = note.kind === 'log' && (cell === undefined || note.cell === cell) && !told.has(nameOf(note));
      if (!isNew) continue;
      told.add(nameOf(note));
      screen.line(tell(note));
    }
    return isLast;
  });
  return ended(journal.status());
};
