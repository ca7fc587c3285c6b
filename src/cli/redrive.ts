/** Outcomes that the store did not take, recorded afterwards: one after the other, and none is lost on the way. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isPawlError, PawlError, type Redriven, readUnrecorded, type Unrecorded } from '../engine/index.ts';
import { textOfFile } from './given.ts';
import type { Session } from './session.ts';
import type { SetAside } from './setAside.ts';

/** A file to redrive. `isKept`: a copy from elsewhere (a message of the queue on AWS, say) is left where it is. */
export type Waiting = { file: string; path: string; isKept: boolean };

type Told = { file: string; instanceId: string; cell: string; seq: number; status: string };
export type Done = Told & Redriven;
export type Kept = { file: string; error: { code: string; message: string; details: object } };
export type Report = { redriven: Done[]; kept: Kept[]; left: string[]; unfinished: string[] };

/** What waits: the named files, or everything in the folder. */
export const waitingFiles = async ({ folder, list }: SetAside, names: string[]): Promise<Waiting[]> => {
  const { files } = await list();
  return (names.length === 0 ? files : names).map((file) => {
    const isKept = !files.includes(file);
    return { file, path: isKept ? file : join(folder, file), isKept };
  });
};

/** @throws PawlError `request.invalid` for a file that cannot be read, or holds no outcome */
export const readWaiting = async ({ path }: Waiting): Promise<Unrecorded> => readUnrecorded(await textOfFile(path));

/** Once the journal has it. Forgotten with the machine's power, it is redriven again, which changes nothing. */
const remove = async ({ file, path, isKept }: Waiting): Promise<void> => {
  if (isKept) return;
  await rm(path, { force: true }).catch((error: unknown) => {
    const message = `The journal has it, but ${path} cannot be removed: remove it by hand.`;
    throw new PawlError('request.invalid', message, { file }, error);
  });
};

export const summaryOf = (file: string, { instanceId, about, outcome }: Unrecorded): Told => ({
  file,
  instanceId,
  cell: outcome.cell,
  seq: about,
  status: outcome.status,
});

/**
 * Redrives one after the other. A file that cannot be read or does not fit is kept and stops none of the others; a store
 * that is away stops them all.
 */
export const redriveAll = async (
  session: Pick<Session, 'redrive'>,
  waiting: Waiting[],
  tell: (one: Done | Kept) => void,
): Promise<Pick<Report, 'redriven' | 'kept' | 'left'>> => {
  const redriven: Done[] = [];
  const kept: Kept[] = [];
  for (const [index, one] of waiting.entries()) {
    const { file } = one;
    try {
      const item = await readWaiting(one);
      const answer = await session.redrive(item);
      await remove(one);
      const done = { ...summaryOf(file, item), ...answer };
      redriven.push(done);
      tell(done);
    } catch (error) {
      if (!isPawlError(error)) throw error;
      const { code, message, details } = error;
      const refused = { file, error: { code, message, details } };
      kept.push(refused);
      tell(refused);
      if (error.code === 'store.unavailable')
        return { redriven, kept, left: waiting.slice(index + 1).map((rest) => rest.file) };
    }
  }
  return { redriven, kept, left: [] };
};
