/** status, journal and list: looking at instances. They change nothing. */
import { Option } from 'commander';
import type { CallOf } from '../../contract/index.ts';
import { viewStatuses } from '../../engine/index.ts';
import { cellTable } from '../cells.ts';
import { exits } from '../exits.ts';
import { explain } from '../explain.ts';
import { stamp } from '../format.ts';
import { journalTable, noteTable } from '../history.ts';
import { storeAt, tellNothing } from '../nothing.ts';
import { harmless } from '../screen.ts';
import type { Answer, Session } from '../session.ts';
import { printLastLook } from '../waits.ts';
import { type AddCommands, wholeNumber, withExamples } from './common.ts';

const status = async (session: Session, instanceId: string): Promise<Answer> => {
  const { screen, client } = session;
  const instance = await client.instance(instanceId);
  const { view, title, cells, nowMs } = instance;
  screen.print(
    `${screen.paint('strong', view.instanceId)}  ${view.runbookId} version ${view.version}: ${harmless(title)}`,
  );
  screen.print(
    `${view.status.replace('_', ' ')}, drive ${view.drive}, seq ${view.seq}, started ${stamp(view.startedAtMs)}`,
  );
  screen.print();
  cellTable(screen, cells, view, nowMs);
  screen.print();
  const step = await explain(session, instance);
  const { head: _, ...status } = instance;
  return { exit: exits.done, document: { ...status, step: step ?? null } };
};

const journal = async (
  { screen, client }: Session,
  instanceId: string,
  options: { after?: number; notes?: true },
): Promise<Answer> => {
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

const list = async (session: Session, options: CallOf<'listInstances'>['query']): Promise<Answer> => {
  const { screen, client } = session;
  const { runbook, status, limit, next } = options ?? {};
  const page = await client.listInstances({ query: { runbook, status, limit, next } });
  if (page.views.length === 0)
    await tellNothing(session, 'No instances. `pawl run FILE` or `pawl start RUNBOOK` begins one.');
  else {
    const rows = page.views.map((view) => [
      view.status.replace('_', ' '),
      view.cell ?? '',
      `${view.cellsDone}/${view.cells}`,
      stamp(view.updatedAtMs),
      view.instanceId,
    ]);
    screen.table(['status', 'cell', 'done', 'last entry', 'instance'], rows);
  }
  if (page.next !== null) screen.print(`More: add \`--next ${page.next}\`.`);
  return { exit: exits.done, document: { ...page, ...(await storeAt(session)) } };
};

export const addReading: AddCommands = (program, run) => {
  const looking = program.command('status').argument('<instance>', 'id of an instance');
  looking.description('Shows every cell of an instance, where it stands, why, and what to do next.');
  withExamples(looking, 'pawl status post_merge.pr-7').action(run(status));

  const reading = program.command('journal').argument('<instance>', 'id of an instance');
  reading.description(
    'Shows the journal of an instance: every reservation, outcome and decision, in order, never altered.',
  );
  reading
    .option('--after <seq>', 'only entries after this seq', wholeNumber(0))
    .option('--notes', 'also the logs of cells and other evidence');
  withExamples(reading, 'pawl journal post_merge.pr-7 --notes').action(run(journal));

  const listing = program.command('list');
  listing.description(
    'Lists instances, newest first. What changed within the last moments may be missing: the index lags.',
  );
  listing
    .option('--runbook <id>', 'only of this runbook')
    .addOption(new Option('--status <status>', 'only in this status').choices(viewStatuses))
    .option('--limit <n>', 'at most so many, up to 100', wholeNumber(1), 20)
    .option('--next <mark>', 'the page after; the mark stands under the page before');
  withExamples(listing, 'pawl list --runbook post_merge --status halted').action(run(list));
};
