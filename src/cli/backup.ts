/** `pawl backup`: a copy of this machine's store while others write to it. */
import { PawlError } from '../engine/index.ts';
import { noStore } from './dataPlace.ts';
import { exits } from './exits.ts';
import type { Answer, Session } from './session.ts';

const refuse = (message: string): never => {
  throw new PawlError('request.invalid', message);
};

export const backup = async ({ screen, settings }: Session, target: string): Promise<Answer> => {
  const { service, store } = settings;
  if (service !== null) refuse('A backup is made where the store is: make it there, without --url and PAWL_URL.');
  if (store.kind !== 'embedded')
    return refuse(
      'The store is DynamoDB, which has backups of its own: point-in-time recovery, as in docs/deploying.md.',
    );
  const { backUp, hasStore, openFolder } = await import('../store/local.ts');
  // A backup of nothing would be taken for one.
  if (!(await hasStore(store.dataDir))) refuse(noStore(store));
  const opened = await openFolder(store.dataDir);
  try {
    const made = await backUp(opened, target);
    screen.print(`Backed up to ${made.file} (${made.bytes} bytes).`);
    screen.print('It is a whole store: as pawl.db in a folder of its own it opens with PAWL_DATA_DIR.');
    return { exit: exits.done, document: made };
  } finally {
    opened.close();
  }
};
