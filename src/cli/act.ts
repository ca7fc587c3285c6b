/** What stands behind every command: its session, its answer as an exit code or a document, and how trouble is told. */
import { CommanderError } from 'commander';
import { isPawlError } from '../engine/index.ts';
import { type Exit, exitOfError, exits } from './exits.ts';
import { watchSignals } from './interruption.ts';
import { createScreen, type Screen } from './screen.ts';
import { type Answer, createSession, type Session } from './session.ts';
import { readSettings, readTerminal } from './settings.ts';
import { report } from './trouble.ts';

/** `lines`: what is followed is told in many documents, each on a line. */
export type Form = { json: boolean; lines: boolean };

const openScreen = ({ json, lines }: Form): Screen =>
  createScreen(process.stdout, { silent: json, lines, dumb: readTerminal().dumb });

/** @param given which store, on the command line */
export const act = async (
  work: (session: Session) => Promise<Answer>,
  { json, lines, ...given }: { url?: string; data?: string; context?: string } & Form,
): Promise<Exit> => {
  const screen = openScreen({ json, lines });
  const settings = readSettings(given);
  // Whoever chose it an hour ago is told where this goes.
  if (settings.context?.isInUse && !json) process.stderr.write(`Context ${settings.context.name}.\n`);
  const session = createSession(screen, settings, watchSignals(), given);
  try {
    const { exit, document } = await work(session);
    if (json && document !== undefined) screen.document(document);
    return exit;
  } finally {
    await session.close();
  }
};

/** Tells what went wrong, and says which exit code that is. */
export const tellTrouble = (error: unknown, form: Form): Exit => {
  report(error, openScreen(form), { json: form.json, debug: readTerminal().debug });
  if (isPawlError(error)) return exitOfError(error);
  return error instanceof CommanderError ? exits.invalid : exits.failed;
};
