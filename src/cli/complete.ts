/**
 * What may stand next on a command line: for the scripts of `pawl completion`, which call this with each Tab. Commands and
 * options are those that commander has, names and ids those of the store of this machine. Nothing is ever written or said.
 */
import type { Argument, Command, Option } from 'commander';
import type { Client } from './client.ts';

/** A word that fits, and what it is for. */
export type Candidate = { word: string; about: string };
type Given = { data?: string };

/** As many as a person can look at. */
const namesMax = 100;

/** By the name of an argument or option: what its values are. Of all others only the shell knows, as of files. */
const instances = new Set(['instance', 'instances', '--continue']);
const runbooks = new Set(['runbook', 'from', 'to', '--runbook']);

const namesOf = async (client: Client, what: string, prefix: string): Promise<Candidate[]> => {
  if (instances.has(what)) {
    const query = { limit: namesMax, ...(prefix === '' ? {} : { text: prefix }) };
    const { views } = await client.listInstances({ query });
    return views.map(({ instanceId: word, status }) => ({ word, about: status.replace('_', ' ') }));
  }
  const page = await client.listRunbooks({ query: { limit: namesMax } });
  return page.runbooks.map(({ runbookId: word, title: about }) => ({ word, about }));
};

/** Asked at each Tab, so only the store that is at hand. */
const fromStore = async (what: string, prefix: string, given: Given): Promise<Candidate[]> => {
  const [{ readSettings }, { createScreen }, { createSession }] = await Promise.all([
    import('./settings.ts'),
    import('./screen.ts'),
    import('./session.ts'),
  ]);
  const settings = readSettings(given);
  if (settings.service !== null || settings.store.kind !== 'embedded') return [];
  const screen = createScreen(process.stdout, { silent: true, dumb: true });
  const interruption = {
    signal: new AbortController().signal,
    during: async <T>(_: () => void, work: (signal: AbortSignal) => Promise<T>): Promise<T> =>
      await work(interruption.signal),
    handOver: () => {},
  };
  const session = createSession(screen, settings, interruption);
  try {
    return await namesOf(session.client, what, prefix);
  } finally {
    await session.close();
  }
};

type Place = {
  command: Command;
  option: Option | undefined;
  argument: Argument | undefined;
  given: Given;
  plain: boolean;
};

const optionOf = (program: Command, command: Command, word: string): Option | undefined =>
  [...command.options, ...program.options].find(({ short, long }) => short === word || long === word);

/** Where the last word stands, by the words before it. */
const placeOf = (program: Command, before: string[]): Place => {
  let command = program;
  let option: Option | undefined;
  let plain = false;
  let count = 0;
  const given: Given = {};
  for (const word of before) {
    if (option !== undefined) {
      if (option.long === '--data') given.data = word;
      option = undefined;
    } else if (!plain && word === '--') plain = true;
    else if (!plain && word.startsWith('-')) {
      const found = optionOf(program, command, word);
      option = found?.required || found?.optional ? found : undefined;
    } else {
      const named = command.commands.find((one) => one.name() === word);
      if (named !== undefined) command = named;
      else count += 1;
    }
  }
  const args = command.registeredArguments;
  const argument = args[count] ?? (args.at(-1)?.variadic ? args.at(-1) : undefined);
  return { command, option, argument, given, plain };
};

const optionsOf = (program: Command, command: Command): Candidate[] => {
  const all = command === program ? program.options : [...command.options, ...program.options];
  const named = all.flatMap(({ long, description, hidden }) =>
    long === undefined || hidden ? [] : [{ word: long, about: description }],
  );
  return [...named, { word: '--help', about: 'show what it does and takes' }];
};

const valuesOf = async (of: Option | Argument | undefined, prefix: string, given: Given): Promise<Candidate[]> => {
  if (of === undefined) return [];
  if (of.argChoices !== undefined) return of.argChoices.map((word) => ({ word, about: '' }));
  const what = 'long' in of ? (of.long ?? '') : of.name();
  return instances.has(what) || runbooks.has(what) ? await fromStore(what, prefix, given) : [];
};

/** @param words after `pawl`; the last is being typed, and may be empty */
export const complete = async (program: Command, words: string[]): Promise<Candidate[]> => {
  const last = words.at(-1) ?? '';
  const { command, option, argument, given, plain } = placeOf(program, words.slice(0, -1));
  const all = async (): Promise<Candidate[]> => {
    if (option !== undefined) return await valuesOf(option, last, given);
    if (!plain && last.startsWith('-')) return optionsOf(program, command);
    const commands = command.commands.map((one) => ({ word: one.name(), about: one.summary() || one.description() }));
    return commands.length > 0 ? commands : await valuesOf(argument, last, given);
  };
  try {
    return (await all()).filter(({ word }) => word.startsWith(last));
  } catch {
    return []; // A store that cannot be read has no names; a command says why.
  }
};

/** One on a line, with what it is for after a tab. */
export const candidateLine = ({ word, about }: Candidate): string =>
  `${word}\t${about.replaceAll(/\p{Cc}+/gu, ' ').trim()}`;
