/** Reading a journal in order. */

import type { EntryOf, Standing } from '../model/entries.ts';
import { limits } from '../model/limits.ts';
import type { Call, Engine } from './call.ts';

/** Every vote since the approval was asked for, in order. */
export const votesSince = async ({ engine, instanceId }: Call, seq: number): Promise<EntryOf<'vote'>[]> => {
  const votes: EntryOf<'vote'>[] = [];
  for await (const { entry } of readJournal(engine, instanceId, seq)) if (entry.kind === 'vote') votes.push(entry);
  return votes;
};

/** The whole journal in order, read in pages. */
export async function* readJournal(
  engine: Pick<Engine, 'journal'>,
  instanceId: string,
  afterSeq = -1,
): AsyncGenerator<Standing> {
  let after = afterSeq;
  for (;;) {
    const page = await engine.journal.page(instanceId, after, limits.pageMax);
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < limits.pageMax) return;
    after = last.entry.seq;
  }
}

/** The outcome that closes the step reserved at `about`. */
export const closingOf = async (
  engine: Engine,
  instanceId: string,
  about: number,
): Promise<EntryOf<'outcome'> | undefined> => {
  for await (const { entry } of readJournal(engine, instanceId, about)) {
    if (entry.kind === 'outcome' && entry.closes === about) return entry;
  }
  return undefined;
};
