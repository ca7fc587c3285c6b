/** A copy of the store while others write to it: whole, on the disk, and under its name only then. */
import { chmod, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { PawlError } from '../engine/index.ts';
import type { Sqlite } from './sqlite.ts';

const toDisk = async (path: string): Promise<void> => {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** @throws PawlError `request.invalid` where something stands, `store.unavailable` where it cannot be written */
export const backUp = async (store: Sqlite, target: string): Promise<{ file: string; bytes: number }> => {
  const file = resolve(target);
  if ((await stat(file).catch(() => undefined)) !== undefined)
    throw new PawlError('request.invalid', `${file} is there already: give a file that is not.`, { file });
  const made = `${file}.${process.pid}.part`;
  try {
    await store.copyTo(made);
    await chmod(made, 0o600);
    await toDisk(made);
    await rename(made, file);
    await toDisk(dirname(file));
    return { file, bytes: (await stat(file)).size };
  } catch (error) {
    await rm(made, { force: true }).catch(() => undefined);
    const message = `The backup ${file} was not made (${(error as Error).message}): look at the folder and the room on its disk.`;
    throw new PawlError('store.unavailable', message, { file }, error);
  }
};
