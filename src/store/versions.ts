/**
 * Runbook versions on DynamoDB. A content is written once at (`<runbookId>/content/<runHash>`, 0); then the chain
 * (`<runbookId>`, 1 …) gets a small item that names it. Both are immutable, so they are cached without end.
 */
import { promisify } from 'node:util';
import * as z from 'zod';
import {
  type Clock,
  PawlError,
  pinsIn,
  type Random,
  runbookFormat,
  runsOf,
  settleAll,
  type Version,
  type Versions,
} from '../engine/index.ts';
import { type Access, getItem, queryItems, type RawItem } from './access.ts';
import { canonical, decodeBytes, decodeVersion, sha256, type VersionItem } from './items.ts';
import { putSurely } from './putOnce.ts';

const cachedMax = 64;
const contentBytesMax = 390 * 1024;
const contentUnpackedBytesMax = 64 * 1024 * 1024;
/** Publishers racing for the same runbook; each round one of them wins. */
const roundsMax = 100;

/** Every value of `listed` in infra/tables.yml. */
const listed = 'runbook';

/** The newest version of a runbook, without its content. */
export type Listed = Pick<
  VersionItem,
  'runbookId' | 'version' | 'sourceHash' | 'runHash' | 'title' | 'cells' | 'by' | 'atMs'
>;
export type Catalogue = {
  /** Runbooks after a name, in order of their names, from an index that may lag; `next` is the last name, `null` at the end. */
  list(limit: number, after?: string): Promise<{ runbooks: Listed[]; next: string | null }>;
  /** Versions of one runbook below `before`, the newest first. */
  history(runbookId: string, limit: number, before?: number): Promise<Listed[]>;
};

const shown = (raw: RawItem): Listed => {
  const { token: _, ...item } = decodeVersion(raw);
  return item;
};

const nameItem = z.object({ runbookId: z.string() });

type Content = Pick<Version, 'source' | 'runbook'>;

/** The compiled form repeats much of the source; a window over the whole text makes that cost next to nothing. */
const pack = async (content: Content): Promise<Buffer> => {
  const { brotliCompress, constants } = await import('node:zlib');
  return await promisify(brotliCompress)(JSON.stringify(content), {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 9,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
    },
  });
};

const unpack = async (data: Uint8Array, runHash: string, where: string): Promise<Content> => {
  let content: Content;
  try {
    const { brotliDecompress } = await import('node:zlib');
    const text = await promisify(brotliDecompress)(data, { maxOutputLength: contentUnpackedBytesMax });
    // Its shape needs no look: the hash below covers all of it.
    content = JSON.parse(text.toString());
  } catch (error) {
    throw new PawlError(
      'journal.broken',
      `The content at ${where} cannot be read: compare it with a backup.`,
      { where },
      error,
    );
  }
  const { format } = content.runbook as { format: number };
  if (format > runbookFormat) {
    const message = `The content at ${where} was compiled by a newer Pawl (format ${format}): update this one.`;
    throw new PawlError('journal.newer', message, { where, format });
  }
  if (sha256(canonical(runsOf(content))) !== runHash) {
    const message = `The content at ${where} does not have the hash in its key: compare it with a backup.`;
    throw new PawlError('journal.broken', message, { where });
  }
  return content;
};

export const createVersions = (access: Access, clock: Clock, random: Random): Versions & Catalogue => {
  const cache = new Map<string, Version>();

  const remember = (version: Version): Version => {
    const oldest = cache.keys().next();
    if (cache.size >= cachedMax && oldest.done !== true) cache.delete(oldest.value);
    cache.set(`${version.runbookId}/${version.version}`, version);
    return version;
  };

  const load = async (item: VersionItem): Promise<Version> => {
    const { runbookId, version, sourceHash, runHash } = item;
    const cached = cache.get(`${runbookId}/${version}`);
    if (cached !== undefined) return cached;
    const partition = `${runbookId}/content/${runHash}`;
    const stored = await getItem(access, 'runbooks', { runbookId: partition, version: 0 });
    if (stored === undefined) {
      const message = `The content of ${runbookId} version ${version} is missing: restore ${partition} from a backup.`;
      throw new PawlError('journal.broken', message, { where: partition });
    }
    const content = await unpack(decodeBytes(stored), runHash, partition);
    const isOther = content.runbook.runbookId !== runbookId || sha256(content.source) !== sourceHash;
    if (isOther) {
      const message = `Version ${version} of ${runbookId} names a content that is not its own: compare it with a backup.`;
      throw new PawlError('journal.broken', message, { where: `${runbookId} version ${version}` });
    }
    return remember({ runbookId, version, sourceHash, runHash, ...content });
  };

  const newestOf = async (runbookId: string): Promise<VersionItem | undefined> => {
    const [item] = await queryItems(access, 'runbooks', { partition: runbookId, descending: true, limit: 1 });
    return item && decodeVersion(item);
  };

  /**
   * Whether the newest version has this content. What its item says of it is held against the content itself. With other versions of
   * what it runs, the same source is another content.
   */
  const isThere = async (newest: VersionItem, { sourceHash, runbook }: Omit<Version, 'version'>): Promise<boolean> => {
    if (newest.sourceHash !== sourceHash) return false;
    const loaded = await load(newest);
    return loaded.sourceHash === sourceHash && canonical(pinsIn(loaded.runbook)) === canonical(pinsIn(runbook));
  };

  return {
    async publish(runbookId, content, by) {
      const { sourceHash, runHash, source, runbook } = content;
      const newest = await newestOf(runbookId);
      if (newest !== undefined && (await isThere(newest, content)))
        return { version: newest.version, runHash: newest.runHash, created: false };

      const data = await pack({ source, runbook });
      if (data.byteLength > contentBytesMax) {
        const details = { limit: 'contentBytesMax', bytes: data.byteLength, max: contentBytesMax };
        const message = `Runbook ${runbookId} takes ${data.byteLength} bytes even when compressed: divide it in two.`;
        throw new PawlError('limit.exceeded', message, details);
      }
      const token = random.token();
      const contentItem = { runbookId: `${runbookId}/content/${runHash}`, version: 0, v: 1, token, data };
      // A conflict is as good: what stands there runs the same.
      await putSurely(access, { table: 'runbooks', item: contentItem, decode: decodeBytes });

      for (let round = 0; round < roundsMax; round += 1) {
        const last = await newestOf(runbookId);
        // Our own token: an earlier put of this call, whose answer was lost, landed after all.
        if (last !== undefined && (await isThere(last, content)))
          return { version: last.version, runHash: last.runHash, created: last.token === token };
        const version = (last?.version ?? 0) + 1;
        const item = {
          runbookId,
          version,
          v: 1,
          ...(version === 1 ? { listed } : {}),
          sourceHash,
          runHash,
          title: runbook.title,
          cells: runbook.cells.length,
          by: by.actor,
          atMs: clock.nowMs(),
          token,
        };
        const put = await putSurely(access, { table: 'runbooks', item, decode: decodeVersion });
        if (put.kind === 'written') return { version: put.standing.version, runHash, created: true };
      }
      throw new PawlError('store.unavailable', `Runbook ${runbookId} was not published: too many others at once.`);
    },

    async get(runbookId, version) {
      if (version !== undefined) {
        const cached = cache.get(`${runbookId}/${version}`);
        if (cached !== undefined) return cached;
        const item = await getItem(access, 'runbooks', { runbookId, version });
        return item && load(decodeVersion(item));
      }
      const newest = await newestOf(runbookId);
      return newest && load(newest);
    },

    async list(limit, after) {
      // One more than asked for tells whether there is a next page.
      const query = { index: 'names', partition: listed, limit: limit + 1 } as const;
      const found = await queryItems(access, 'runbooks', after === undefined ? query : { ...query, after });
      const names = found.map((item) => nameItem.parse(item).runbookId);
      const page = names.slice(0, limit);
      const newest = await settleAll(
        page.map((partition) => queryItems(access, 'runbooks', { partition, descending: true, limit: 1 })),
      );
      return { runbooks: newest.flat().map(shown), next: names.length > limit ? (page.at(-1) ?? null) : null };
    },

    async history(partition, limit, before) {
      const query = { partition, descending: true, limit };
      const found = await queryItems(access, 'runbooks', before === undefined ? query : { ...query, before });
      return found.map(shown);
    },
  };
};
