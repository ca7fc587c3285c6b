/** A copy of the project's sources with a few lines changed, so that another engine can be tried beside the one that stands. */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const project = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
/** What the simulation and the benches run on. */
const copied = [
  'package.json',
  'infra/tables.yml',
  'src',
  'test/simulation',
  'test/engine/runbooks.ts',
  'test/support/engine.ts',
  'test/support/options.ts',
  'test/support/servers.ts',
  'bench/batching',
];
const outputBytesMax = 16 * 1024 * 1024;

const run = promisify(execFile);

const copyProject = (): string => {
  const copy = mkdtempSync(join(tmpdir(), 'pawl-edited-'));
  for (const path of copied) {
    mkdirSync(dirname(join(copy, path)), { recursive: true });
    cpSync(join(project, path), join(copy, path), { recursive: true });
  }
  symlinkSync(join(project, 'node_modules'), join(copy, 'node_modules'), 'junction');
  return copy;
};

/** Runs a script of the project (a path in it, with arguments) and reads the JSON it prints, whatever it ends with. */
export const runJson = async (folder: string, script: string, args: string[]): Promise<unknown> => {
  const ended = run(process.execPath, [script, ...args], { cwd: folder, maxBuffer: outputBytesMax });
  const { stdout, stderr } = await ended.catch((error: { stdout: string; stderr: string }) => error);
  if (!stdout.startsWith('{')) throw new Error(`${script} printed no JSON: ${stderr || stdout}`);
  return JSON.parse(stdout);
};

/** One change: lines to find, and what stands in their place. */
export type Change = { file: string; from: string[]; to: string[] };

const changeOf = (file: string, lines: string[]): Change => {
  const picked = (marks: string): string[] =>
    lines.filter((line) => marks.includes(line[0] ?? ' ')).map((line) => line.slice(2));
  return { file, from: picked(' -'), to: picked(' +') };
};

/**
 * Reads an edit. Its first line says what it makes; then, for each file, its path and the lines to change, as in a diff
 * without numbers: `- ` goes, `+ ` comes, two spaces stay. `...` parts two places of one file.
 * @param edit path of an `.edit` file
 */
export const readEdit = (edit: string): Change[] => {
  const changes: Change[] = [];
  let file = '';
  for (const block of readFileSync(edit, 'utf8').split('\n\n').slice(1)) {
    const lines = block.trimEnd().split('\n');
    if (lines[0] !== '...') file = lines[0] ?? '';
    changes.push(changeOf(file, lines.slice(1)));
  }
  if (changes.length === 0) throw new Error(`${edit} changes nothing: after its first line comes an empty one.`);
  return changes;
};

/** @throws when the text does not have the lines, or has them twice */
export const changed = (text: string, { file, from, to }: Change): string => {
  const lines = text.split('\n');
  // Indentation does not count: moving code into a block is no reason to write an edit anew.
  const isHere = (at: number): boolean => from.every((line, i) => lines[at + i]?.trim() === line.trim());
  const places = lines.flatMap((_, at) => (isHere(at) ? [at] : []));
  const [place] = places;
  if (from.length === 0 || place === undefined || places.length > 1) {
    throw new Error(
      `${places.length} places in ${file} have these lines, not one: write the edit anew.\n${from.join('\n')}`,
    );
  }
  return lines.toSpliced(place, from.length, ...to).join('\n');
};

/**
 * Makes the changes of an edit in a copy, lets `work` do what it wants in it, and takes the copy away.
 * @param edit path of an `.edit` file
 * @throws when the sources do not have its lines, or have them twice
 */
export const inEditedCopy = async <T>(edit: string, work: (folder: string) => Promise<T>): Promise<T> => {
  const folder = copyProject();
  try {
    for (const change of readEdit(edit)) {
      const path = join(folder, change.file);
      writeFileSync(path, changed(readFileSync(path, 'utf8'), change));
    }
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
