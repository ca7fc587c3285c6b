/** Shell completion: what is offered at each place, and a real bash that asks for it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { commandNames } from '../../src/cli/commands/index.ts';
import { halting, twoCells } from './documents.ts';
import { setup } from './support.ts';

const launcher = fileURLToPath(new URL('../../bin/pawl.js', import.meta.url));
const place = setup();
/** Words offered after `pawl`, the last of which is being typed. */
const offered = async (...words: string[]): Promise<string[]> => {
  const { exit, err, out } = await place.pawl('__complete', ...words);
  expect({ exit, err }).toEqual({ exit: 0, err: '' });
  return out
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('\t')[0] ?? '');
};

beforeAll(async () => {
  await place.write('two.md', twoCells);
  await place.write('halting.md', halting);
  await place.pawl('run', 'two.md', '--instance', 'two-1');
  await place.pawl('run', 'two.md', '--instance', 'two-2');
  await place.pawl('run', 'halting.md', '--instance', 'stops');
  const bin = join(place.folder, 'bin');
  await mkdir(bin);
  await writeFile(join(bin, 'pawl'), `#!/bin/sh\nexec "${process.execPath}" "${launcher}" "$@"\n`);
  await chmod(join(bin, 'pawl'), 0o755);
});

describe('what is offered', () => {
  test('commands, and what is under one', async () => {
    expect(await offered('')).toEqual(commandNames);
    expect(await offered()).toEqual(commandNames);
    expect(await offered('st')).toEqual(['start', 'status']);
    expect(await offered('claim', '')).toEqual(['set', 'get', 'history', 'list']);
    expect(await offered('--data', join(place.folder, 'data'), 'verd')).toEqual(['verdict']);
    expect(await offered('nonsense', '')).toEqual(commandNames);
  });

  test('options of the command, and those of all', async () => {
    expect(await offered('list', '--s')).toEqual(['--status', '--since']);
    expect(await offered('status', 'two-1', '--')).toEqual([
      '--follow',
      '--json',
      '--url',
      '--data',
      '--context',
      '--help',
    ]);
    expect(await offered('list', '--', '--s')).toEqual([]);
  });

  test('values that are known beforehand', async () => {
    expect(await offered('list', '--status', 'c')).toEqual(['completed', 'cancelled']);
    expect(await offered('completion', '')).toEqual(['bash', 'zsh', 'fish']);
    expect(await offered('start', 'two', '--drive', '')).toEqual(['auto', 'manual']);
  });

  test('ids and runbooks of the store here', async () => {
    expect((await offered('status', '')).sort()).toEqual(['stops', 'two-1', 'two-2']);
    expect((await offered('journal', '--after', '1', 'two')).sort()).toEqual(['two-1', 'two-2']);
    expect((await offered('verify', 'two-1', 's')).sort()).toEqual(['stops']);
    expect(await offered('start', '')).toEqual(['halting', 'two']);
    expect(await offered('list', '--runbook', 't')).toEqual(['two']);
    expect(await offered('start', 'two', '--continue', 'st')).toEqual(['stops']);
    const { out } = await place.pawl('__complete', 'status', 'st');
    expect(out).toBe('stops\thalted\n');
  });

  test('where only the shell knows, or nothing is there, nothing, and no store is made', async () => {
    expect(await offered('run', '')).toEqual([]);
    expect(await offered('status', 'two-1', '')).toEqual([]);
    expect(await offered('--data', join(place.folder, 'none'), 'status', '')).toEqual([]);
    expect(await offered('--data', '/proc/none', 'status', '')).toEqual([]);
    expect(await place.read('none/pawl.db')).toBe('');
  });

  test('a service is not asked at each Tab', async () => {
    const asked = place.begin(['__complete', 'status', ''], { env: { PAWL_URL: 'http://127.0.0.1:9' } });
    expect(await asked.ended).toMatchObject({ exit: 0, out: '', err: '' });
  });
});

test('pawl completion prints a script; of another shell it says which it knows', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { exit, out } = await place.pawl('completion', shell);
    expect(exit).toBe(0);
    expect(out).toContain('__complete');
    expect((await place.pawl('completion', shell, '--json')).json).toEqual({ shell, script: out });
  }
  expect(await place.pawl('completion', 'tcsh')).toMatchObject({
    exit: 2,
    err: expect.stringContaining('bash, zsh, fish'),
  });
  expect((await place.pawl('--help')).out).not.toContain('__complete');
});

/** The shells that are there. Without a shell its script is read by nobody: the test says so by its name. */
const has = (shell: string): boolean => spawnSync('/bin/sh', ['-c', `command -v ${shell}`]).status === 0;

const inShell = (shell: string, args: string[], script: string): string =>
  execFileSync(shell, [...args, '-c', script], {
    cwd: place.folder,
    encoding: 'utf8',
    env: {
      PATH: `${join(place.folder, 'bin')}:${process.env.PATH}`,
      HOME: place.folder,
      PAWL_DATA_DIR: join(place.folder, 'data'),
    },
  });

describe('a real bash', () => {
  /** What bash would put on the line: as it calls the function that it was given for `pawl`. */
  const pressed = (line: string): string[] =>
    inShell(
      'bash',
      ['--norc', '--noprofile'],
      `source <(pawl completion bash)
complete -p pawl | grep -q -- '-o default -F _pawl pawl' || exit 9
COMP_LINE=${JSON.stringify(line)}; COMP_POINT=\${#COMP_LINE}
_pawl pawl
printf '%s\\n' "\${COMPREPLY[@]}"`,
    )
      .split('\n')
      .filter((word) => word !== '');

  test('completes commands, options, values, ids and runbooks', () => {
    expect(pressed('pawl ver')).toEqual(['verify', 'verdict']);
    expect(pressed('pawl list --unt')).toEqual(['--until']);
    expect(pressed('pawl list --status ru')).toEqual(['running']);
    expect(pressed('pawl status st')).toEqual(['stops']);
    expect(pressed('pawl start two -p name=Ada --drive ').sort()).toEqual(['auto', 'manual']);
    expect(pressed('pawl list -p name=Ada --runbook ')).toEqual(['halting', 'two']);
    expect(pressed('pawl run ')).toEqual([]);
  });

  test('a pressed Tab on a terminal completes an id', { skip: !has('script') }, () => {
    const typed = `source <(pawl completion bash)\npawl status sto\t\nexit\n`;
    const { stdout } = spawnSync('script', ['-qec', 'bash --norc --noprofile -i', '/dev/null'], {
      cwd: place.folder,
      encoding: 'utf8',
      input: typed,
      env: {
        PATH: `${join(place.folder, 'bin')}:${process.env.PATH}`,
        HOME: place.folder,
        PAWL_DATA_DIR: join(place.folder, 'data'),
        TERM: 'dumb',
      },
    });
    expect(stdout).toContain('Halted at breaks');
  });
});

test.runIf(has('zsh'))('a real zsh reads its script (where there is one)', () => {
  const out = inShell(
    'zsh',
    ['-f'],
    'autoload -U compinit && compinit -D && source <(pawl completion zsh) && print $_comps[pawl]',
  );
  expect(out.trim()).toBe('_pawl');
});

test.runIf(has('fish'))('a real fish completes ids (where there is one)', () => {
  const out = inShell('fish', ['--no-config'], 'pawl completion fish | source; complete -C "pawl status st"');
  expect(out).toContain('stops');
});
