/** runbooks, show, diff and new: documents that are published, and the beginning of one. */
import { writeFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { BodyOf } from '../../contract/index.ts';
import { newerThan, PawlError } from '../../engine/index.ts';
import { changedLines, hunksOf } from '../difference.ts';
import { exits } from '../exits.ts';
import { stamp, unbroken } from '../format.ts';
import { storeAt, tellNothing } from '../nothing.ts';
import { inStore } from '../pins.ts';
import { harmless } from '../screen.ts';
import type { Answer, Session } from '../session.ts';
import { shellWord } from '../shellWord.ts';
import { starter } from '../starter.ts';
import { type AddCommands, wholeNumber, withExamples } from './common.ts';

const refuse = (message: string): never => {
  throw new PawlError('request.invalid', message);
};

const list = async (session: Session, { limit, next }: { limit: number; next?: string }): Promise<Answer> => {
  const { screen, client } = session;
  const page = await client.listRunbooks({ query: { limit, next } });
  if (page.runbooks.length === 0) await tellNothing(session, 'No runbooks. `pawl publish FILE` stores one.');
  else {
    const rows = page.runbooks.map(({ runbookId, version, cells, atMs, by, title }) => [
      runbookId,
      String(version),
      String(cells),
      stamp(atMs),
      unbroken(harmless(by)),
      unbroken(harmless(title)),
    ]);
    screen.table(['runbook', 'version', 'cells', 'published', 'by', 'title'], rows);
  }
  if (page.next !== null) screen.print(`More: add \`--next ${shellWord(page.next)}\`.`);
  return { exit: exits.done, document: { ...page, ...(await storeAt(session)) } };
};

/** `tidy` or `tidy@3`. */
const versionNamed = (client: Session['client'], text: string): Promise<BodyOf<'version'>> => {
  const [, runbookId = '', version] = /^([^@]+)(?:@([1-9]\d{0,8}))?$/.exec(text) ?? [];
  if (runbookId === '')
    return refuse(`${JSON.stringify(text.slice(0, 140))} names no version: give RUNBOOK, or RUNBOOK@N.`);
  return client.runbook(runbookId, version === undefined ? undefined : Number(version));
};

const show = async ({ screen, client }: Session, named: string): Promise<Answer> => {
  const found = await versionNamed(client, named);
  screen.exact(found.source);
  const newer = await newerThan(inStore({ client }), found.runbook);
  // Beside the document, which stays what was published.
  for (const { runbookId, version, newest } of newer)
    console.error(
      `${found.runbookId}@${found.version} runs ${runbookId}@${version}, and version ${newest} of that is newer: a document that names no version runs it once it is published again.`,
    );
  return { exit: exits.done, document: { ...found, newer } };
};

const difference = async ({ screen, client }: Session, from: string, to: string | undefined): Promise<Answer> => {
  const before = await versionNamed(client, from);
  const after = await versionNamed(client, to ?? before.runbookId);
  const [old, now] = [before, after].map(({ runbookId, version }) => `${runbookId}@${version}`);
  const lines = changedLines(before.source, after.source);
  if (lines.length === 0) screen.print(`${old} and ${now} are the same.`);
  else {
    screen.print(screen.paint('strong', `--- ${old}`));
    screen.print(screen.paint('strong', `+++ ${now}`));
  }
  for (const { head, lines: shown } of hunksOf(lines)) {
    screen.print(screen.paint('quiet', head));
    for (const { mark, text } of shown) {
      const line = `${mark}${harmless(text)}`;
      screen.print(mark === ' ' ? line : screen.paint(mark === '+' ? 'good' : 'bad', line));
    }
  }
  const changed = lines.filter(({ mark }) => mark !== ' ');
  return { exit: exits.done, document: { from: old, to: now, same: lines.length === 0, changed } };
};

const begin = async ({ screen, authoring }: Session, name: string): Promise<Answer> => {
  const file = name.endsWith('.md') ? name : `${name}.md`;
  const runbookId = basename(file, '.md');
  const source = starter(runbookId);
  const compiled = (await authoring()).compile(source);
  if (compiled.kind !== 'runbook')
    return refuse(
      `${JSON.stringify(runbookId.slice(0, 140))} is no runbook id: letters, digits, dots, dashes, underscores, the first a letter or digit.`,
    );
  try {
    // What stands there is never written over.
    await writeFile(file, source, { flag: 'wx' });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const why = { EEXIST: 'it is there already', ENOENT: 'its folder is not there', EACCES: 'you may not write there' };
    refuse(`${file} was not written: ${why[code as keyof typeof why] ?? String(error)}. Give another name.`);
  }
  const word = harmless(shellWord(file));
  screen.print(`Wrote ${word}, runbook ${runbookId}. Next:`);
  for (const [command, what] of [
    ['check', 'finds every mistake'],
    ['plan', 'shows what it would do'],
    ['run', 'publishes and runs it'],
  ])
    screen.print(`  \`pawl ${command} ${word}\` ${what}`);
  return { exit: exits.done, document: { file, path: resolve(file), runbookId } };
};

export const addRunbooks: AddCommands = (program, run) => {
  const listing = program.command('runbooks');
  listing.description('Lists runbooks in order of their names, each by its newest version.');
  listing
    .option('--limit <n>', 'at most so many, up to 100', wholeNumber(1), 100)
    .option('--next <mark>', 'the page after; the mark stands under the page before');
  withExamples(listing, 'pawl runbooks').action(run(list));

  const versions = 'RUNBOOK for its newest version, RUNBOOK@N for another';
  const showing = program.command('show').argument('<runbook>', versions);
  showing.description(
    'Prints the document of a version, byte for byte as it was published; where what it runs has a newer version, says so beside it.',
  );
  withExamples(showing, 'pawl show post_merge', 'pawl show post_merge@2 > old.md').action(run(show));

  const comparing = program.command('diff').argument('<from>', versions);
  comparing.argument('[to]', 'the other one (default: the newest of the same runbook)');
  comparing.description(
    'Shows what differs between two versions, line by line. Exits with 0 whether they differ or not.',
  );
  withExamples(comparing, 'pawl diff post_merge@2 post_merge@3', 'pawl diff post_merge@2').action(run(difference));

  const beginning = program.command('new').argument('<name>', 'id of the runbook; its file is NAME.md');
  beginning.description(
    'Writes a small runbook to begin with: it says what its parts are for, passes `pawl check`, and runs. Needs no store, and\nwrites over nothing.',
  );
  withExamples(beginning, 'pawl new tidy', 'pawl new runbooks/tidy').action(run(begin));
};
