/**
 * The folder of a step: `cell` in it is the cell's own, and beside that stands whose it is. Where cells run as another user, that
 * one could have made anything of its part: links, pipes, other folders under known names. So whatever is done there afterwards
 * is done with that user's rights, and the kernel itself refuses what the cell could not do.
 */
import { chmodSync, lstatSync, readdirSync, rmdirSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';

/** @typedef {{ uid: number, gid: number }} User */

export const cellPart = 'cell';

/**
 * Does something with another user's rights; `undefined`: with our own. At once and to its end, since the whole process has these
 * rights meanwhile. Only the effective ids change: that user can neither signal nor look into this process.
 * @template T @param {User | undefined} user @param {() => T} act @returns {T}
 */
export const asUser = (user, act) => {
  if (user === undefined) return act();
  const { geteuid, getegid, getgroups, seteuid, setegid, setgroups } = process;
  if (!geteuid || !getegid || !getgroups || !seteuid || !setegid || !setgroups)
    throw new Error('there are no users here');
  const [uid, gid, groups] = [geteuid(), getegid(), getgroups()];
  try {
    setgroups([]);
    setegid(user.gid);
    seteuid(user.uid);
    return act();
  } finally {
    seteuid(uid);
    setegid(gid);
    setgroups(groups);
  }
};

/** Makes folders removable that the cell made unwritable. @param {string} at */
const open = (at) => {
  try {
    chmodSync(at, 0o700);
    for (const entry of readdirSync(at, { withFileTypes: true })) if (entry.isDirectory()) open(join(at, entry.name));
  } catch {
    // Gone already, or not ours to open; rm says what is left.
  }
};

/** @param {() => void} act */
const tried = (act) => {
  try {
    act();
  } catch {
    // What stays is looked at again when a process begins that stays (`sweep.ts`).
  }
};

/** @param {string} cell */
const clear = (cell) => {
  open(cell);
  for (const name of readdirSync(cell)) tried(() => rmSync(join(cell, name), { recursive: true, force: true }));
};

/**
 * Removes it, as the last that a process does. Of another user's part only what that user may remove: a race with a process of theirs that nobody found cannot lead
 * out of it. Never throws.
 * @param {string} folder ours, so under the name of the cell's part stands what we made, with the owner that we gave it
 */
export const remove = (folder) => {
  const cell = join(folder, cellPart);
  tried(() => {
    const owner = lstatSync(cell, { throwIfNoEntry: false });
    if (owner !== undefined && owner.uid !== process.geteuid?.()) {
      // From within, so that its owner need not reach it from outside.
      process.chdir(cell);
      asUser(owner, () => clear('.'));
      process.chdir('/');
      // Empty, or all of it stays.
      rmdirSync(cell);
    } else open(cell);
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  });
};

/** Most folders are empty: what cannot be removed at once is looked into. @param {string} at */
const removeFolder = (at) => {
  try {
    rmdirSync(at);
  } catch {
    removeAll(at);
  }
};

/** @param {string} at */
const removeAll = (at) => {
  for (const entry of readdirSync(at, { withFileTypes: true })) {
    const path = join(at, entry.name);
    if (!entry.isDirectory()) unlinkSync(path);
    else if (entry.name === cellPart) removeAll(path);
    else removeFolder(path);
  }
  rmdirSync(at);
};

/** As `remove`, in a few calls where all of it is ours and nothing is in the way, as it mostly is. Never throws. @param {string} folder */
export const removeSoon = (folder) => {
  try {
    if (lstatSync(join(folder, cellPart)).uid === process.geteuid?.()) return removeAll(folder);
  } catch {
    // Something that the cell made cannot be removed like that.
  }
  remove(folder);
};
