/**
 * Files of values by name that a script asks for and that are not written, though the value is there: a loop over a file that is
 * missing has no round, and says nothing. So such a script is not begun.
 */
import { parseAsWritten, type ScriptFolder, scriptFilesIn } from '../engine/index.ts';

/** A script that asks whether the file is there knows what to do without it. */
const isAsked = (before: string): boolean => /-[efrs]\s+"?$/.test(before);

const ownOf = (value: unknown, field: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, field)
    ? (value as Record<string, unknown>)[field]
    : undefined;

/**
 * Why a script cannot be begun; `undefined`: nothing speaks against it.
 * @param values JSON texts by name
 * @param files what is written there, by name of the file
 */
export const unwrittenIn = (
  code: string,
  folder: ScriptFolder,
  values: Record<string, string>,
  files: Record<string, string>,
): string | undefined => {
  const named = scriptFilesIn(code.replace(/^[ \t]*#.*$/gm, '')).filter((one) => one.folder === folder);
  const asked = new Set(named.filter(({ before }) => isAsked(before)).map(({ file }) => file));
  const read = new Map<string, unknown>();
  for (const one of named) {
    if (one.name === undefined || asked.has(one.file) || Object.hasOwn(files, one.file)) continue;
    if (!Object.hasOwn(values, one.name)) continue;
    if (!read.has(one.name)) read.set(one.name, parseAsWritten(values[one.name] ?? 'null'));
    const value = read.get(one.name);
    const inner = one.field === undefined ? value : ownOf(value, one.field);
    // What is not there has no file, and `null` is as good as that.
    if (inner === undefined || inner === null) continue;
    const whose = `the ${folder === 'PAWL_PARAMS' ? 'parameter' : 'output'} \`${one.name}\``;
    const what = one.field === undefined ? whose : `the field \`${one.field}\` of ${whose}`;
    const why = Array.isArray(inner) ? 'has an element with a line break or a NUL' : 'is no text, number or list';
    return `There is no ${one.file}, which the script names: ${what} ${why}. Read ${one.name}.json instead.`;
  }
  return undefined;
};
