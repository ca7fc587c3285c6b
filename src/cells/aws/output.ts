/** An answer of the SDK as JSON text. */
import { Buffer, isUtf8 } from 'node:buffer';
import { limits, whyUnread } from '../../engine/index.ts';
import { readUpTo } from '../answers.ts';

type Stream = AsyncIterable<Buffer> & { destroy(): unknown };
const isStream = (value: unknown): value is Stream =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value && 'destroy' in value;

const textOfBytes = (bytes: Uint8Array): unknown => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return isUtf8(buffer) ? buffer.toString('utf8') : { base64: buffer.toString('base64') };
};

/** What JSON has no word for: moments as ISO texts, bytes as text where they are some, numbers as they came. */
const plain = (value: unknown): unknown => {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Uint8Array) return textOfBytes(value);
  if (value instanceof Set) return [...value].map(plain);
  if (typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  // A decimal of any length, as the SDK keeps it.
  if ('string' in value && 'type' in value && typeof value.string === 'string') return value.string;
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, plain(entry)]));
};

const jsonOf = (text: unknown): unknown => {
  if (typeof text !== 'string' || whyUnread(text) !== undefined) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

export type Told = { output: string; outputBytes?: number };

const bounded = (text: string, cut: boolean): Told => {
  const bytes = Buffer.byteLength(text);
  if (!cut && bytes <= limits.outputBytesMax) return { output: text };
  return { output: text.slice(0, limits.outputHeadBytesMax), outputBytes: Math.max(bytes, limits.outputBytesMax + 1) };
};

type Answer = Record<string, unknown> & { $metadata?: { requestId?: string; httpStatusCode?: number } };

/** @param payload a member whose text is read as JSON where it is some: what a function answered */
export const outputOf = async ({ $metadata, ...members }: Answer, payload?: string): Promise<Told> => {
  let isCut = false;
  for (const [name, value] of Object.entries(members)) {
    if (!isStream(value)) continue;
    const { content, cut } = await readUpTo(value, limits.outputBytesMax);
    members[name] = content;
    isCut ||= cut;
  }
  const told = plain(members) as Record<string, unknown>;
  if (payload !== undefined && Object.hasOwn(told, payload)) told[payload] = jsonOf(told[payload]);
  const requestId = $metadata?.requestId;
  return bounded(JSON.stringify({ ...told, ...(requestId === undefined ? {} : { requestId }) }), isCut);
};

/** What a refusal says, in the same place for every service. */
export const errorOutputOf = (error: { code: string; message: string; status: number }, requestId?: string): Told =>
  bounded(JSON.stringify({ error, ...(requestId === undefined ? {} : { requestId }) }), false);
