/**
 * The failure queue of a machine without one: a folder with a file for every outcome that the store did not take. A file
 * is written whole or not at all, and removed only by `pawl redrive` once the journal has what it says.
 */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Unrecorded } from '../engine/index.ts';

const ending = '.json';

/** Writes an outcome to the folder, and returns only once the disk has it. */
export const setAside = async (dir: string, item: Unrecorded): Promise<void> => {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const path = join(dir, `${item.instanceId}-${item.about}-${item.token}`);
  const file = await open(`${path}.part`, 'w', 0o600);
  try {
    await file.writeFile(JSON.stringify(item));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.part`, `${path}${ending}`);
};

/** Paths of the outcomes that wait, in order of their names; none when the folder does not exist. */
export const listSetAside = async (dir: string): Promise<string[]> => {
  const names = await readdir(dir).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  });
  return names
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => join(dir, name));
};

export const readSetAside = (path: string): Promise<string> => readFile(path, 'utf8');

export const removeSetAside = (path: string): Promise<void> => rm(path);
