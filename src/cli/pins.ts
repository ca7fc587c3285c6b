/** The versions that documents at hand run: those of the store, or documents that are given beside them. */
import { isPawlError, type ReadPin } from '../engine/index.ts';
import type { Session } from './session.ts';

/** In the store, as publishing does. */
export const inStore =
  ({ client }: Pick<Session, 'client'>): ReadPin =>
  async ({ runbookId, version }) => {
    try {
      return await client.runbook(runbookId, version);
    } catch (error) {
      if (isPawlError(error, 'runbook.unknown')) return null;
      throw error;
    }
  };

/** In the store where there is one that answers: what is asked before publishing needs none. */
export const ifAtHand = (session: Pick<Session, 'client' | 'store'>): ReadPin => {
  let isThere: Promise<boolean> | undefined;
  const look = inStore(session);
  return async (named) => {
    isThere ??= session.store().then(({ missing }) => missing === null);
    if (!(await isThere)) return undefined;
    try {
      return await look(named);
    } catch (error) {
      if (isPawlError(error, 'store.unavailable')) return undefined;
      throw error;
    }
  };
};
