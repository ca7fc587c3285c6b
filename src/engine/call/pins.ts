/** The versions that a document runs, as they are read before it is compiled, or planned. */
import { type Named, type Pinned, type Pins, pinsIn } from '../model/pins.ts';
import type { Runbook } from '../model/runbook.ts';
import { settleAll } from '../model/settleAll.ts';

/** `null`: it is not published. `undefined`: nobody could look. */
export type ReadPin = (named: Named) => Promise<Pinned | null | undefined>;

const keyOf = ({ runbookId, version }: Named): string => `${runbookId}@${version ?? 'newest'}`;

/**
 * Reads what is named, and what that runs in its turn: how deep all of it is nested counts. It ends, since a version names only
 * versions that stood before it.
 * @param get the version, `null` where there is none
 */
export const loadPins = async (get: ReadPin, named: readonly Named[]): Promise<Pins> => {
  const found = new Map<string, Pinned | null | undefined>();
  let open = [...named];
  while (open.length > 0) {
    const wanted = new Map(open.map((one) => [keyOf(one), one]));
    const read = await settleAll([...wanted].map(async ([key, one]) => [key, await get(one)] as const));
    for (const [key, one] of read) {
      found.set(key, one);
      // What is the newest is looked up by its number as well.
      if (one != null) found.set(keyOf({ runbookId: one.runbookId, version: one.version }), one);
    }
    open = read
      .flatMap(([, one]) => (one == null ? [] : pinsIn(one.runbook)))
      .map(({ runbookId, version }) => ({ runbookId, version }))
      .filter((one) => !found.has(keyOf(one)));
  }
  return (one) => found.get(keyOf(one));
};

/** A version that runs, where there is a newer one. */
export type Newer = { runbookId: string; version: number; newest: number };

/** Of what a runbook runs: the newest version, where that is a newer one than it runs. */
export const newerThan = async (look: ReadPin, runbook: Pick<Runbook, 'cells'>): Promise<Newer[]> => {
  const pins = pinsIn(runbook).filter(({ version }) => version > 0);
  const found = await settleAll(
    pins.map(async ({ runbookId, version }) => {
      const newest = (await look({ runbookId }))?.version ?? version;
      return { runbookId, version, newest };
    }),
  );
  return found.filter(({ version, newest }) => newest > version);
};
