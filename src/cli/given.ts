/** Texts given on the command line: as they stand, or from a file as `@FILE`; `@@x` is the text `@x`. */
import { readFile } from 'node:fs/promises';
import { type ErrorCode, PawlError } from '../engine/index.ts';

/**
 * @param what names the text in a refusal: `Parameter dir`, `--evidence`
 * @throws PawlError `code` when the file cannot be read
 */
export const textGiven = async (what: string, given: string, code: ErrorCode = 'request.invalid'): Promise<string> => {
  if (given.startsWith('@@')) return given.slice(1);
  if (!given.startsWith('@')) return given;
  const path = given.slice(1);
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new PawlError(code, `${what}: the file ${path} cannot be read.`, { what, path }, error);
  }
};
