/** Locks: chains `lock:<text>` in the claims table. The newest entry names the holder; nothing is ever released. */
import { type Locks, PawlError } from '../engine/index.ts';
import { type Access, queryItems } from './access.ts';
import { decodeLock, encodeLock } from './items.ts';
import { putOnce } from './putOnce.ts';

/** DynamoDB's partition keys hold 2048 bytes. */
const lockBytesMax = 1024;

const checked = (lock: string): string => {
  const bytes = Buffer.byteLength(lock);
  if (bytes <= lockBytesMax) return lock;
  const details = { limit: 'lockBytesMax', bytes, max: lockBytesMax };
  throw new PawlError('limit.exceeded', `The concurrency text has ${bytes} bytes: make it shorter.`, details);
};

export const createLocks = (access: Access): Locks => ({
  async newest(lock) {
    const partition = `lock:${checked(lock)}`;
    const [item] = await queryItems(access, 'claims', { partition, descending: true, limit: 1 });
    return item && decodeLock(item);
  },

  async putOnce(entry) {
    checked(entry.lock);
    return putOnce(access, { table: 'claims', item: encodeLock(entry), decode: decodeLock });
  },
});
