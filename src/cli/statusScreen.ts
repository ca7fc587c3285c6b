/** Where an instance stands: its cells, why, and what to do next. */
import { cellTable } from './cells.ts';
import type { Instance } from './client.ts';
import { explain } from './explain.ts';
import { printFiles } from './files.ts';
import { stamp } from './format.ts';
import { harmless } from './screen.ts';
import type { Session } from './session.ts';
import { standingText } from './standing.ts';

/** @returns the document for `--json` */
export const printStatus = async (session: Session, instance: Instance): Promise<object> => {
  const { screen } = session;
  const { view, title } = instance;
  screen.print(
    `${screen.paint('strong', view.instanceId)}  ${view.runbookId} version ${view.version}: ${harmless(title)}`,
  );
  screen.print(`${standingText(view)}, drive ${view.drive}, seq ${view.seq}, started ${stamp(view.startedAtMs)}`);
  screen.print();
  cellTable(screen, instance);
  screen.print();
  printFiles(screen, instance);
  const step = await explain(session, instance);
  const { head: _, ...status } = instance;
  return { ...status, step: step ?? null };
};
