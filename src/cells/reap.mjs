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
 * `hidden`: those that are there and whose environment may not be read. `unmarked`: without a marker. `bare`: without an environment, as
 * a thread of the kernel, one that has ended, or one that begins a program at this moment. Linux only.
 * @param {string[]} markers
 * @param {Set<string>} [passed] pids that are not looked at
 * @returns {{ marked: number[], hidden: number[], unmarked: string[], bare: string[] }}
 */
export const look = (markers, passed) => {
  /** @type {ReturnType<typeof look>} */
  const found = { marked: [], hidden: [], unmarked: [], bare: [] };
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid || passed?.has(name)) continue;
    try {
      const environment = environmentOf(name);
      if (markers.some((marker) => environment.includes(marker))) found.marked.push(Number(name));
      else (environment.length === 0 ? found.bare : found.unmarked).push(name);
    } catch (error) {
      const { code = '' } = /** @type {NodeJS.ErrnoException} */ (error);
      if (code === 'ENOENT' || code === 'ESRCH') found.bare.push(name);
      else found.hidden.push(Number(name));
    }
  }
  return found;
};

/** Who has no marker gets none; and for so long its pid is not another's. */
const seenForMs = 50;

/** `passed` need not be looked at again until then. @type {{ marker: string, passed: Set<string>, bare: string[], untilMs: number } | undefined} */
let seen;

/** @param {string} marker */
const seenOf = (marker) => (seen?.marker === marker && performance.now() < seen.untilMs ? seen : undefined);

/**
 * Looks at all processes while nobody waits for that, so that less is left to look at when their cell has ended; soon after that at the
 * bare ones once more, of which those are passed that still are. Who may not be read need not be asked again.
 * @param {string} marker
 */
export const lookAhead = (marker) => {
  if (process.platform !== 'linux') return;
  const untilMs = performance.now() + seenForMs;
  const before = seenOf(marker);
  const { unmarked, hidden, bare } = look([marker], before?.passed);
  if (before === undefined) {
    seen = { marker, passed: new Set([...unmarked, ...hidden.map(String)]), bare, untilMs };
    return;
  }
  for (const pid of bare) if (before.bare.includes(pid)) before.passed.add(pid);
};

/**
 * Elsewhere than on Linux the group is all there is.
 * @param {string} marker
 * @param {boolean} isHeld the control group of the cell is empty: what moved itself out of it is all that can be left
 * @returns {{ marked: number[], isSure: boolean }} not sure: one that was there ended meanwhile, or was beginning a program
 */
const lookFor = (marker, isHeld) => {
  if (process.platform !== 'linux') return { marked: [], isSure: true };
  const { marked, bare } = look([marker], isHeld ? seenOf(marker)?.passed : undefined);
  return { marked, isSure: bare.length === 0 };
};

/**
 * Kills the group, every marked process, and all that is in the control group, again and again until none is left. One may have forked and
 * ended while all were looked at: where that is possible they are looked at once more.
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
  let foundNone = 0;
  for (let round = 0; round < roundsMax; round += 1) {
    const inGroup = group !== undefined && kill(-group, 'SIGKILL');
    const isEmpty = control === undefined || isEnded(control);
    const { marked, isSure } = lookFor(marker, control !== undefined && isEmpty);
    for (const pid of marked) kill(pid, 'SIGKILL');
    const isNone = isEmpty && marked.length === 0 && (!inGroup || process.platform === 'linux');
    foundNone = isNone ? foundNone + 1 : 0;
    if (isNone && (isSure || foundNone > 1)) return true;
    if (!isNone) await wait(pauseMs);
  }
  return false;
};
