/**
 * The failure queue of a machine: a folder. An outcome that the store did not take is kept in it, one file each, until
 * `pawl redrive` has it in the journal. A file is there whole or not at all: it is written under another name, forced
 * to the disk, and renamed.
 */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

export type SetAside = {
  folder: string;
  write(name: { instanceId: string; seq: number; token: string }, text: string): Promise<void>;
  /** Names of whole files, oldest name first; and what a writer left that died, or is still writing. */
  list(): Promise<{ files: string[]; unfinished: string[] }>;
  /** Files about one step. */
  of(instanceId: string, seq: number): Promise<string[]>;
  read(file: string): Promise<string>;
  remove(file: string): Promise<void>;
};

const unfinishedEnd = '.part';

/** Makes what happened in a folder last: a rename alone may be forgotten with the machine's power. */
const sync = async (folder: string): Promise<void> => {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

export const openSetAside = (folder: string): SetAside => {
  const names = async (): Promise<string[]> => {
    try {
      return (await readdir(folder)).sort();
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []; // Nothing was ever set aside.
      throw error;
    }
  };
  return {
    folder,
    async write({ instanceId, seq, token }, text) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const path = join(folder, `${instanceId}-${seq}-${token}.json`);
      const handle = await open(path + unfinishedEnd, 'w', 0o600);
      try {
        await handle.writeFile(text);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(path + unfinishedEnd, path);
      await sync(folder);
    },
    async list() {
      const all = await names();
      return {
        files: all.filter((name) => name.endsWith('.json')),
        unfinished: all.filter((name) => name.endsWith(unfinishedEnd)),
      };
    },
    async of(instanceId, seq) {
      const start = `${instanceId}-${seq}-`;
      return (await names()).filter((name) => name.startsWith(start) && /^[^-]+\.json$/.test(name.slice(start.length)));
    },
    read: (file) => readFile(join(folder, file), 'utf8'),
    remove: async (file) => {
      await rm(join(folder, file), { force: true });
      await sync(folder);
    },
  };
};
