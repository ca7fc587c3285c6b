/** Commands that we name are there to be pasted: by `pawl` where that is a command, by `npx pawl` where npm found it. */
import { shellWord } from './shellWord.ts';

/** Stands in what a person or a cell wrote, and is never shown: what looks like a command of ours there is left as it is. */
const notOurs = '\u200b';

/** npm says in its environment that it started us, by `npx pawl` or by a script of a package. */
const startedByNpm = process.env.npm_command !== undefined;

/** What a person or a cell wrote, so that `asTyped` leaves it alone. */
export const asWritten = (text: string): string => text.replaceAll('`pawl ', `\`${notOurs}pawl `);

/** Where the command that runs was told to work: a command that is pasted without it would look elsewhere. */
let where = '';
let folder = '';
/** `--url` and `--data` as they were given; what comes from the environment is there for the next command as well. */
export const setTyped = (given: { url?: string; data?: string }): void => {
  const written = (options: object): string =>
    Object.entries(options)
      .map(([name, value]) => `--${name} ${shellWord(String(value))} `)
      .join('');
  where = written(given);
  const { url: _, ...others } = given;
  folder = written(others);
};
/** A service is none of another service, and what is named is chosen from all. */
const whereOf = (command: string): string => {
  if (command === 'context') return '';
  return command === 'serve' ? folder : where;
};

const npx = (byNpm: boolean): string => (byNpm ? 'npx ' : '');

/** A text of ours, with its commands as they are typed here: in backquotes, or after the `$` of an example. */
export const asTyped = (text: string, byNpm = startedByNpm): string =>
  text
    .replaceAll(/`pawl (?=([a-z]+))/g, (_, command: string) => `\`pawl ${whereOf(command)}`)
    .replaceAll(/(`|^ *\$ )(?=pawl )/gm, (before) => before + npx(byNpm))
    .replaceAll(notOurs, '');

/** A command that stands alone. */
export const commandTyped = (command: string, byNpm = startedByNpm): string =>
  `${npx(byNpm)}${command.replace(/^pawl (?=(\w*))/, (_, name: string) => `pawl ${whereOf(name)}`)}`;
