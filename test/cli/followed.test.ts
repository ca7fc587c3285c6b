/** `--follow`: what others do to an instance is shown as it comes, until it is over, interrupted, or nobody reads any more. */
import { PassThrough } from 'node:stream';
import { beforeAll, describe, expect, test } from 'vitest';
import { createScreen } from '../../src/cli/screen.ts';
import { untilEnded } from '../../src/cli/untilEnded.ts';
import { PawlError } from '../../src/engine/index.ts';
import { halting, manual } from './documents.ts';
import { at, flat, type Running, setup, transports, until } from './support.ts';

const talking = manual
  .replace('runbook: asks', 'runbook: talks')
  .replace('name=before }\ntrue', 'name=before }\necho first words')
  .replace('name=after }\ntrue', 'name=after }\necho last words');

const documents = (running: Running): unknown[] =>
  running
    .out()
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));

describe.each(transports)('%s', (over) => {
  const place = setup(over);
  const pawl = (...args: string[]) => place.pawl(...args);
  const said = (running: Running, words: string) => until(words, () => running.out().includes(words));

  beforeAll(async () => {
    await place.write('talks.md', talking);
    await place.write('halting.md', halting);
  });

  const parked = async (id: string): Promise<void> => {
    expect(await pawl('run', 'talks.md', '--instance', id)).toMatchObject({ exit: 3 });
  };
  const goOn = async (id: string): Promise<void> => {
    expect(await pawl('done', id, 'look', '--note', 'green')).toMatchObject({ exit: 0 });
    expect(await pawl('advance', id, '--max-cells', 'all')).toMatchObject({ exit: 0 });
  };

  test('journal, logs and status go on as things come, and end with the instance', async () => {
    await parked('whole');
    const journal = place.begin(['journal', 'whole', '--follow']);
    const logs = place.begin(['logs', 'whole', '--follow']);
    const one = place.begin(['logs', 'whole', 'after', '--follow']);
    const status = place.begin(['status', 'whole', '--follow']);
    await said(journal, 'waits for a person');
    await said(logs, 'first words');
    await said(status, 'Parked: look waits for a person.');
    expect(one.out()).toBe('');
    await goOn('whole');
    for (const running of [journal, logs, one, status]) expect(await running.ended).toMatchObject({ exit: 0, err: '' });
    // The same as of somebody who looks afterwards.
    expect(flat(journal.out())).toBe(flat((await pawl('journal', 'whole')).out));
    expect(journal.out().match(/^seq +time/gm)).toHaveLength(1);
    expect(logs.out()).toBe((await pawl('logs', 'whole')).out);
    expect(one.out()).toBe((await pawl('logs', 'whole', 'after')).out);
    expect(status.out()).toMatch(/Parked: look waits[\s\S]*Completed: 3 cells\.\n$/);
  });

  test('with --json each change is one line', async () => {
    await parked('lines');
    const followed = ['journal', 'logs', 'status'].map((name) => place.begin([name, 'lines', '--follow', '--json']));
    for (const running of followed) await until('a line', () => running.out().includes('\n'));
    await goOn('lines');
    for (const running of followed) expect(await running.ended).toMatchObject({ exit: 0, err: '' });
    const [journal = [], logs = [], status = []] = followed.map(documents);
    expect(journal).toEqual((await pawl('journal', 'lines', '--json')).json.entries);
    expect(logs).toEqual((await pawl('logs', 'lines', '--json')).json.logs);
    expect(status.map((line) => at(line, 'view', 'seq'))).toEqual(
      [...new Set(status.map((line) => at(line, 'view', 'seq')))].sort((a, b) => Number(a) - Number(b)),
    );
    expect(at(status[0], 'view', 'status')).toBe('waiting');
    expect(at(status.at(-1), 'view', 'status')).toBe('completed');
  });

  test('of what is over everything is shown at once; cancelled is exit code 1', async () => {
    await parked('ends');
    const { json } = await pawl('journal', 'ends', '--json');
    const seq = (json.entries as unknown[]).length - 1;
    expect(await pawl('cancel', 'ends', '--reason', 'not needed')).toMatchObject({ exit: 0 });
    for (const name of ['journal', 'logs', 'status'])
      expect([name, (await pawl(name, 'ends', '--follow')).exit]).toEqual([name, 1]);
    const rest = await pawl('journal', 'ends', '--follow', '--after', String(seq), '--json');
    expect(rest.json).toMatchObject({ kind: 'cancelled', seq: seq + 1 });
    expect(await pawl('journal', 'ends', '--follow', '--after', '1000')).toMatchObject({ exit: 1, out: '' });
  });

  test('Ctrl-C leaves at once: exit code 130, no trace, and nothing was changed', async () => {
    await parked('left');
    for (const name of ['journal', 'logs', 'status']) {
      const running = place.begin([name, 'left', '--follow']);
      await until('it begins', () => running.out() !== '');
      running.kill('SIGINT');
      expect(await running.ended).toMatchObject({ exit: 130, err: '' });
    }
    expect((await pawl('status', 'left', '--json')).json.view).toMatchObject({ status: 'waiting' });
  });

  test('a reader that leaves ends it with the next change, without a trace', async () => {
    await parked('piped');
    const piped = place.shell('{ pawl journal piped --follow --json; echo "exit $?" >&2; } | head -1');
    await until('the first line is read', async () => (await pawl('status', 'piped')).exit === 0);
    await pawl('done', 'piped', 'look', '--note', 'green');
    await pawl('advance', 'piped', '--max-cells', 'all');
    const { out, err } = await piped;
    expect(JSON.parse(out)).toMatchObject({ kind: 'started', seq: 0 });
    expect(err).toBe('exit 0\n');
  });

  test('what is not there is refused, with --json on one line', async () => {
    for (const name of ['journal', 'logs', 'status']) {
      expect(await pawl(name, 'nowhere', '--follow')).toMatchObject({ exit: 2, out: '' });
      const { out, exit } = await pawl(name, 'nowhere', '--follow', '--json');
      expect([exit, out.split('\n').length]).toEqual([2, 2]);
      expect(at(JSON.parse(out), 'error', 'code')).toBe('instance.unknown');
    }
    await parked('cells');
    expect((await pawl('logs', 'cells', 'afer', '--follow')).err).toContain('cells has no cell "afer"');
    expect((await pawl('journal', 'cells', '--follow', '--notes')).exit).toBe(2);
  });
});

describe('a store that gives no answer', () => {
  const away = new PawlError('store.unavailable', 'No answer.');

  test('in between is asked again', async () => {
    const answers = [false, away, away, true];
    let looks = 0;
    await untilEnded(async () => {
      const answer = answers[looks];
      looks += 1;
      if (typeof answer === 'boolean') return answer;
      throw answer;
    });
    expect(looks).toBe(4);
  });

  test('at the beginning is an error, and every other error is one at once', async () => {
    await expect(untilEnded(async () => Promise.reject(away))).rejects.toBe(away);
    const broken = new PawlError('journal.broken', 'Entry 3 is missing.');
    let looks = 0;
    const look = async () => {
      looks += 1;
      if (looks > 1) throw broken;
      return false;
    };
    await expect(untilEnded(look)).rejects.toBe(broken);
  });
});

describe('a screen that is drawn again', () => {
  const screenOn = (isTTY: boolean) => {
    const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), { columns: 80, rows: 24, isTTY });
    const screen = createScreen(stream as unknown as NodeJS.WriteStream, { silent: false, dumb: false });
    const draw = (...lines: string[]) => screen.redraw(async () => screen.print(lines.join('\n')));
    return { draw, read: () => (stream.read() as string | null) ?? '' };
  };

  test('on a terminal what was drawn is replaced, lines that wrapped included; the same is not written again', async () => {
    const { draw, read } = screenOn(true);
    await draw('one', 'x'.repeat(100));
    expect(read()).toBe(`one\n${'x'.repeat(100)}\n`);
    await draw('one', 'x'.repeat(100));
    expect(read()).toBe('');
    await draw('two');
    expect(read()).toBe('\r\u001b[3A\u001b[Jtwo\n');
  });

  test('what is higher than the terminal is drawn from its top', async () => {
    const { draw, read } = screenOn(true);
    await draw(...Array.from({ length: 30 }, (_, line) => `line ${line}`));
    read();
    await draw('short');
    expect(read()).toBe('\u001b[H\u001b[Jshort\n');
  });

  test('where nothing can be replaced it stands below', async () => {
    const { draw, read } = screenOn(false);
    await draw('one');
    await draw('two');
    expect(read()).toBe('one\n\ntwo\n');
  });
});
