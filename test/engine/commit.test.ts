/** A step whose effects are committed with its outcome is never in doubt: what is decided about it, and what the rules allow. */
import { describe, expect, test } from 'vitest';
import { authoringWith } from '../../src/authoring/index.ts';
import { createEngine, readWrites } from '../../src/engine/index.ts';
import type { Cell } from '../../src/engine/model/runbook.ts';
import type { State } from '../../src/engine/model/state.ts';
import { takeoverOf } from '../../src/engine/rules/policy.ts';
import { initialState } from '../support/state.ts';
import { someTasks } from '../support/tasks.ts';
import { runbookOf } from './runbooks.ts';
import { alice, bob, setup } from './world.ts';

const sell = { name: 'sell', file: 'tasks/sell.ts', input: {}, output: {}, effects: 'commit' as const };
const compiled = (attributes: string, front = '') =>
  authoringWith(someTasks(sell, 'plain')).compile(
    `---\nrunbook: demo\n${front}---\n\n\`\`\`task { name=a ${attributes} }\n\`\`\`\n`,
  );
const cellOf = (attributes: string, front = ''): Cell => {
  const found = compiled(attributes, front);
  if (found.kind === 'problems') throw new Error(JSON.stringify(found.problems));
  return found.runbook.cells[0] as Cell;
};
const open: State['open'] = {
  kind: 'reserved',
  seq: 1,
  cell: 'a',
  index: 0,
  attempt: 1,
  atMs: 1_000,
  deadlineAtMs: 5_000,
  by: { actor: 'ada', via: 'test', where: 'here:1' },
} as unknown as NonNullable<State['open']>;
const stateAt = (attempt: number): State => ({ ...initialState({ cells: 1 }), open, attempt, firstAtMs: 1_000 });

describe('a task that commits', () => {
  test('is repeated after an interruption unless it says otherwise, whatever the front matter says of others', () => {
    expect(cellOf('task=sell')).toMatchObject({ interrupted: 'retry', byMethod: 'effects=commit' });
    const front = 'defaults: { interrupted: hold }\n';
    expect(cellOf('task=sell', front)).toMatchObject({ interrupted: 'retry', byMethod: 'effects=commit' });
    expect(cellOf('task=sell interrupted=hold')).toMatchObject({ interrupted: 'hold' });
    expect(cellOf('task=plain')).toMatchObject({ interrupted: 'hold' });
  });
  test.each(['probe', 'continue'])('is never in doubt, so interrupted=%s is refused', (policy) => {
    const found = compiled(`task=sell interrupted=${policy}`);
    expect(found.kind === 'problems' && found.problems[0]?.message).toContain('is never in doubt');
  });

  test('whose holder is gone is tried again while attempts are left, and else closed as what did not happen', () => {
    expect(takeoverOf(stateAt(1), cellOf('task=sell'), 9_000)).toEqual({
      kind: 'retry',
      permission: {
        kind: 'interrupted',
        detail: 'interrupted=retry (effects=commit: nothing of it lands once the step is closed), attempt 1 of 3',
      },
    });
    expect(takeoverOf(stateAt(3), cellOf('task=sell'), 9_000)).toEqual({ kind: 'close' });
    expect(takeoverOf(stateAt(1), cellOf('task=sell interrupted=hold'), 9_000)).toEqual({ kind: 'close' });
    expect(takeoverOf(stateAt(1), cellOf('task=sell keyWindow=1m'), 90_000)).toEqual({ kind: 'close' });
    expect(takeoverOf(stateAt(3), cellOf('task=plain interrupted=retry'), 9_000)).toEqual({ kind: 'hold' });
  });
});

test('while its step is open no person says that it happened: once that is closed, they may have done it by hand', async () => {
  const world = setup();
  const body = { kind: 'task', task: 'sell', input: ['{}'], schema: {}, effects: 'commit' } as Cell['body'];
  await world.start(runbookOf([{ body, interrupted: 'hold' }]));
  void createEngine({ ...world.ports, execute: () => new Promise(() => {}) }).advance('i1', {
    budgetMs: 60_000,
    by: bob,
  });
  await expect.poll(async () => (await world.entries('i1')).length).toBe(2);
  world.now += 60_000;
  const say = (verdict: 'succeeded' | 'failed') =>
    world.engine.verdict('i1', { seq: 1, verdict, reason: 'I looked', by: alice });
  await expect(say('succeeded')).rejects.toMatchObject({
    code: 'verdict.refused',
    message: expect.stringContaining('is committed with its outcome, and none stands'),
  });
  expect((await say('failed')).view.status).toBe('halted');
  const { seq } = (await world.entries('i1')).at(-1)?.state.halted ?? { seq: -1 };
  await world.engine.verdict('i1', { seq, verdict: 'succeeded', reason: 'done by hand', by: alice });
  expect((await world.entries('i1')).at(-1)).toMatchObject({ kind: 'resolved', verdict: 'succeeded' });
});

describe('what is committed', () => {
  const key = { id: 'a' };
  test.each<[unknown, string]>([
    [[{ kind: 'insert', table: 'main.journal; --', key }], 'write 1, table'],
    [[{ kind: 'insert', table: 'arn:aws:dynamodb:eu-west-1:1:table/x', key }], 'write 1, table'],
    [[{ kind: 'check', table: 't', key: {} }], 'write 1, key'],
    [
      [
        { kind: 'check', table: 't', key },
        { kind: 'update', table: 't', key, set: { 'a"b': 1 } },
      ],
      'write 2, set',
    ],
    [[{ kind: 'update', table: 't', key, set: { n: 2 ** 60 } }], 'write 1, set'],
    [[{ kind: 'update', table: 't', key, set: { n: 1 }, add: { n: 1 } }], 'an update of t names n twice'],
    [[{ kind: 'insert', table: 't', key, set: { id: 'b' } }], 'an insert of t names id twice'],
    [[{ kind: 'update', table: 't', key }], 'an update of t changes nothing'],
    [[{ kind: 'update', table: 't', key, set: { n: 1 }, where: { n: { above: 1 } } }], 'write 1, where'],
    [
      Array.from({ length: 26 }, () => ({ kind: 'check', table: 't', key })),
      'there are 26 writes; commitWritesMax is 25',
    ],
    [[{ kind: 'insert', table: 't', key, set: { text: 'x'.repeat(300_000) } }], 'commitBytesMax is 262144'],
  ])('%j is refused', (given, why) => {
    const read = readWrites(given);
    expect('why' in read && read.why).toContain(why);
  });
});
