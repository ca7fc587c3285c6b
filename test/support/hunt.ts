/** A hunt for secrets: the forms that are looked for, and how what is packed is looked at. */
import { gunzipSync, inflateRawSync, zstdDecompressSync } from 'node:zlib';
import { expect } from 'vitest';

/** As it stands in a longer text that was coded: what depends on its neighbours is left out. */
const base64 = (text: string, before = ''): string =>
  Buffer.from(before + text)
    .toString('base64')
    .slice(4, 16);

/** Also the beginning: what was cut in the middle is told as well. */
export const formsOf = (value: string): string[] => [
  value,
  value.slice(0, 9),
  JSON.stringify(value).slice(1, -1),
  encodeURIComponent(value),
  Buffer.from(value).toString('hex'),
  Buffer.from(value).toString('hex').toUpperCase(),
  base64(value),
  base64(value, 'x'),
  base64(value, 'xx'),
];

/** What is packed in a store is looked at unpacked. */
export const unpacked = (bytes: Buffer): string[] => {
  const found = [bytes.toString('latin1')];
  for (let at = 0; at < bytes.length - 4; at += 1) {
    const isGzip = bytes[at] === 0x1f && bytes[at + 1] === 0x8b;
    const isZstd = bytes.readUInt32LE(at) === 0xfd2fb528;
    if (!isGzip && !isZstd) continue;
    try {
      found.push((isGzip ? gunzipSync : zstdDecompressSync)(bytes.subarray(at)).toString('latin1'));
    } catch {
      try {
        found.push(inflateRawSync(bytes.subarray(at + 10)).toString('latin1'));
      } catch {
        // It only looked like one.
      }
    }
  }
  return found;
};

/** Everything that an item or an answer says, bytes unpacked. */
export const textsIn = (value: unknown): string[] => {
  if (typeof value === 'string') return [value];
  if (value instanceof Uint8Array) return unpacked(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [name, ...textsIn(inner)]);
};

export const expectNoneOf = (forms: readonly string[], what: string, text: string): void => {
  for (const form of forms) {
    const at = text.indexOf(form);
    expect(at, `${what} holds ${form}: …${text.slice(Math.max(0, at - 160), at + 80)}`).toBe(-1);
  }
};
