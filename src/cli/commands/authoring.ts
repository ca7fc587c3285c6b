/** check, plan, publish and schema: what one does with a document before it runs. */
import {
  type Authoring,
  allCells,
  childrenFirst,
  isPawlError,
  newerThan,
  planOf,
  type Runbook,
} from '../../engine/index.ts';
import { type Document, readDocument, readDocuments } from '../documents.ts';
import { exits } from '../exits.ts';
import { plural } from '../format.ts';
import { type HereReport, lookHere, printHere, tellHere } from '../here.ts';
import { readParams } from '../params.ts';
import { ifAtHand, inStore } from '../pins.ts';
import { printPlan } from '../planScreen.ts';
import type { Answer, Session } from '../session.ts';
import { type AddCommands, withExamples, withParams } from './common.ts';

/** What is possible and may not be meant. */
const printNotes = ({ screen }: Pick<Session, 'screen'>, { file, notes }: Document): void => {
  for (const { line, column, message } of notes) screen.print(`${file}:${line}:${column} note: ${message}`);
};

/** With what parameters say by themselves, where that is enough. */
const defaultsOf = (compiler: Authoring, runbook: Runbook): Record<string, unknown> | null => {
  try {
    return compiler.resolveParams(runbook, {});
  } catch (error) {
    if (isPawlError(error, 'params.invalid')) return null;
    throw error;
  }
};

/** `5 cells, 2 of them at its end`. */
const cellsText = ({ cells }: Runbook): string => {
  const all = allCells(cells);
  const atEnd = all.filter(({ cleanup }) => cleanup !== undefined).length;
  return `${plural(all.length, 'cell')}${atEnd === 0 ? '' : `, ${atEnd} of them at its end`}`;
};

const check = async (session: Session, files: string[], options: { here?: true }): Promise<Answer> => {
  const { screen } = session;
  const compiler = await session.authoring();
  const documents = await readDocuments(compiler, files, ifAtHand(session));
  const reports: (HereReport | undefined)[] = [];
  for (const document of documents) {
    const { file, runbook } = document;
    screen.print(`${file}: ${screen.paint('good', 'ok')}, runbook ${runbook.runbookId}, ${cellsText(runbook)}`);
    printNotes({ screen }, document);
    if (options.here !== true) continue;
    const report = await lookHere(session, compiler, runbook, defaultsOf(compiler, runbook));
    reports.push(report);
    if (report.missing.length === 0) screen.print(`Nothing is missing here (${report.place}).`);
    printHere(screen, report);
  }
  const found = documents.map(({ file, runbook, notes }, index) => ({
    file,
    runbookId: runbook.runbookId,
    cells: allCells(runbook.cells).length,
    notes,
    ...(reports[index] && { here: reports[index] }),
  }));
  const isMissing = reports.some((report) => report !== undefined && report.missing.length > 0);
  return { exit: isMissing ? exits.parked : exits.done, document: { files: found } };
};

const plan = async (session: Session, file: string, options: { param: string[] }): Promise<Answer> => {
  const { screen } = session;
  const compiler = await session.authoring();
  const look = ifAtHand(session);
  const { runbook, pins } = await readDocument(compiler, file, look);
  const newer = await newerThan(look, runbook);
  const planned = planOf(compiler, runbook, await readParams(runbook, options.param), { pins, newer });
  printPlan(screen, planned);
  const here = await tellHere(session, runbook, planned.params);
  return { exit: exits.done, document: { ...planned, here } };
};

const publish = async (session: Session, files: string[]): Promise<Answer> => {
  const { screen, client } = session;
  const authoring = await session.authoring();
  const read = await readDocuments(authoring, files, inStore(session));
  const documents = childrenFirst(
    read.map((one) => ({ ...one, runbookId: one.runbook.runbookId, runs: authoring.runsIn(one.source) })),
  );
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

const schema = async ({ screen }: Session): Promise<Answer> => {
  const { frontMatterJsonSchema } = await import('../../authoring/index.ts');
  const found = frontMatterJsonSchema();
  screen.exact(`${JSON.stringify(found, null, 2)}\n`);
  return { exit: exits.done, document: found };
};

export const addAuthoring: AddCommands = (program, run) => {
  const checking = program.command('check').argument('<file...>', 'Markdown documents');
  checking.description('Finds every mistake in documents and says where. Publishes and runs nothing; needs no store.');
  checking.option(
    '--here',
    'also says what cells need and is missing here, and which of them belong to other places; exits with 3 where something is missing',
  );
  withExamples(checking, 'pawl check runbooks/*.md', 'pawl check --here runbooks/post_merge.md').action(run(check));

  const planning = program.command('plan').argument('<file>', 'a Markdown document');
  planning.description(
    'Shows the cells of a document, their inputs as far as the parameters tell, what happens when one fails\nor is interrupted, and what is missing here. Runs nothing; needs no store.',
  );
  withExamples(withParams(planning), 'pawl plan runbooks/post_merge.md -p pr=7 -p dir=/srv/app').action(run(plan));

  const publishing = program.command('publish').argument('<file...>', 'Markdown documents');
  publishing.description(
    'Stores documents as immutable versions, what others of them run before these. The same content keeps the version it has.\nWith a mistake in any of them nothing is published.',
  );
  withExamples(publishing, 'pawl publish runbooks/post_merge.md').action(run(publish));

  const describing = program.command('schema');
  describing.description('Prints the JSON Schema of front matter, for editors.');
  withExamples(describing, 'pawl schema > front-matter.schema.json').action(run(schema));
};
