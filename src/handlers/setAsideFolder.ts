/**
 * The failure queue of a machine: a folder, in which an outcome that the store did not take is kept until `pawl redrive` has
 * it in the journal. A file is there whole or not at all: it is written under another name, forced to the disk, and renamed.
 */
import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Unrecorded } from '../engine/index.ts';

/** Makes what happened in a folder last: a rename alone may be forgotten with the machine's power. */
const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

export const setAsideInFolder =
  (folder: string) =>
  async (item: Unrecorded): Promise<void> => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, `${item.instanceId}-${item.about}-${item.token}.json`);
    const handle = await open(`${path}.part`, 'w', 0o600);
    try {
      await handle.writeFile(JSON.stringify(item));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(`${path}.part`, path);
    await syncFolder(folder);
  };
