/**
 * Makes sure that nothing of a cell is alive. Plain JavaScript, for the runner starts with it and has no time to lose.
 */
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { isEnded } from './group.mjs';

const markerPattern = /^PAWL_EXECUTION=[0-9a-f]{32}$/;
const roundsMax = 200;
const pauseMs = 5;
/** An environment is read in one piece where it fits, and most do: this is done at the end of every cell, for every process. */
let room = Buffer.alloc(64 * 1024);

/** @param {string} pid @returns {Buffer} its environment; the next call writes over it */
const environmentOf = (pid) => {
  const fd = openSync(`/proc/${pid}/environ`, 'r');
  try {
    let length = 0;
    for (let got = -1; got !== 0; length += got) {
      if (length === room.length) room = Buffer.concat([room], room.length * 2);
      got = readSync(fd, room, length, room.length - length, null);
    }
    return room.subarray(0, length);
  } finally {
    closeSync(fd);
  }
};

/** @param {number} pid @param {NodeJS.Signals | 0} signal @returns {boolean} whether there was a process to receive it */
const kill = (pid, signal) => {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
};

/**
 * Processes whose environment carries one of the markers: a descendant that left the group and the session keeps it.
 * `hidden`: those that are there and whose environment may not be read. Linux only.
 * @param {string[]} markers
 * @returns {{ marked: number[], hidden: number[] }}
 */
export const look = (markers) => {
  /** @type {{ marked: number[], hidden: number[] }} */
  const found = { marked: [], hidden: [] };
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    try {
      // A zombie's environment is empty: it is dead and only waits to be reaped.
      const environment = environmentOf(name);
      if (markers.some((marker) => environment.includes(marker))) found.marked.push(Number(name));
    } catch (error) {
      const { code = '' } = /** @type {NodeJS.ErrnoException} */ (error);
      if (code !== 'ENOENT' && code !== 'ESRCH') found.hidden.push(Number(name));
    }
  }
  return found;
};

/** Elsewhere than on Linux the group is all there is. @param {string} marker */
const marked = (marker) => (process.platform === 'linux' ? look([marker]).marked : []);

/**
 * Kills the group, every marked process, and all that is in the control group, again and again until none is left: a fork may race
 * with the scan.
 * @param {number | undefined} group pid of the child, which leads its own group
 * @param {string} marker `PAWL_EXECUTION=<hex>`
 * @param {string | undefined} [control] folder of the control group, where the cell has one
 * @returns {Promise<boolean>} whether all are gone
 */
export const reap = async (group, marker, control) => {
  // Everybody who carries the marker dies. One that is not ours alone would take the whole machine with it.
  if (!markerPattern.test(marker))
    throw new TypeError(`${JSON.stringify(marker)} marks no cell; no process is killed for it`);
  if (group !== undefined && !(Number.isSafeInteger(group) && group > 1))
    throw new TypeError(`${group} is no process group of a cell`);
  for (let round = 0; round < roundsMax; round += 1) {
    const inGroup = group !== undefined && kill(-group, 'SIGKILL');
    const isEmpty = control === undefined || isEnded(control);
    const others = marked(marker);
    for (const pid of others) kill(pid, 'SIGKILL');
    if (isEmpty && others.length === 0 && (!inGroup || process.platform === 'linux')) return true;
    await wait(pauseMs);
  }
  return false;
};
