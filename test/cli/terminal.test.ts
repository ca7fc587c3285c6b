/** Questions at a terminal: the command runs under a pseudo-terminal (`script` of util-linux), and is answered as a person types. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { panel } from './panel.ts';

const launcher = fileURLToPath(new URL('../../bin/pawl.js', import.meta.url));
const hasScript = spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux') === true;
if (!hasScript) process.stderr.write('No `script` of util-linux here: questions at a terminal are not tested.\n');

let folder = '';
const env = () => ({
  PATH: process.env.PATH ?? '',
  HOME: folder,
  PAWL_DATA_DIR: folder,
  PAWL_ACTOR: 'alice',
  TERM: 'xterm',
});
const pawl = (...args: string[]) =>
  spawnSync(process.execPath, [launcher, ...args], { cwd: folder, env: env(), encoding: 'utf8' });

/** Types a line whenever another question stands there; `undefined`: closes the terminal (Ctrl-D). */
const typed = async (args: string[], lines: (string | undefined)[]): Promise<{ exit: number; out: string }> => {
  const command = [process.execPath, launcher, ...args].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    cwd: folder,
    env: env(),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let out = '';
  let asked = 0;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    const questions = out.match(/\w+ \([^)]*\)[^\n=]* = /g)?.length ?? 0;
    if (questions <= asked || asked >= lines.length) return;
    const line = lines[asked];
    asked += 1;
    child.stdin.write(line === undefined ? '\u0004' : `${line}\r`);
  });
  const [exit] = await once(child, 'close');
  return { exit: Number(exit), out };
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pawl-terminal-'));
  await writeFile(join(folder, 'panel.md'), panel);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe.runIf(hasScript)('a manual cell that asks, at a terminal', () => {
  const done = (id: string) => ['done', id, 'measure', '--note', 'read'];

  test('is asked field by field; an empty line leaves out what may be', async () => {
    expect(pawl('run', 'panel.md', '--instance', 'asked').status).toBe(3);
    const { exit, out } = await typed(done('asked'), ['11.9', '']);
    expect({ exit, out }).toMatchObject({ exit: 0 });
    expect(out).toContain('volts (number): as the panel shows it');
    expect(out).toContain('phase (L1 | L2, may be left out)');
    expect(pawl('output', 'asked', 'measure').stdout).toBe('{"volts":11.9}\n');
  });

  test.each<[string, (string | undefined)[], RegExp]>([
    ['what is no number', ['high', ''], /Answer volts must be a number/],
    ['nothing where something is needed', ['', 'L1'], /volts is needed[\s\S]*`volts` is missing/],
    ['no terminal any more', [undefined, undefined], /asks for an answer: volts, phase\. Nothing was recorded/],
  ])('%s is refused, and nothing is recorded', async (what, lines, says) => {
    const id = what.replaceAll(' ', '_');
    expect(pawl('run', 'panel.md', '--instance', id).status).toBe(3);
    const { exit, out } = await typed(done(id), lines);
    expect(exit).not.toBe(0);
    expect(out.replace(/\r?\n\s*/g, ' ')).toMatch(says);
    expect(JSON.parse(pawl('status', id, '--json').stdout)).toMatchObject({ view: { seq: 1, status: 'waiting' } });
  });
});
