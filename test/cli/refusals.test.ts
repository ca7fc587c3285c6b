/** Bad input and bad moments: nothing is done, the exit code says which kind, the message says what to do. */
import { readdir } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { sevenMistakes, twoCells } from './documents.ts';
import { at, setup, transports } from './support.ts';

describe.each(transports)('%s', (over) => {
  const place = setup(over);
  const pawl = (...args: string[]) => place.pawl(...args);

  beforeAll(async () => {
    await place.write('two.md', twoCells);
    await pawl('publish', 'two.md');
    await pawl('start', 'two', '--instance', 'fresh');
    await pawl('run', 'two.md', '--instance', 'finished');
  });

  describe('a document with seven mistakes', () => {
    test('every one is told as file:line:column message, in the order of the lines', async () => {
      await place.write('seven.md', sevenMistakes);
      const { exit, out, err } = await pawl('check', 'seven.md');
      expect({ exit, out }).toEqual({ exit: 2, out: '' });
      const lines = err.trim().split('\n');
      const last = lines.pop();
      const places = lines.map((line) => /^seven\.md:(\d+):(\d+) \S/.exec(line)?.slice(1).map(Number));
      expect(places).not.toContain(undefined);
      const numbers = places.map((found) => found?.[0] ?? 0);
      expect(new Set(numbers).size).toBeGreaterThanOrEqual(7);
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
      expect(last).toMatch(/^pawl: \d+ problems in 1 file; nothing was published or run\./);
    });

    test('as one document, and publishing it beside a good one publishes neither', async () => {
      await place.write('seven.md', sevenMistakes);
      await place.write('other.md', twoCells.replace('runbook: two', 'runbook: other'));
      const { exit, json } = await pawl('publish', 'other.md', 'seven.md', '--json');
      expect(exit).toBe(2);
      expect(json).toMatchObject({ error: { code: 'runbook.invalid' } });
      expect(at(json, 'error', 'details', 'problems', 0)).toMatchObject({
        file: 'seven.md',
        line: expect.any(Number),
        column: expect.any(Number),
        message: expect.any(String),
      });
      expect((await pawl('start', 'other', '--json')).json).toMatchObject({ error: { code: 'runbook.unknown' } });
    });
  });

  describe('wrong input exits with 2', () => {
    const cases: [string, string[], string][] = [
      ['a file that is not there', ['check', 'nowhere.md'], 'Cannot read nowhere.md: there is no such file'],
      ['an unknown command', ['chek', 'two.md'], "unknown command 'chek'"],
      ['an unknown option', ['status', 'fresh', '--loud'], "unknown option '--loud'"],
      ['a missing argument', ['advance'], "missing required argument 'instance'"],
      ['a missing reason', ['cancel', 'fresh'], "required option '--reason <text>' not specified"],
      ['no number of cells', ['advance', 'fresh', '--max-cells', 'many'], 'Give a whole number, 1 or more.'],
      ['a parameter of the wrong type', ['run', 'two.md', '-p', 'count=many'], 'count'],
      [
        'a number that cannot be kept',
        ['run', 'two.md', '-p', 'count=9007199254740993'],
        'Parameter count: 9007199254740993 cannot be kept as a number (whole ones go up to 9007199254740991); declare it as a string in the runbook, and give a text.',
      ],
      ['a number that is infinite', ['run', 'two.md', '-p', 'count=1e400'], 'Parameter count: 1e400 cannot be kept'],
      ['a parameter out of its bounds', ['run', 'two.md', '-p', 'count=0'], 'count'],
      ['a parameter the runbook does not know', ['run', 'two.md', '-p', 'cuont=3'], 'cuont'],
      ['a parameter given twice', ['start', 'two', '-p', 'count=3', '-p', 'count=4'], 'Parameter count is given twice'],
      ['a parameter without a value', ['plan', 'two.md', '-p', 'count'], '-p wants name=value'],
      ['a parameter file that is not there', ['plan', 'two.md', '-p', 'deep=@no.json'], 'no.json'],
      ['an unknown runbook', ['start', 'nothing'], 'There is no runbook nothing; publish it'],
      ['an unknown version', ['start', 'two', '--version', '9'], 'There is no runbook two version 9'],
      ['an unknown instance', ['advance', 'nobody'], 'There is no instance nobody; see `pawl list`'],
      ['an unknown instance, its journal', ['journal', 'nobody'], 'There is no instance nobody'],
      ['an unknown cell', ['advance', 'fresh', '--cell', 'gret'], 'There is no cell gret'],
      ['an instance id with a slash', ['start', 'two', '--instance', 'a/b'], 'is no instance id'],
      ['a status that does not exist', ['list', '--status', 'fine'], 'Allowed choices are'],
    ];
    test.each(cases)('%s', async (_, args, said) => {
      const { exit, out, err } = await pawl(...args);
      expect(err).toContain(said);
      expect({ exit, out }).toEqual({ exit: 2, out: '' });
      expect(err).not.toMatch(/\n\s+at /);
    });

    test('with --json a wrong use is one document too', async () => {
      const { exit, json, err } = await pawl('advance', '--json');
      expect({ exit, err }).toEqual({ exit: 2, err: '' });
      expect(json).toEqual({
        error: { code: 'request.invalid', message: "missing required argument 'instance'", details: {} },
      });
    });
  });

  describe('a refusal in the present state', () => {
    const cases: [string, string[], number, string][] = [
      ['out of order', ['advance', 'fresh', '--cell', 'refused'], 1, 'cell.outOfOrder'],
      ['finished', ['advance', 'finished', '--cell', 'greet'], 1, 'instance.finished'],
      ['cancelling what is finished', ['cancel', 'finished', '--reason', 'late'], 1, 'instance.finished'],
      ['a cell that waits for nobody', ['done', 'fresh', 'greet', '--note', 'x'], 1, 'cell.notWaiting'],
      [
        'the same id with other parameters',
        ['start', 'two', '--instance', 'fresh', '-p', 'count=5'],
        1,
        'instance.exists',
      ],
      ['stale', ['advance', 'fresh', '--expected-seq', '7'], 4, 'seq.stale'],
    ];
    test.each(cases)('%s', async (_, args, code, error) => {
      const { exit, json } = await pawl(...args, '--json');
      expect(json).toMatchObject({
        error: { code: error, message: expect.stringMatching(/\w/), details: expect.anything() },
      });
      expect(exit).toBe(code);
    });

    test('nothing of all this reached the journal', async () => {
      const { json } = await pawl('journal', 'fresh', '--json');
      expect(json.entries).toHaveLength(1);
    });

    test('advancing what is finished says so and succeeds', async () => {
      const { exit, out } = await pawl('advance', 'finished');
      expect(exit).toBe(0);
      expect(out).toContain('Completed: 2 cells.');
    });
  });
});

describe('a store of this machine', () => {
  const place = setup();

  test('a setting that cannot be', async () => {
    const { exit, err } = await place.begin(['status', 'fresh'], { env: { PAWL_TAKEOVER_GRACE_MS: '10' } }).ended;
    expect(exit).toBe(2);
    expect(err).toContain('PAWL_TAKEOVER_GRACE_MS is 10; it must be at least 1000');
  });

  test('no store: try again later', async () => {
    const { exit, json } = await place.begin(['list', '--json'], {
      env: { PAWL_DYNAMODB_ENDPOINT: 'http://127.0.0.1:9' },
    }).ended;
    expect(json).toMatchObject({ error: { code: 'store.unavailable' } });
    expect(exit).toBe(4);
    expect(await readdir(place.folder)).toEqual([]);
  });
});
