/** Secrets in files of this machine, which nobody but their owner may read. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { limits } from '../../engine/index.ts';
import { type Found, ofOnlyVersion, type Source, type VersionOf } from './source.ts';

/** Whoever is no owner. */
const othersMask = 0o077;

const missing = (why: string): Found => ({ kind: 'missing', why });

const textOf = async (file: FileHandle): Promise<string | Found> => {
  const stat = await file.stat();
  if (!stat.isFile()) return missing('is no file');
  if ((stat.mode & othersMask) !== 0)
    return missing(
      `may be read by others than its owner (mode ${(stat.mode & 0o777).toString(8).padStart(4, '0')}): \`chmod 600\` it`,
    );
  if (stat.size > limits.secretBytesMax + 2)
    return missing(`has ${stat.size} bytes; secretBytesMax is ${limits.secretBytesMax}`);
  // The line that an editor ends it with is none of it.
  return (await file.readFile('utf8')).replace(/\r?\n$/, '');
};

/**
 * Where an opened file stands. Since the path was looked at a link may have been put in its place: what was opened is what stands
 * at this one, or nobody gets it.
 */
const placeOf = async (file: FileHandle, path: string): Promise<string | undefined> => {
  const real = await realpath(path);
  const opened = await file.stat({ bigint: true });
  const standing = await lstat(real, { bigint: true });
  return opened.ino === standing.ino && opened.dev === standing.dev ? real : undefined;
};

/** @param whyNot why a file may not be had, by its real path */
export const createFileSource = (versionOf: VersionOf, whyNot: (real: string) => string | undefined): Source => ({
  read: async (path, version) => {
    let file: FileHandle | undefined;
    try {
      // A pipe would be waited for without end.
      file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
      const real = await placeOf(file, path);
      if (real === undefined) return { kind: 'later', why: 'was put elsewhere while it was read' };
      const why = whyNot(real);
      if (why !== undefined) return missing(why);
      const text = await textOf(file);
      return typeof text === 'string' ? ofOnlyVersion(text, version, versionOf) : text;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') return missing('is not there');
      if (code === 'EACCES' || code === 'EPERM') return missing('may not be read by this process');
      return { kind: 'later', why: `cannot be read (${code})` };
    } finally {
      await file?.close();
    }
  },
  /** Whole or not at all: beside it first, then in its place. */
  keep: async (path, value) => {
    const beside = join(dirname(path), `.pawl-${randomBytes(8).toString('hex')}`);
    try {
      const file = await open(beside, 'wx', 0o600);
      try {
        await file.writeFile(value);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(beside, path);
      return { kind: 'kept', version: versionOf(value) };
    } catch (error) {
      await rm(beside, { force: true }).catch(() => undefined);
      return { kind: 'lost', why: `cannot be written (${(error as NodeJS.ErrnoException).code})` };
    }
  },
});
