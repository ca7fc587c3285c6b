/** Answers of people on the command line: what is asked, what fits, a file beside it, and how the journal tells of both. */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { panel } from './panel.ts';
import { at, flat, setup, transports } from './support.ts';

describe.each(transports)('%s', (over) => {
  const place = setup(over);
  const pawl = (...args: string[]) => place.pawl(...args);
  const begin = async (id: string): Promise<void> => {
    expect((await pawl('run', 'panel.md', '--instance', id)).exit).toBe(3);
  };

  beforeAll(async () => {
    await place.write('panel.md', panel);
    await place.write('panel.txt', 'volts 11.9\n');
  });

  test('what is asked is shown, an answer and a file are taken, and come back; the journal tells of both', async () => {
    await begin('asked');
    const { out } = await pawl('status', 'asked');
    expect(flat(out)).toContain('asked volts (number): as the panel shows it asked phase (L1 | L2, may be left out)');
    expect(flat(out)).toContain('`pawl done asked measure --note "…" --answer NAME=VALUE`');
    const sha256 = createHash('sha256').update('volts 11.9\n').digest('hex');
    const file = join(place.folder, 'panel.txt');
    const answer = ['--answer', 'volts=11.9', '--answer', 'phase=L2'];
    const recorded = await pawl('done', 'asked', 'measure', '--note', 'read off', ...answer, '--attach', file);
    expect({ exit: recorded.exit, err: recorded.err }).toEqual({ exit: 0, err: '' });
    expect(recorded.out).toContain(`attached panel.txt, sha256 ${sha256}`);
    expect((await pawl('output', 'asked', 'measure')).out).toBe('{"volts":11.9,"phase":"L2"}\n');
    expect(flat((await pawl('journal', 'asked')).out)).toContain(
      `— "read off"; attached panel.txt, 11 bytes, sha256 ${sha256.slice(0, 12)}`,
    );

    const copy = join(place.folder, 'copy.txt');
    expect((await pawl('attachment', 'asked', 'measure')).out).toBe(`1  panel.txt  11 bytes  sha256 ${sha256}\n`);
    expect((await pawl('attachment', 'asked', 'measure', '--to', copy)).exit).toBe(0);
    expect(await place.read('copy.txt')).toBe('volts 11.9\n');
    const again = await pawl('attachment', 'asked', 'measure', '--to', copy);
    expect({ exit: again.exit, err: flat(again.err) }).toEqual({
      exit: 2,
      err: expect.stringContaining(`Cannot write ${copy}: it exists already. Give another path.`) as string,
    });
    expect((await pawl('verify', 'asked')).exit).toBe(0);
  });

  test.each<[string, string[], RegExp]>([
    ['nothing', [], /asks for an answer: volts, phase\. Nothing was recorded/],
    ['another type', ['--answer', 'volts=high'], /Answer volts must be a number such as 0\.5; "high" is not\./],
    [
      'a word that is not among them',
      ['--answer', 'volts=1', '--answer', 'phase=L9'],
      /`phase` must be one of "L1" and "L2"/,
    ],
    ['no name', ['--answer', 'volts'], /--answer wants name=value/],
    ['a file that is not there', ['--answer', 'volts=1', '--attach', 'none.png'], /--attach: none\.png is no file/],
    ['a file that is too large', ['--answer', 'volts=1', '--attach', 'LARGE'], /attachmentBytesMax is 4194304/],
    ['an answer file without JSON', ['--answer-file', 'TEXT'], /panel\.txt is not JSON/],
  ])('%s is refused, and nothing is lost', async (what, args, says) => {
    const id = `refused_${what.replaceAll(' ', '_')}`;
    await begin(id);
    await writeFile(join(place.folder, 'large.bin'), Buffer.alloc(4 * 1024 * 1024 + 1));
    const files: Record<string, string> = { LARGE: 'large.bin', TEXT: 'panel.txt' };
    const given = args.map((arg) => (files[arg] === undefined ? arg : join(place.folder, files[arg])));
    const refused = await pawl('done', id, 'measure', '--note', 'read', ...given);
    expect(refused.exit).not.toBe(0);
    expect(flat(refused.err)).toMatch(says);
    const { json } = await pawl('status', id, '--json');
    expect(at(json, 'view', 'seq')).toBe(1);
    await place.write('good.json', '{"volts": 12}');
    const file = join(place.folder, 'good.json');
    expect((await pawl('done', id, 'measure', '--note', 'read', '--answer-file', file)).exit).toBe(0);
    expect((await pawl('output', id, 'measure')).out).toBe('{"volts":12}\n');
  });

  test('what a cell left is listed, also when it failed, and written; what is not kept is said; it is verified', async () => {
    const leaves =
      '---\nrunbook: leaves\n---\n\n```sh { name=look }\ncd "$PAWL_EVIDENCE"; echo seen > trace.txt; truncate -s 4194305 dump; exit 1\n```\n';
    await place.write('leaves.md', leaves);
    expect((await pawl('run', 'leaves.md', '--instance', 'left')).exit).toBe(1);
    const { out } = await pawl('status', 'left');
    expect(flat(out)).toMatch(
      /Files of look \(`pawl attachment left look`\): trace\.txt, 5 bytes, sha256 [0-9a-f]{12} not kept: dump, 4194305 bytes: larger than attachmentBytesMax, 4194304/,
    );
    expect(flat((await pawl('journal', 'left')).out)).toMatch(/attached trace\.txt, 5 bytes, .*; not kept: dump/);
    const listed = await pawl('attachment', 'left', 'look');
    expect(listed.out).toMatch(/^1 {2}trace\.txt {2}5 bytes {2}sha256 [0-9a-f]{64}\nnot kept: dump/);
    const copy = join(place.folder, 'trace.txt');
    expect((await pawl('attachment', 'left', 'look', '--to', copy)).exit).toBe(0);
    expect(await place.read('trace.txt')).toBe('seen\n');
    expect((await pawl('verify', 'left')).exit).toBe(0);
  });

  test('who is asked, how many and how long may come from parameters, and the plan says what they come to', async () => {
    const front =
      '---\nrunbook: terms\nparams: { who: { type: array, items: { type: string } }, n: { type: integer }, time: { type: string } }\n---\n\n';
    const asks = 'approvers="{{ params.who }}" quorum="{{ params.n }}" expires="{{ params.time }}"';
    await place.write('terms.md', `${front}\`\`\`approve { name=go ${asks} }\nGo?\n\`\`\`\n`);
    const given = (time: string) => ['-p', 'who=["bob","carol"]', '-p', 'n=2', '-p', `time=${time}`];
    const plan = await pawl('plan', 'terms.md', ...given('4h'));
    expect(flat(plan.out)).toContain(
      'asks bob, carol, not the starter; 2 approvals needed; 4 h at most, then it is rejected',
    );
    expect(flat((await pawl('plan', 'terms.md', ...given('soon'))).out)).toContain('`soon` is not a duration');
    expect((await pawl('run', 'terms.md', '--instance', 'terms', ...given('4h'))).exit).toBe(3);
    expect(flat((await pawl('status', 'terms')).out)).toContain('Asked: bob, carol. 0 of 2 approvals');
    const bad = await pawl('run', 'terms.md', '--instance', 'soon', ...given('soon'));
    expect(bad.exit).toBe(1);
    expect(flat((await pawl('journal', 'soon')).out)).toContain('`soon` is not a duration');
  });

  test('a test of the document answers for the person', async () => {
    const tested = await pawl('test', 'panel.md', '--answer', 'measure={"volts":11.9}');
    expect({ exit: tested.exit, out: flat(tested.out) }).toMatchObject({
      exit: 0,
      out: expect.stringContaining('answered by a person: {"volts":11.9}') as string,
    });
    const wrong = await pawl('test', 'panel.md', '--answer', 'measure=high');
    expect({ exit: wrong.exit, err: flat(wrong.err) }).toMatchObject({
      exit: 2,
      err: expect.stringContaining('--answer measure wants JSON') as string,
    });
  });

  test('too late: it is told who was first', async () => {
    await begin('late');
    expect((await pawl('done', 'late', 'measure', '--note', 'read', '--answer', 'volts=1')).exit).toBe(0);
    const late = await pawl('done', 'late', 'measure', '--note', 'read', '--answer', 'volts=2');
    expect(late.exit).not.toBe(0);
    expect(flat(late.err)).toMatch(/alice recorded it as done/);
    expect((await pawl('output', 'late', 'measure')).out).toBe('{"volts":1}\n');
  });
});
