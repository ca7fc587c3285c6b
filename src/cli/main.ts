/**
 * The `pawl` command line: reads it, runs one command, and tells how it ended. Only commander is loaded to read it: what a
 * command works with comes when it runs (`act.ts`), and its options when it is named (`commands/index.ts`).
 */
import { Command, CommanderError, Help, Option } from 'commander';
import type { Runner } from './commands/common.ts';
import { addCommands } from './commands/index.ts';
import { completeCall } from './completionScripts.ts';
import { type Exit, exitHelp, exits } from './exitCodes.ts';
import { watchOutput } from './output.ts';
import { packageVersion } from './ownPackage.ts';
import { asTyped, setTyped } from './typed.ts';

const environmentHelp = `Environment:
  PAWL_DATA_DIR            folder of this machine's store, as by --data; else the nearest .pawl from here upwards
  PAWL_DYNAMODB_ENDPOINT   a DynamoDB Local to use instead
  PAWL_CONTEXT             a named place, as by --context
  PAWL_URL                 a running service, as by --url; PAWL_TOKEN: its bearer token, where it takes no signatures
  PAWL_DECIDE_PEOPLE       2: what one person decides of a step in doubt waits for another who decides the same
  PAWL_PUBLIC_URL          where people see the service of this store: what cells at the end of a run are told as run.url
  PAWL_STORE=aws           DynamoDB on AWS, tables PAWL_TABLES-* (default: pawl)
  PAWL_APPEND_ONLY=insert  appends to DynamoDB by INSERT, which can overwrite nothing
  PAWL_HTTP_ALLOW          private host[:port]s that http cells may reach
  PAWL_ALLOW               what cells may have: a file, or JSON (default: allow.json of the data folder)
  PAWL_PLACE               where cells run that run in this process (default: local)
  PAWL_TASKS               folder of the tasks that cells may call (default: tasks)
  PAWL_CELLS_AS            the user as whom code cells run; only root may choose another one than itself
  PAWL_ACTOR               who acts (default: the user logged in); PAWL_GROUPS: their groups, separated by commas
  PAWL_DEPLOYMENT, PAWL_EPOCH, PAWL_TAKEOVER_GRACE_MS, NO_COLOR, PAWL_DEBUG=1`;

/** Only as the first word: `pawl start --version 3` means that of a runbook. */
const versionFlag = new Option('--version', 'print the version of Pawl, and no more');

const usual = new Help();

/** What cannot be left out says so, and that a list is empty need not be said. */
const optionDescription = (option: Option): string =>
  `${usual.optionDescription(option).replace(' (default: [])', '')}${option.mandatory ? ' (required)' : ''}`;

const build = async (run: Runner, json: boolean, argv: string[]): Promise<Command> => {
  const program = new Command('pawl');
  program
    .description('Runs operational runbooks whose steps never run twice without permission.')
    .option('--url <url>', 'work with a running service instead of a store of this machine')
    .option('--data <dir>', "folder of this machine's store (default: the nearest .pawl from here upwards)")
    .option('--context <name>', 'a named place to work with, see `pawl context`')
    .addHelpText(
      'after',
      `\n${exitHelp}\n\n${environmentHelp}\n\nExample:\n  $ pawl demo\n  $ pawl plan runbooks/post_merge.md -p pr=7 -p dir=/srv/app`,
    )
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void process.stdout.write(asTyped(text)),
      // With --json what is wrong is said by the one document.
      writeErr: (text) => void (json || process.stderr.write(asTyped(text))),
    })
    .configureHelp({
      optionDescription,
      subcommandTerm: (command) => usual.subcommandTerm(command).replace(' [options]', ''),
      visibleOptions: (command) => [...(command === program ? [versionFlag] : []), ...usual.visibleOptions(command)],
    });
  await addCommands(argv, program, run);
  for (const command of program.commands)
    command.showHelpAfterError(`Next: \`pawl ${command.name()} --help\` shows how.`);
  return program.showHelpAfterError('Next: `pawl --help` shows the commands.');
};

/** `--url`, `--data` and `--context` stand anywhere on the command line. */
type StoreGiven = { url?: string; data?: string; context?: string };

const storeGiven = (command: unknown): StoreGiven => {
  const { url, data, context } = command instanceof Command ? command.optsWithGlobals<StoreGiven>() : {};
  return {
    ...(url === undefined ? {} : { url }),
    ...(data === undefined ? {} : { data }),
    ...(context === undefined ? {} : { context }),
  };
};

/** @param argv without node and script */
export const main = async (argv: string[]): Promise<void> => {
  watchOutput();
  setTyped({});
  const leave = (exit: Exit): void => {
    process.exitCode = exit;
  };
  if (argv[0] === versionFlag.long) {
    process.stdout.write(`${packageVersion()}\n`);
    return leave(exits.done);
  }
  if (argv[0] === completeCall) {
    const { candidateLine, complete } = await import('./complete.ts');
    const words = argv.slice(1);
    const program = await build(() => async () => {}, false, words);
    for (const candidate of await complete(program, words)) process.stdout.write(`${candidateLine(candidate)}\n`);
    return leave(exits.done);
  }
  const json = argv.includes('--json');
  const form = { json, lines: argv.includes('--follow') };
  const run: Runner =
    (work) =>
    async (...args) => {
      const given = storeGiven(args.at(-1));
      setTyped(given);
      const { act } = await import('./act.ts');
      leave(await act((session) => work(session, ...args), { ...given, ...form }));
    };
  try {
    const program = await build(run, json, argv);
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return;
    // Commander has told people what is wrong by itself.
    if (error instanceof CommanderError && !json) return leave(exits.invalid);
    const { tellTrouble } = await import('./act.ts');
    leave(tellTrouble(error, form));
  }
};
