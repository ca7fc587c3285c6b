/**
 * Secrets that a cell makes: it writes them to their files, where it also finds those that it is given. Looked at whenever the
 * cell says something, so that what it says afterwards is masked.
 */
import { Buffer } from 'node:buffer';
import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asUser } from './folder.mjs';

/** So many values of one file are masked: who writes more is no rotation. */
const valuesMax = 20;

/**
 * Of a file that is too large so much that whoever is to keep it sees that: a secret that was made is never passed over.
 * @param {string} path @param {number} bytesMax @returns {string | undefined}
 */
const read = (path, bytesMax) => {
  let fd;
  try {
    // Not a link, and not a pipe that would block for ever.
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if (!fstatSync(fd).isFile()) return undefined;
    const bytes = Buffer.alloc(bytesMax + 3);
    let length = 0;
    for (let got = -1; got !== 0 && length < bytes.length; length += got)
      got = readSync(fd, bytes, length, bytes.length - length, length);
    return bytes.toString('utf8', 0, length).replace(/\r?\n$/, '');
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
};

/**
 * Writes the files, for the cell's user alone.
 * @param {string} dir @param {Record<string, string>} given @param {number} bytesMax
 * @param {import('./masking.mjs').Masker} masker learns what is written
 * @param {import('./folder.mjs').User} [user] whose they are, where that is not us
 */
export const createSecretFiles = (dir, given, bytesMax, masker, user) => {
  if (Object.keys(given).length === 0) return { look: () => {}, made: () => undefined };
  const folder = join(dir, 'secrets');
  const files = asUser(user, () => {
    mkdirSync(folder, { mode: 0o700 });
    return Object.entries(given).map(([name, value]) => {
      const path = join(folder, name);
      // Not where something stands: another process of this user could have put it there.
      writeFileSync(path, value, { mode: 0o600, flag: 'wx' });
      return { name, path, value, seen: markOf(path), values: 0 };
    });
  });

  const lookAt = () => {
    for (const file of files) {
      const mark = markOf(file.path);
      if (mark === file.seen || file.values >= valuesMax) continue;
      file.seen = mark;
      const value = read(file.path, bytesMax);
      if (value === undefined || value === file.value) continue;
      file.values += 1;
      masker.add([value]);
    }
  };
  const look = () => asUser(user, lookAt);

  /** What stands there at the end and was not given. @returns {Record<string, string> | undefined} */
  const made = () => {
    const changed = asUser(user, () =>
      files.flatMap(({ name, path, value }) => {
        const now = read(path, bytesMax);
        return now === undefined || now === '' || now === value.replace(/\r?\n$/, '') ? [] : [[name, now]];
      }),
    );
    masker.add(changed.map(([, value]) => String(value)));
    return changed.length === 0 ? undefined : Object.fromEntries(changed);
  };
  return { look, made };
};

/** @param {string} path */
const markOf = (path) => {
  try {
    const stat = lstatSync(path, { bigint: true });
    return `${stat.ino} ${stat.size} ${stat.mtimeNs}`;
  } catch {
    return ''; // Not there, or closed by the cell.
  }
};
