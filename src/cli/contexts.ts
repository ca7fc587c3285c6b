/**
 * Named places to work with, as kubectl has them: `pawl context use prod`. They stand in the user's own file; those of a
 * `pawl.config.json`, here or above, can be named too, and are taken over into the user's file by `use`. A file that came
 * with somebody's folder never chooses by itself where a command goes, nor which token it brings.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import * as z from 'zod';
import { once, PawlError } from '../engine/index.ts';

const projectFile = 'pawl.config.json';
const name = once(() =>
  z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'letters, digits, dots and dashes, 64 at most'),
);
const context = once(() =>
  z.union([
    z.strictObject({
      url: z.url({ protocol: /^https?$/ }),
      /** A file that holds the bearer token. Without it requests are signed, or have the token of this machine's service. */
      tokenFile: z.string().min(1).exactOptional(),
      /** Of AWS, where the URL does not say it. */
      region: z.string().min(1).exactOptional(),
    }),
    z.strictObject({ data: z.string().min(1) }),
  ]),
);
export type Context = z.infer<ReturnType<typeof context>>;
const config = once(() =>
  z.strictObject({
    $schema: z.string().exactOptional(),
    contexts: z.record(name(), context()).default({}),
    /** Only the user's own file chooses. */
    current: name().nullable().default(null),
  }),
);
export type Config = z.infer<ReturnType<typeof config>>;

const refuse = (message: string): never => {
  throw new PawlError('request.invalid', message);
};

/** A relative path would find the file of whoever made the folder that we are in, so it names none (as XDG says). */
const folderOf = (path: string | undefined): string | undefined =>
  path !== undefined && isAbsolute(path) ? path : undefined;
const homeOf = (env: NodeJS.ProcessEnv): string => {
  try {
    return folderOf(env.HOME) ?? folderOf(homedir()) ?? userInfo().homedir;
  } catch {
    return '/'; // A container may run under a user id that has no name.
  }
};
export const userFile = (env: NodeJS.ProcessEnv): string =>
  join(folderOf(env.XDG_CONFIG_HOME) ?? join(homeOf(env), '.config'), 'pawl', 'config.json');

const read = (file: string): Config => {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { contexts: {}, current: null };
    return refuse(`${file} cannot be read: ${(error as Error).message}.`);
  }
  try {
    return config().parse(JSON.parse(text));
  } catch (error) {
    const why =
      error instanceof z.ZodError ? error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) : [];
    return refuse(`${file} is not a configuration of Pawl: ${why.join('; ') || (error as Error).message}.`);
  }
};

const nearestProject = (from: string): string | undefined => {
  const file = join(from, projectFile);
  if (existsSync(file)) return file;
  const above = dirname(from);
  return above === from ? undefined : nearestProject(above);
};

/** Paths in a file are meant from where it lies. */
const absolute = (found: Context, file: string): Context =>
  'data' in found
    ? { data: resolve(dirname(file), found.data) }
    : { ...found, ...(found.tokenFile === undefined ? {} : { tokenFile: resolve(dirname(file), found.tokenFile) }) };

export type Known = { context: Context; file: string };
/** Every context that can be named here, the user's own before those of the project. */
export const knownContexts = (
  env: NodeJS.ProcessEnv,
  cwd: string,
): { known: Map<string, Known>; current: string | null } => {
  const own = userFile(env);
  const project = nearestProject(resolve(cwd));
  const known = new Map<string, Known>();
  for (const file of project === undefined ? [own] : [project, own]) {
    for (const [each, found] of Object.entries(read(file).contexts)) {
      // It could name any file of the user's, and where to send it.
      if (file === project && 'tokenFile' in found)
        refuse(`${file}: context ${each} names a tokenFile, which only a file of your own may: \`pawl context set\`.`);
      known.set(each, { context: absolute(found, file), file });
    }
  }
  return { known, current: read(own).current };
};

export type Chosen = { name: string; context: Context; token: string | undefined };

const tokenOf = (found: Context, chosen: string): string | undefined => {
  if ('data' in found || found.tokenFile === undefined) return undefined;
  try {
    return readFileSync(found.tokenFile, 'utf8').trim() || undefined;
  } catch (error) {
    return refuse(`The token of context ${chosen} cannot be read: ${(error as Error).message}.`);
  }
};

/**
 * The context that a command works with: by --context or PAWL_CONTEXT, else the one in use.
 * @throws PawlError `request.invalid` for one that is not known
 */
export const chosenContext = (named: string | undefined, env: NodeJS.ProcessEnv, cwd: string): Chosen | undefined => {
  if (named === undefined && !existsSync(userFile(env))) return undefined;
  const file = userFile(env);
  const own = read(file);
  const chosen = named ?? own.current;
  if (chosen === null) return undefined;
  const mine = Object.hasOwn(own.contexts, chosen) ? own.contexts[chosen] : undefined;
  const found =
    // The file of a project matters to whoever names what only it has.
    mine !== undefined
      ? { context: absolute(mine, file) }
      : named === undefined
        ? undefined
        : knownContexts(env, cwd).known.get(named);
  if (found === undefined)
    return refuse(`There is no context ${chosen}; \`pawl context list\` shows those that there are.`);
  return { name: chosen, context: found.context, token: tokenOf(found.context, chosen) };
};

/** Node's own `recursive` never ends where a file system says that a folder just made is not there, as /proc does. */
const makeFolder = (folder: string): void => {
  const above = dirname(folder);
  if (existsSync(folder)) return;
  if (above !== folder) makeFolder(above);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
};

/** Alters the user's own file: it is there whole, or as it was. */
export const changeContexts = (env: NodeJS.ProcessEnv, change: (now: Config) => Config): void => {
  const file = userFile(env);
  const changed = config().parse(change(read(file)));
  const part = `${file}.${process.pid}.part`;
  try {
    makeFolder(dirname(file));
    writeFileSync(part, `${JSON.stringify(changed, null, 2)}\n`, { mode: 0o600 });
    renameSync(part, file);
  } catch (error) {
    refuse(`${file} cannot be written: ${(error as Error).message}. XDG_CONFIG_HOME names another folder.`);
  }
};

/** @throws PawlError `request.invalid` saying what is wrong with it */
export const readContext = (given: object): Context => {
  const parsed = context().safeParse(given);
  if (parsed.success) return parsed.data;
  return refuse('A context is --url URL (with --token-file, --region), or --data DIR: give one of them.');
};

export const readContextName = (text: string): string => {
  const parsed = name().safeParse(text);
  return parsed.success
    ? parsed.data
    : refuse(`${JSON.stringify(text)} cannot be the name of a context: ${parsed.error.issues[0]?.message}.`);
};
