/** Texts given on the command line: as they stand, or from a file, or as `@FILE`; `@@x` is the text `@x`. */
import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { closed, type ErrorCode, isPawlError, PawlError } from '../engine/index.ts';

/** Some editors begin a file with a byte order mark, which is no part of what it says. What is no UTF-8 would be another text. */
const readText = async (path: string): Promise<string> => {
  const bytes = await readFile(path);
  if (!isUtf8(bytes))
    throw new PawlError('request.invalid', `The file ${path} is not UTF-8 text: save it as that.`, { path });
  return bytes.toString('utf8').replace(/^\uFEFF/, '');
};

/**
 * @param what names the text in a refusal: `Parameter dir`, `--evidence`
 * @throws PawlError `code` when the file cannot be read
 */
export const textGiven = async (what: string, given: string, code: ErrorCode = 'request.invalid'): Promise<string> => {
  if (given.startsWith('@@')) return given.slice(1);
  if (!given.startsWith('@')) return given;
  const path = given.slice(1);
  try {
    return await readText(path);
  } catch (error) {
    if (isPawlError(error)) throw error;
    throw new PawlError(code, `${what}: the file ${path} cannot be read.`, { what, path }, error);
  }
};

/** @throws PawlError `request.invalid`, saying what the operating system says about it in words */
export const textOfFile = async (file: string): Promise<string> => {
  try {
    return await readText(file);
  } catch (error) {
    if (isPawlError(error)) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const why =
      { ENOENT: 'there is no such file', EISDIR: 'it is a folder', EACCES: 'it may not be read' }[code] ??
      String(error);
    throw new PawlError(
      'request.invalid',
      `Cannot read ${file}: ${closed(why)} Give the path of a file.`,
      { file },
      error,
    );
  }
};
