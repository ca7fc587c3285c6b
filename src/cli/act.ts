/** What stands behind every command: its session, its answer as an exit code or a document, and how trouble is told. */
import { CommanderError } from 'commander';
import { isPawlError } from '../engine/index.ts';
import { readSettings, readTerminal } from './deps.ts';
import { type Exit, exitOfError, exits } from './exits.ts';
import { watchSignals } from './interruption.ts';
import { createScreen, type Screen } from './screen.ts';
import { type Answer, createSession, type Session } from './session.ts';
import { report } from './trouble.ts';

const openScreen = (json: boolean): Screen => createScreen(process.stdout, { silent: json, dumb: readTerminal().dumb });

/** @param given which store, on the command line */
export const act = async (
  work: (session: Session) => Promise<Answer>,
  { json, ...given }: { url?: string; data?: string; json: boolean },
): Promise<Exit> => {
  const screen = openScreen(json);
  const session = createSession(screen, readSettings(given), watchSignals());
  try {
    const { exit, document } = await work(session);
    if (json) screen.document(document);
    return exit;
  } finally {
    await session.close();
  }
};

/** Tells what went wrong, and says which exit code that is. */
export const tellTrouble = (error: unknown, json: boolean): Exit => {
  report(error, openScreen(json), { json, debug: readTerminal().debug });
  if (isPawlError(error)) return exitOfError(error);
  return error instanceof CommanderError ? exits.invalid : exits.failed;
};
