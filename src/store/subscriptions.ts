/**
 * Who waits for which claim. Can be made again: each look at a wait subscribes again. Read from the base table, consistently: a waker must not miss who subscribed before it wrote.
 */
import * as z from 'zod';
import type { Subscriptions, Waiter } from '../engine/index.ts';
import { type Access, deleteItem, keyText, overwrite, queryItems, type RawItem } from './access.ts';
import { claimKey } from './claimItems.ts';
import { leaving, subscribing } from './conditions.ts';

const waiterItem = z.object({ waiter: z.string().regex(/^[^/]+\/./), about: z.int(), runbookId: z.string() });

const itemOf = (claimId: string, { instanceId, cell, about }: Omit<Waiter, 'runbookId'>) => ({
  claimId: claimKey(claimId),
  // Instance ids hold no `/`.
  waiter: keyText(`${instanceId}/${cell}`, 'The name of who waits', 'waiterBytesMax'),
  about,
});

/** What cannot be read is no waiter, and must not keep the others from being woken. */
const decode = (item: RawItem): Waiter | undefined => {
  const parsed = waiterItem.safeParse(item);
  if (!parsed.success) return undefined;
  const { waiter, about, runbookId } = parsed.data;
  const slash = waiter.indexOf('/');
  return { instanceId: waiter.slice(0, slash), cell: waiter.slice(slash + 1), about, runbookId };
};

export const createSubscriptions = (access: Access): Subscriptions => ({
  async add(claimId, waiter) {
    await overwrite(access, 'subscriptions', { ...itemOf(claimId, waiter), runbookId: waiter.runbookId }, subscribing);
  },

  async remove(claimId, waiter) {
    await deleteItem(access, 'subscriptions', itemOf(claimId, waiter), leaving);
  },

  async page(claimId, limit, from) {
    const bound = from === undefined ? {} : { after: from };
    // One more than asked for tells whether there is a next page.
    const query = { partition: claimKey(claimId), limit: limit + 1, ...bound };
    const found = await queryItems(access, 'subscriptions', query);
    const items = found.slice(0, limit);
    const last = items.at(-1)?.waiter;
    const next = found.length > limit && typeof last === 'string' ? last : null;
    return { waiters: items.map(decode).filter((waiter) => waiter !== undefined), next };
  },
});
