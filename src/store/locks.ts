/** Locks: chains `lock:<text>` in the claims table. The newest entry names the holder; nothing is ever released. */
import type { Locks } from '../engine/index.ts';
import { type Access, queryItems } from './access.ts';
import { decodeLock, encodeLock, lockKey } from './claimItems.ts';
import { putOnce } from './putOnce.ts';

export const createLocks = (access: Access): Locks => ({
  async newest(lock) {
    const [item] = await queryItems(access, 'claims', { partition: lockKey(lock), descending: true, limit: 1 });
    return item && decodeLock(item);
  },

  async putOnce(entry) {
    return putOnce(access, { table: 'claims', item: encodeLock(entry), decode: decodeLock });
  },
});
