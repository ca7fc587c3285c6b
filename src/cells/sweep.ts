/**
 * Folders of steps that outlived everybody who would have removed them: engine and runner were killed at once, or the machine
 * went down. They hold what the step was given, secrets in files too. Removed is only what is certainly nobody's any more.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readFileSync, statfsSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { bootOfMachine, type FolderHolder, folderPrefix, holderFile, removeApart } from './folders.ts';
import { holderState } from './holder.ts';

const name = new RegExp(`^${folderPrefix}[A-Za-z0-9]{6}$`);
const holderBytesMax = 1_000;

/** `f_type` of file systems that one machine alone writes at a time: ext, XFS, Btrfs, F2FS, ZFS, tmpfs, overlay. */
const localTypes = [0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x2fc12fc1, 0x01021994, 0x794c7630];

/** Whose a folder is, as its maker wrote it; `undefined`: it is no such folder, or others could have had a hand in that. */
const holderOf = (folder: string, uid: number): FolderHolder | undefined => {
  let fd: number | undefined;
  try {
    const stat = lstatSync(folder);
    if (!stat.isDirectory() || stat.uid !== uid || (stat.mode & 0o022) !== 0) return undefined;
    fd = openSync(join(folder, holderFile), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const file = fstatSync(fd);
    if (!file.isFile() || file.uid !== uid || file.size > holderBytesMax) return undefined;
    const holder = JSON.parse(readFileSync(fd, 'utf8')) as FolderHolder;
    const parts = [holder.process, holder.boot, holder.host, holder.execution];
    return parts.every((part) => typeof part === 'string') ? holder : undefined;
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
};

/** Who is not root cannot look into a process that just begins or ends; so often it is asked anew, of all folders together. */
const againMax = 20;
const againAfterMs = 20;

type Here = { boot: string; host: string; isLocal: boolean; again: number };

/**
 * Of this boot: the process that made it has ended, and nothing runs that was begun for it. Of another one: this machine has been
 * started since, on whose own disk the folder lies.
 */
const isGone = async ({ process: named, boot, host, execution }: FolderHolder, here: Here): Promise<boolean> => {
  if (boot === here.boot) {
    let state = await holderState(named, execution);
    for (; state === 'not here' && here.again > 0; here.again -= 1) {
      await wait(againAfterMs);
      state = await holderState(named, execution);
    }
    return state === 'gone';
  }
  return boot !== '' && here.boot !== '' && host === here.host && here.isLocal;
};

const isThere = (folder: string): boolean => lstatSync(folder, { throwIfNoEntry: false }) !== undefined;

/** @returns how many were removed. Never throws: what is not certain stays, and what cannot be looked at too */
export const sweepFolders = async (typeOf = (path: string): number => statfsSync(path).type): Promise<number> => {
  const uid = process.geteuid?.();
  if (uid === undefined) return 0;
  const root = tmpdir();
  let removed = 0;
  try {
    const here = {
      boot: bootOfMachine(),
      host: hostname(),
      isLocal: localTypes.includes(typeOf(root) >>> 0),
      again: againMax,
    };
    for (const folder of readdirSync(root)
      .filter((one) => name.test(one))
      .map((one) => join(root, one))) {
      const holder = holderOf(folder, uid);
      if (holder === undefined || !(await isGone(holder, here))) continue;
      await removeApart(folder);
      if (!isThere(folder)) removed += 1;
    }
  } catch {
    // A temporary folder that cannot be read.
  }
  return removed;
};
