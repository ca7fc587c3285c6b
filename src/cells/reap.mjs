/**
 * Makes sure that nothing of a cell is alive. Plain JavaScript, for the runner starts with it and has no time to lose.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

const markerPattern = /^PAWL_EXECUTION=[0-9a-f]{32}$/;
const roundsMax = 200;
const pauseMs = 5;

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
      const environment = readFileSync(`/proc/${name}/environ`);
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
 * Kills the group and every marked process, again and again until none is left: a fork may race with the scan.
 * @param {number | undefined} group pid of the child, which leads its own group
 * @param {string} marker `PAWL_EXECUTION=<hex>`
 * @returns {Promise<boolean>} whether all are gone
 */
export const reap = async (group, marker) => {
  // Everybody who carries the marker dies. One that is not ours alone would take the whole machine with it.
  if (!markerPattern.test(marker))
    throw new TypeError(`${JSON.stringify(marker)} marks no cell; no process is killed for it`);
  if (group !== undefined && !(Number.isSafeInteger(group) && group > 1))
    throw new TypeError(`${group} is no process group of a cell`);
  for (let round = 0; round < roundsMax; round += 1) {
    const inGroup = group !== undefined && kill(-group, 'SIGKILL');
    const others = marked(marker);
    for (const pid of others) kill(pid, 'SIGKILL');
    if (others.length === 0 && (!inGroup || process.platform === 'linux')) return true;
    await wait(pauseMs);
  }
  return false;
};
