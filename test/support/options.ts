/** Options of the project's own commands: what is wrong is told in a line, `--help` tells the rest. */
import { type ParseArgsConfig, parseArgs } from 'node:util';

/** Ends the process with 2: it was asked for wrongly, and nothing was done. */
export const refuse = (message: string): never => {
  console.error(`${message.replace(/[.\s]*$/, '')}. See --help.`);
  process.exit(2);
};

/** Reads the command line; `--help` prints the text and ends the process with 0. */
export const readOptions = <T extends ParseArgsConfig>(help: string, config: T) => {
  try {
    const read = parseArgs({ ...config, options: { ...config.options, help: { type: 'boolean' } } } as unknown as T);
    if ((read.values as { help?: boolean }).help) {
      console.log(help);
      process.exit(0);
    }
    return read;
  } catch (error) {
    return refuse((error as Error).message);
  }
};

const seedMax = 1_000_000_000;

/**
 * The seed that was given; else one that is drawn, and told (on stderr, beside any result), so that the run can be had again.
 * @param range how many seeds belong together: it is the first of a range
 */
export const seedOr = (option: string, given: number | undefined, range = 1): number => {
  if (given !== undefined) return given;
  const drawn = 1 + range * Math.floor((Math.random() * seedMax) / range);
  console.error(`drawn: --${option} ${drawn}`);
  return drawn;
};
