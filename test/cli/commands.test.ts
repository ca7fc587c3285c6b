/** Every command with good input: what it prints, what it documents, how it exits. The same over both transports. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { halting, large, manual, twoCells } from './documents.ts';
import { at, postMerge, setup, transports } from './support.ts';

describe.each(transports)('%s', (over) => {
  const place = setup(over);
  const pawl = (...args: string[]) => place.pawl(...args);

  test('a script is carried out as its document says: to its first failure, and by its shell', async () => {
    const fence = (attributes: string, code: string): string => `\`\`\`sh { ${attributes} }\n${code}\n\`\`\`\n`;
    const cells = [
      fence('name=off errexit=off', 'false\necho "off went on"'),
      fence('name=by_bash shell=bash', 'echo "bash${BASH_VERSION:+ is bash}"'),
      fence('name=strict', 'false\necho "strict went on"'),
    ];
    await place.write('strict.md', `---\nrunbook: strict\n---\n${cells.join('')}`);
    const { exit, out } = await pawl('run', 'strict.md', '--instance', 'strict-1');
    expect({ exit, out }).toEqual({ exit: 1, out: expect.stringContaining('Halted at strict: it failed.') });
    const logs = await pawl('logs', 'strict-1');
    expect(logs.out).toContain('off went on');
    expect(logs.out).toContain('bash is bash');
    expect(logs.out).not.toContain('strict went on');
  });

  describe('before anything runs', () => {
    test('check says ok for every file and counts the cells', async () => {
      await place.write('two.md', twoCells);
      const { exit, out, err } = await pawl('check', 'two.md', postMerge);
      expect({ exit, err }).toEqual({ exit: 0, err: '' });
      expect(out.split('\n')[0]).toBe('two.md: ok, runbook two, 2 cells');
    });

    test('plan shows inputs as far as the parameters tell, touches no store, and runs nothing', async () => {
      const args = ['plan', postMerge, '-p', 'pr=7', '-p', 'dir=/srv/app'];
      const { exit, out } = await pawl(...args);
      expect(exit).toBe(0);
      expect(out).toContain('instance post_merge.pr-7, by `unique`');
      expect(out).toContain('| GET http://127.0.0.1:8080/health');
      expect(out).toContain('"removed": {{ outputs.cleanup.');
      expect(out).toContain('fails: 3 more attempts, then halts; cut off: is tried again');
      expect(await place.read('data/server.json')).toBe('');
      const { json } = await pawl(...args, '--json');
      expect(json).toMatchObject({
        runbookId: 'post_merge',
        instanceId: 'post_merge.pr-7',
        params: { pr: 7, announce: true },
      });
      expect(at(json, 'cells', 0)).toMatchObject({
        name: 'health',
        kind: 'http',
        timeoutMs: 10_000,
        retries: 3,
        interrupted: 'retry',
      });
    });

    test('what may not be meant is noted by check and publish, and refuses nothing', async () => {
      const poll =
        '---\nrunbook: polls\n---\n```sh { name=up poll=5s }\ntrue\n```\n```cel { expect=up }\nexitCode == 0\n```\n';
      await place.write('polls.md', poll);
      const note = '`poll=` without `within=` is repeated for as long as it takes; add `within=2h`, say, for an end';
      const checked = await pawl('check', 'polls.md');
      expect(checked).toMatchObject({
        exit: 0,
        out: `polls.md: ok, runbook polls, 1 cell\npolls.md:4:17 note: ${note}\n`,
      });
      const notes = [{ line: 4, column: 17, message: note }];
      expect(at((await pawl('check', 'polls.md', '--json')).json, 'files', 0)).toMatchObject({ notes });
      expect(at((await pawl('publish', 'polls.md', '--json')).json, 'published', 0)).toMatchObject({
        created: true,
        notes,
      });
      expect((await pawl('publish', 'polls.md')).out).toContain(`polls.md:4:17 note: ${note}`);
      await place.write('polls.md', poll.replace('poll=5s', 'poll=5s within=1m'));
      expect(at((await pawl('check', 'polls.md', '--json')).json, 'files', 0)).toMatchObject({ notes: [] });
    });

    test('what the method of a request declares is said by check and plan, and the author has the last word', async () => {
      const get = (attributes: string): string =>
        `---\nrunbook: gets\n---\n\`\`\`http { name=up${attributes} }\nGET https://example.com/\n\`\`\`\n\`\`\`http { name=pay failedOn="500 503" }\nPOST https://example.com/\n\`\`\`\n`;
      await place.write('gets.md', get(' retry=2'));
      expect((await pawl('check', 'gets.md')).out).toContain('gets.md:4:1 note: `interrupted=retry` (GET, RFC 9110): ');
      const { out } = await pawl('plan', 'gets.md');
      expect(out).toContain('fails or is not as expected: 2 more attempts, then halts');
      expect(out).toContain('cut off: is tried again (GET, RFC 9110)');
      expect(out).toContain('fails: halts; cut off: a person decides; failedOn 500 503');
      const { json } = await pawl('plan', 'gets.md', '--json');
      expect(at(json, 'cells', 0)).toMatchObject({ interrupted: 'retry', byMethod: 'GET', retryOn: 'unexpected' });
      expect(at(json, 'cells', 1)).toMatchObject({ interrupted: 'hold', byMethod: null, retryOn: null });
      await place.write('gets.md', get(' interrupted=hold'));
      expect((await pawl('check', 'gets.md')).out).not.toContain('note');
      expect((await pawl('plan', 'gets.md')).out).not.toContain('RFC 9110');
    });

    test('publish makes a version once for the same content', async () => {
      await place.write('two.md', twoCells);
      const first = await pawl('publish', 'two.md', '--json');
      expect(first.exit).toBe(0);
      expect(at(first.json, 'published', 0)).toMatchObject({
        file: 'two.md',
        runbookId: 'two',
        version: 1,
        cells: 2,
        created: true,
      });
      expect(at((await pawl('publish', 'two.md', '--json')).json, 'published', 0)).toMatchObject({
        version: 1,
        created: false,
      });
      await place.write('two.md', `${twoCells}\nMore words.\n`);
      expect((await pawl('publish', 'two.md')).out).toMatch(
        /^two\.md: runbook two, version 2 published, 2 cells, sha256 [0-9a-f]{12}\n$/,
      );
    });
  });

  describe('run', () => {
    test('goes to the end, a line per cell, and a predicted failure is a success', async () => {
      await place.write('two.md', twoCells);
      const { exit, out, err } = await pawl('run', 'two.md', '--instance', 'run-1', '-p', 'name=Ada');
      expect({ exit, err }).toEqual({ exit: 0, err: '' });
      expect(out).toMatch(/^run-1 {2}two version \d+\n {2}✓ greet +completed +attempt 1 +\d/);
      expect(out).toMatch(/✓ refused +failed as expected +attempt 1/);
      expect(out).toContain('Passed: 2 of 2 cells met what they declare.');
    });

    test('its document: result, verdict, coverage, steps, view, cells', async () => {
      await place.write('two.md', twoCells);
      await place.write('deep.json', '{"a": [1, true]}');
      const { exit, json } = await pawl(
        'run',
        'two.md',
        '--instance',
        'run-2',
        '-p',
        'count=12',
        '-p',
        'deep=@deep.json',
        '--json',
      );
      expect(exit).toBe(0);
      expect(json).toMatchObject({
        instanceId: 'run-2',
        created: true,
        result: 'completed',
        verdict: 'passed',
        coverage: { declared: 2, cells: 2 },
        view: { status: 'completed', drive: 'auto' },
      });
      expect(at(json, 'steps', 1)).toMatchObject({
        cell: 'refused',
        status: 'failed',
        then: 'next',
        attempt: 1,
        recorded: true,
      });
      expect(at(json, 'cells', 0)).toMatchObject({
        name: 'greet',
        state: 'completed',
        output: '{"greeted": true}',
        by: 'alice',
      });
      expect(at((await pawl('status', 'run-2', '--json')).json, 'params')).toEqual({
        name: 'nobody',
        count: 12,
        deep: { a: [1, true] },
      });
    });

    test('halts, and shows why, the end of the log and the next move', async () => {
      await place.write('halting.md', halting);
      const { exit, out } = await pawl('run', 'halting.md', '--instance', 'halt-1');
      expect(exit).toBe(1);
      expect(out).toContain('Halted at breaks: it failed.');
      expect(out).toContain('the last 6 of 8 lines:\n    line 3\n');
      expect(out).toContain('`pawl journal halt-1 --notes`');
      const again = await pawl('advance', 'halt-1', '--json');
      expect(again.exit).toBe(1);
      expect(again.json).toMatchObject({ result: 'halted', steps: [] });
    });

    test('parks at a manual cell, shows what is asked for and the exact command; done goes past it', async () => {
      await place.write('manual.md', manual);
      const parked = await pawl('run', 'manual.md', '--instance', 'ask-1', '-p', 'where=the wall');
      expect(parked.exit).toBe(3);
      expect(parked.out).toContain('Open the wall.');
      expect(parked.out).toContain('`pawl done ask-1 look --note "…"`');
      const done = await pawl('done', 'ask-1', 'look', '--note', 'it is green', '--json');
      expect(done.exit).toBe(0);
      expect(done.json).toMatchObject({ view: { status: 'ready', cell: 'after' } });
      const rest = await pawl('run', 'manual.md', '--instance', 'ask-1', '-p', 'where=the wall');
      expect(rest.exit).toBe(0);
      expect(rest.out).toContain('exists already: going on with it');
      expect(rest.out).toContain('Completed procedurally');
    });

    test('a manual cell recorded as failed halts', async () => {
      await place.write('manual.md', manual);
      await pawl('run', 'manual.md', '--instance', 'ask-2');
      const { exit, out } = await pawl('done', 'ask-2', 'look', '--failed', '--note', 'it is red');
      expect(exit).toBe(0);
      expect(out).toContain('Halted at look');
    });
  });

  describe('step by step', () => {
    test('start, advance, status, journal, list', async () => {
      await place.write('two.md', twoCells);
      await pawl('publish', 'two.md');
      const started = await pawl('start', 'two', '--instance', 'step-1', '-p', 'count=3', '--json');
      expect(started.exit).toBe(0);
      expect(started.json).toMatchObject({
        created: true,
        view: { instanceId: 'step-1', seq: 0, status: 'ready', drive: 'manual' },
      });

      const advanced = await pawl('advance', 'step-1', '--cell', 'greet', '--json');
      expect(advanced.exit).toBe(0);
      expect(advanced.json).toMatchObject({ result: 'advanced', view: { seq: 2, cell: 'refused' } });
      expect(Object.keys(advanced.json).sort()).toEqual([
        'reserved',
        'result',
        'step',
        'steps',
        'stop',
        'view',
        'wrote',
      ]);

      const status = await pawl('status', 'step-1');
      expect(status.exit).toBe(0);
      expect(status.out).toMatch(/› +refused +sh +next\n/);
      expect(status.out).toContain('Next: refused: `pawl advance step-1`');

      expect((await pawl('advance', 'step-1', '--max-cells', 'all')).exit).toBe(0);
      const journal = await pawl('journal', 'step-1', '--after', '1', '--notes', '--json');
      expect((journal.json.entries as { kind: string }[]).map(({ kind }) => kind)).toEqual([
        'outcome',
        'reserved',
        'outcome',
      ]);
      expect(at(journal.json, 'notes', 0)).toMatchObject({
        kind: 'log',
        about: 1,
        cell: 'greet',
        text: 'hello nobody\n',
      });
      expect((await pawl('journal', 'step-1', '--notes')).out).toContain('  hello nobody');

      const list = await pawl('list', '--runbook', 'two', '--status', 'completed', '--json');
      expect(list.exit).toBe(0);
      // The store tells the time to the second only, so which of two began first may be said either way round.
      expect(list.json.views).toContainEqual(expect.objectContaining({ instanceId: 'step-1', status: 'completed' }));
    });

    test('list goes on from a mark', async () => {
      const first = await pawl('list', '--limit', '1', '--json');
      const second = await pawl('list', '--limit', '1', '--next', String(first.json.next), '--json');
      expect(at(second.json, 'views', 0, 'instanceId')).not.toBe(at(first.json, 'views', 0, 'instanceId'));
      expect((await pawl('list', '--limit', '1')).out).toContain('More: add `--next ');
    });

    test('outputs that fit into no one answer come whole, also in a run that cites them', async () => {
      await place.write('large.md', large);
      expect((await pawl('run', 'large.md', '--instance', 'large-1')).exit).toBe(1);
      expect((await pawl('start', 'large', '--continue', 'large-1', '--at', 'breaks')).exit).toBe(0);
      for (const id of ['large-1', 'large-1.2']) {
        const { cells } = (await pawl('status', id, '--json')).json as { cells: { output: string | null }[] };
        expect(cells.map(({ output }) => [output?.length, output?.at(1)])).toEqual([
          [2_500_002, 'x'],
          [1_500_002, 'é'],
          [undefined, undefined],
        ]);
      }
    });

    test('cancel ends an instance, and says so to whoever comes later', async () => {
      await pawl('start', 'two', '--instance', 'cancel-1');
      const cancelled = await pawl('cancel', 'cancel-1', '--reason', 'the merge was reverted', '--json');
      expect(cancelled.exit).toBe(0);
      expect(cancelled.json).toMatchObject({ mayStillRun: null, view: { status: 'cancelled' } });
      const later = await pawl('advance', 'cancel-1');
      expect(later.exit).toBe(1);
      expect(later.out).toContain('Cancelled by alice: the merge was reverted. Nothing runs in it any more.');
    });

    test('an id that the shell would split is quoted in what is suggested', async () => {
      const { out } = await pawl('run', join(place.folder, 'manual.md'), '--instance', 'ask-3');
      expect(out).toContain('pawl done ask-3 look');
    });
  });
});
