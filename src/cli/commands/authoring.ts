/** check, plan and publish: what one does with a document before it runs. */
import { type Document, readDocument, readDocuments } from '../documents.ts';
import { exits } from '../exits.ts';
import { plural } from '../format.ts';
import { readParams } from '../params.ts';
import { planOf, printPlan } from '../plan.ts';
import type { Answer, Session } from '../session.ts';
import { type AddCommands, withExamples, withParams } from './common.ts';

/** What is possible and may not be meant. */
const printNotes = ({ screen }: Pick<Session, 'screen'>, { file, notes }: Document): void => {
  for (const { line, column, message } of notes) screen.print(`${file}:${line}:${column} note: ${message}`);
};

const check = async ({ screen, authoring }: Session, files: string[]): Promise<Answer> => {
  const documents = await readDocuments(await authoring(), files);
  for (const document of documents) {
    const { file, runbook } = document;
    screen.print(
      `${file}: ${screen.paint('good', 'ok')}, runbook ${runbook.runbookId}, ${plural(runbook.cells.length, 'cell')}`,
    );
    printNotes({ screen }, document);
  }
  const found = documents.map(({ file, runbook, notes }) => ({
    file,
    runbookId: runbook.runbookId,
    cells: runbook.cells.length,
    notes,
  }));
  return { exit: exits.done, document: { files: found } };
};

const plan = async ({ screen, authoring }: Session, file: string, options: { param: string[] }): Promise<Answer> => {
  const compiler = await authoring();
  const { runbook } = await readDocument(compiler, file);
  const planned = planOf(compiler, runbook, await readParams(runbook, options.param));
  printPlan(screen, planned);
  return { exit: exits.done, document: planned };
};

const publish = async ({ screen, authoring, client }: Session, files: string[]): Promise<Answer> => {
  const documents = await readDocuments(await authoring(), files);
  const published = [];
  for (const document of documents) {
    const { file, source, runbook, notes } = document;
    const made = await client.publish({ path: { runbookId: runbook.runbookId }, body: source });
    const what = made.created
      ? screen.paint('good', `version ${made.version} published`)
      : `version ${made.version} has this content already`;
    screen.print(
      `${file}: runbook ${made.runbookId}, ${what}, ${plural(made.cells, 'cell')}, sha256 ${made.sourceHash.slice(0, 12)}`,
    );
    printNotes({ screen }, document);
    published.push({ file, ...made, notes });
  }
  return { exit: exits.done, document: { published } };
};

export const addAuthoring: AddCommands = (program, run) => {
  const checking = program.command('check').argument('<file...>', 'Markdown documents');
  checking.description('Finds every mistake in documents and says where. Publishes and runs nothing; needs no store.');
  withExamples(checking, 'pawl check runbooks/*.md').action(run(check));

  const planning = program.command('plan').argument('<file>', 'a Markdown document');
  planning.description(
    'Shows the cells of a document, their inputs as far as the parameters tell, and what happens when one fails\nor is interrupted. Runs nothing; needs no store.',
  );
  withExamples(withParams(planning), 'pawl plan runbooks/post_merge.md -p pr=7 -p dir=/srv/app').action(run(plan));

  const publishing = program.command('publish').argument('<file...>', 'Markdown documents');
  publishing.description(
    'Stores documents as immutable versions. The same content keeps the version it has.\nWith a mistake in any of them nothing is published.',
  );
  withExamples(publishing, 'pawl publish runbooks/post_merge.md').action(run(publish));
};
