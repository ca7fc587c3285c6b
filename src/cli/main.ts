/** The `pawl` command line: reads it, runs one command, and tells how it ended. */
import { Command, CommanderError } from 'commander';
import { isPawlError } from '../engine/index.ts';
import { addAuthoring } from './commands/authoring.ts';
import { addClaims } from './commands/claims.ts';
import type { Runner } from './commands/common.ts';
import { addDeciding } from './commands/deciding.ts';
import { addDemo } from './commands/demo.ts';
import { addDoubts } from './commands/doubts.ts';
import { addKeeping } from './commands/keeping.ts';
import { addMoving } from './commands/moving.ts';
import { addReading } from './commands/reading.ts';
import { addRedriving } from './commands/redriving.ts';
import { addTesting } from './commands/testing.ts';
import { addVoting } from './commands/voting.ts';
import { readSettings, readTerminal } from './deps.ts';
import { type Exit, exitHelp, exitOfError, exits } from './exits.ts';
import { watchSignals } from './interruption.ts';
import { createScreen } from './screen.ts';
import { createSession } from './session.ts';
import { report } from './trouble.ts';

const environmentHelp = `Environment:
  PAWL_DATA_DIR            folder of this machine's store, pawl.db (default: .pawl)
  PAWL_DYNAMODB_ENDPOINT   a DynamoDB Local to use instead
  PAWL_URL                 a running service, as by --url; PAWL_TOKEN: its bearer token, where it takes no signatures
  PAWL_STORE=aws           DynamoDB on AWS, tables PAWL_TABLES-* (default: pawl)
  PAWL_APPEND_ONLY=insert  appends to DynamoDB by INSERT, which can overwrite nothing
  PAWL_HTTP_ALLOW          private host[:port]s that http cells may reach
  PAWL_ACTOR               who acts (default: the user logged in); PAWL_GROUPS: their groups, separated by commas
  PAWL_DEPLOYMENT, PAWL_EPOCH, PAWL_TAKEOVER_GRACE_MS, NO_COLOR, PAWL_DEBUG=1`;

const build = (run: Runner, json: boolean): Command => {
  const program = new Command('pawl');
  program
    .description('Runs operational runbooks whose steps never run twice without permission.')
    .option('--url <url>', 'work with a running service instead of a store of this machine')
    .addHelpText(
      'after',
      `\n${exitHelp}\n\n${environmentHelp}\n\nExample:\n  $ pawl demo\n  $ pawl plan runbooks/post_merge.md -p pr=7 -p dir=/srv/app`,
    )
    .exitOverride()
    .configureOutput(json ? { writeErr: () => undefined } : {});
  addAuthoring(program, run);
  addTesting(program, run);
  addMoving(program, run);
  addReading(program, run);
  addKeeping(program, run);
  addDoubts(program, run);
  addDeciding(program, run);
  addVoting(program, run);
  addClaims(program, run);
  addRedriving(program, run);
  addDemo(program, run);
  for (const command of program.commands)
    command.showHelpAfterError(`Next: \`pawl ${command.name()} --help\` shows how.`);
  return program.showHelpAfterError('Next: `pawl --help` shows the commands.');
};

/** `--url` stands anywhere on the command line, and before PAWL_URL. */
const urlOf = (command: unknown): string | undefined =>
  command instanceof Command ? command.optsWithGlobals<{ url?: string }>().url : undefined;

/** @param argv without node and script */
export const main = async (argv: string[]): Promise<void> => {
  const json = argv.includes('--json');
  const { dumb, debug } = readTerminal();
  const screen = createScreen(process.stdout, { silent: json, dumb });
  const leave = (exit: Exit): void => {
    process.exitCode = exit;
  };
  const run: Runner =
    (work) =>
    async (...args) => {
      const session = createSession(screen, readSettings(urlOf(args.at(-1))), watchSignals());
      try {
        const { exit, document } = await work(session, ...args);
        if (json) screen.document(document);
        leave(exit);
      } finally {
        await session.close();
      }
    };
  try {
    await build(run, json).parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return;
    report(error, screen, { json, debug });
    leave(isPawlError(error) ? exitOfError(error) : error instanceof CommanderError ? exits.invalid : exits.failed);
  }
};
