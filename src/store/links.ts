/**
 * One-time links: chains `link:<sha256>` in the claims table. Revision 1 says for whom the link was made, revision 2 that
 * it was used: of all who try, one puts it.
 */
import type { Links } from '../engine/index.ts';
import { type Access, queryItems } from './access.ts';
import { decodeLink, encodeLink, linkKey } from './claimItems.ts';
import { putOnce } from './putOnce.ts';

export const createLinks = (access: Access): Links => ({
  async newest(linkHash) {
    const [item] = await queryItems(access, 'claims', { partition: linkKey(linkHash), descending: true, limit: 1 });
    return item && decodeLink(item);
  },

  async putOnce(entry) {
    return putOnce(access, { table: 'claims', item: encodeLink(entry), decode: decodeLink });
  },
});
