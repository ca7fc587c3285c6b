/** How it looks: help with examples, no colours in a pipe, nothing wider than a terminal. */
import { describe, expect, test } from 'vitest';
import { exits } from '../../src/cli/exits.ts';
import { duration } from '../../src/cli/format.ts';
import { harmless } from '../../src/cli/screen.ts';
import { shellWord } from '../../src/cli/shellWord.ts';
import { twoCells } from './documents.ts';
import { setup } from './support.ts';

const place = setup();
const commands = [
  'test',
  'check',
  'plan',
  'publish',
  'run',
  'start',
  'advance',
  'done',
  'cancel',
  'doubts',
  'verdict',
  'release',
  'redrive',
  'status',
  'journal',
  'list',
  'demo',
];

describe('help', () => {
  test.each(commands)('of %s has an example and --json', async (command) => {
    const { exit, out } = await place.pawl(command, '--help');
    expect(exit).toBe(0);
    expect(out).toMatch(new RegExp(`\nExamples?:\n  \\$ pawl ${command}`));
    expect(out).toContain('--json');
  });

  test('of advance says what is counted', async () => {
    const { out } = await place.pawl('advance', '--help');
    expect(out.replace(/\s+/g, ' ')).toContain('Counted are reservations: what needs none on the way');
  });

  test('of pawl lists every command and every exit code', async () => {
    const { exit, out } = await place.pawl('--help');
    expect(exit).toBe(0);
    for (const command of commands) expect(out).toMatch(new RegExp(`^  ${command} `, 'm'));
    for (const code of Object.values(exits)) expect(out).toMatch(new RegExp(`^  ${code} +\\S`, 'm'));
  });

  test('without a command it is shown, as a wrong use', async () => {
    const { exit, err } = await place.pawl();
    expect(exit).toBe(2);
    expect(err).toContain('Usage: pawl');
  });
});

describe('what is printed', () => {
  test('has no colour codes in a pipe, and no line wider than 80 columns', async () => {
    await place.write('two.md', twoCells);
    for (const args of [
      ['plan', 'two.md'],
      ['run', 'two.md', '--instance', 'one'],
      ['status', 'one'],
      ['journal', 'one', '--notes'],
      ['list'],
    ]) {
      const { out, err } = await place.pawl(...args);
      expect(out).not.toContain('\u001b');
      expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
      expect(err).toBe('');
    }
  });

  test('what a cell wrote cannot steer the terminal', () => {
    expect(harmless('a\u001b[2Jb\rc\u0007')).toBe('a�[2Jb�c�');
    expect(harmless('a\u061cb\u202ec\u2066d')).toBe('a�b�c�d');
  });

  test.each([
    [0, '0 ms'],
    [999, '999 ms'],
    [1_000, '1 s'],
    [3_249, '3.2 s'],
    [59_999, '1 min'],
    [125_000, '2 min 5 s'],
    [3_780_000, '1 h 3 min'],
  ])('%i ms reads as %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  test('a word that a shell would split is quoted', () => {
    expect(shellWord('pr-7.x')).toBe('pr-7.x');
    expect(shellWord("it's two")).toBe("'it'\\''s two'");
  });
});
