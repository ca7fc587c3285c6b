/** The journal on DynamoDB: the chain of entries, and beside it notes and large outputs in partitions of their own. */
import { strict as assert } from 'node:assert';
import { promisify } from 'node:util';
import {
  assertChain,
  assertFollows,
  breakBetween,
  brokenAt,
  type Journal,
  limits,
  type Output,
  PawlError,
  type Random,
  type Standing,
  settleAll,
} from '../engine/index.ts';
import { type Access, getItem, getItems, queryItems, type RawItem } from './access.ts';
import {
  decodeBytes,
  decodeEntry,
  decodeNote,
  decodeUnchecked,
  encodeEntry,
  encodeNote,
  hashOfEntry,
  sha256,
} from './items.ts';
import { putOnce, putSurely } from './putOnce.ts';

/** Notes of one millisecond share this many slots; a writer that finds one taken draws again. */
const noteSlotsPerMs = 1000;
const noteDrawsMax = 20;

/** A head that is so near the beginning is read with all that is before it. */
const openingNear = 3;

/** @returns `undefined`: the service gave only some of them */
const entriesAt = async (
  access: Access,
  instanceId: string,
  seqs: number[],
): Promise<Map<number, Standing> | undefined> => {
  const items = await getItems(
    access,
    'journal',
    seqs.map((seq) => ({ instanceId, seq })),
  );
  const found = items?.map(decodeEntry).map((standing) => [standing.entry.seq, standing] as const);
  return found && new Map(found);
};

/**
 * The newest entry, held against the one before it. Of that one the hash is enough: what was ended because it cannot be read
 * stays readable.
 */
const decodeHead = (instanceId: string, newest: RawItem, before: RawItem | undefined): Standing => {
  const head = decodeEntry(newest);
  if (before === undefined && head.entry.seq > 0)
    throw brokenAt(instanceId, head.entry.seq - 1, 'the entry is missing');
  const follows = before && { seq: Number(before.seq), hash: hashOfEntry(before) };
  const broken = breakBetween(follows, head.entry);
  if (broken !== undefined) throw brokenAt(instanceId, broken.seq, broken.why);
  return head;
};

const entriesOneByOne = async (access: Access, instanceId: string, seq: number): Promise<Map<number, Standing>> => {
  const found = new Map<number, Standing>();
  for (const one of [seq, seq + 1]) {
    const item = await getItem(access, 'journal', { instanceId, seq: one });
    if (item !== undefined) found.set(one, decodeEntry(item));
  }
  return found;
};

export const createJournal = (access: Access, random: Random): Journal => ({
  async head(instanceId) {
    // The one before comes along for the same request, so that neither was altered without the other.
    const items = await queryItems(access, 'journal', { partition: instanceId, descending: true, limit: 2 });
    const [newest, before] = items;
    if (newest === undefined) return undefined;
    return decodeHead(instanceId, newest, before);
  },

  async opening(instanceId, seq) {
    // Callers name what they like: no chain is so long.
    if (!Number.isSafeInteger(seq + 2)) return undefined;
    // Whatever stands beyond is asked for too: where the next one is missing, a later one may stand all the same.
    const isNear = seq <= openingNear;
    const after = isNear ? -1 : seq - 2;
    const tail = { partition: instanceId, after, limit: seq - after + 1 };
    const [items, start = []] = await settleAll([
      queryItems(access, 'journal', tail),
      isNear
        ? Promise.resolve([])
        : getItems(
            access,
            'journal',
            [0, 1].map((one) => ({ instanceId, seq: one })),
          ),
    ]);
    const at = (one: number): RawItem | undefined => [...items, ...start].find((item) => item.seq === one);
    const [first, second, newest] = [at(0), at(1), at(seq)];
    if (first === undefined || newest === undefined || items.at(-1) !== newest) return undefined;
    const begun = decodeEntry(first);
    if (second !== undefined) assertFollows(begun, decodeEntry(second));
    else if (seq > 0) throw brokenAt(instanceId, 1, 'the entry is missing');
    return { first: begun, head: decodeHead(instanceId, newest, at(seq - 1)) };
  },

  async entry(instanceId, seq) {
    const found =
      (await entriesAt(access, instanceId, [seq, seq + 1])) ?? (await entriesOneByOne(access, instanceId, seq));
    const [entry, next] = [found.get(seq), found.get(seq + 1)];
    if (entry === undefined && next !== undefined) throw brokenAt(instanceId, seq, 'the entry is missing');
    if (entry !== undefined && next !== undefined) assertFollows(entry, next);
    return entry;
  },

  async putOnce(entry) {
    return putOnce(access, { table: 'journal', item: encodeEntry(entry), decode: decodeEntry });
  },

  async putWith(entry, writes) {
    const attempt = entry.kind === 'outcome' ? String(entry.closes) : '';
    const slot = { table: 'journal' as const, item: encodeEntry(entry), decode: decodeEntry };
    return putOnce(access, slot, { writes, attempt });
  },

  async page(instanceId, afterSeq, limit) {
    // The one before comes along: what is asked for has to follow it.
    const query = { partition: instanceId, after: afterSeq - 1, limit: afterSeq < 0 ? limit : limit + 1 };
    const entries = (await queryItems(access, 'journal', query)).map(decodeEntry);
    const first = entries[0]?.entry.seq;
    const expected = Math.max(0, afterSeq);
    if (first !== undefined && first !== expected) throw brokenAt(instanceId, expected, 'the entry is missing');
    assertChain(entries);
    return afterSeq < 0 ? entries : entries.slice(1);
  },

  async unchecked(instanceId, afterSeq, limit) {
    const query = { partition: instanceId, limit, ...(afterSeq < 0 ? {} : { after: afterSeq }) };
    return (await queryItems(access, 'journal', query)).map(decodeUnchecked);
  },

  async newest(instanceId) {
    const [newest] = await queryItems(access, 'journal', { partition: instanceId, descending: true, limit: 1 });
    return newest && decodeUnchecked(newest);
  },

  async started(shard, after) {
    const bound = after === undefined ? {} : { after };
    const query = { index: 'names', partition: String(shard), limit: limits.pageMax, ...bound } as const;
    const instanceIds = (await queryItems(access, 'journal', query)).map((item) => String(item.instanceId));
    return { instanceIds, next: instanceIds.length < limits.pageMax ? null : (instanceIds.at(-1) ?? null) };
  },

  async addNote(instanceId, note) {
    const token = random.token();
    for (let draw = 0; draw < noteDrawsMax; draw += 1) {
      const seq = note.atMs * noteSlotsPerMs + Math.floor(random.fraction() * noteSlotsPerMs);
      const item = encodeNote(`${instanceId}/notes`, seq, token, note);
      const put = await putSurely(access, { table: 'journal', item, decode: decodeNote });
      if (put.kind === 'written') return;
    }
    throw new PawlError('store.unavailable', `No slot left for a note of ${instanceId} at ${note.atMs}: ask again.`);
  },

  async notes(instanceId, about) {
    const notes = (await queryItems(access, 'journal', { partition: `${instanceId}/notes` })).map(decodeNote);
    return about === undefined ? notes : notes.filter((note) => note.about === about);
  },

  async notesPage(instanceId, limit, after) {
    const bound = after === undefined ? {} : { after };
    const items = await queryItems(access, 'journal', { partition: `${instanceId}/notes`, limit, ...bound });
    const notes = items.map((item) => ({ id: Number(item.seq), note: decodeNote(item) }));
    return { notes, next: notes.length < limit ? null : (notes.at(-1)?.id ?? null) };
  },

  async putOutput(instanceId, seq, owner, text): Promise<Output> {
    const content = Buffer.from(text);
    const bytes = content.byteLength;
    if (bytes > limits.outputBytesMax) {
      const details = { limit: 'outputBytesMax', bytes, max: limits.outputBytesMax };
      const message = `The output of ${instanceId} seq ${seq} has ${bytes} bytes: write it as truncated.`;
      throw new PawlError('limit.exceeded', message, details);
    }
    return { kind: 'stored', ...(await putPieces(access, { instanceId, seq, owner }, content)) };
  },

  async putFile(instanceId, seq, owner, given) {
    const bytes = given.byteLength;
    if (bytes > limits.attachmentBytesMax) {
      const details = { limit: 'attachmentBytesMax', bytes, max: limits.attachmentBytesMax };
      throw new PawlError('limit.exceeded', `The file of ${instanceId} seq ${seq} has ${bytes} bytes.`, details);
    }
    return await putPieces(access, { instanceId, seq, owner }, Buffer.from(given));
  },

  file: (attached) => pieces(access, attached),

  async outputText(output) {
    if (output.kind === 'inline') return output.text;
    assert(output.kind === 'stored', 'the text of a truncated output was not kept');
    return (await pieces(access, output)).toString();
  },
});

/** What is in pieces of its own beside the chain, and by what it is known again. */
type Pieces = { partition: string; bytes: number; sha256: string };

/** Packed, in a partition of its own. An owner writes one content per seq, however often it is asked to. */
const putPieces = async (
  access: Access,
  { instanceId, seq, owner }: { instanceId: string; seq: number; owner: string },
  content: Buffer,
): Promise<Pieces> => {
  const partition = `${instanceId}/out/${seq}/${owner}`;
  const { gzip } = await import('node:zlib');
  const packed = await promisify(gzip)(content);
  for (let start = 0; start < packed.byteLength; start += limits.outputChunkBytes) {
    const data = packed.subarray(start, start + limits.outputChunkBytes);
    const item = {
      instanceId: partition,
      seq: start / limits.outputChunkBytes,
      v: 1,
      kind: 'output',
      token: owner,
      data,
    };
    const put = await putSurely(access, { table: 'journal', item, decode: decodeBytes });
    const standing = put.kind === 'written' ? put.standing : put.winner;
    assert(data.equals(standing), `${partition} holds another output: an owner writes one output per seq`);
  }
  return { partition, bytes: content.byteLength, sha256: sha256(content) };
};

const pieces = async (access: Access, { partition, bytes, sha256: hash }: Pieces): Promise<Buffer> => {
  const chunks = (await queryItems(access, 'journal', { partition })).map(decodeBytes);
  let content: Buffer;
  try {
    const { gunzip } = await import('node:zlib');
    content = await promisify(gunzip)(Buffer.concat(chunks), { maxOutputLength: bytes + 1 });
  } catch (error) {
    throw brokenOutput(partition, error);
  }
  if (content.byteLength !== bytes || sha256(content) !== hash) throw brokenOutput(partition);
  return content;
};

const brokenOutput = (partition: string, cause?: unknown): PawlError => {
  const message = `The output at ${partition} is missing, incomplete or altered: compare it with a backup.`;
  return new PawlError('journal.broken', message, { where: partition }, cause);
};
