/** status and journal: looking at an instance. They change nothing. */
import { Option } from 'commander';
import { type Entry, limits, PawlError } from '../../engine/index.ts';
import { exits } from '../exits.ts';
import { createFamilyJournal } from '../familyJournal.ts';
import { createJournalTable, journalTable, noteTable } from '../history.ts';
import type { Answer, Session } from '../session.ts';
import { printStatus } from '../statusScreen.ts';
import { printUnreadable } from '../stepScreen.ts';
import { printLastLook } from '../waits.ts';
import { type AddCommands, followOption, wholeNumber, withExamples } from './common.ts';

const status = async (session: Session, instanceId: string, { follow }: { follow?: true }): Promise<Answer> => {
  if (follow) return await (await import('../followed.ts')).followStatus(session, instanceId);
  const document = await printStatus(session, await session.client.instance(instanceId));
  return { exit: exits.done, document };
};

/** Of a run and all its elements, `familyEntriesMax` at a time. */
const familyJournal = async (session: Session, instanceId: string, skipped: number): Promise<Answer> => {
  const { screen, client } = session;
  const family = createFamilyJournal(client, instanceId);
  const entries: Entry[] = [];
  let count = 0;
  let next: number | null = null;
  for await (const entry of family.more()) {
    count += 1;
    if (count <= skipped) continue;
    if (entries.length >= limits.familyEntriesMax) {
      next = count - 1;
      break;
    }
    entries.push(entry);
  }
  if (entries.length === 0) screen.print('No entries.');
  else createJournalTable(screen, family.elementOf).add(entries);
  printUnreadable(screen, family.unreadable);
  if (next !== null)
    screen.print(
      `${limits.familyEntriesMax} entries are shown at a time (familyEntriesMax). More: add \`--skip ${next}\`.`,
    );
  const { unreadable } = family;
  return { exit: unreadable.length > 0 ? exits.failed : exits.done, document: { entries, unreadable, next } };
};

const journal = async (
  session: Session,
  instanceId: string,
  options: { after?: number; notes?: true; follow?: true; family?: true; skip?: number },
): Promise<Answer> => {
  if (options.skip !== undefined && options.family !== true)
    throw new PawlError('request.invalid', '`--skip` goes with `--family`; of one journal, `--after` names a seq.');
  if (options.family && options.follow) return await (await import('../followed.ts')).followFamily(session, instanceId);
  if (options.family) return await familyJournal(session, instanceId, options.skip ?? 0);
  if (options.follow)
    return await (await import('../followed.ts')).followJournal(session, instanceId, options.after ?? -1);
  const { screen, client } = session;
  // An instance that is not there is an error, an empty rest of a journal is not.
  const { waits } = await client.instance(instanceId);
  const entries = await client.entriesAfter(instanceId, options.after ?? -1);
  journalTable(screen, entries);
  // A look is no entry; what the last one found is told beside them.
  const lastLook = waits?.kind === 'poll' ? waits.last : null;
  printLastLook(screen, lastLook);
  if (!options.notes) return { exit: exits.done, document: { entries, lastLook } };
  const notes = await client.notes(instanceId);
  screen.print();
  noteTable(screen, entries, notes);
  return { exit: exits.done, document: { entries, notes, lastLook } };
};

export const addReading: AddCommands = (program, run) => {
  const looking = program.command('status').argument('<instance>', 'id of an instance');
  looking.description('Shows every cell of an instance, where it stands, why, and what to do next.');
  looking.addOption(followOption());
  withExamples(looking, 'pawl status post_merge.pr-7', 'pawl status post_merge.pr-7 --follow').action(run(status));

  const reading = program.command('journal').argument('<instance>', 'id of an instance');
  reading.description(
    'Shows the journal of an instance: every reservation, outcome and decision, in order, never altered.',
  );
  reading
    .option('--after <seq>', 'only entries after this seq', wholeNumber(0))
    .option('--notes', 'also the logs of cells and other evidence')
    .addOption(
      new Option(
        '--family',
        `also the entries of all its elements, in order of time, ${limits.familyEntriesMax} at a time`,
      ).conflicts(['after', 'notes']),
    )
    .option('--skip <n>', 'with --family: without the first so many', wholeNumber(0))
    .addOption(followOption().conflicts(['notes', 'skip']));
  withExamples(
    reading,
    'pawl journal post_merge.pr-7 --notes',
    'pawl journal post_merge.pr-7 --follow',
    'pawl journal rollout.7 --family',
  ).action(run(journal));
};
