/**
 * What the items of the append-only tables look like, and how they are read.
 */
import { createHash } from 'node:crypto';
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

export const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');

/** In which of so many parts of an index an id is found. */
export const shardOf = (id: string, shards: number): number =>
  (createHash('sha256').update(id).digest()[0] ?? 0) % shards;

/** The same value with U+FFFD for every half of a character, which no UTF-8 can carry. */
const wellFormed = (value: unknown): unknown => {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name.toWellFormed(), wellFormed(one)]));
};

/** RFC 8785. Refuses what JSON cannot carry: NaN, infinities. What a cell or a person wrote is never refused for its text. */
export const canonical = (value: unknown): string => {
  let text: string | undefined;
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

/** The hash of an entry's item as it stands, readable or not; the next entry carries it as `prev`. */
export const hashOfEntry = ({ v, instanceId, seq, kind, token, entry }: RawItem): string =>
  // Canonical: of texts and integers RFC 8785 makes what JSON.stringify does.
  sha256(JSON.stringify(coveredBy({ v, instanceId, seq, kind, token } as Attributes, String(entry))));

/** Entries are never altered, so what was decoded is remembered by the hash over all of it: the newest, mostly. */
const decoded = new Map<string, Entry>();
const decodedMax = 32;

const remember = (standing: Standing): Standing => {
  const [oldest] = decoded.keys();
  if (decoded.size >= decodedMax && oldest !== undefined) decoded.delete(oldest);
  decoded.set(standing.hash, standing.entry);
  return standing;
};

export const decodeEntry = (raw: RawItem): Standing => {
  const where = `${raw.instanceId} seq ${raw.seq}`;
  refuseNewer(raw, where);
  if (raw.listed !== listedAs(String(raw.instanceId), Number(raw.seq), String(raw.kind)).listed)
    throw broken(where, 'its place in the list of journals is altered');
  const hash = hashOfEntry(raw);
  const known = typeof raw.entry === 'string' ? decoded.get(hash) : undefined;
  if (known !== undefined) return { entry: known, hash };
  const { entry: text, ...attributes } = read(entryItem, raw, where);
  const content = parseJson(text, where);
  const twice = Object.keys(attributes).find((name) => Object.hasOwn(Object(content), name));
  if (twice !== undefined) throw broken(where, `its text has a ${twice} of its own`);
  const entry = read(entrySchema, fromStored(attributes, content), where);
  return remember({ entry, hash });
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
  kind: z.enum(['log', 'fenced', 'evidence', 'asked', 'probe']),
  about: z.int(),
  cell: z.string(),
  atMs,
  by,
  text: z.string(),
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
