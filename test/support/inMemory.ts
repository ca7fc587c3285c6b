/**
 * Where tests keep the files of embedded stores (vitest globalSetup): in memory where the machine offers it, since most of what such tests
 * wait for is a disk that confirms what it wrote. Nothing that they show depends on that: they kill processes, not the power.
 * A folder of one's own goes in as PAWL_TEST_STORES.
 */
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const sharedMemory = '/dev/shm';
/** Tests leave some hundred megabytes at most; what they start needs memory as well. */
const roomMin = 6 * 2 ** 30;

/** `undefined`: there is no such place, or it has too little room. */
const folderInMemory = (): string | undefined => {
  try {
    const { bavail, bsize } = statfsSync(sharedMemory);
    if (Math.min(bavail * bsize, process.availableMemory()) < roomMin) return undefined;
    return mkdtempSync(join(sharedMemory, 'pawl-tests-'));
  } catch {
    return undefined; // Elsewhere than on Linux, mostly.
  }
};

/** Where a test makes the folder of a store. */
export const storesFolder = (): string => process.env.PAWL_TEST_STORES ?? tmpdir();

export default function setup(): () => void {
  const folder = process.env.PAWL_TEST_STORES === undefined ? folderInMemory() : undefined;
  if (folder === undefined) return () => {};
  process.env.PAWL_TEST_STORES = folder;
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
