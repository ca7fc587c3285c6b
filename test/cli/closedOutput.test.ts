/** Whoever reads what a command says may leave, and its disk may be full: what runs goes on to its end, and is recorded. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { setup } from './support.ts';

const place = setup();
const launcher = fileURLToPath(new URL('../../bin/pawl.js', import.meta.url));

const runbook = `---
runbook: talk
title: Four cells, each with a line
---
# Four cells

${[1, 2, 3, 4].map((n) => `\`\`\`sh { name=cell${n} }\nsleep 0.2\necho ${n} >> "$PAWL_PARAM_FILE"\n\`\`\`\n`).join('\n')}
`.replace('---\n# Four', 'params:\n  file: { type: string }\n---\n# Four');

/** A real pipe of a real shell; `$?` of the first command stands on standard error, beside whatever it says there. */
const shell = async (line: string): Promise<{ err: string; out: string }> => {
  const child = spawn('/bin/bash', ['-c', line], {
    cwd: place.folder,
    env: {
      PATH: process.env.PATH,
      HOME: place.folder,
      PAWL_DATA_DIR: `${place.folder}/data`,
      PAWL_ACTOR: 'alice',
      NODE: process.execPath,
      PAWL: launcher,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { out: '', err: '' };
  for (const name of ['out', 'err'] as const)
    child[name === 'out' ? 'stdout' : 'stderr'].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  await once(child, 'close');
  return said;
};

const effects = async (file: string): Promise<string> => (await place.read(file)).replaceAll('\n', '');
const statusOf = async (id: string): Promise<unknown> =>
  ((await place.pawl('status', id, '--json')).json.view as { status: string }).status;
const pawlRun = (id: string): string => `"$NODE" "$PAWL" run talk.md -p file="$PWD/${id}.txt" --instance ${id}`;

test('a reader that leaves after the first line: every cell runs once, the exit code is that of the run', async () => {
  await place.write('talk.md', runbook);
  const { out, err } = await shell(`{ ${pawlRun('head')}; echo "exit $?" >&2; } | head -1`);
  expect(out).toMatch(/^head {2}talk version 1\n$/);
  expect(err).toBe('exit 0\n');
  expect(await effects('head.txt')).toBe('1234');
  expect(await statusOf('head')).toBe('completed');
  // Beside fifty commands at once it waits for its turn.
}, 300_000);

test('no reader from the beginning, and no standard error either', async () => {
  await place.write('talk.md', runbook);
  await shell(`{ ${pawlRun('none')} 2>&1; echo "$?" > exit.txt; } | true`);
  expect(await place.read('exit.txt')).toBe('0\n');
  expect(await effects('none.txt')).toBe('1234');
  expect(await statusOf('none')).toBe('completed');
});

test('a full disk: the run goes on, one sentence says why its exit code is 1', async () => {
  await place.write('talk.md', runbook);
  const { err } = await shell(`${pawlRun('full')} > /dev/full; echo "exit $?" >&2`);
  expect(err).toBe(
    'pawl: standard output cannot be written (ENOSPC); what was asked for goes on without it.\nexit 1\n',
  );
  expect(await effects('full.txt')).toBe('1234');
  expect(await statusOf('full')).toBe('completed');
});

test('a full disk for both: nothing is said, and the exit code tells', async () => {
  await place.write('talk.md', runbook);
  await shell(`${pawlRun('both')} > /dev/full 2>&1; echo "$?" > exit.txt`);
  expect(await place.read('exit.txt')).toBe('1\n');
  expect(await effects('both.txt')).toBe('1234');
});

test.each(['--help', '--version', 'list', 'list --json', 'nonsense', 'status nowhere'])(
  '%s: no stack trace, whichever of the two is closed or full',
  async (args) => {
    for (const to of ['| true', '> /dev/full']) {
      const { err } = await shell(`"$NODE" "$PAWL" ${args} ${to}`);
      expect(err).not.toMatch(/^ +at |Unhandled|node:/m);
    }
    await shell(`"$NODE" "$PAWL" ${args} 2> /dev/full; echo "$?" > exit.txt`);
    expect(Number(await place.read('exit.txt'))).toBeLessThanOrEqual(4);
  },
);

test('started by npm, it names commands as they are typed there; options that cannot be left out say so', async () => {
  const { out } = await shell('npm_command=exec "$NODE" "$PAWL" done --help');
  expect(out).toContain('$ npx pawl done ');
  expect(out).toMatch(/--note <text> +what was done or seen \(required\)/);
  expect((await shell('"$NODE" "$PAWL" done --help')).out).toContain('$ pawl done ');
});
