/**
 * Makes sure that nothing of a cell is alive. Plain JavaScript, for the runner starts with it and has no time to lose.
 */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';
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
 * What the kernel counts: `last`, the pid that it gave last, and `all`, how many it gave since the machine started, in all namespaces.
 * `max`: so many can be given before a pid is given twice, and some to spare.
 * @typedef {{ last: number, all: number, max: number }} Births
 */

/** @type {number | undefined} */
let pidMax;

/** @returns {Births | undefined} */
const births = () => {
  if (process.platform !== 'linux') return undefined;
  try {
    // Of another namespace than ours the pids in /proc are not what is counted for us.
    if (readlinkSync('/proc/self') !== String(process.pid)) return undefined;
    const last = / (\d+)\n$/.exec(readFileSync('/proc/loadavg', 'latin1'))?.[1];
    const all = /^processes (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1];
    if (last === undefined || all === undefined) return undefined;
    pidMax ??= Number(readFileSync('/proc/sys/kernel/pid_max', 'latin1'));
    return { last: Number(last), all: Number(all), max: pidMax / 2 };
  } catch {
    return undefined;
  }
};

/**
 * Whether a pid was given after `since` and not after `until`: they are given in turn, and from the first again after the last.
 * @param {number} pid @param {Pick<Births, 'last'>} since @param {Pick<Births, 'last'>} until
 */
export const isBorn = (pid, since, until) => {
  if (since.last === until.last) return false;
  return since.last < until.last ? pid > since.last && pid <= until.last : pid > since.last || pid <= until.last;
};

/**
 * Who began after `since`; where that cannot be told, anybody.
 * @param {Births | undefined} since @returns {(pid: number) => boolean}
 */
const bornAfter = (since) => {
  const until = since && births();
  if (since === undefined || until === undefined || until.all - since.all > since.max) return () => true;
  return (pid) => isBorn(pid, since, until);
};

/**
 * Begins a process. `since`: what it begins in turn has a pid that was given after that; `undefined` where the kernel does not count,
 * or not what we see here.
 * @template {{ pid?: number | undefined }} T @param {() => T} begin @returns {{ begun: T, since: Births | undefined }}
 */
export const beginCounted = (begin) => {
  const since = births();
  const begun = begin();
  const until = births();
  const isCounted =
    since !== undefined &&
    until !== undefined &&
    until.all > since.all &&
    begun.pid !== undefined &&
    isBorn(begun.pid, since, until);
  return { begun, since: isCounted ? since : undefined };
};

/**
 * Processes whose environment carries one of the markers: a descendant that left the group and the session keeps it.
 * `hidden`: those that are there and whose environment may not be read. `unmarked`: without a marker. `bare`: without an environment, as
 * a thread of the kernel, one that has ended, or one that begins a program at this moment. Linux only.
 * @param {string[]} markers
 * @param {Births} [since] who began before is not looked at
 * @returns {{ marked: number[], hidden: number[], unmarked: string[], bare: string[] }}
 */
export const look = (markers, since) => {
  /** @type {ReturnType<typeof look>} */
  const found = { marked: [], hidden: [], unmarked: [], bare: [] };
  const names = readdirSync('/proc');
  // Counted after they are listed: of those nobody is younger.
  const isAsked = bornAfter(since);
  for (const name of names) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid || !isAsked(Number(name))) continue;
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

/**
 * Elsewhere than on Linux the group is all there is.
 * @param {string} marker
 * @param {Births | undefined} since who began before need not be looked at
 * @returns {{ marked: number[], isSure: boolean }} not sure: one that was there ended meanwhile, or was beginning a program
 */
const lookFor = (marker, since) => {
  if (process.platform !== 'linux') return { marked: [], isSure: true };
  const { marked, bare } = look([marker], since);
  return { marked, isSure: bare.length === 0 };
};

/**
 * Kills the group, every marked process, and all that is in the control group, again and again until none is left. One may have forked and
 * ended while all were looked at: where that is possible they are looked at once more.
 * @param {number | undefined} group pid of the child, which leads its own group
 * @param {string} marker `PAWL_EXECUTION=<hex>`
 * @param {string | undefined} [control] folder of the control group, where the cell has one
 * @param {Births} [since] of the process of the cell. It counts where the control group is empty: what moved itself out of that is all
 *   that can be left
 * @returns {Promise<boolean>} whether all are gone
 */
export const reap = async (group, marker, control, since) => {
  // Everybody who carries the marker dies. One that is not ours alone would take the whole machine with it.
  if (!markerPattern.test(marker))
    throw new TypeError(`${JSON.stringify(marker)} marks no cell; no process is killed for it`);
  if (group !== undefined && !(Number.isSafeInteger(group) && group > 1))
    throw new TypeError(`${group} is no process group of a cell`);
  let foundNone = 0;
  for (let round = 0; round < roundsMax; round += 1) {
    const inGroup = group !== undefined && kill(-group, 'SIGKILL');
    const isEmpty = control === undefined || isEnded(control);
    const { marked, isSure } = lookFor(marker, control !== undefined && isEmpty ? since : undefined);
    for (const pid of marked) kill(pid, 'SIGKILL');
    const isNone = isEmpty && marked.length === 0 && (!inGroup || process.platform === 'linux');
    foundNone = isNone ? foundNone + 1 : 0;
    if (isNone && (isSure || foundNone > 1)) return true;
    if (!isNone) await wait(pauseMs);
  }
  return false;
};
