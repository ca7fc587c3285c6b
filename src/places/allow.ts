/**
 * What the cells of a place may have. Its operator says so, in a file or a variable of the place: an author alone gets
 * nothing. What is Pawl's own is handed on to nobody, whatever is allowed.
 */
import { readFileSync, realpathSync } from 'node:fs';
import { join, sep } from 'node:path';
import * as z from 'zod';
import { isNeverHanded, once, PawlError } from '../engine/index.ts';

const entriesMax = 500;
const schema = once(() => {
  const entry = z.string().min(1).max(2_048);
  /** A `*` stands at the end, for whatever follows; anywhere else nobody could see at a glance what is allowed. */
  const pattern = entry.refine((text) => !text.slice(0, -1).includes('*'), 'a * may stand at the end only');
  const secretPattern = pattern.refine(
    (text) => /^(?:ssm:\/|secretsmanager:|file:\/|env:)/.test(text),
    'a secret is allowed by where it is: ssm:/…, secretsmanager:…, file:/… or env:…',
  );
  const listOf = (one: z.ZodType<string>) => z.array(one).max(entriesMax).default([]);

  return z.strictObject({
    /** Names of variables that cells may have. */
    env: listOf(pattern),
    /** Where secrets may come from, as `from` says it. */
    secrets: listOf(secretPattern),
    /** What cells may ask of AWS; the form of these is theirs to check (`cells/aws/allowed`). ARNs of roles that they may assume. */
    roles: listOf(entry),
    /** Hosts beside those of AWS that a signed request may go to. */
    hosts: listOf(entry),
    /** Actions that `aws` cells may ask for, `service:Action`. */
    aws: listOf(entry),
  });
});
export type Allow = z.output<ReturnType<typeof schema>>;

const nothing = (): Allow => schema().parse({});

const refuse = (where: string, why: string): never => {
  throw new PawlError('request.invalid', `${where}, which says what cells may have, ${why}.`);
};

/** A key that stands there twice, of which the last would count. Keys are all that stands before a colon in lists of texts. */
const twice = (text: string): string | undefined => {
  const keys = [...text.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?/g)].flatMap(([, key = '', colon]) =>
    colon === undefined ? [] : [JSON.parse(key) as string],
  );
  return keys.find((key, index) => keys.indexOf(key) !== index);
};

/** @throws PawlError `request.invalid` that names `where` and what is wrong */
export const parseAllow = (text: string, where: string): Allow => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refuse(where, 'is not JSON');
  }
  const parsed = schema().safeParse(value);
  if (parsed.success) {
    const key = twice(text);
    return key === undefined ? parsed.data : refuse(where, `is refused: \`${key}\` stands there twice`);
  }
  const [first] = parsed.error.issues;
  const path = first?.path.join('.') ?? '';
  return refuse(where, `is refused${path === '' ? '' : ` at ${path}`}: ${first?.message ?? 'it is no object'}`);
};

/** The file that PAWL_ALLOW names; `undefined`: it names none. */
export const allowFileOf = (given: string | undefined): string | undefined =>
  given === undefined || given === '' || given.trimStart().startsWith('{') ? undefined : given;

/**
 * From the file that PAWL_ALLOW names (or PAWL_ALLOW itself, where that is JSON), else from `allow.json` of the data folder; never
 * from the working directory, which an author may have written. Where there is none, nothing is allowed.
 * @param given PAWL_ALLOW @param dataDir `null`: there is none
 * @throws PawlError `request.invalid` when it is there and cannot be read
 */
export const readAllow = (given: string | undefined, dataDir: string | null): Allow => {
  const named = allowFileOf(given);
  if (named === undefined && given) return parseAllow(given, 'PAWL_ALLOW');
  if (named === undefined && dataDir === null) return nothing();
  const file = named ?? join(dataDir ?? '', 'allow.json');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && named === undefined) return nothing();
    return refuse(file, `cannot be read (${code})`);
  }
  return parseAllow(text, file);
};

/** Whether a text is in a list of patterns. */
export const isListed = (patterns: readonly string[], text: string): boolean =>
  patterns.some((one) => (one.endsWith('*') ? text.startsWith(one.slice(0, -1)) : text === one));

/** The path as the system would follow it; of what is not there, as it is written. */
const realOf = (path: string): string => {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
};

/**
 * Why a cell may not have the secret; `undefined`: it may.
 * @param ownPaths folders and files of Pawl's own, like the data folder with its token
 */
export const refusalOf = (allow: Allow, from: string, ownPaths: readonly string[]): string | undefined => {
  if (from.startsWith('env:') && isNeverHanded(from.slice('env:'.length)))
    return 'which is handed on to no cell, whatever is allowed';
  if (from.startsWith('file:')) {
    const path = from.slice('file:'.length);
    if (path.split('/').includes('..')) return 'whose path has a `..`';
    // Also where the file itself is a link to it.
    const real = realOf(path);
    const own = [...ownPaths.map(realOf), '/proc', '/dev', '/sys'];
    if (own.some((one) => real === one || real.startsWith(one + sep)))
      return 'which is handed on to no cell, whatever is allowed';
    // A link may lead out of what is allowed.
    if (real !== path && !isListed(allow.secrets, `file:${real}`) && isListed(allow.secrets, from))
      return `which is a link to ${real}, and allow.secrets of this place does not list that`;
  }
  return isListed(allow.secrets, from) ? undefined : 'which allow.secrets of this place does not list';
};
