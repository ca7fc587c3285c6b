/** The folder that holds `pawl.db`: made for its owner alone, and refused where SQLite could not keep what it promises. */
import { constants } from 'node:fs';
import { access, chmod, mkdir, open, readdir, stat, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { PawlError } from '../engine/index.ts';

export const dataFile = 'pawl.db';

const folderMode = 0o700;
const fileMode = 0o600;

/** `f_type` of file systems that other machines write too: there the shared memory of WAL is not shared. */
const networkTypes = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xfe534d42, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x73757245, 'Coda'],
  [0x01021997, '9p'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
  [0x7461636f, 'OCFS2'],
  [0x786f4256, 'vboxsf'],
]);

/** What the type of a file system says: the name of one over a network. */
export const networkOf = (type: number): string | undefined => networkTypes.get(type >>> 0);

const refuse = (dataDir: string, why: string, cause?: unknown): never => {
  const message = `The data folder ${dataDir} cannot be used: ${why}. Set PAWL_DATA_DIR to another.`;
  throw new PawlError('store.misconfigured', message, { dataDir }, cause);
};

const reasons: Record<string, string> = {
  EACCES: 'it cannot be written by you',
  EPERM: 'it cannot be written by you',
  EROFS: 'it is on a file system that is read only',
  ENOTDIR: 'it, or what it should be in, is a file',
  EEXIST: 'it, or what it should be in, is a file',
  ENOENT: 'it cannot be made there',
  ENOSPC: 'its disk is full',
  EDQUOT: 'your share of its disk is full',
};

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

/** Node's own `recursive` never ends where a file system says that a folder just made is not there, as /proc does. */
const makeFolder = async (folder: string): Promise<void> => {
  try {
    await mkdir(folder, { mode: folderMode });
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return;
    const parent = dirname(folder);
    if (codeOf(error) !== 'ENOENT' || parent === folder) throw error;
    if ((await stat(parent).catch(() => undefined)) !== undefined) throw error;
    await makeFolder(parent);
    await mkdir(folder, { mode: folderMode }).catch((again) => {
      if (codeOf(again) !== 'EEXIST') throw again;
    });
  }
};

const isOfOldKind = (names: string[]): boolean =>
  !names.includes(dataFile) &&
  names.includes('db') &&
  (names.includes('server.json') || names.includes('embedded.log'));
const oldKind = 'it was written by a Pawl before SQLite, which this one cannot read: finish its runs with that one';

/** Whether a store is there, which nobody has to make. @throws PawlError `store.misconfigured` where none can be */
export const hasStore = async (folder: string): Promise<boolean> => {
  const dataDir = resolve(folder);
  try {
    const names = await readdir(dataDir);
    return isOfOldKind(names) ? refuse(dataDir, oldKind) : names.includes(dataFile);
  } catch (error) {
    if (error instanceof PawlError) throw error;
    if (codeOf(error) === 'ENOENT') return false;
    return refuse(dataDir, reasons[codeOf(error)] ?? (error as Error).message, error);
  }
};

/** @returns the path of its file, which is there. @throws PawlError `store.misconfigured` saying why, at once */
export const prepareFolder = async (folder: string, typeOf = async (path: string) => (await statfs(path)).type) => {
  const dataDir = resolve(folder);
  try {
    await makeFolder(dataDir);
    if (!(await stat(dataDir)).isDirectory()) refuse(dataDir, 'it is a file');
    const network = networkOf(await typeOf(dataDir));
    if (network !== undefined)
      refuse(dataDir, `it is on ${network}, a file system over a network, and SQLite's WAL needs a local one`);
    const names = await readdir(dataDir);
    if (isOfOldKind(names)) refuse(dataDir, oldKind);
    await access(dataDir, constants.W_OK);
    const file = join(dataDir, dataFile);
    // Before SQLite makes it: what it makes beside it has the same rights.
    const handle = await open(file, 'a+', fileMode);
    const { mode } = await handle.stat();
    await handle.close();
    if ((mode & 0o077) !== 0) await chmod(file, fileMode);
    return file;
  } catch (error) {
    if (error instanceof PawlError) throw error;
    return refuse(dataDir, reasons[codeOf(error)] ?? (error as Error).message, error);
  }
};
