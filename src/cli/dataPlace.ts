/** Which folder of this machine holds the store: the one that is named, else the nearest `.pawl` from here upwards. */
import { lstatSync, type Stats } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { PawlError } from '../engine/index.ts';

const folderName = '.pawl';

/** `lookedFrom`: none was named, and neither here nor above is one. */
export type DataPlace = { dataDir: string; lookedFrom?: string };

/** A folder of another user could hold runbooks of theirs, which would run as us. */
const assertOwn = (dataDir: string, ownerId: number, userId: number | undefined): void => {
  if (userId === undefined || ownerId === userId) return;
  const message = `${dataDir} belongs to another user: name it by --data or PAWL_DATA_DIR if it is meant, or name another.`;
  throw new PawlError('request.invalid', message, { dataDir });
};

const standing = (path: string): Stats | undefined => {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // In a folder above that we may not look into.
  }
};

/** @param userId of the caller; `undefined` where there are none, as on Windows */
const nearest = (from: string, userId: number | undefined): string | undefined => {
  const dataDir = join(from, folderName);
  const found = standing(dataDir);
  if (found?.isDirectory() || found?.isSymbolicLink()) {
    assertOwn(dataDir, found.uid, userId);
    return dataDir;
  }
  const above = dirname(from);
  return above === from ? undefined : nearest(above, userId);
};

/**
 * @param named by --data or PAWL_DATA_DIR
 * @throws PawlError `request.invalid` where the nearest belongs to another user
 */
export const dataPlace = (named: string | undefined, from: string, userId = process.getuid?.()): DataPlace => {
  if (named !== undefined && named !== '') return { dataDir: resolve(from, named) };
  const dataDir = nearest(resolve(from), userId);
  return dataDir === undefined ? { dataDir: resolve(from, folderName), lookedFrom: resolve(from) } : { dataDir };
};

/** What to say of a folder without a store. */
export const noStore = ({ dataDir, lookedFrom }: DataPlace): string => {
  const where =
    lookedFrom === undefined
      ? `There is no store in ${dataDir}`
      : `There is no store here or above: no ${folderName} in ${lookedFrom} or a folder above it`;
  return `${where}. \`pawl run FILE\` makes one; --data DIR or PAWL_DATA_DIR names another.`;
};
