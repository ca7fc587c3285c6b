/**
 * The log of a process, however long: its beginning goes out as it comes, of what follows the end is kept until it is
 * over. Meanwhile glimpses of that go out, so that a step that is killed tells what it was doing.
 */
import { StringDecoder } from 'node:string_decoder';

/**
 * @typedef {'stdout' | 'stderr'} Stream
 * @typedef {{ headBytes: number, endBytes: number, glimpseBytes: number, glimpsesBytes: number }} Sizes
 * @typedef {{ stream: Stream, bytes: Buffer }} Piece
 */

/** Small pieces are put together up to this, so that a process that writes bytes costs no more than one that writes lines. */
const pieceBytes = 4_096;

const freshDecoders = () => ({ stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') });

/**
 * The texts of some pieces. What begins in the middle of a character begins after it.
 * @param {Piece[]} pieces @returns {{ stream: Stream, text: string }[]}
 */
const textsOf = (pieces, decoders = freshDecoders()) =>
  pieces.map(({ stream, bytes }) => ({ stream, text: decoders[stream].write(bytes) }));

/**
 * The last bytes of some pieces. @param {Piece[]} pieces @param {number} bytesMax @returns {Piece[]}
 */
const lastOf = (pieces, bytesMax) => {
  /** @type {Piece[]} */
  const last = [];
  let room = bytesMax;
  for (const { stream, bytes } of pieces.toReversed()) {
    if (room <= 0) break;
    let from = Math.max(0, bytes.length - room);
    const cut = from > 0;
    while (cut && from < bytes.length && ((bytes[from] ?? 0) & 0xc0) === 0x80) from += 1;
    last.unshift({ stream, bytes: bytes.subarray(from) });
    room -= bytes.length;
  }
  return last;
};

/** @param {Piece[]} pieces */
const bytesIn = (pieces) => pieces.reduce((sum, { bytes }) => sum + bytes.length, 0);

/**
 * @param {Sizes} sizes
 * @param {(stream: Stream, text: string, glimpse: boolean) => void} tell
 */
export const createLongLog = (sizes, tell) => {
  const decoders = freshDecoders();
  let headLeft = sizes.headBytes;
  /** @type {Piece[]} */
  let kept = [];
  let keptBytes = 0;
  let missing = 0;
  let unseen = 0;
  let glimpsesLeft = sizes.glimpsesBytes;

  /** @param {Stream} stream @param {Buffer} bytes */
  const keep = (stream, bytes) => {
    const last = kept.at(-1);
    if (last?.stream === stream && last.bytes.length + bytes.length <= pieceBytes)
      last.bytes = Buffer.concat([last.bytes, bytes]);
    else kept.push({ stream, bytes });
    keptBytes += bytes.length;
    unseen += bytes.length;
    for (
      let first = kept[0];
      first !== undefined && keptBytes - first.bytes.length >= sizes.endBytes;
      first = kept[0]
    ) {
      kept.shift();
      keptBytes -= first.bytes.length;
      missing += first.bytes.length;
    }
  };

  return {
    /** @param {Stream} stream @param {Buffer} bytes */
    add: (stream, bytes) => {
      if (bytes.length <= headLeft && kept.length === 0) {
        headLeft -= bytes.length;
        tell(stream, decoders[stream].write(bytes), false);
      } else keep(stream, bytes);
    },
    /** What has come since the last glimpse: the end of it. */
    glimpse: () => {
      const last = lastOf(kept, Math.min(unseen, sizes.glimpseBytes, glimpsesLeft));
      const bytes = bytesIn(last);
      if (bytes === 0) return;
      const between = unseen - bytes;
      if (between > 0) tell('stdout', `\n[${between} bytes were said before this]\n`, true);
      for (const { stream, text } of textsOf(last)) tell(stream, text, true);
      glimpsesLeft -= bytes;
      unseen = 0;
    },
    /** The end, with a line before it that says how much is missing. */
    end: () => {
      if (keptBytes === 0 && missing === 0) return;
      const last = lastOf(kept, sizes.endBytes);
      const left = missing + keptBytes - bytesIn(last);
      kept = [];
      if (left === 0) {
        for (const { stream, text } of textsOf(last, decoders)) tell(stream, text, false);
        return;
      }
      const limits = `logHeadBytesMax is ${sizes.headBytes}, logEndBytesMax is ${sizes.endBytes}`;
      tell('stdout', `\n[${left} bytes of this log are missing here: ${limits}]\n`, false);
      for (const { stream, text } of textsOf(last)) tell(stream, text, false);
    },
  };
};
