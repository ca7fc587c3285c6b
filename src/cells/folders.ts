/**
 * The temporary folder of a step: `folder` is ours, with whose it is (`holder.json`); `cell` in it is the cell's own. Who finds one
 * later can tell by that whether anything of its step may still be alive.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { cellPart, type User } from './folder.mjs';
import { groupOf, isEnded, removeGroup } from './group.mjs';
import { ownProcess } from './holder.ts';

/** When bundled for Lambda it is copied beside the bundle, with what it imports. */
const runner = fileURLToPath(new URL('runner.mjs', import.meta.url));

export type StepFolder = { folder: string; dir: string; user?: User };
/** `process`: as a reservation names it. `boot`: of the machine; of another one nothing is alive. */
export type FolderHolder = { process: string; boot: string; host: string; execution: string };

export const folderPrefix = 'pawl-';
export const holderFile = 'holder.json';

const bootFile = '/proc/sys/kernel/random/boot_id';
export const bootOfMachine = (): string => {
  try {
    return readFileSync(bootFile, 'utf8').trim();
  } catch {
    return '';
  }
};

/** From its job on a runner may start the body at any time, also when nobody waits for that any more: so it is found. */
export const spawnRunner = (execution: string, file: string = runner): ChildProcess => {
  const begun = spawn(process.execPath, ['--no-warnings', file], {
    env: { PAWL_RUNNER: execution },
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  begun.once('exit', () => void endGroup(groupOf(execution)));
  return begun;
};

const endRounds = 100;
const endPauseMs = 10;
/** A runner that could not do so itself leaves a control group behind. */
const endGroup = async (group: string | undefined): Promise<void> => {
  if (group === undefined) return;
  for (let round = 0; round < endRounds && existsSync(group); round += 1) {
    if (isEnded(group)) removeGroup(group);
    await wait(endPauseMs, undefined, { ref: false });
  }
};

let own: Pick<FolderHolder, 'process' | 'boot' | 'host'> | undefined;
const holderOfOurs = (execution: string): FolderHolder => {
  own ??= { process: ownProcess() ?? '', boot: bootOfMachine(), host: hostname() };
  return { ...own, execution };
};

/** At once, as all that is written for a step: small files, and each wait for one would cost as much as ten of them. */
export const makeFolder = async (execution: string, user: User | undefined): Promise<StepFolder> => {
  const folder = mkdtempSync(join(tmpdir(), folderPrefix));
  const dir = join(folder, cellPart);
  const made = { folder, dir, ...(user === undefined ? {} : { user }) };
  try {
    writeFileSync(join(folder, holderFile), JSON.stringify(holderOfOurs(execution)), { mode: 0o600 });
    mkdirSync(dir, { mode: 0o700 });
    // That user passes through it, and sees no more of it.
    if (user !== undefined) chmodSync(folder, 0o711);
    return made;
  } catch (error) {
    await removeFolder(made);
    throw error;
  }
};

/** Hands over what was written, the folder itself last: until then its new owner cannot reach into it. */
export const handTo = (user: User, dir: string): void => {
  for (const entry of readdirSync(dir, { recursive: true, encoding: 'utf8' }))
    lchownSync(join(dir, entry), user.uid, user.gid);
  chownSync(dir, user.uid, user.gid);
};

/**
 * Removed by a process of its own, since in another user's part that one has that user's rights: nothing else of this process must
 * be done with these. Never throws; what stays is looked at again when a process begins that stays (`sweep.ts`).
 */
export const removeApart = async (folder: string): Promise<void> => {
  try {
    const removing = spawnRunner('');
    const exited = once(removing, 'exit');
    removing.send({ remove: folder }, () => {});
    await exited;
  } catch {
    // It could not be begun.
  }
};

/** Never throws. */
export const removeFolder = async ({ folder, user }: Omit<StepFolder, 'dir'>): Promise<void> =>
  user === undefined ? await rm(folder, { recursive: true, force: true }).catch(() => {}) : await removeApart(folder);
