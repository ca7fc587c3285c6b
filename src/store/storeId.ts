/**
 * The id of the store: drawn by the starter of the first run in it, and kept beside the locks for ever. It is a part of
 * every idempotency key, so two stores send different ones, whatever else is named alike: two laptops, two accounts.
 */
import * as z from 'zod';
import { journalVersion, PawlError, type Random, storeIdSchema } from '../engine/index.ts';
import { type Access, getItem, type RawItem } from './access.ts';
import { storeKey } from './claimItems.ts';
import { read, refuseNewer } from './items.ts';
import { putOnce } from './putOnce.ts';

const place = { claimId: storeKey, revision: 1 } as const;
const item = z.object({ storeId: storeIdSchema });

const decode = (raw: RawItem): string => {
  refuseNewer(raw, storeKey);
  return read(item, raw, storeKey).storeId;
};

/** @returns what reads it, once; of several who draw it, all get what stands. */
export const createStoreId = (access: Access, random: Random): (() => Promise<string>) => {
  let known: string | undefined;

  const draw = async (): Promise<string> => {
    const token = random.token();
    const drawn = { ...place, v: journalVersion, storeId: random.token().slice(0, 12), token };
    const put = await putOnce(access, { table: 'claims', item: drawn, decode });
    if (put.kind === 'written') return put.standing;
    if (put.kind === 'conflict') return put.winner;
    throw new PawlError('store.unavailable', 'The store gave no answer; ask again.', {}, put.cause);
  };

  return async () => {
    // Not the promise is kept, but what came of it: a call that is cut off keeps no other caller waiting.
    if (known === undefined) {
      const stored = await getItem(access, 'claims', place);
      known = stored === undefined ? await draw() : decode(stored);
    }
    return known;
  };
};
