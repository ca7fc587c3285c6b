/** The end of a run as people see it: at the halt before it, while it is gone through, and afterwards. */
import { beforeAll, describe, expect, test } from 'vitest';
import { at, type Ended, setup } from './support.ts';
import { publishIn, withEnds } from './withEnds.ts';

const place = setup();
const pawl = (...args: string[]): Promise<Ended> => place.pawl(...args);
const cell = (name: string, body = 'export default () => 1;'): string => `\`\`\`js { name=${name} }\n${body}\n\`\`\`\n`;
const fails = 'export default () => { throw new Error("no room"); };';
const document = (id: string, { c = fails, undoB }: { c?: string; undoB?: string } = {}): string => `---
runbook: ${id}
---
${cell('a')}${cell('b')}${cell('c', c)}${cell('d')}
${cell('undo_b', undoB)}${cell('undo_a')}${cell('on_failure')}${cell('on_cancel')}${cell('on_always')}`;
const ends = {
  undo_b: { undo: 'b' },
  undo_a: { undo: 'a' },
  on_failure: { on: 'failure' },
  on_cancel: { on: 'cancel' },
  on_always: { on: 'always' },
} as const;

const begin = async (runbookId: string, instanceId: string, cells = 'all'): Promise<Ended> => {
  await pawl('start', runbookId, '--instance', instanceId);
  return await pawl('advance', instanceId, '--max-cells', cells);
};
const go = (instanceId: string): Promise<Ended> => pawl('advance', instanceId, '--max-cells', 'all');
/** Lines from the one that begins so, to the next empty one. */
const from = (text: string, start: string): string[] => {
  const lines = text.split('\n').map((line) => line.trimEnd());
  const at = lines.findIndex((line) => line.startsWith(start));
  return lines.slice(at).slice(0, Math.max(0, lines.slice(at).indexOf('')));
};
/** Name and state of each row of the table. */
const states = (text: string): string[] =>
  from(text, '     cell')
    .slice(1)
    .map((line) =>
      line
        .trim()
        .replace(/ {2,}/g, '  ')
        .replace(/( {2}\d+)?( {2}[\d.]+ m?s)?$/, ''),
    );
const undone = ['undo_b', 'undo_a'];
const command = ({ json }: Ended, name: string): string =>
  String(at(json, 'step', 'commands', name)).replace('"…"', '"by hand"');

beforeAll(async () => {
  const publish = async (source: string, over: Parameters<typeof withEnds>[2] = {}): Promise<void> =>
    publishIn(place.folder, source, withEnds(source, ends, over));
  await publish(document('asks'));
  await publish(document('undoes'), { onFailure: 'undo' });
  await publish(document('stuck', { undoB: 'export default () => { throw new Error("gone already"); };' }), {
    onFailure: 'undo',
  });
  await publish(document('doubtful', { c: 'export default () => process.kill(process.pid, "SIGKILL");' }), {
    onFailure: 'undo',
  });
  await publish(document('hard', { undoB: 'export default () => process.kill(process.pid, "SIGKILL");' }));
  await publish(document('fine', { c: 'export default () => 1;' }));
});

describe('a run that asks at a failure', () => {
  test('says what giving it up would take back, and what would stay, beside the command for it', async () => {
    const { exit, out } = await begin('asks', 'asks-1');
    expect(exit).toBe(1);
    const told = from(out, 'Given up for this failure');
    expect(told.slice(0, 4)).toEqual([
      'Given up for this failure, with `pawl undo`:',
      '  undoes    b, a',
      '  then      on_failure, on_always',
      '  stays     c',
    ]);
    expect(told).toContain('  take back what it did  pawl undo asks-1 --reason "…"');
  });

  test('is given up by a person: the way is over, and nothing of the end has run', async () => {
    const shown = await pawl('status', 'asks-1', '--json');
    expect(at(shown.json, 'ending')).toMatchObject({ stands: 'ahead', takesBack: ['b', 'a'], stays: ['c'] });
    expect((await place.shell(command(shown, 'undo'))).exit).toBe(0);
    const { out } = await pawl('status', 'asks-1');
    expect(from(out, 'The way is over')).toEqual([
      'The way is over: c, seq 3, failed: Error: no room (cell.threw); given up by alice: by hand.',
      '  undone    none of 2 cells',
      '  left      undo_a, on_failure, on_always',
      '  stays     c',
      'Next: undo_b: `pawl advance asks-1`, or `--max-cells all` for the rest.',
    ]);
    expect(states(out)).toEqual([
      '✓  a  js  completed',
      '✓  b  js  completed',
      '✗  c  js  failed',
      '·  d  js  not reached',
      'at its end:',
      '›  undo_b  js, undo of b  next',
      '·  undo_a  js, undo of a  pending',
      '·  on_failure  js, on=failure  pending',
      '·  on_cancel  js, on=cancel  not reached',
      '·  on_always  js, on=always  pending',
    ]);
  });

  test('then goes through its end, and has failed: what was taken back and what stays is named', async () => {
    const { exit, out } = await go('asks-1');
    expect(exit).toBe(1);
    expect(states(out).slice(0, 2)).toEqual(['↶  a  js  taken back', '↶  b  js  taken back']);
    expect(from(out, 'Failed, and ended')).toEqual([
      'Failed, and ended: nothing runs in it any more.',
      '  why       c, seq 3, failed: Error: no room (cell.threw); given up by alice: by',
      '            hand',
      '  undone    b, a',
      '  stays     c: as it is, look after it',
      'A fixed version can continue from it: `pawl start asks --continue asks-1 --at a --reason "…"`.',
    ]);
    expect((await pawl('list', '--status', 'failed')).out).toContain('asks-1');
    expect((await pawl('status', 'asks-1', '--follow')).exit).toBe(1);
  });

  test('can be continued as it says: from the first cell that was taken back', async () => {
    const { exit, err } = await place.shell('pawl start asks --continue asks-1 --at a --reason "there is room again"');
    expect({ exit, err }).toEqual({ exit: 0, err: '' });
    expect((await go('asks-1.2')).out).toContain('✗ c ');
  });

  test('and its journal tells the end, its cells of the way being counted alone', async () => {
    const { out } = await pawl('journal', 'asks-1');
    expect(out.replace(/\s+/g, ' ')).toContain(
      'the way is over: c, seq 3, failed; by alice: by hand; 2 cells to take back; 2 cells more at the end; stays as it is: c',
    );
    const { json } = await pawl('list', '--status', 'failed', '--json');
    expect(at(json, 'views', 0)).toMatchObject({ status: 'failed', cellsDone: 2, cells: 4, cell: null });
  });
});

describe('a run that takes back by itself', () => {
  test('prints that its way is over, and the cells of its end as they go', async () => {
    const { exit, out } = await begin('undoes', 'undoes-1');
    expect(exit).toBe(1);
    expect(out).toContain('  the way is over: failed, by onFailure, 2 cells to take back\n  ✓ undo_b');
  });

  test('says before a verdict what will follow if that is `failed`', async () => {
    const { exit, out } = await begin('doubtful', 'doubtful-1');
    expect(exit).toBe(5);
    expect(from(out, 'Decided --failed').slice(0, 4)).toEqual([
      'Decided --failed, it is given up by itself:',
      '  undoes    b, a',
      '  then      on_failure, on_always',
      '  stays     c',
    ]);
    const decide = String(at((await pawl('status', 'doubtful-1', '--json')).json, 'step', 'decidableAtMs'));
    // Before its time is over nothing can be decided, so no command for it is shown.
    expect(Number(decide)).toBeGreaterThan(0);
  });
});

describe('a cell of the end that fails', () => {
  let shown: Ended;
  beforeAll(async () => {
    expect((await begin('stuck', 'stuck-1')).exit).toBe(1);
    await begin('stuck', 'stuck-2');
    shown = await pawl('status', 'stuck-1', '--json');
  });

  test('halts, with ways out of its own: neither cancelling nor continuing is one', async () => {
    expect(Object.keys(at(shown.json, 'step', 'commands') as object)).toEqual([
      'succeeded',
      'retry',
      'retryFreshKey',
      'skip',
      'stopCleanup',
    ]);
    expect((await pawl('status', 'stuck-1')).out).toContain('Halted at undo_b: it failed.');
    const { exit, err } = await pawl('cancel', 'stuck-1', '--reason', 'enough');
    expect({ exit, err }).toMatchObject({ exit: 1, err: expect.stringContaining('--stop-cleanup --seq N') });
  });

  test('is left as it is by a person, and is named at the end', async () => {
    expect((await place.shell(command(shown, 'skip'))).exit).toBe(0);
    const { exit, out } = await go('stuck-1');
    expect(exit).toBe(1);
    const told = from(out, 'Failed, and ended');
    expect(told.slice(-4, -1)).toEqual([
      '  undone    a',
      '  stays     c, b: as it is, look after it',
      '  skipped   what takes b back, by alice: by hand',
    ]);
    expect(states(out)[1]).toBe('✓  b  js  completed');
  });

  test('is the last where a person stops there: what stays is listed', async () => {
    const other = await pawl('status', 'stuck-2', '--json');
    const { exit, out } = await place.shell(command(other, 'stopCleanup'));
    expect(exit).toBe(0);
    expect(from(`${out}\n`, 'Failed, and ended').slice(2, -1)).toEqual([
      '  undone    nothing',
      '  stays     c, b, a: as it is, look after it',
      `  stopped   by a person, before ${[...undone, 'on_failure', 'on_always'].join(', ')}`,
    ]);
    expect((await pawl('journal', 'stuck-2')).out.replace(/\s+/g, ' ')).toContain('stops what is at its end; by hand');
  });
});

describe('cancelling', () => {
  test('--undo says what is taken back before anything of it has begun, and then takes it back', async () => {
    await begin('asks', 'asks-2', '2');
    const { exit, out } = await pawl('cancel', 'asks-2', '--undo', '--reason', 'wrong region');
    expect(exit).toBe(0);
    expect(from(`${out}\n`, 'Cancelled').slice(0, 3)).toEqual([
      'Cancelled by alice: wrong region. What is at its end has not begun:',
      '  undoes    b, a',
      '  then      on_cancel, on_always',
    ]);
    const { exit: ended, out: told } = await go('asks-2');
    expect(ended).toBe(1);
    expect(told).toContain('Cancelled by alice: wrong region. Nothing runs in it any more.\n  undone    b, a\n');
  });

  test('of what is cancelled, while it is taken back, is refused and names what stops that; the same word is not', async () => {
    await begin('hard', 'hard-1', '2');
    const first = ['cancel', 'hard-1', '--undo', '--reason', 'wrong region'];
    await pawl(...first);
    expect((await go('hard-1')).out).toContain('In doubt: it is unknown whether undo_b happened.');
    const { exit, json } = await pawl('cancel', 'hard-1', '--reason', 'stop it', '--json');
    expect(exit).toBe(1);
    expect(at(json, 'error')).toMatchObject({
      code: 'cancel.refused',
      message: expect.stringContaining('hard-1 is cancelled already, and what is at its end is under way'),
    });
    expect(String(at(json, 'error', 'message'))).toContain('pawl cancel hard-1 --stop-cleanup --seq N --reason');
    const again = await pawl(...first);
    expect(again.exit).toBe(0);
    expect(again.out).toMatch(/^The way is over: cancelled by alice: wrong region/);
    expect(again.out).toContain('pawl cancel hard-1 --stop-cleanup --seq');
  });

  test('takes --undo or --stop-cleanup, and the second one only with --seq', async () => {
    expect((await pawl('cancel', 'asks-2', '--undo', '--stop-cleanup', '--reason', 'both')).exit).toBe(2);
    expect((await pawl('cancel', 'asks-2', '--stop-cleanup', '--reason', 'no seq')).exit).toBe(2);
  });
});

test('a run that completes goes through what it has for every end, and says nothing more of it', async () => {
  const { exit, out } = await begin('fine', 'fine-1');
  expect(exit).toBe(0);
  expect(states(out).slice(4)).toEqual([
    'at its end:',
    '·  undo_b  js, undo of b  not reached',
    '·  undo_a  js, undo of a  not reached',
    '·  on_failure  js, on=failure  not reached',
    '·  on_cancel  js, on=cancel  not reached',
    '✓  on_always  js, on=always  completed',
  ]);
  expect(out.trimEnd().endsWith('Completed: 4 cells.')).toBe(true);
});

test('giving up a run that has not failed is refused, and says what ends it instead', async () => {
  await begin('asks', 'asks-3', '1');
  const { exit, err } = await pawl('undo', 'asks-3', '--reason', 'no');
  expect({ exit, err }).toMatchObject({ exit: 1, err: expect.stringContaining('pawl cancel asks-3 --undo') });
});

test('giving up a run, and cancelling one, answers in JSON where that is asked for', async () => {
  await begin('asks', 'asks-4');
  const { exit, json } = await pawl('undo', 'asks-4', '--reason', 'by hand', '--json');
  expect(exit).toBe(0);
  expect(json).toMatchObject({ view: { instanceId: 'asks-4' }, ending: { stands: 'under way' } });
  await begin('asks', 'asks-5');
  const cancelled = await pawl('cancel', 'asks-5', '--reason', 'by hand', '--json');
  expect(cancelled).toMatchObject({ exit: 0, json: { view: { instanceId: 'asks-5' } } });
});
