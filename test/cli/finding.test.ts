/** Finding one's way: logs, outputs, what is published, the beginning of a document, the same run again. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { changedLines, hunksOf } from '../../src/cli/difference.ts';
import { halting, large, manual, twoCells } from './documents.ts';
import { at, postMerge, setup, transports } from './support.ts';

describe('what differs between two texts', () => {
  const numbered = (count: number, changed: Record<number, string> = {}): string =>
    Array.from({ length: count }, (_, line) => changed[line + 1] ?? `line ${line + 1}`).join('\n');

  test('of the same text nothing', () => {
    expect(changedLines('a\nb', 'a\nb')).toEqual([]);
    expect(hunksOf([])).toEqual([]);
  });

  test('what goes stands before what comes, with three lines around it', () => {
    const [hunk, ...more] = hunksOf(changedLines(numbered(9), numbered(9, { 5: 'five' })));
    expect(more).toEqual([]);
    expect(hunk?.head).toBe('@@ -2,7 +2,7 @@');
    expect(hunk?.lines.map(({ mark, text }) => mark + text)).toEqual([
      ' line 2',
      ' line 3',
      ' line 4',
      '-line 5',
      '+five',
      ' line 6',
      ' line 7',
      ' line 8',
    ]);
  });

  test('changes that are far apart are shown apart, and count what was before them', () => {
    const heads = hunksOf(changedLines(numbered(30), numbered(30, { 2: 'two\nand a half', 25: '25' }))).map(
      ({ head }) => head,
    );
    expect(heads).toEqual(['@@ -1,5 +1,6 @@', '@@ -22,7 +23,7 @@']);
  });

  test('a text that was empty', () => {
    expect(hunksOf(changedLines('a', 'a\nb')).map(({ head }) => head)).toEqual(['@@ -1,1 +1,2 @@']);
  });
});

describe.each(transports)('%s', (over) => {
  const place = setup(over);
  const pawl = (...args: string[]) => place.pawl(...args);

  beforeAll(async () => {
    await place.write('two.md', twoCells);
    await place.write('halting.md', halting);
    await place.write('asks.md', manual);
    await place.write('large.md', large);
    expect(await pawl('run', 'two.md', '--instance', 'two-1', '-p', 'name=Ada')).toMatchObject({ exit: 0 });
    expect(await pawl('run', 'halting.md', '--instance', 'stops')).toMatchObject({ exit: 1 });
  });

  describe('pawl logs', () => {
    test('every line of every cell, under its name, seq and time with its zone', async () => {
      const { exit, out, err } = await pawl('logs', 'two-1');
      expect({ exit, err }).toEqual({ exit: 0, err: '' });
      expect(out).toMatch(/^greet, seq 1, \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+00:00\n {2}hello Ada\n$/);
      const { json } = await pawl('logs', 'stops', '--json');
      expect(json).toMatchObject({ instanceId: 'stops', logs: [{ cell: 'breaks', seq: 1 }] });
      expect(at(json, 'logs', 0, 'text')).toBe('line 1\nline 2\nline 3\nline 4\nline 5\nline 6\nline 7\nline 8\n');
    });

    test('of one cell; one that said nothing has none, and one that is not there is refused by name', async () => {
      expect((await pawl('logs', 'two-1', 'greet')).out).toContain('hello Ada');
      expect(await pawl('logs', 'two-1', 'refused')).toMatchObject({ exit: 0, out: expect.stringMatching(/^No logs/) });
      const { exit, err } = await pawl('logs', 'two-1', 'great');
      expect(exit).toBe(2);
      expect(err).toContain('two-1 has no cell "great"; it has greet, refused.');
      expect((await pawl('logs', 'nothing')).exit).toBe(2);
    });
  });

  describe('pawl output', () => {
    test('is the JSON that the cell wrote, and nothing else', async () => {
      expect(await pawl('output', 'two-1', 'greet')).toMatchObject({ exit: 0, out: '{"greeted": true}\n', err: '' });
      const { json } = await pawl('output', 'two-1', 'greet', '--json');
      expect(json).toMatchObject({ cell: 'greet', bytes: 17, truncated: false, output: '{"greeted": true}' });
    });

    test('is whole, however large', async () => {
      expect((await pawl('run', 'large.md', '--instance', 'large-1')).exit).toBe(1);
      const { exit, out } = await pawl('output', 'large-1', 'two');
      expect(exit).toBe(0);
      expect(JSON.parse(out)).toBe('é'.repeat(1_500_000));
    });

    test('a cell that has none is refused, with where it stands', async () => {
      const { exit, err } = await pawl('output', 'stops', 'after');
      expect(exit).toBe(2);
      expect(err).toContain('Cell after of stops has no output: it is ');
      expect((await pawl('output', 'stops', 'afer')).err).toContain('stops has no cell "afer"; it has breaks, after.');
      const { json } = await pawl('output', 'stops', 'after', '--json');
      expect(at(json, 'error', 'code')).toBe('output.unknown');
    });
  });

  describe('what is published', () => {
    const changed = twoCells.replace('echo "hello', 'echo "good day');
    beforeAll(async () => {
      await place.write('two.md', changed);
      expect(await pawl('publish', 'two.md')).toMatchObject({ exit: 0 });
    });

    test('pawl runbooks lists each by its newest version, page by page', async () => {
      const { exit, out } = await pawl('runbooks');
      expect(exit).toBe(0);
      expect(out).toMatch(/^two +2 +2 .* alice +Two cells$/m);
      const { json } = await pawl('runbooks', '--json', '--limit', '1');
      expect(at(json, 'runbooks', 0, 'runbookId')).toBe('halting');
      const rest = await pawl('runbooks', '--json', '--next', String(json.next));
      expect(at(rest.json, 'runbooks', 0, 'runbookId')).toBe('large');
    });

    test('pawl show prints a version byte for byte, the newest unless another is named', async () => {
      expect(await pawl('show', 'two')).toMatchObject({ exit: 0, out: changed, err: '' });
      const { out } = await pawl('show', 'two@1');
      const { json } = await pawl('show', 'two@1', '--json');
      expect(json).toMatchObject({ version: 1, title: 'Two cells', source: twoCells });
      expect(createHash('sha256').update(out).digest('hex')).toBe(json.sourceHash);
      for (const wrong of ['two@9', 'nothing', 'two@', 'two@x', '@1'])
        expect([wrong, (await pawl('show', wrong)).exit]).toEqual([wrong, 2]);
    });

    test('pawl diff shows what changed, and against the newest when one is named', async () => {
      const { exit, out } = await pawl('diff', 'two@1', 'two@2');
      expect(exit).toBe(0);
      expect(out).toContain('--- two@1\n+++ two@2\n@@ -');
      expect(out).toContain('\n-echo "hello $PAWL_PARAM_NAME"\n+echo "good day $PAWL_PARAM_NAME"\n');
      expect((await pawl('diff', 'two@1')).out).toBe(out);
      expect(await pawl('diff', 'two@2')).toMatchObject({ exit: 0, out: 'two@2 and two@2 are the same.\n' });
      const { json } = await pawl('diff', 'two@1', '--json');
      expect(json).toMatchObject({ from: 'two@1', to: 'two@2', same: false });
      expect(json.changed).toEqual([
        { mark: '-', text: 'echo "hello $PAWL_PARAM_NAME"' },
        { mark: '+', text: 'echo "good day $PAWL_PARAM_NAME"' },
      ]);
    });
  });

  describe('pawl new', () => {
    test('writes a document that check takes, and that runs to its end', async () => {
      const made = await pawl('new', 'first');
      expect(made).toMatchObject({ exit: 0, err: '' });
      expect(made.out).toContain('`pawl run first.md`');
      expect(await pawl('check', 'first.md')).toMatchObject({ exit: 0, out: 'first.md: ok, runbook first, 2 cells\n' });
      expect((await pawl('plan', 'first.md')).exit).toBe(0);
      expect(await pawl('run', 'first.md', '--instance', 'first-1')).toMatchObject({ exit: 0, err: '' });
      expect((await pawl('output', 'first-1', 'greet')).out).toBe('{"text":"Hello, world"}\n');
    });

    test('what it keeps in a comment is right as well', async () => {
      await pawl('new', 'whole.md');
      const source = await place.read('whole.md');
      await place.write(
        'whole.md',
        source
          .replace(/<!-- .*\n/, '')
          .replace('-->', '')
          .replace('# unique', 'unique'),
      );
      expect(await pawl('check', 'whole.md')).toMatchObject({
        exit: 0,
        out: expect.stringContaining('runbook whole, 5 cells'),
      });
    });

    test('writes over nothing, and refuses what is no id', async () => {
      await place.write('mine.md', 'mine');
      const { exit, err } = await pawl('new', 'mine');
      expect(exit).toBe(2);
      expect(err).toContain('mine.md was not written: it is there already.');
      expect(await place.read('mine.md')).toBe('mine');
      expect((await pawl('new', 'no id')).err).toContain('"no id" is no runbook id');
      expect((await pawl('new', 'nowhere/x')).err).toContain('its folder is not there');
      expect((await pawl('new', '42', '--json')).json).toEqual({
        file: '42.md',
        path: join(place.folder, '42.md'),
        runbookId: '42',
      });
      for (const id of ['true', '1e3', 'no.1-x_Y']) expect([id, (await pawl('new', id)).exit]).toEqual([id, 0]);
    });
  });

  describe('pawl rerun', () => {
    test('starts the same version with the same parameters under a new id, and runs nothing', async () => {
      const { exit, out, json } = await pawl('rerun', 'two-1', '--json');
      expect({ exit, created: json.created, as: json.as }, out).toEqual({ exit: 0, created: true, as: 'two-1' });
      const id = String(at(json, 'view', 'instanceId'));
      expect(id).not.toBe('two-1');
      expect(json.view).toMatchObject({ runbookId: 'two', version: 1, drive: 'manual', cellsDone: 0 });
      const { json: status } = await pawl('status', id, '--json');
      expect(at(status, 'params')).toEqual({ name: 'Ada', count: 1, deep: {} });
      expect(await pawl('advance', id, '--max-cells', 'all')).toMatchObject({ exit: 0 });
      expect((await pawl('logs', id)).out).toContain('  hello Ada\n');
    });

    test('of one that halted, under the id that is given', async () => {
      const { exit, out } = await pawl('rerun', 'stops', '--instance', 'stops-again', '--drive', 'auto');
      expect(exit).toBe(0);
      expect(out).toContain('stops-again  halting version 1, drive auto, as stops\n');
      expect((await pawl('rerun', 'nothing')).exit).toBe(2);
    });

    test('where the parameters say the id it is refused, with what helps', async () => {
      const params = ['-p', 'pr=7', '-p', `dir=${place.folder}`];
      expect(await pawl('publish', postMerge)).toMatchObject({ exit: 0 });
      expect(await pawl('start', 'post_merge', ...params)).toMatchObject({ exit: 0 });
      const { exit, err } = await pawl('rerun', 'post_merge.pr-7');
      expect(exit).toBe(2);
      expect(err).toContain('with the same parameters it is the same run, post_merge.pr-7');
      expect(err).toContain('`pawl start post_merge --continue post_merge.pr-7 --at CELL`');
    });
  });

  test('pawl schema prints the file that editors are given', async () => {
    const file = await readFile(join(import.meta.dirname, '../../docs/front-matter.schema.json'), 'utf8');
    expect(await pawl('schema')).toMatchObject({ exit: 0, err: '', out: file });
  });

  test.each(['schema', 'logs', 'output', 'runbooks', 'show', 'diff', 'new', 'rerun'])(
    'pawl %s --help has an example',
    async (name) => {
      const { exit, out } = await pawl(name, '--help');
      expect(exit).toBe(0);
      expect(out).toMatch(new RegExp(`Examples?:\\n {2}\\$ pawl ${name}`));
    },
  );
});
