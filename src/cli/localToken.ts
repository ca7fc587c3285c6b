/**
 * The token of the services on this machine: drawn once, and kept in a file of the data folder that its owner alone can
 * read. Whoever can read it can read the store beside it too. PAWL_TOKEN fixes it, for tests and containers.
 */
import { randomBytes } from 'node:crypto';
import { linkSync, lstatSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PawlError } from '../engine/index.ts';

const fileName = 'token';
/** It travels as a bearer token, and as the id of an access key. */
const format = /^[A-Za-z0-9_-]{16,256}$/;

/** @returns `undefined` where none was drawn yet, or it is not ours to read */
export const tokenIn = (dataDir: string): string | undefined => {
  try {
    return readFileSync(join(dataDir, fileName), 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
};

/** Whole or not at all. Two services that begin at once agree: the file is made by one of them. */
const keep = (file: string, text: string): void => {
  const part = `${file}.${randomBytes(6).toString('hex')}.part`;
  try {
    writeFileSync(part, text, { flag: 'wx', mode: 0o600 });
    linkSync(part, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(part, { force: true });
  }
};

/**
 * @param named PAWL_TOKEN
 * @throws PawlError `request.invalid` for one that is too short, `store.misconfigured` when none can be kept
 */
export const drawToken = (dataDir: string, named: string | undefined): string => {
  const wanted = 'give 16 to 256 letters, digits, - or _';
  if (named !== undefined && named !== '') {
    if (format.test(named)) return named;
    throw new PawlError('request.invalid', `PAWL_TOKEN cannot be the token of a service: ${wanted}, or unset it.`);
  }
  const file = join(dataDir, fileName);
  try {
    if (lstatSync(file, { throwIfNoEntry: false }) === undefined) keep(file, `${randomBytes(24).toString('hex')}\n`);
    const { mode } = statSync(file);
    if ((mode & 0o077) !== 0) throw new Error('others may read it, and may have; remove it, and a new one is drawn');
  } catch (error) {
    throw new PawlError('store.misconfigured', `The token cannot be kept in ${file}: ${(error as Error).message}.`);
  }
  const token = tokenIn(dataDir);
  if (token !== undefined && format.test(token)) return token;
  throw new PawlError('store.misconfigured', `${file} holds no token: ${wanted} in it, or remove the file.`);
};
