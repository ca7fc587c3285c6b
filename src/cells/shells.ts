/**
 * Which program runs a script, with which options, and whether it can read it. `-eu` is a shell's alone: a `#!` line that
 * names no shell, or hides it (`env -S X=1 bash`), is left to say everything itself.
 */
import { spawn } from 'node:child_process';
import { basename } from 'node:path';
import { allCells, type CellInput, limits, type Problem, type Runbook } from '../engine/index.ts';

type Script = Extract<CellInput['body'], { kind: 'sh' }>;
/** `shell`: it tells by its exit that a signal ended what it ran. `asFile`: the script is the command. */
type Launch = { shell: boolean } & ({ asFile: true } | { asFile: false; command: string; args: string[] });

const shells = ['sh', 'bash', 'dash', 'ash', 'ksh', 'zsh'];

/** The words of a `#!` line up to the shell that it names, and those after it. */
const shellOfLine = (line: string): { command: string; before: string[]; after: string[] } | undefined => {
  const [command = '', ...words] = line
    .slice(2)
    .trim()
    .split(/[ \t]+/);
  if (shells.includes(basename(command))) return { command, before: [], after: words };
  if (basename(command) !== 'env') return undefined;
  const [shell = '', ...after] = words[0] === '-S' ? words.slice(1) : words;
  return shells.includes(basename(shell)) ? { command, before: [shell], after } : undefined;
};

/** How a script is begun. Without `errexit`, as those of versions from before it were. */
export const launchOf = ({ code, shell, errexit }: Script): Launch => {
  const options = errexit === true ? ['-eu'] : [];
  if (!code.startsWith('#!'))
    return { shell: true, asFile: false, command: shell === 'bash' ? 'bash' : '/bin/sh', args: options };
  const line = /^[^\r\n]*/.exec(code)?.[0] ?? '';
  const named = shellOfLine(line);
  if (named === undefined || errexit !== true) return { shell: /^#!.*sh\b/.test(line), asFile: true };
  return { shell: true, asFile: false, command: named.command, args: [...named.before, ...options, ...named.after] };
};

/** What the shell says about a script that it only reads; `undefined`: nothing, or there is no such shell here. */
const complaintOf = async (script: Script): Promise<string | undefined> => {
  const launch = launchOf({ ...script, errexit: true });
  if (launch.asFile) return undefined;
  const args = launch.args.map((arg) => (arg === '-eu' ? '-n' : arg));
  const child = spawn(launch.command, args, {
    env: { PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' },
    stdio: ['pipe', 'ignore', 'pipe'],
    timeout: limits.scriptCheckMsMax,
    killSignal: 'SIGKILL',
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < limits.errorMessageCharsMax) said += text;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(script.code);
  const code = await new Promise<number | null>((resolve) => {
    child.on('error', () => resolve(null));
    child.on('close', resolve);
  });
  // Some shells only warn, and some end with another code than 0 for what they could not begin.
  return code === null || code === 0 || code === 126 || code === 127 ? undefined : said;
};

const problemOf = (complaint: string, fenceLine: number): Problem => {
  const [, line = '0', said = complaint] = /^[^:\n]*: (?:line )?(\d+): ([^\n]*)/.exec(complaint) ?? [];
  const message = said.trim().replace(/^syntax error:? ?/i, '') || 'it cannot be read';
  return { line: fenceLine + Number(line), column: 1, message: `the shell cannot read this script: ${message}` };
};

/**
 * Every script of a runbook that its shell cannot read, by place in the document: a shell carries out what stands before a
 * mistake. Starts a process for each (`-n`), and runs nothing of them. A shell that is not here says nothing.
 */
export const scriptProblems = async ({ cells }: Pick<Runbook, 'cells'>): Promise<Problem[]> => {
  const found: Problem[] = [];
  for (const { body, line, probe } of allCells(cells)) {
    for (const [script, at] of [
      [body, line] as const,
      ...(probe === null ? [] : [[probe.body, probe.line] as const]),
    ]) {
      if (script.kind !== 'sh') continue;
      const complaint = await complaintOf(script);
      if (complaint !== undefined) found.push(problemOf(complaint, at));
    }
  }
  return found.slice(0, limits.problemsMax);
};
