/**
 * What the items of the append-only tables look like, and how they are read.
 */
import canonicalize from 'canonicalize';
import * as z from 'zod';
import {
  type Attributes,
  atMs,
  by,
  coveredBy,
  type Entry,
  entrySchema,
  fromStored,
  isPawlError,
  journalVersion,
  limits,
  type Note,
  PawlError,
  type Standing,
  storedForm,
  type Unchecked,
} from '../engine/index.ts';
import type { Item, RawItem } from './access.ts';
import { sha256 } from './hash.ts';

export { sha256 };

/** In which of so many parts of an index an id is found. */
export const shardOf = (id: string, shards: number): number => Number.parseInt(sha256(id).slice(0, 2), 16) % shards;

/** The part of the index of what is due, of a place: it has no `#` in its name. */
export const dueShardOf = (place: string, shard: number): string => `${place}#${shard}`;
export const duePartition = (place: string, id: string): string => dueShardOf(place, shardOf(id, limits.dueShards));

/** The same value with U+FFFD for every half of a character, which no UTF-8 can carry. */
const wellFormed = (value: unknown): unknown => {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name.toWellFormed(), wellFormed(one)]));
};

/** Deeper than this it is left to the library, which needs no stack. */
const plainDepthMax = 64;

/**
 * Plain JSON as RFC 8785 writes it: nearly every entry is nothing else. `undefined`: something in it is not plain, or not
 * to be written at all.
 */
const plainJson = (value: unknown, depth = 0): string | undefined => {
  if (typeof value === 'string') return value.isWellFormed() ? JSON.stringify(value) : undefined;
  if (typeof value === 'boolean' || value === null) return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? JSON.stringify(value) : undefined;
  if (typeof value !== 'object' || depth > plainDepthMax) return undefined;
  const isList = Array.isArray(value);
  if (!isList && Object.getPrototypeOf(value) !== Object.prototype) return undefined;
  let text = '';
  // `sort` orders by UTF-16 units, as the RFC does.
  for (const name of isList ? value.keys() : Object.keys(value).sort()) {
    const own = (value as Record<string | number, unknown>)[name];
    if (own === undefined && !isList) continue;
    const written = plainJson(own, depth + 1);
    const named = isList ? '' : plainJson(name);
    if (written === undefined || named === undefined) return undefined;
    text += `${text === '' ? '' : ','}${named}${isList ? '' : ':'}${written}`;
  }
  return isList ? `[${text}]` : `{${text}}`;
};

/** RFC 8785. Refuses what JSON cannot carry: NaN, infinities. What a cell or a person wrote is never refused for its text. */
export const canonical = (value: unknown): string => {
  let text = plainJson(value);
  if (text !== undefined) return text;
  try {
    text = canonicalize(value);
  } catch {
    try {
      text = canonicalize(wellFormed(value));
    } catch (error) {
      throw new PawlError('request.invalid', 'A value cannot be written as JSON: see the cause.', {}, error);
    }
  }
  if (text === undefined) throw new PawlError('request.invalid', 'A value cannot be written as JSON.');
  return text;
};

const broken = (where: string, why: string, cause?: unknown): PawlError =>
  new PawlError(
    'journal.broken',
    `The item at ${where} cannot be trusted: ${why}. Compare it with a backup before anything runs.`,
    { where },
    cause,
  );

export const parseJson = (text: string, where: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw broken(where, 'its text is not JSON', error);
  }
};

export const read = <T>(schema: z.ZodType<T>, value: unknown, where: string): T => {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw broken(where, 'it does not have the shape it should', parsed.error);
  return parsed.data;
};

/** Read before anything else, so that an entry of a newer Pawl is refused for what it is. */
export const refuseNewer = (item: RawItem, where: string): void => {
  if (typeof item.v !== 'number') throw broken(where, 'it carries no format number');
  if (item.v > journalVersion) {
    const message = `The item at ${where} was written by a newer Pawl (format ${item.v}): update this one.`;
    throw new PawlError('journal.newer', message, { where, v: item.v });
  }
};

const entryItem = z.object({
  instanceId: z.string(),
  seq: z.int(),
  v: z.literal(journalVersion),
  kind: z.string(),
  token: z.string(),
  entry: z.string(),
});

export const encodeEntry = (entry: Entry): Item & { token: string } => {
  const { instanceId, seq, v, kind, token } = entry;
  return { instanceId, seq, v, kind, token, entry: canonical(storedForm(entry)), ...listedAs(instanceId, seq, kind) };
};

/** Which part of the list of journals an instance is in. */
const journalShardOf = (instanceId: string): string => String(shardOf(instanceId, limits.journalShards));
/** The first entry of what has started puts the instance into the list of journals. */
export const listedAs = (instanceId: string, seq: number, kind: string): { listed?: string } =>
  seq === 0 && kind === 'started' ? { listed: journalShardOf(instanceId) } : {};

/**
 * Entries are never altered, so what was decoded is remembered, the newest mostly: by its text, and held against everything
 * beside it, so that neither the hash nor the reading of what is known is done again.
 */
const decoded = new Map<string, Standing>();
const decodedMax = 32;

const rememberedOf = ({ v, instanceId, seq, kind, token, entry: text }: RawItem): Standing | undefined => {
  const known = typeof text === 'string' ? decoded.get(text) : undefined;
  if (known === undefined) return undefined;
  const { entry } = known;
  const isIt = entry.token === token && entry.seq === seq && entry.instanceId === instanceId;
  return isIt && entry.kind === kind && entry.v === v ? known : undefined;
};

const remember = (text: string, standing: Standing): Standing => {
  const [oldest] = decoded.keys();
  if (decoded.size >= decodedMax && oldest !== undefined) decoded.delete(oldest);
  decoded.set(text, standing);
  return standing;
};

/** The hash of an entry's item as it stands, readable or not; the next entry carries it as `prev`. */
export const hashOfEntry = (raw: RawItem): string => {
  const known = rememberedOf(raw);
  if (known !== undefined) return known.hash;
  const { v, instanceId, seq, kind, token, entry } = raw;
  // Canonical: of texts and integers RFC 8785 makes what JSON.stringify does.
  return sha256(JSON.stringify(coveredBy({ v, instanceId, seq, kind, token } as Attributes, String(entry))));
};

export const decodeEntry = (raw: RawItem): Standing => {
  const where = `${raw.instanceId} seq ${raw.seq}`;
  refuseNewer(raw, where);
  if (raw.listed !== listedAs(String(raw.instanceId), Number(raw.seq), String(raw.kind)).listed)
    throw broken(where, 'its place in the list of journals is altered');
  const known = rememberedOf(raw);
  if (known !== undefined) return known;
  const { entry: text, ...attributes } = read(entryItem, raw, where);
  const content = parseJson(text, where);
  const twice = Object.keys(attributes).find((name) => Object.hasOwn(Object(content), name));
  if (twice !== undefined) throw broken(where, `its text has a ${twice} of its own`);
  const entry = read(entrySchema(), fromStored(attributes, content), where);
  return remember(text, { entry, hash: hashOfEntry(raw) });
};

export const decodeUnchecked = (raw: RawItem): Unchecked => {
  const place = { seq: Number(raw.seq), hash: hashOfEntry(raw) };
  try {
    return { ...place, entry: decodeEntry(raw).entry, why: null };
  } catch (error) {
    if (!isPawlError(error)) throw error;
    return { ...place, entry: null, why: error.message };
  }
};

const note = z.strictObject({
  kind: z.enum(['log', 'fenced', 'evidence', 'asked', 'probe', 'told']),
  about: z.int(),
  cell: z.string(),
  atMs,
  by,
  text: z.string(),
  glimpse: z.literal(true).optional(),
});
const noteItem = z.object({ note: z.string() });

export const encodeNote = (partition: string, seq: number, token: string, content: Note): Item & { token: string } => ({
  instanceId: partition,
  seq,
  v: journalVersion,
  kind: content.kind,
  token,
  note: canonical(content),
});

export const decodeNote = (raw: RawItem): Note => {
  const where = `${raw.instanceId} seq ${raw.seq}`;
  refuseNewer(raw, where);
  return read(note, parseJson(read(noteItem, raw, where).note, where), where);
};

const chunkItem = z.object({ data: z.instanceof(Uint8Array) });

/** A piece of a large output, or the content of a runbook version: bytes, whole or in order of the sort key. */
export const decodeBytes = (raw: RawItem): Uint8Array =>
  read(chunkItem, raw, `${raw.instanceId ?? raw.runbookId} #${raw.seq ?? raw.version}`).data;

const versionItem = z.object({
  runbookId: z.string(),
  version: z.int().min(1),
  sourceHash: z.string(),
  runHash: z.string(),
  title: z.string(),
  cells: z.int(),
  by: z.string(),
  atMs: z.number(),
  token: z.string(),
});
export type VersionItem = z.infer<typeof versionItem>;

export const decodeVersion = (raw: RawItem): VersionItem => {
  const where = `${raw.runbookId} version ${raw.version}`;
  refuseNewer(raw, where);
  return read(versionItem, raw, where);
};
