/**
 * Makes sure that nothing of a cell is alive, and nothing of its folder is left. Plain JavaScript: the runner starts with
 * every cell and has no time to strip types.
 */
import { chmodSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const roundsMax = 200;
const pauseMs = 5;

/** @param {number} pid @returns {boolean} whether there was anybody to hear it */
const kill = (pid) => {
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
};

/** @param {string} pid @param {string} marker */
const isMarked = (pid, marker) => {
  try {
    return readFileSync(`/proc/${pid}/environ`).includes(marker);
  } catch {
    return false; // Gone meanwhile, or another user's.
  }
};

/**
 * Everybody who belongs to the cell and is not dead: its group, its session, whoever carries the marker in his
 * environment (so one who left both is found too), and the descendants of all of these. A zombie is dead: it only waits
 * for somebody to ask.
 * @param {number | undefined} group @param {string} marker
 */
const members = (group, marker) => {
  /** @type {Set<number>} */
  const found = new Set();
  /** @type {[pid: number, parent: number][]} */
  const others = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      // The second field is the command in parentheses and may hold anything, so everything is counted from its end.
      const [state, parent, pgrp, session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (state === 'Z' || state === 'X') continue;
      const ours = group !== undefined && (Number(pgrp) === group || Number(session) === group);
      if (ours || isMarked(name, marker)) found.add(Number(name));
      else others.push([Number(name), Number(parent)]);
    } catch {
      // Gone between the listing and the look.
    }
  }
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const [pid, parent] of others) if (found.has(parent)) found.add(pid);
  }
  return found;
};

/**
 * Kills them all, again and again until none is left: a fork may race with the look. Where there is no /proc, the group
 * is all there is. The first round runs before anything is awaited.
 * @param {number | undefined} group pid of the child, which leads its own group and session
 * @param {string} marker `PAWL_EXECUTION=<hex>`
 * @returns {Promise<boolean>} whether all are gone
 */
export const reap = async (group, marker) => {
  for (let round = 0; round < roundsMax; round += 1) {
    const linux = process.platform === 'linux';
    const found = linux ? members(group, marker) : new Set();
    const heard = group !== undefined && kill(-group);
    for (const pid of found) kill(pid);
    if (linux ? found.size === 0 : !heard) return true;
    await wait(pauseMs);
  }
  return false;
};

/** Removes a folder, also one that the cell made unwritable. Never throws. @param {string} dir */
export const removeFolder = (dir) => {
  /** @param {string} at */
  const open = (at) => {
    chmodSync(at, 0o700);
    for (const entry of readdirSync(at, { withFileTypes: true })) if (entry.isDirectory()) open(join(at, entry.name));
  };
  try {
    try {
      rmSync(dir, { recursive: true, force: true });
    } catch {
      open(dir);
      rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
    }
  } catch {
    // What even its owner cannot remove stays: a result is worth more than a clean disk.
  }
};
