/** The journal on DynamoDB: the chain of entries, and beside it notes and large outputs in partitions of their own. */
import { strict as assert } from 'node:assert';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { type Journal, limits, type Output, PawlError, type Random } from '../engine/index.ts';
import { type Access, getItem, getItems, queryItems } from './access.ts';
import { decodeBytes, decodeEntry, decodeNote, encodeEntry, encodeNote, sha256 } from './items.ts';
import { putOnce, putSurely } from './putOnce.ts';

const chunkBytes = 350 * 1024;
/** Notes of one millisecond share this many slots; whoever finds one taken draws again. */
const noteSlotsPerMs = 1000;
const noteDrawsMax = 20;

export const createJournal = (access: Access, random: Random): Journal => ({
  async head(instanceId) {
    const [item] = await queryItems(access, 'journal', { partition: instanceId, descending: true, limit: 1 });
    return item && decodeEntry(item);
  },

  async opening(instanceId, seq) {
    const found = await getItems(
      access,
      'journal',
      [0, seq, seq + 1].map((one) => ({ instanceId, seq: one })),
    );
    const at = (one: number) => found?.find((item) => item.seq === one);
    const [first, last] = [at(0), at(seq)];
    // The chain has no gaps: what nothing follows is the head.
    if (first === undefined || last === undefined || at(seq + 1) !== undefined) return undefined;
    return { first: decodeEntry(first), head: decodeEntry(last) };
  },

  async entry(instanceId, seq) {
    const item = await getItem(access, 'journal', { instanceId, seq });
    return item && decodeEntry(item);
  },

  async putOnce(entry) {
    return putOnce(access, { table: 'journal', item: encodeEntry(entry), decode: decodeEntry });
  },

  async page(instanceId, afterSeq, limit) {
    const items = await queryItems(access, 'journal', { partition: instanceId, after: afterSeq, limit });
    return items.map(decodeEntry);
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
    const partition = `${instanceId}/out/${seq}/${owner}`;
    const packed = await promisify(gzip)(content);
    for (let start = 0; start < packed.byteLength; start += chunkBytes) {
      const data = packed.subarray(start, start + chunkBytes);
      const item = { instanceId: partition, seq: start / chunkBytes, v: 1, kind: 'output', token: owner, data };
      const put = await putSurely(access, { table: 'journal', item, decode: decodeBytes });
      const standing = put.kind === 'written' ? put.standing : put.winner;
      assert(data.equals(standing), `${partition} holds another output: an owner writes one output per seq`);
    }
    return { kind: 'stored', partition, bytes, sha256: sha256(content) };
  },

  async outputText(output) {
    if (output.kind === 'inline') return output.text;
    assert(output.kind === 'stored', 'the text of a truncated output was not kept');
    const chunks = (await queryItems(access, 'journal', { partition: output.partition })).map(decodeBytes);
    let content: Buffer;
    try {
      content = await promisify(gunzip)(Buffer.concat(chunks), { maxOutputLength: output.bytes + 1 });
    } catch (error) {
      throw brokenOutput(output.partition, error);
    }
    if (content.byteLength !== output.bytes || sha256(content) !== output.sha256) throw brokenOutput(output.partition);
    return content.toString();
  },
});

const brokenOutput = (partition: string, cause?: unknown): PawlError => {
  const message = `The output at ${partition} is missing, incomplete or altered: compare it with a backup.`;
  return new PawlError('journal.broken', message, { where: partition }, cause);
};
