/** completion: what makes a shell complete commands, options, names and ids. */
import { Argument } from 'commander';
import { completionScripts, type Shell, shells } from '../completionScripts.ts';
import { exits } from '../exitCodes.ts';
import type { Answer, Session } from '../session.ts';
import { type AddCommands, withExamples } from './common.ts';

const completion = async ({ screen }: Session, shell: Shell): Promise<Answer> => {
  const script = completionScripts[shell];
  screen.exact(script);
  return { exit: exits.done, document: { shell, script } };
};

export const addCompletion: AddCommands = (program, run) => {
  const printing = program.command('completion').addArgument(new Argument('<shell>', 'which shell').choices(shells));
  printing.description(
    "Prints a script by which a shell completes commands, options, runbooks, and ids of this machine's store.\nPut the line of the example into ~/.bashrc or ~/.zshrc; fish: `pawl completion fish | source`.",
  );
  withExamples(printing, 'source <(pawl completion bash)').action(run(completion));
};
