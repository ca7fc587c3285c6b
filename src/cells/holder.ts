/**
 * Who holds a step, as another process of the same machine can tell: by what a reservation names (`ownProcess`), and by the marker
 * that everything carries which was begun for it. Whatever is not certain is `not here`. Linux only.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import type { HolderState } from '../engine/index.ts';
import { look } from './reap.mjs';

/** A process that forks and ends while it is looked for is met by the next look. */
const looks = 3;
const pauseMs = 5;
/** Bit of CAP_SYS_PTRACE in the effective capabilities: nothing of /proc is hidden from it. */
const seesAllBit = 19n;

type Own = { machine: string; namespace: string; pid: number; startTicks: string; uid: number };

const read = (path: string): string => readFileSync(path, 'utf8');
const inodeOf = (name: string): string => {
  try {
    return /\[(\d+)\]/.exec(readlinkSync(`/proc/self/ns/${name}`))?.[1] ?? '';
  } catch {
    return ''; // A kernel without such namespaces.
  }
};

/** State and start of a process or of a thread. The name before them may hold spaces and brackets. */
const statOf = (path: string): { state: string; startTicks: string } => {
  const text = read(path);
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', startTicks: fields[19] ?? '' };
};

/** `undefined`: this process has no name by which another could find it. */
const own = (): Own | undefined => {
  if (process.platform !== 'linux') return undefined;
  try {
    const namespace = inodeOf('pid');
    // A /proc of another namespace, as one sees it after `unshare` without a mount, numbers other processes.
    if (namespace === '' || readlinkSync('/proc/self') !== String(process.pid)) return undefined;
    // Users and start times are numbered by namespaces too. Two machines that were cloned while they ran share the boot id.
    const numbered = [read('/proc/sys/kernel/random/boot_id').trim(), hostname(), inodeOf('user'), inodeOf('time')];
    const machine = createHash('sha256').update(numbered.join('\n')).digest('hex').slice(0, 12);
    const { startTicks } = statOf('/proc/self/stat');
    return { machine, namespace, pid: process.pid, startTicks, uid: process.geteuid?.() ?? -1 };
  } catch {
    return undefined;
  }
};

const pattern = /^([0-9a-f]{12})\.(\d{1,10})\.(\d{1,7})\.(\d{1,16})\.(\d{1,10})$/;

/** What a reservation of this process says of it; `null` where nobody could find it by that. */
export const ownProcess = (): string | null => {
  const found = own();
  if (found === undefined) return null;
  const text = [found.machine, found.namespace, found.pid, found.startTicks, found.uid].join('.');
  return pattern.test(text) ? text : null;
};

const isDead = (state: string): boolean => state === 'Z' || state === 'X';

/** A zombie is dead when all its threads are: until then one of them may be at work. */
const isAlive = (pid: string, startTicks: string): boolean => {
  try {
    const found = statOf(`/proc/${pid}/stat`);
    if (found.startTicks !== startTicks) return false;
    if (!isDead(found.state)) return true;
    return readdirSync(`/proc/${pid}/task`).some((thread) => !isDead(statOf(`/proc/${pid}/task/${thread}/stat`).state));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return false;
    throw error;
  }
};

/** Whether this /proc shows every process of its namespace (mount option `hidepid`). */
const showsAll = (): boolean => {
  const mounts = read('/proc/self/mountinfo').split('\n');
  const proc = mounts.findLast((line) => line.split(' ')[4] === '/proc') ?? '';
  if (!/hidepid=(?!0|off)/.test(proc)) return true;
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(read('/proc/self/status'))?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> seesAllBit) & 1n) === 1n;
};

/**
 * Whether a process that hides its environment may be one of the holder's: one that began after it; to root whoever's, to a user
 * one of this user's.
 */
const mayBeTheirs = (pid: number, uid: number, sinceTicks: string): boolean => {
  try {
    if (Number(statOf(`/proc/${pid}/stat`).startTicks) < Number(sinceTicks)) return false;
    return uid === 0 || statSync(`/proc/${pid}`).uid === uid;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code !== 'ENOENT' && code !== 'ESRCH'; // These say that it has ended.
  }
};

/**
 * @param named `process` of a reservation
 * @param execution what everything carries that was begun for it, 32 hex digits
 * @returns `gone` only if it is certain that neither the process is alive nor anything of it that carries the marker
 */
export const holderState = async (named: string, execution: string): Promise<HolderState> => {
  try {
    const here = own();
    const [, machine, namespace, pid = '', startTicks = '', uid] = pattern.exec(named) ?? [];
    if (here === undefined || machine !== here.machine || namespace !== here.namespace) return 'not here';
    if ((here.uid !== 0 && String(here.uid) !== uid) || !showsAll() || !/^[0-9a-f]{32}$/.test(execution))
      return 'not here';
    if (isAlive(pid, startTicks)) return 'alive';
    for (let times = 0; times < looks; times += 1) {
      if (times > 0) await wait(pauseMs);
      const { marked, hidden } = look([`PAWL_EXECUTION=${execution}`, `PAWL_RUNNER=${execution}`]);
      if (marked.length > 0) return 'alive';
      if (hidden.some((one) => mayBeTheirs(one, here.uid, startTicks))) return 'not here';
    }
    return 'gone';
  } catch {
    return 'not here';
  }
};
