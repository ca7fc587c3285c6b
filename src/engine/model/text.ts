const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** One byte for each character, as most texts are. */
const isAscii = (text: string): boolean => !/[^\0-\x7f]/.test(text);

/** Text by its bytes: how much it takes, and how it is cut. */
export const bytesOf = (text: string): number => (isAscii(text) ? text.length : encoder.encode(text).length);

/** The first `bytesMax` bytes of a text, whole characters only. */
export const headOf = (text: string, bytesMax: number): string =>
  isAscii(text)
    ? text.slice(0, bytesMax)
    : decoder.decode(encoder.encode(text).subarray(0, bytesMax)).replace(/�+$/, '');

/** Cuts a text. A cut may fall inside of a character, and half of one is no text that could be stored. */
export const cut = (text: string, charsMax: number): string => text.slice(0, charsMax).toWellFormed();

/** A text of another as a sentence of ours ends: with a full stop, unless it has an end of its own. */
export const closed = (text: string): string => (/[.!?…]$/.test(text) ? text : `${text}.`);

/** The whole size of an output, however much of it was kept. */
export const sizeOf = (
  output: { kind: 'inline'; text: string } | { kind: 'stored' | 'truncated'; bytes: number },
): number => (output.kind === 'inline' ? bytesOf(output.text) : output.bytes);

/** Keeps the beginning and the end of a text that comes in pieces, with a line between them that says how much is missing. */
export const createEnds = (charsMax: number, limitName: string) => {
  const half = Math.floor(charsMax / 2);
  let head = '';
  let end = '';
  let missing = 0;
  const trim = (): void => {
    const over = Math.max(0, end.length - half);
    end = end.slice(over);
    missing += over;
  };
  return {
    add: (text: string): void => {
      const room = half - head.length;
      head += text.slice(0, room);
      end += text.slice(room);
      if (end.length > 2 * half) trim();
    },
    text: (): string => {
      trim();
      const gap = `\n[${missing} characters are missing here: ${limitName} is ${charsMax}]\n`;
      return `${head}${missing === 0 ? '' : gap}${end}`.toWellFormed();
    },
  };
};
