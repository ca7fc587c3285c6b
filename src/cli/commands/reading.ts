/** status and journal: looking at an instance. They change nothing. */
import { exits } from '../exits.ts';
import { journalTable, noteTable } from '../history.ts';
import type { Answer, Session } from '../session.ts';
import { printStatus } from '../statusScreen.ts';
import { printLastLook } from '../waits.ts';
import { type AddCommands, followOption, wholeNumber, withExamples } from './common.ts';

const status = async (session: Session, instanceId: string, { follow }: { follow?: true }): Promise<Answer> => {
  if (follow) return await (await import('../followed.ts')).followStatus(session, instanceId);
  const document = await printStatus(session, await session.client.instance(instanceId));
  return { exit: exits.done, document };
};

const journal = async (
  session: Session,
  instanceId: string,
  options: { after?: number; notes?: true; follow?: true },
): Promise<Answer> => {
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
    .addOption(followOption().conflicts('notes'));
  withExamples(reading, 'pawl journal post_merge.pr-7 --notes', 'pawl journal post_merge.pr-7 --follow').action(
    run(journal),
  );
};
