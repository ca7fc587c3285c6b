/** The failure queue of a machine, a folder, as `pawl redrive` reads it. `handlers/setAsideFolder` writes it. */
import { readdir } from 'node:fs/promises';

export type SetAside = {
  folder: string;
  /** Names of whole files, oldest name first; and what a writer left that died, or is still writing. */
  list(): Promise<{ files: string[]; unfinished: string[] }>;
  /** Files about one step. */
  of(instanceId: string, seq: number): Promise<string[]>;
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
    list: async () => {
      const all = await names();
      return {
        files: all.filter((name) => name.endsWith('.json')),
        unfinished: all.filter((name) => name.endsWith('.part')),
      };
    },
    of: async (instanceId, seq) => {
      const start = `${instanceId}-${seq}-`;
      return (await names()).filter((name) => name.startsWith(start) && /^[^-]+\.json$/.test(name.slice(start.length)));
    },
  };
};
