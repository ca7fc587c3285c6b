/**
 * The temporary files of a test run (vitest globalSetup): in memory where the machine offers it, since most of what tests of the embedded store
 * wait for is a disk that confirms what it wrote. Nothing that they show depends on that: they kill processes, not the power.
 * A `TMPDIR` that is set is kept: with `TMPDIR=/tmp` all of it is on disk.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const sharedMemory = '/dev/shm';
/** Tests leave some hundred megabytes at most; what they start needs memory as well. */
const roomMin = 6 * 2 ** 30;

/** Some systems let no program run from there, and scripts of cells are programs. */
const runsProgramsIn = (folder: string): boolean => {
  const program = join(folder, 'program');
  writeFileSync(program, '#!/bin/sh\n', { mode: 0o700 });
  try {
    execFileSync(program);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(program);
  }
};

/** `undefined`: there is no such place, or it has too little room. */
const folderInMemory = (): string | undefined => {
  try {
    const { bavail, bsize } = statfsSync(sharedMemory);
    if (Math.min(bavail * bsize, process.availableMemory()) < roomMin) return undefined;
    const folder = mkdtempSync(join(sharedMemory, 'pawl-tests-'));
    // As every folder for temporary files is: cells of other users have theirs there too.
    chmodSync(folder, 0o1777);
    if (runsProgramsIn(folder)) return folder;
    rmSync(folder, { recursive: true });
  } catch {
    // Elsewhere than on Linux, mostly.
  }
  return undefined;
};

export default function setup(): () => void {
  const folder = process.env.TMPDIR === undefined ? folderInMemory() : undefined;
  if (folder === undefined) return () => {};
  process.env.TMPDIR = folder;
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
