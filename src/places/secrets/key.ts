/** The key of a deployment under which versions of secrets are named that have none of their own. */
import { createHmac, randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { VersionOf } from './source.ts';

const versionChars = 16;

/** Without the key a version tells nothing of a value, not even to who tries all short ones. */
export const versionsUnder =
  (key: string): VersionOf =>
  (value) =>
    createHmac('sha256', key).update(value).digest('hex').slice(0, versionChars);

const keyIn = async (file: string): Promise<string | undefined> => {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

/** Of a data folder: drawn by whoever needs it first, whole before it has its name. */
export const keyOfFolder = async (dataDir: string): Promise<string> => {
  const file = join(dataDir, 'secrets.key');
  const standing = await keyIn(file);
  if (standing !== undefined) return standing;
  await mkdir(dirname(file), { recursive: true });
  const drawn = randomBytes(32).toString('hex');
  const beside = `${file}.${randomBytes(8).toString('hex')}`;
  await writeFile(beside, `${drawn}\n`, { flag: 'wx', mode: 0o600 });
  try {
    await link(beside, file);
    return drawn;
  } catch (error) {
    const first = (error as NodeJS.ErrnoException).code === 'EEXIST' ? await keyIn(file) : undefined;
    if (first === undefined) throw error;
    return first;
  } finally {
    await rm(beside, { force: true });
  }
};
