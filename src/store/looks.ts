/**
 * What the last look of a poll found, one item for each instance in the table of views: `look:<instanceId>`. It is in no
 * index, and lost it is there again after the next look. One decision rests on it: a poll that has to hold begins anew where it is missing or old. What an earlier wait still writes changes
 * nothing of a later one.
 */
import * as z from 'zod';
import { type LastLook, type Looks, lastLookSchema } from '../engine/index.ts';
import { type Access, getItem, type RawItem, updateView } from './access.ts';
import { looking } from './conditions.ts';

const lookItem = z.object({ about: z.int(), look: z.string() });
const keyOf = (instanceId: string): string => `look:${instanceId}`;

/** What cannot be read is not there: it is made anew by the next look. */
const decode = (item: RawItem | undefined, about: number): LastLook | undefined => {
  const kept = lookItem.safeParse(item);
  if (!kept.success || kept.data.about !== about) return undefined;
  try {
    return lastLookSchema.safeParse(JSON.parse(kept.data.look)).data;
  } catch {
    return undefined;
  }
};

export const createLooks = (access: Access): Looks => ({
  async keep(instanceId, about, look) {
    await updateView(access, keyOf(instanceId), looking, { about, look: JSON.stringify(look) });
  },

  async last(instanceId, about) {
    return decode(await getItem(access, 'views', { instanceId: keyOf(instanceId) }), about);
  },
});
