/**
 * Claims: one chain of revisions each in the claims table, never altered; the newest is what holds. The list goes by an
 * index of first revisions, which may lag, and reads the newest of each from its chain, which does not.
 */
import * as z from 'zod';
import { type ClaimEntry, type Claims, limits, PawlError, settleAll } from '../engine/index.ts';
import { type Access, queryItems } from './access.ts';
import { claimKey, decodeClaim, encodeClaim, listPartitions } from './claimItems.ts';
import { putOnce } from './putOnce.ts';

const nameItem = z.object({ claimId: z.string() });

/** As DynamoDB orders texts: by their UTF-8, which JavaScript's own comparison does not. */
const inOrder = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

const markSchema = z.strictObject({ after: z.string() });
const encodeMark = (after: string): string => Buffer.from(JSON.stringify({ after })).toString('base64url');

/** The claim to go on after. A page mark is taken only as it was given out. */
const placeOf = (next: string): string => {
  let after: string | undefined;
  try {
    after = claimKey(markSchema.parse(JSON.parse(Buffer.from(next, 'base64url').toString())).after);
  } catch {
    after = undefined;
  }
  if (after !== undefined && encodeMark(after) === next) return after;
  throw new PawlError('request.invalid', 'The page mark `next` is not one of this list: begin with the first page.');
};

export const createClaims = (access: Access): Claims => {
  const newest = async (claimId: string): Promise<ClaimEntry | undefined> => {
    const [item] = await queryItems(access, 'claims', { partition: claimKey(claimId), descending: true, limit: 1 });
    return item && decodeClaim(item);
  };

  return {
    newest,

    async putOnce(entry) {
      return putOnce(access, { table: 'claims', item: encodeClaim(entry), decode: decodeClaim });
    },

    async history(claimId, limit, before) {
      const bound = before === undefined ? {} : { before };
      const query = { partition: claimKey(claimId), descending: true, limit, ...bound };
      return (await queryItems(access, 'claims', query)).map(decodeClaim);
    },

    async list(filter) {
      const limit = Math.min(Math.max(1, filter.limit), limits.pageMax);
      const after = filter.next === undefined ? {} : { after: placeOf(filter.next) };
      // One more than asked for tells whether there is a next page.
      const query = { index: 'names', limit: limit + 1, ...after } as const;
      const found = await settleAll(
        listPartitions.map((partition) => queryItems(access, 'claims', { ...query, partition })),
      );
      const ids = found
        .flat()
        .map((item) => nameItem.parse(item).claimId)
        .sort(inOrder);
      const page = ids.slice(0, limit);
      const claims = (await settleAll(page.map(newest))).filter((claim) => claim !== undefined);
      return { claims, next: ids.length > limit ? encodeMark(page.at(-1) ?? '') : null };
    },
  };
};
