/**
 * What an answer says, from its bytes: the codings that it declares undone, within the bounds of an output; a text as its
 * charset says, without a byte order mark; base64 for what is no text.
 */
import { isUtf8 } from 'node:buffer';
import { Readable } from 'node:stream';
import { constants, createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import { whyUnread } from '../engine/index.ts';

export type Content = { content: Buffer; cut: boolean };
type Headers = Record<string, string | string[]>;

/** What Pawl asks for; a cell that sends an `Accept-Encoding` of its own asks for something else. */
export const acceptedCodings = 'gzip, deflate, br';
/** A server applies one; more than this is somebody's joke. */
const codingsMax = 3;

/** `undefined`: none that is known here. Of what was cut the beginning is undone; what ends too early by itself is refused. */
const decoderOf = (coding: string, { content, cut }: Content) => {
  const options = cut ? { finishFlush: constants.Z_SYNC_FLUSH } : {};
  if (coding === 'gzip' || coding === 'x-gzip') return createGunzip(options);
  if (coding === 'br') return createBrotliDecompress(cut ? { finishFlush: constants.BROTLI_OPERATION_FLUSH } : {});
  if (coding !== 'deflate') return undefined;
  // It means the format of zlib; some servers send the bare one.
  return ((content[0] ?? 0) & 0x0f) === 8 ? createInflate(options) : createInflateRaw(options);
};

/** Reads at most `bytesMax`, and lets go of the rest. */
export const readUpTo = async (
  stream: AsyncIterable<Buffer> & { destroy(): unknown },
  bytesMax: number,
): Promise<Content> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    chunks.push(chunk);
    if (bytes > bytesMax) {
      stream.destroy();
      return { content: Buffer.concat(chunks), cut: true };
    }
  }
  return { content: Buffer.concat(chunks), cut: false };
};

/**
 * Undoes the codings that `content-encoding` names. What is larger than `bytesMax` without them is cut there, however small it
 * came. `undefined`: one of them is unknown, or the bytes are none of it.
 */
const decoded = async (came: Content, codings: string[], bytesMax: number): Promise<Content | undefined> => {
  let { content, cut } = came;
  if (codings.length > codingsMax) return undefined;
  for (const coding of codings.toReversed()) {
    const decoder = decoderOf(coding, { content, cut });
    if (decoder === undefined) return undefined;
    const source = Readable.from([content]);
    try {
      const read = await readUpTo(source.pipe(decoder), bytesMax);
      content = read.content;
      cut ||= read.cut;
    } catch {
      return undefined;
    } finally {
      source.destroy();
      decoder.destroy();
    }
  }
  return { content, cut };
};

const jsonType = /^(?:(?:application|text)\/(?:x-)?|[\w-]+\/[\w.+-]+\+)json\s*(?:;|$)/i;
const textType =
  /^(?:text\/|[\w-]+\/[\w.+-]+\+(?:json|xml)\b|application\/(?:x-)?(?:json|xml|javascript|ndjson|yaml|www-form-urlencoded)\b)/i;

/** By the mark that it begins with, before all that is declared. */
const markedCharset = (content: Buffer): string | undefined => {
  if (content[0] === 0xfe && content[1] === 0xff) return 'utf-16be';
  if (content[0] === 0xff && content[1] === 0xfe) return 'utf-16le';
  return content[0] === 0xef && content[1] === 0xbb && content[2] === 0xbf ? 'utf-8' : undefined;
};

/** `undefined`: it is no text, or none that can be read without loss. */
const textOf = (content: Buffer, type: string): string | undefined => {
  const declared = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(type)?.[1];
  const charset = textType.test(type) ? (markedCharset(content) ?? declared) : undefined;
  try {
    // A mark is dropped by the decoder.
    if (charset !== undefined) return new TextDecoder(charset, { fatal: true }).decode(content);
  } catch {
    // It is not what it says, or says what nobody knows.
  }
  return isUtf8(content) ? new TextDecoder().decode(content) : undefined;
};

/** Whether a cell asks for the cookies of an answer: they are secrets more often than not. */
export type Cookies = 'keep' | undefined;

/** By names in lower case; several of one name as one text, but for `set-cookie`, of which each may hold commas. */
const headersOf = (headers: Headers, cookies: Cookies): Record<string, string | string[]> =>
  Object.fromEntries(
    Object.entries(headers)
      .map(([name, value]) => [name.toLowerCase(), value] as const)
      .filter(([name]) => name !== 'set-cookie' || cookies === 'keep')
      .map(([name, value]) => [name, name === 'set-cookie' ? [value].flat() : [value].flat().join(', ')]),
  );

/**
 * The answer as JSON text. A JSON body goes in as it came, so that large integers survive; one that says JSON and is none,
 * or that cannot be read in good time, stays a text. `url`: where redirects led. `masked`: for bytes, before they are written as base64,
 * in which a secret that the answer wrote in some form of its own could not be found any more.
 */
export const answerText = async (
  { status, headers, cookies, url }: { status: number; headers: Headers; cookies: Cookies; url?: string },
  came: Content,
  bytesMax: number,
  masked: (bytes: Buffer, isCut: boolean) => Buffer = (bytes) => bytes,
): Promise<{ text: string; cut: boolean }> => {
  const told = headersOf(headers, cookies);
  const where = url === undefined ? '' : `,"url":${JSON.stringify(url)}`;
  const head = `"status":${status}${where},"headers":${JSON.stringify(told)}`;
  const codings = String(told['content-encoding'] ?? '')
    .toLowerCase()
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding !== 'identity');
  const plain = came.content.length === 0 ? came : await decoded(came, codings, bytesMax);
  const { content, cut } = plain ?? came;
  const type = String(told['content-type'] ?? '');
  const text = plain === undefined ? undefined : textOf(content, type);
  if (text === undefined) {
    const bytes = masked(content, cut).toString('base64');
    return { text: `{${head},"body":${JSON.stringify(bytes)},"bodyEncoding":"base64"}`, cut };
  }
  if (jsonType.test(type) && isReadable(text)) return { text: `{${head},"body":${text}}`, cut };
  return { text: `{${head},"body":${JSON.stringify(text)}}`, cut };
};

const isReadable = (text: string): boolean => {
  try {
    if (whyUnread(text) !== undefined) return false;
    JSON.parse(text);
    return true;
  } catch {
    // It says JSON and is none.
    return false;
  }
};
