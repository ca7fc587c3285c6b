/** Whether what cells need is here: programs in the PATH, variables that are set and that the place allows. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { isNeverHanded, type Needs, programName, variableOf } from '../engine/index.ts';
import { type Allow, isListed } from './allow.ts';

const isProgram = async (file: string): Promise<boolean> => {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
};

/** Folders that are not absolute are where a cell begins, and so none. */
export const absoluteFolders = (path: string): string[] => [
  ...new Set(path.split(delimiter).filter((folder) => folder.startsWith('/'))),
];

/** The file that a cell would run by that name; `undefined`: none. */
const findProgram = async (name: string, path: string): Promise<string | undefined> => {
  if (!programName.test(name)) return undefined;
  for (const folder of absoluteFolders(path)) {
    const file = join(folder, name);
    if (await isProgram(file)) return file;
  }
  return undefined;
};

/** What is wrong with a variable, if something is. One that need not be there has to be allowed where it is. */
const lackOf = (need: string, env: NodeJS.ProcessEnv, allow: Allow | string): string | undefined => {
  const { name, isOptional } = variableOf(need);
  if (isOptional && env[name] === undefined) return undefined;
  if (isNeverHanded(name)) return `env ${name}, which is never handed to a cell`;
  if (typeof allow === 'string') return `env ${name} (${allow})`;
  if (!isListed(allow.env, name)) return `env ${name}, which allow.env of this place does not list`;
  return env[name] === undefined ? `env ${name}` : undefined;
};

/** @param allow what the place allows, or why that is not known */
export const missingOf = async (
  { programs, env: variables }: Needs,
  env: NodeJS.ProcessEnv,
  path: string,
  allow: Allow | string,
): Promise<string[]> => {
  const missing: string[] = [];
  for (const name of programs)
    if ((await findProgram(name, path)) === undefined) missing.push(`program ${name} (looked in PATH)`);
  return [...missing, ...variables.flatMap((name) => lackOf(name, env, allow) ?? [])];
};
