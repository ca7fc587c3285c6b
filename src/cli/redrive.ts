/** Outcomes that the store did not take, recorded afterwards: one after the other, and none is lost on the way. */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isPawlError, PawlError, type Redriven, readUnrecorded, type Unrecorded } from '../engine/index.ts';
import type { Client } from './client.ts';
import { fileTrouble } from './session.ts';
import type { SetAside } from './setAside.ts';

/** A file to redrive: one of the folder by its name, any other by its path. `remove`: once the journal has it. */
export type Waiting = { file: string; read(): Promise<string>; remove(): Promise<void> };

type Told = { file: string; instanceId: string; cell: string; seq: number; status: string };
export type Done = Told & Redriven;
export type Kept = { file: string; error: { code: string; message: string; details: object } };
export type Report = { redriven: Done[]; kept: Kept[]; left: string[]; unfinished: string[] };

const inFolder = (setAside: SetAside, file: string): Waiting => ({
  file,
  read: async () => {
    try {
      return await setAside.read(file);
    } catch (error) {
      throw fileTrouble(join(setAside.folder, file), error);
    }
  },
  remove: async () => {
    try {
      await setAside.remove(file);
    } catch (error) {
      const message = `The journal has it, but ${join(setAside.folder, file)} cannot be removed: remove it by hand.`;
      throw new PawlError('request.invalid', message, { file }, error);
    }
  },
});

/** A copy from elsewhere (a message of the queue on AWS, say) is read and left where it is. */
const elsewhere = (path: string): Waiting => ({
  file: path,
  read: async () => {
    try {
      return await readFile(resolve(path), 'utf8');
    } catch (error) {
      throw fileTrouble(path, error);
    }
  },
  remove: async () => undefined,
});

/** What waits: the named files, or everything in the folder. */
export const waitingFiles = async (setAside: SetAside, named: string[]): Promise<Waiting[]> => {
  const { files } = await setAside.list();
  if (named.length === 0) return files.map((file) => inFolder(setAside, file));
  return named.map((file) => (files.includes(file) ? inFolder(setAside, file) : elsewhere(file)));
};

export const toldOf = (file: string, { instanceId, about, outcome }: Unrecorded): Told => ({
  file,
  instanceId,
  cell: outcome.cell,
  seq: about,
  status: outcome.status,
});

const keptFor = (file: string, { code, message, details }: PawlError): Kept => ({
  file,
  error: { code, message, details },
});

/**
 * Redrives one after the other. A file that cannot be read or does not fit is kept and stops none of the others; a store
 * that is away stops them all.
 */
export const redriveAll = async (
  client: Client,
  waiting: Waiting[],
  tell: (one: Done | Kept) => void,
): Promise<Pick<Report, 'redriven' | 'kept' | 'left'>> => {
  const redriven: Done[] = [];
  const kept: Kept[] = [];
  for (const [index, { file, read, remove }] of waiting.entries()) {
    try {
      const item = readUnrecorded(await read());
      const answer = await client.redrive(item);
      await remove();
      const done = { ...toldOf(file, item), ...answer };
      redriven.push(done);
      tell(done);
    } catch (error) {
      if (!isPawlError(error)) throw error;
      const one = keptFor(file, error);
      kept.push(one);
      tell(one);
      if (error.code === 'store.unavailable')
        return { redriven, kept, left: waiting.slice(index + 1).map((rest) => rest.file) };
    }
  }
  return { redriven, kept, left: [] };
};
