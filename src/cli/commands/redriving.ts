/** redrive: what the store did not take in time goes into the journal after all. */
import { PawlError } from '../../engine/index.ts';
import { type Exit, exits } from '../exits.ts';
import { plural } from '../format.ts';
import { type Done, type Kept, type Report, readWaiting, redriveAll, summaryOf, waitingFiles } from '../redrive.ts';
import { harmless, type Screen } from '../screen.ts';
import type { Answer, Session } from '../session.ts';
import type { SetAside } from '../setAside.ts';
import { type AddCommands, withExamples } from './common.ts';

const words = {
  recorded: 'recorded as its outcome',
  noted: 'kept as a note: the step was closed otherwise',
  known: 'the journal has it already',
} as const;

const tellOne =
  (screen: Screen) =>
  (one: Done | Kept): void => {
    if ('error' in one)
      return screen.print(`  ${one.file}\n    ${screen.paint('bad', 'kept')}: ${harmless(one.error.message)}`);
    const { instanceId, cell, seq, status, result, view } = one;
    screen.print(
      `  ${instanceId}  ${cell}, seq ${seq}, ${status}: ${screen.paint('good', words[result])}; now ${view.status.replace('_', ' ')}`,
    );
  };

const exitOf = ({ kept, left }: Pick<Report, 'kept' | 'left'>): Exit => {
  if (left.length > 0 || kept.some(({ error }) => error.code === 'store.unavailable')) return exits.later;
  return kept.length > 0 ? exits.failed : exits.done;
};

/** What a writer left that died in the middle is no outcome; it is shown, and left to a person. */
const printUnfinished = (screen: Screen, { folder }: SetAside, unfinished: string[]): void => {
  if (unfinished.length === 0) return;
  screen.print(
    screen.paint(
      'warn',
      `${plural(unfinished.length, 'file')} in ${folder} ${unfinished.length === 1 ? 'was' : 'were'} cut off mid-write; inspect each.`,
    ),
  );
  for (const file of unfinished) screen.print(`  ${file}`);
};

const list = async (screen: Screen, setAside: SetAside, names: string[]): Promise<Answer> => {
  const waiting = await waitingFiles(setAside, names);
  const { unfinished } = await setAside.list();
  const items = await Promise.all(
    waiting.map(async (one) => {
      const { file } = one;
      try {
        return summaryOf(file, await readWaiting(one));
      } catch (error) {
        return { file, error: error instanceof Error ? error.message : String(error) };
      }
    }),
  );
  if (items.length === 0) screen.print(`Nothing waits in ${setAside.folder}.`);
  for (const item of items) {
    if ('error' in item) screen.print(`  ${item.file}  ${screen.paint('bad', harmless(item.error))}`);
    else screen.print(`  ${item.instanceId}  ${item.cell}, seq ${item.seq}, ${item.status}  ${item.file}`);
  }
  printUnfinished(screen, setAside, unfinished);
  return { exit: exits.done, document: { folder: setAside.folder, waiting: items, unfinished } };
};

const redrive = async (session: Session, names: string[], options: { list?: true; all?: true }): Promise<Answer> => {
  const { screen, setAside } = session;
  if (options.all && names.length > 0)
    throw new PawlError('request.invalid', '--all means every file of the folder: name files, or give --all.');
  if (options.list) return await list(screen, setAside, names);
  const waiting = await waitingFiles(setAside, names);
  const { unfinished } = await setAside.list();
  const report =
    waiting.length === 0 ? { redriven: [], kept: [], left: [] } : await redriveAll(session, waiting, tellOne(screen));
  const { redriven, kept, left } = report;
  if (waiting.length === 0) screen.print(`Nothing waits in ${setAside.folder}.`);
  else screen.print(`Redriven ${redriven.length} of ${plural(waiting.length, 'outcome')}.`);
  if (kept.length > 0)
    screen.print(
      screen.paint('bad', `${plural(kept.length, 'file')} left as ${kept.length === 1 ? 'it is' : 'they are'}.`),
    );
  if (left.length > 0) screen.print(`The store gave no answer; ${left.length} left for later: \`pawl redrive\` again.`);
  printUnfinished(screen, setAside, unfinished);
  return { exit: exitOf(report), document: { ...report, unfinished } };
};

export const addRedriving: AddCommands = (program, run) => {
  const redriving = program
    .command('redrive')
    .argument('[file...]', 'files of the folder by name, others by path (default: everything in the folder)');
  redriving.description(
    'When a cell has run and the store takes no outcome until well after the deadline, the outcome is set aside: on a\nlaptop in a folder beside pawl.db. This records each as the outcome if its step is still open, as a note if\nit was closed meanwhile. A file is removed once the journal has it; doing it twice changes nothing.',
  );
  redriving.option('--list', 'only show what waits').option('--all', 'everything in the folder, as without files');
  withExamples(redriving, 'pawl redrive --list', 'pawl redrive --all').action(run(redrive));
};
