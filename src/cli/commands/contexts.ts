/** context: named places to work with. */
import { resolve } from 'node:path';
import { PawlError } from '../../engine/index.ts';
import { type Context, changeContexts, knownContexts, readContext, readContextName } from '../contexts.ts';
import { exits } from '../exits.ts';
import type { Answer, Session } from '../session.ts';
import { plainEnvironment } from '../settings.ts';
import { type AddCommands, withExamples } from './common.ts';

const known = () => knownContexts(plainEnvironment(), process.cwd());

const about = (context: Context): string => ('data' in context ? `--data ${context.data}` : `--url ${context.url}`);

const list = async ({ screen }: Session): Promise<Answer> => {
  const { known: contexts, current } = known();
  const all = [...contexts].map(([name, { context, file }]) => ({ name, ...context, file, current: name === current }));
  if (all.length === 0) screen.print('No contexts. `pawl context set NAME --url URL` makes one.');
  else
    screen.table(
      ['', 'context', 'works with', 'stands in'],
      [...contexts].map(([name, { context, file }]) => [name === current ? '*' : '', name, about(context), file]),
    );
  return { exit: exits.done, document: { current, contexts: all } };
};

const use = async ({ screen }: Session, name: string | undefined, { none }: { none?: true }): Promise<Answer> => {
  if ((name === undefined) === (none === undefined))
    throw new PawlError('request.invalid', 'Give the name of a context, or --none for the nearest .pawl again.');
  const found = name === undefined ? undefined : known().known.get(name);
  if (name !== undefined && found === undefined)
    throw new PawlError(
      'request.invalid',
      `There is no context ${name}; \`pawl context list\` shows those that there are.`,
    );
  // Taken over: a folder of somebody else never changes afterwards where this goes.
  changeContexts(plainEnvironment(), (now) => ({
    ...now,
    contexts: name === undefined || found === undefined ? now.contexts : { ...now.contexts, [name]: found.context },
    current: name ?? null,
  }));
  screen.print(
    found === undefined
      ? 'No context is in use.'
      : `${name} is in use: every command works with ${about(found.context)}.`,
  );
  return { exit: exits.done, document: { current: name ?? null } };
};

type SetOptions = { tokenFile?: string; region?: string };

const set = async (session: Session, name: string, { tokenFile, region }: SetOptions): Promise<Answer> => {
  const { screen, given } = session;
  const context = readContext({
    ...(given.url === undefined ? {} : { url: given.url }),
    ...(given.data === undefined ? {} : { data: resolve(given.data) }),
    ...(tokenFile === undefined ? {} : { tokenFile: resolve(tokenFile) }),
    ...(region === undefined ? {} : { region }),
  });
  changeContexts(plainEnvironment(), (now) => ({
    ...now,
    contexts: { ...now.contexts, [readContextName(name)]: context },
  }));
  screen.print(`${name}: ${about(context)}. \`pawl context use ${name}\` works with it from now on.`);
  return { exit: exits.done, document: { name, ...context } };
};

const remove = async ({ screen }: Session, name: string): Promise<Answer> => {
  let removed = false;
  changeContexts(plainEnvironment(), ({ contexts, current, ...rest }) => {
    removed = Object.hasOwn(contexts, name);
    const { [name]: _, ...others } = contexts;
    return { ...rest, contexts: others, current: current === name ? null : current };
  });
  if (!removed) throw new PawlError('request.invalid', `There is no context ${name} of your own.`);
  screen.print(`${name} is removed.`);
  return { exit: exits.done, document: { removed: name } };
};

export const addContexts: AddCommands = (program, run) => {
  const contexts = program.command('context');
  contexts.description(
    'Named places to work with: a service, or a data folder. --context NAME takes one for a command, `use` for all to come.',
  );
  withExamples(contexts.command('list').description('Lists contexts.'), 'pawl context list').action(run(list));
  const using = contexts.command('use').argument('[name]', 'of a context').description('Works with it from now on.');
  using.option('--none', 'with none: the nearest .pawl again');
  withExamples(using, 'pawl context use prod').action(run(use));
  const setting = contexts.command('set').argument('<name>', 'of the context');
  setting.description('Keeps a context: a service by --url, or a data folder by --data.');
  setting
    .option('--token-file <file>', 'holds the bearer token; without it requests are signed (AWS)')
    .option('--region <region>', 'of AWS, where the URL does not say it');
  withExamples(
    setting,
    'pawl context set prod --url https://abc123.execute-api.eu-west-1.amazonaws.com',
    'pawl context set here --url http://127.0.0.1:3000 --token-file /var/lib/pawl/token',
  ).action(run(set));
  withExamples(
    contexts.command('remove').argument('<name>', 'of the context').description('Forgets it.'),
    'pawl context remove prod',
  ).action(run(remove));
};
