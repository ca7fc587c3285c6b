/** A test of a runbook goes through what is there for every end, and tells what a failure of each cell would lead to. */
import { expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import type { Cleanup, Runbook } from '../../src/engine/index.ts';
import { testedOf } from '../../src/testing/ends.ts';
import { type Ran, runUnderCrashes } from '../../src/testing/run.ts';
import { withEnds } from '../cli/withEnds.ts';

const names = ['a', 'b', 'c', 'undo_b', 'undo_a', 'on_failure', 'on_always'];
const source = `---\nrunbook: ends\n---\n${names.map((name) => `\`\`\`sh { name=${name} }\ntrue\n\`\`\`\n`).join('')}`;
const ends: Record<string, Cleanup> = {
  undo_b: { undo: 'b', of: 'begun' },
  undo_a: { undo: 'a' },
  on_failure: { on: 'failure' },
  on_always: { on: 'always' },
};

const tested = async (whole: Runbook, stubs: Record<string, unknown> = {}): Promise<Ran> =>
  await runUnderCrashes({
    authoring: { ...authoring, compile: () => ({ kind: 'runbook', runbook: testedOf(whole), notes: [] }) },
    source,
    whole,
    pins: () => undefined,
    params: {},
    stubs: { ...Object.fromEntries(names.map((name) => [name, 1])), ...stubs } as never,
    secrets: {},
    claims: {},
    rejects: [],
    people: {},
    cell: undefined,
    ignore: {},
    really: async () => {
      throw new Error('every cell is answered for');
    },
    deployment: 'test-0',
  });
const column = (ran: Ran) => ran.cells.map(({ name, crashes, putsBack }) => [name, crashes.length > 0, putsBack]);

test('crashes are taken from the cells of the way, and from those that run at every end', async () => {
  const ran = await tested(withEnds(source, ends, { onFailure: 'undo' }));
  expect(ran.result).toBe('completed');
  expect(column(ran)).toEqual([
    ['a', true, ['on_failure', 'on_always']],
    ['b', true, ['undo_b', 'undo_a', 'on_failure', 'on_always']],
    ['c', true, ['undo_b', 'undo_a', 'on_failure', 'on_always']],
    ['on_always', true, []],
  ]);
});

test('a failure halts, whatever the runbook says of it: no test takes anything back in the world', async () => {
  const failing = () => {
    throw new Error('no');
  };
  const ran = await tested(withEnds(source, ends, { onFailure: 'undo' }), { b: failing });
  expect(ran.result).toBe('halted');
  expect(column(ran).filter(([, crashed]) => crashed)).toEqual([
    ['a', true, ['on_failure', 'on_always']],
    ['b', true, ['undo_b', 'undo_a', 'on_failure', 'on_always']],
  ]);
});
