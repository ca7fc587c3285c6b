/** Text by its bytes: how much it takes, and how it is cut. */
export const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

/** The first `bytesMax` bytes of a text, whole characters only. */
export const headOf = (text: string, bytesMax: number): string =>
  new TextDecoder('utf-8', { fatal: false })
    .decode(new TextEncoder().encode(text).subarray(0, bytesMax))
    .replace(/�+$/, '');

/** Cuts a text. A cut may fall inside of a character, and half of one is no text that could be stored. */
export const cut = (text: string, charsMax: number): string => text.slice(0, charsMax).toWellFormed();

/** The whole size of an output, however much of it was kept. */
export const sizeOf = (
  output: { kind: 'inline'; text: string } | { kind: 'stored' | 'truncated'; bytes: number },
): number => (output.kind === 'inline' ? bytesOf(output.text) : output.bytes);
