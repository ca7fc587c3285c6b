/**
 * What a cell left in PAWL_EVIDENCE, read when nothing of it is alive any more. Whatever of it is not kept is named, with the reason.
 * The cell could have put anything there, so it is read with its own user's rights, and nothing is followed out of the folder.
 */
import { Buffer } from 'node:buffer';
import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { asUser } from './folder.mjs';

/**
 * @typedef {{ files: number, fileBytes: number, bytes: number, nameChars: number }} EvidenceSizes
 * @typedef {import('../engine/index.ts').Evidence} Evidence
 * @typedef {Evidence['unkept']['files'][number]['why']} Why
 */

const namePattern = /^[^\p{C}/\\\uFFFD]+$/u;

/** Not more than it had when it was looked at. @param {string} path @param {number} most @returns {Buffer | 'kind' | 'file' | 'unreadable'} */
const read = (path, most) => {
  let fd;
  try {
    // Not a link, and not a pipe that would block for ever.
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stat = fstatSync(fd);
    if (!stat.isFile()) return 'kind';
    if (stat.size > most) return 'file';
    const bytes = Buffer.alloc(stat.size);
    let length = 0;
    for (let got = -1; got !== 0 && length < bytes.length; length += got)
      got = readSync(fd, bytes, length, bytes.length - length, length);
    return length === bytes.length ? bytes : 'unreadable';
  } catch {
    return 'unreadable';
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
};

/**
 * @param {string} folder
 * @returns {string[] | Why} why none of them can be told
 */
const namesIn = (folder) => {
  const stat = statOf(folder);
  if (stat === undefined) return []; // It removed it.
  // Under its name the cell may have put a link elsewhere.
  if (stat === 'unreadable' || !stat.isDirectory()) return stat === 'unreadable' ? stat : 'kind';
  try {
    return readdirSync(folder).sort();
  } catch {
    return 'unreadable';
  }
};

/** `undefined`: it is not there. @param {string} path */
const statOf = (path) => {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return 'unreadable';
  }
};

/**
 * @param {string} folder @param {EvidenceSizes} sizes @param {import('./masking.mjs').Masker} masker @param {boolean} whole
 *   whether the cell ended by itself: what one that was interrupted left may be half of a file
 * @param {() => void} reading told before anything is read
 * @returns {Evidence | undefined}
 */
const gathered = (folder, sizes, masker, whole, reading) => {
  const names = namesIn(folder);
  if (typeof names === 'string')
    return { files: [], unkept: { files: [{ name: 'PAWL_EVIDENCE', bytes: 0, why: names }], more: 0 } };
  if (names.length === 0) return undefined;
  reading();
  /** @type {Evidence} */
  const evidence = { files: [], unkept: { files: [], more: 0 } };
  let room = sizes.bytes;
  for (const written of names) {
    const path = join(folder, written);
    const stat = statOf(path);
    // The names are told, and shown to people, as all that it says.
    const name = masker.text(written);
    const size = typeof stat === 'object' ? stat.size : 0;
    /** @param {Why} why */
    const unkept = (why, bytes = size) => {
      if (evidence.unkept.files.length < sizes.files) evidence.unkept.files.push({ name, bytes, why });
      else evidence.unkept.more += 1;
    };
    if (typeof stat !== 'object') unkept('unreadable');
    else if (!stat.isFile()) unkept('kind', 0);
    else if (!whole) unkept('interrupted');
    else if (!namePattern.test(name) || name.length > sizes.nameChars) unkept('name');
    else if (size > sizes.fileBytes) unkept('file');
    else if (evidence.files.length >= sizes.files) unkept('count');
    else if (size > room) unkept('sum');
    else {
      const content = read(path, sizes.fileBytes);
      const masked = typeof content === 'string' ? content : masker.bytes(content);
      if (typeof masked === 'string') unkept(masked);
      // A mask may be longer than what it stands for.
      else if (masked.length > sizes.fileBytes) unkept('file', masked.length);
      else if (masked.length > room) unkept('sum', masked.length);
      else {
        room -= masked.length;
        evidence.files.push({ name, base64: masked.toString('base64') });
      }
    }
  }
  return evidence;
};

/**
 * @param {string} folder @param {EvidenceSizes} sizes @param {import('./masking.mjs').Masker} masker knows all secrets, those it made too
 * @param {boolean} whole @param {() => void} reading @param {import('./folder.mjs').User} [user] whose the folder is, where that is not us
 */
export const evidenceIn = (folder, sizes, masker, whole, reading, user) =>
  asUser(user, () => gathered(folder, sizes, masker, whole, reading));
