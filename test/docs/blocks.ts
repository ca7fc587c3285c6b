/**
 * A page that shows runbooks and what commands print: its documents are written into a folder under their ids, its commands
 * run in order in one shell there. What a machine, a clock or chance makes differ is compared by its kind.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '../..');
/** That of an installed package, for scripts/newcomer.sh. */
const launcher = process.env.PAWL_LAUNCHER ?? join(root, 'bin/pawl.js');
/** A page takes less than a minute, and much longer where others are at work. */
export const withinMs = 240_000;
/** What pages call the folder that they work in. */
const shownPlace = '/home/alice/incident';
/** No page of ours speaks of it. */
const mark = '=== next ===';

type Command = { line: number; command: string; shown: string };
export type Page = {
  documents: { file: string; source: string; line: number; isRefused: boolean }[];
  commands: Command[];
  /** What stands in a fence with a path after its language. */
  files: { path: string; content: string }[];
};

const lineOf = (text: string, offset: number): number => text.slice(0, offset).split('\n').length;

const commandsOf = (block: string, line: number): Command[] => {
  const commands: Command[] = [];
  for (const [at, text] of block.replace(/\n$/, '').split('\n').entries()) {
    const last = commands.at(-1);
    if (text.startsWith('$ ')) commands.push({ line: line + at, command: text.slice(2), shown: '' });
    else if (last === undefined) throw new Error(`Line ${line + at}: output without a command.`);
    else if (last.shown === '' && text.startsWith('> ')) last.command += `\n${text.slice(2)}`;
    else last.shown += `${text}\n`;
  }
  return commands;
};

export const readPage = async (name: string): Promise<Page> => {
  const text = await readFile(join(root, 'docs', name), 'utf8');
  const documents = [...text.matchAll(/^````markdown( refused)?\n(.*?)^````$/gms)].map(
    ({ 1: refused, 2: source = '', index }) => ({
      file: `${/^runbook: (\S+)$/m.exec(source)?.[1]}.md`,
      source,
      line: lineOf(text, index),
      isRefused: refused !== undefined,
    }),
  );
  const commands = [...text.matchAll(/^```console\n(.*?)^```$/gms)].flatMap(({ 1: block = '', index }) =>
    commandsOf(block, lineOf(text, index) + 1),
  );
  const files = [...text.matchAll(/^```ts (tasks\/\S+)\n(.*?)^```$/gms)].map(({ 1: path = '', 2: content = '' }) => ({
    path,
    content,
  }));
  return { documents, commands, files };
};

/** All that a script prints. One that waits for what never comes is ended, with all that it began. */
const inShell = async (script: string, cwd: string, env: Record<string, string>): Promise<string> => {
  const child = spawn('sh', ['-c', `exec sh '${script}' 2>&1`], {
    cwd,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const end = setTimeout(() => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, withinMs);
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  await once(child, 'close');
  clearTimeout(end);
  return out;
};

/** What each command of a page prints, in order, stdout and stderr together. */
export const run = async (page: Page, env: Record<string, string> = {}): Promise<string[]> => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'pawl-page-')));
  try {
    const bin = join(folder, 'bin');
    const home = join(folder, 'home');
    const place = join(folder, 'place');
    for (const one of [bin, home, place]) await mkdir(one);
    // A program and not a function: what the shell begins in the background is then `pawl` itself.
    const program = join(bin, 'pawl');
    await writeFile(program, `#!/bin/sh\nexec "${process.execPath}" "${launcher}" "$@"\n`);
    await chmod(program, 0o755);
    for (const { file, source } of page.documents) await writeFile(join(place, file), source);
    for (const { path, content } of page.files) {
      await mkdir(join(place, dirname(path)), { recursive: true });
      await writeFile(join(place, path), content);
    }
    const script = page.commands.map(({ command }) => `${command}\necho '${mark}'\n`).join('');
    await writeFile(join(folder, 'script.sh'), script);
    const stdout = await inShell(join(folder, 'script.sh'), place, {
      PATH: `${bin}:${process.env.PATH}`,
      HOME: home,
      PAWL_ACTOR: 'alice',
      ...env,
    });
    return stdout.replaceAll(place, shownPlace).split(`${mark}\n`).slice(0, page.commands.length);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
};

const kinds: [RegExp, string][] = [
  // The shell says so of what was killed, some shells at once and others later.
  [/^.*\bKilled\b.*\n?/gm, ''],
  [/\b\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'MOMENT'],
  [/\b\d{4}-\d\d-\d\d\b/g, 'DAY'],
  [/\b\d\d:\d\d:\d\d\b/g, 'CLOCK'],
  [/[+-]\d\d:\d\d\b/g, 'ZONE'],
  [/\b\d+ min \d+ s\b|\b\d+ h \d+ min\b|\b\d+(?:\.\d+)? (?:ms|s|min|h)\b/g, 'TIME'],
  [/\b[0-9a-f]{12,64}\b/g, 'HEX'],
  [/\bhttp:\/\/127\.0\.0\.1:\d+/g, 'BASE'],
  [/\b(cli, )?[\w.-]+:\d{1,7}\b/g, '$1PROCESS'],
  // Where a table wraps depends on what stands in it.
  [/\s+/g, ' '],
];

/** What is left when everything that differs from run to run is replaced by its kind. */
export const alike = (text: string): string =>
  kinds.reduce((left, [pattern, kind]) => left.replace(pattern, kind), text).trim();
