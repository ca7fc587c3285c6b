/**
 * Packing without a thread: what waits for one would come back at a time of its own, and the same seed would not give the same
 * bytes. Nothing is packed either, so that a small output has several pieces.
 */
import { syncBuiltinESMExports } from 'node:module';
import zlib from 'node:zlib';

type Done = (error: Error | null, packed: Buffer) => void;

const atOnce =
  (work: (data: Buffer, options: zlib.ZlibOptions) => Buffer) =>
  (data: Buffer, options: zlib.ZlibOptions | Done, done?: Done): void => {
    const answer = typeof options === 'function' ? options : done;
    const given = typeof options === 'function' ? {} : options;
    let packed: Buffer;
    try {
      packed = work(data, given);
    } catch (error) {
      answer?.(error as Error, Buffer.alloc(0));
      return;
    }
    answer?.(null, packed);
  };

const replaced = zlib as unknown as Record<'gzip' | 'gunzip', unknown>;
replaced.gzip = atOnce((data) => zlib.gzipSync(data, { level: 0 }));
replaced.gunzip = atOnce((data, options) => zlib.gunzipSync(data, options));
syncBuiltinESMExports();
