/** What is said where nothing was found: of which store. In the wrong folder nothing is in doubt either. */
import type { Session } from './session.ts';

/** Which store an answer is about, for `--json`. */
export const storeAt = async (session: Pick<Session, 'store'>): Promise<{ store: string }> => ({
  store: (await session.store()).at,
});

export const tellNothing = async ({ screen, store }: Session, words: string): Promise<void> => {
  const { at, missing } = await store();
  if (missing !== null) return screen.print(missing);
  screen.print(words);
  screen.print(`Looked in ${at}.`);
};

/** Nothing may be right where there are runs: then the store needs no mention. */
export const tellNone = async (session: Session, words: string): Promise<void> => {
  const { views } = await session.client.listInstances({ query: { limit: 1 } });
  if (views.length > 0) session.screen.print(words);
  else await tellNothing(session, `${words} There are no runs.`);
};
