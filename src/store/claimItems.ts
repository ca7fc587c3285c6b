/** What the items of the table `claims` look like: chains of claims, and beside them locks and one-time links. */
import * as z from 'zod';
import {
  atMs,
  by,
  type ClaimEntry,
  claimStatuses,
  journalVersion,
  type LinkEntry,
  type LockEntry,
  once,
  PawlError,
} from '../engine/index.ts';
import { type Item, keyText, type RawItem } from './access.ts';
import { canonical, parseJson, read, refuseNewer, shardOf } from './items.ts';

const whereOf = (raw: RawItem): string => `${raw.claimId} revision ${raw.revision}`;

const lockPrefix = 'lock:';
const linkPrefix = 'link:';
const storePrefix = 'store:';
/** Where the store keeps its own id (`storeId.ts`). */
export const storeKey = `${storePrefix}id`;
/** Under which workers say that they are alive (`workers.ts`), in the table of who waits. */
export const workersKey = `${storePrefix}workers`;
export const lockKey = (lock: string): string =>
  `${lockPrefix}${keyText(lock, 'The concurrency text', 'lockBytesMax')}`;
export const linkKey = (linkHash: string): string => `${linkPrefix}${linkHash}`;

const isOther = (claimId: string): boolean =>
  [lockPrefix, linkPrefix, storePrefix].some((prefix) => claimId.startsWith(prefix));

/** A writer that could name a claim like a lock, a link or what is the store's own would write into their chains. */
export const claimKey = (claimId: string): string => {
  keyText(claimId, 'The claim id', 'claimIdBytesMax');
  if (claimId !== '' && claimId.isWellFormed() && !isOther(claimId)) return claimId;
  const message = `The claim id "${claimId.toWellFormed()}" is no text, or begins like a lock, a link or what is the store's own: choose another.`;
  throw new PawlError('request.invalid', message, { claimId: claimId.toWellFormed() });
};

/** Partitions of the list of claims: each new claim is a write to one of them. */
const listShards = 4;
export const listPartitions = Array.from({ length: listShards }, (_, shard) => `claims#${shard}`);

const claimItem = once(() =>
  z.object({
    claimId: z.string().refine((claimId) => !isOther(claimId)),
    revision: z.int().min(1),
    status: z.enum(claimStatuses),
    statement: z.string().nullable(),
    evidence: z.string().nullable(),
    reason: z.string().exactOptional(),
    by: z.string(),
    atMs,
    token: z.string(),
  }),
);

export const encodeClaim = (entry: ClaimEntry): Item & { token: string } => ({
  claimId: claimKey(entry.claimId),
  revision: entry.revision,
  v: journalVersion,
  status: entry.status,
  // A claim holds whatever was said of it; half a character no UTF-8 can carry.
  statement: entry.statement?.toWellFormed() ?? null,
  evidence: entry.evidence?.toWellFormed() ?? null,
  ...(entry.reason === undefined ? {} : { reason: entry.reason.toWellFormed() }),
  by: canonical(entry.by),
  atMs: entry.atMs,
  token: entry.token,
  ...(entry.revision === 1 ? { listed: `claims#${shardOf(entry.claimId, listShards)}` } : {}),
});

export const decodeClaim = (raw: RawItem): ClaimEntry => {
  const where = whereOf(raw);
  refuseNewer(raw, where);
  const item = read(claimItem(), raw, where);
  if (item.evidence !== null) parseJson(item.evidence, where);
  return { ...item, by: read(by, parseJson(item.by, where), where) };
};

const lockItem = once(() =>
  z.object({
    claimId: z.string().startsWith(lockPrefix),
    revision: z.int(),
    instanceId: z.string(),
    after: z.string().exactOptional(),
    token: z.string(),
    atMs,
  }),
);

export const encodeLock = (entry: LockEntry): Item & { token: string } => ({
  claimId: lockKey(entry.lock),
  revision: entry.revision,
  v: journalVersion,
  instanceId: entry.instanceId,
  ...(entry.after === undefined ? {} : { after: entry.after }),
  token: entry.token,
  atMs: entry.atMs,
});

export const decodeLock = (raw: RawItem): LockEntry => {
  const where = whereOf(raw);
  refuseNewer(raw, where);
  const { claimId, ...rest } = read(lockItem(), raw, where);
  return { lock: claimId.slice(lockPrefix.length), ...rest };
};

const linkItem = once(() =>
  z.object({
    claimId: z.string().regex(/^link:[0-9a-f]{64}$/),
    revision: z.union([z.literal(1), z.literal(2)]),
    instanceId: z.string(),
    cell: z.string(),
    about: z.int().min(0),
    actor: z.string(),
    expiresAtMs: atMs,
    by: z.string(),
    atMs,
    token: z.string(),
  }),
);

export const encodeLink = ({ linkHash, ...entry }: LinkEntry): Item & { token: string } => ({
  ...entry,
  claimId: linkKey(linkHash),
  v: journalVersion,
  by: canonical(entry.by),
});

export const decodeLink = (raw: RawItem): LinkEntry => {
  const where = whereOf(raw);
  refuseNewer(raw, where);
  const { claimId, ...item } = read(linkItem(), raw, where);
  return { ...item, linkHash: claimId.slice(linkPrefix.length), by: read(by, parseJson(item.by, where), where) };
};
