/** What the screens say of things that are easily said wrongly: committed tasks, runs that were continued, what was typed, what is not there. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { at, flat, setup, transports, until } from './support.ts';

const place = setup();

const tasks = `import { defineTask, z } from 'pawl/tasks';
import { appendFileSync, existsSync } from 'node:fs';
export const sell = defineTask({
  name: 'sell',
  input: z.object({ file: z.string() }),
  output: z.object({ sold: z.number() }),
  effects: 'commit',
  run: async ({ input: { file } }) => {
    appendFileSync(file, 'begun');
    if (!existsSync(file + '.go')) await new Promise((resolve) => setTimeout(resolve, 60_000));
    return { sold: 1 };
  },
});
`;
const selling = (attributes: string): string =>
  `---\nrunbook: selling\nparams: { file: { type: string } }\n---\n\n\`\`\`task { name=pay task=sell ${attributes} }\nfile: "{{ params.file }}"\n\`\`\`\n`;

describe('a task that commits, whose process was killed', () => {
  test('is said not to have happened, before and after its time, and nothing else is offered', async () => {
    const env = { PAWL_TAKEOVER_GRACE_MS: '1000' };
    const pawl = place.pawlWith(env);
    await mkdir(join(place.folder, 'tasks'), { recursive: true });
    await writeFile(join(place.folder, 'tasks', 'sell.ts'), tasks);
    await place.write('selling.md', selling('timeout=8s'));
    const given = ['-p', `file=${place.folder}/pay.begun`];
    const worker = place.begin(['run', 'selling.md', '--instance', 'sale', ...given], { env });
    await until('the task to begin', async () => (await place.read('pay.begun')) === 'begun');
    worker.kill('SIGKILL');
    await worker.ended;
    const status = async () => flat((await pawl('status', 'sale')).out);
    if (process.platform === 'linux') {
      await until('its process to be gone', async () => (await status()).includes('when its process ended'));
      const early = await status();
      expect(early).not.toContain('It may have happened');
      expect(early).not.toContain('it is in doubt');
    }
    await until('its time to be over', async () => (await status()).includes('Not closed: the process of pay'));
    const out = await status();
    expect(out).toContain(
      'What it does is committed with its outcome, and none stands: it has not happened, and once its step is closed it cannot any more.',
    );
    expect(out).not.toContain('In doubt');
    expect(out).not.toContain('--succeeded');
    expect(out).toContain('--failed');
    const listed = await pawl('doubts', '--runbook', 'selling');
    expect(flat(listed.out)).toContain('pay (task) is not closed, and has not happened');
    const { json } = await pawl('status', 'sale', '--json');
    expect(Object.keys(at(json, 'step', 'commands') as object)).not.toContain('succeeded');
    await place.write('pay.begun.go', '');
    await until('its end', async () => (await pawl('advance', 'sale', '--max-cells', 'all')).exit === 0);
    const journal = flat((await pawl('journal', 'sale')).out);
    expect(journal).toMatch(/pay: failed by its policy; again( from \S+ on)? \(interrupted=retry/);
    expect(journal.split('attempt 1 of 3')).toHaveLength(2);
  });
});

const payment = `---
runbook: payment
unique: "{{ params.id }}"
params: { id: { type: string }, amount: { type: integer, default: 1 } }
---

\`\`\`sh { name=receipt }
exit 3
\`\`\`

\`\`\`manual { name=look }
Look.
\`\`\`
`;

describe.each(transports)('%s', (over) => {
  const here = setup(over);

  test('a run that was continued names what goes on from it, and is not gone on with; a second try says where to go', async () => {
    await here.write('payment.md', payment);
    const run = () => here.pawl('run', 'payment.md', '-p', 'id=a');
    expect((await run()).exit).toBe(1);
    const goOn = ['start', 'payment', '--continue', 'payment.a', '--at', 'receipt', '--reason', 'mended'];
    expect(await here.pawl(...goOn)).toMatchObject({ exit: 0 });
    const ended = await here.pawl('status', 'payment.a');
    expect(ended.out).toContain('It was continued as payment.a.2: `pawl status payment.a.2`.');
    expect(ended.out).not.toContain('A fixed version can continue from it');
    const again = await run();
    expect(again.out).toContain('exists already: it is cancelled');
    expect(again.out).toContain('It was continued as payment.a.2');
    const other = await here.pawl('run', 'payment.md', '-p', 'id=a', '-p', 'amount=2');
    expect(other.err).toContain('its id follows from `unique`: give the same parameters');
    const twice = await here.pawl(...goOn, '-p', 'amount=7');
    expect(twice.err).toContain(
      'payment.a was continued by it, at receipt; go on with that (`pawl status payment.a.2`)',
    );
  });

  test.each([
    [['list', '--limit', '1000'], '--limit takes at most 100'],
    [['list', '--since', 'yesterday'], '--since is no time: give one with its zone'],
    [['status', 'a b'], 'the id of the instance is no'],
  ])('what is refused is named as it was typed: %s', async (args, words) => {
    const { exit, err } = await here.pawl(...args);
    expect(exit).toBe(2);
    expect(err).toContain(`The command cannot be taken: ${words}`);
    expect(err).not.toMatch(/query\.|path\./);
  });

  test('a cell without files has none, and a file that was asked for is not there', async () => {
    await here.write('plain.md', '---\nrunbook: plain\n---\n\n```sh { name=a }\ntrue\n```\n');
    expect((await here.pawl('run', 'plain.md', '--instance', 'plain-1')).exit).toBe(0);
    expect(await here.pawl('attachment', 'plain-1', 'a')).toMatchObject({
      exit: 0,
      out: 'Cell a of plain-1 has no files.\n',
    });
    const asked = await here.pawl('attachment', 'plain-1', 'a', '--file', '1');
    expect(asked.exit).toBe(2);
    expect(asked.err).toContain('Cell a of plain-1 has no files.');
  });
});

test('a store that is no database: what to do about it is said', async () => {
  const folder = join(place.folder, 'spoiled');
  await mkdir(folder);
  await writeFile(join(folder, 'pawl.db'), 'this is no database, and long enough to be looked at as one. '.repeat(40));
  const { exit, err } = await place.pawl('list', '--data', folder);
  expect(exit).not.toBe(0);
  expect(err).toContain('SQLITE_NOTADB');
  expect(err).toContain('put a backup in its place, or name another folder with --data or PAWL_DATA_DIR.');
});
