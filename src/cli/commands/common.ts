/** What commands share: how one is added to the program, and options that several take. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Answer, Session } from '../session.ts';

/** Wraps a command's work: opens the session, prints or documents the answer, sets the exit code. */
export type Runner = <A extends unknown[]>(
  work: (session: Session, ...args: A) => Promise<Answer>,
) => (...args: A) => Promise<void>;
export type AddCommands = (program: Command, run: Runner) => void;

export const collect = (value: string, before: string[]): string[] => [...before, value];

export const withParams = (command: Command): Command =>
  command.option(
    '-p, --param <name=value>',
    'a parameter; name=@FILE reads it from a file, name=@@x is the text @x',
    collect,
    [],
  );

export const withExamples = (command: Command, ...examples: string[]): Command =>
  command
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `\nExample${examples.length > 1 ? 's' : ''}:\n${examples.map((line) => `  $ ${line}`).join('\n')}`,
    );

/** @throws InvalidArgumentError for anything but a whole number from `min` */
export const wholeNumber =
  (min: number) =>
  (text: string): number => {
    if (!/^\d{1,15}$/.test(text) || Number(text) < min)
      throw new InvalidArgumentError(`Give a whole number, ${min} or more.`);
    return Number(text);
  };

/** @throws InvalidArgumentError for what cannot be a port */
export const portNumber = (text: string): number => {
  const number = wholeNumber(0)(text);
  if (number > 65_535) throw new InvalidArgumentError('Give a port from 1 to 65535, or 0 for any free one.');
  return number;
};

/** @throws InvalidArgumentError for a text that says nothing, such as the "…" that suggested commands leave open */
export const saidInWords = (text: string): string => {
  if (!/[\p{L}\p{N}]/u.test(text)) throw new InvalidArgumentError('Give a reason in words; it is kept in the journal.');
  return text;
};

export const cellCount = (text: string): number | 'all' => (text === 'all' ? 'all' : wholeNumber(1)(text));

/** Of commands that show what grows. */
export const followOption = (): Option =>
  new Option(
    '--follow',
    'go on as things come, until the instance is over (exit code 1: cancelled); with --json a line for each change',
  );

/** As long as the longest cell, and what is around it. */
const drainSecondsDefault = 15 * 60;
/** A week. Node's timers take no more than 24 days, and fire at once beyond them. */
const drainSecondsMax = 7 * 24 * 60 * 60;
const concurrencyDefault = 16;

const drainSeconds = (text: string): number => {
  const seconds = wholeNumber(0)(text);
  if (seconds > drainSecondsMax)
    throw new InvalidArgumentError(`Give ${drainSecondsMax} seconds at most (drainSecondsMax).`);
  return seconds;
};

/** Of processes that stay. */
export const withDraining = (command: Command): Command =>
  command
    .option('--drain <seconds>', 'how long running cells may go on after SIGTERM', drainSeconds, drainSecondsDefault)
    .option('--concurrency <n>', 'instances gone on with at once', wholeNumber(1), concurrencyDefault);

/** Of processes that stay, where they may be root. */
export const withCellsAs = (command: Command): Command =>
  command.option(
    '--cells-as <user>',
    'run code cells as that user, or uid:gid, who can read nothing of what this process can (as root only)',
  );
