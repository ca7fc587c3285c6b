/**
 * A control group (version 2) for a cell, where this process may make one: on Linux from 5.14 on, below the group that it is in itself,
 * as root or in a unit with `Delegate=yes`. What a cell begins is in it, whatever becomes of its environment, process group
 * and session, and all of it is ended at once. Elsewhere, or where anything of this is refused, there is none.
 */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const executionPattern = /^[0-9a-f]{32}$/;

/** @param {string} path */
const read = (path) => readFileSync(path, 'utf8');

/** @returns {string | undefined} the folder of the group that this process is in */
const ownFolder = () => {
  if (process.platform !== 'linux') return undefined;
  try {
    const path = /^0::(\/.*)$/m.exec(read('/proc/self/cgroup'))?.[1];
    const mounts = read('/proc/self/mountinfo').split('\n');
    const fields = mounts.map((line) => line.split(' ')).find((line) => line[line.indexOf('-') + 1] === 'cgroup2');
    const [root = '', point = ''] = fields?.slice(3) ?? [];
    // Of another namespace, or beyond what is mounted here.
    if (path === undefined || point === '' || path.includes('/..') || !`${path}/`.startsWith(root)) return undefined;
    return join(point, root === '/' ? path : path.slice(root.length));
  } catch {
    return undefined;
  }
};

/** @type {{ folder: string | undefined } | undefined} */
let known;

/** Where the group of an execution is, if it has one. @param {string} execution @returns {string | undefined} */
export const groupOf = (execution) => {
  known ??= { folder: ownFolder() };
  return known.folder === undefined || !executionPattern.test(execution)
    ? undefined
    : join(known.folder, `pawl-${execution}`);
};

const moveTo = (/** @type {string} */ folder) => writeFileSync(join(folder, 'cgroup.procs'), String(process.pid));

/**
 * Makes a group of the execution and moves this process into it: what it begins from then on is in it.
 * @param {string} execution @returns {string | undefined} the group
 */
export const enter = (execution) => {
  const group = groupOf(execution);
  if (group === undefined) return undefined;
  try {
    mkdirSync(group, { recursive: true });
    // Without it a group cannot be ended at once.
    read(join(group, 'cgroup.events'));
    writeFileSync(join(group, 'cgroup.kill'), '1');
    moveTo(group);
    return group;
  } catch {
    removeGroup(group);
    return undefined;
  }
};

/** Moves this process out of a group. It may take the kernel some milliseconds. @param {string} group */
export const leave = async (group) => await writeFile(join(group, '../cgroup.procs'), String(process.pid));

/**
 * Begins processes in a group of the execution: this process is in it for as long as that takes.
 * @template T
 * @param {string} execution
 * @param {() => T} begin
 * @returns {{ begun: T, group: string | undefined }} `group`: what was begun is in it, and nothing else is
 */
export const beginIn = (execution, begin) => {
  const group = enter(execution);
  try {
    return { begun: begin(), group };
  } finally {
    if (group !== undefined) moveTo(join(group, '..'));
  }
};

/** @param {string} pid */
const kill = (pid) => {
  try {
    // 0 stands for one of another namespace, and would be our own process group.
    if (Number(pid) > 1) process.kill(Number(pid), 'SIGKILL');
  } catch {
    // It has ended.
  }
};

/**
 * Kills all that is in a group. A process that waits inside it for its own way out (`leave`) stays, and is not counted.
 * @param {string} group @returns {boolean} whether nothing else of it is alive
 */
export const isEnded = (group) => {
  try {
    const inside = read(join(group, 'cgroup.procs')).split('\n').filter(Boolean);
    if (inside.includes(String(process.pid))) {
      const others = inside.filter((pid) => pid !== String(process.pid));
      others.forEach(kill);
      return others.length === 0 && /^nr_descendants 0$/m.test(read(join(group, 'cgroup.stat')));
    }
    writeFileSync(join(group, 'cgroup.kill'), '1');
    return /^populated 0$/m.test(read(join(group, 'cgroup.events')));
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT';
  }
};

/** One in which something still ends stays: whoever began it looks again. @param {string | undefined} group */
export const removeGroup = (group) => {
  try {
    if (group !== undefined) rmdirSync(group);
  } catch {
    // It is gone, or not empty yet.
  }
};
