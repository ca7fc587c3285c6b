/** Commands that we name are there to be pasted: by `pawl` where that is a command, by `npx pawl` where npm found it. */

/** Stands in what a person or a cell wrote, and is never shown: what looks like a command of ours there is left as it is. */
const notOurs = '\u200b';

/** npm says in its environment that it started us, by `npx pawl` or by a script of a package. */
const startedByNpm = process.env.npm_command !== undefined;

/** What a person or a cell wrote, so that `asTyped` leaves it alone. */
export const asWritten = (text: string): string => text.replaceAll('`pawl ', `\`${notOurs}pawl `);

/** A text of ours, with its commands as they are typed here: in backquotes, or after the `$` of an example. */
export const asTyped = (text: string, byNpm = startedByNpm): string => {
  const named = byNpm ? text.replaceAll(/(`|^ *\$ )(?=pawl )/gm, '$1npx ') : text;
  return named.replaceAll(notOurs, '');
};

/** A command that stands alone. */
export const commandTyped = (command: string, byNpm = startedByNpm): string => (byNpm ? `npx ${command}` : command);
