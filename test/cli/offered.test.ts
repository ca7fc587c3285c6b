/** Which ways out of a step are offered, as a table: what the engine would refuse, or what leads here again, is not. */
import { describe, expect, test } from 'vitest';
import { type Undecided, waysOut } from '../../src/cli/ways.ts';

const doubt: Undecided = {
  instanceId: 'i1',
  runbookId: 'demo',
  cell: 'pay',
  kind: 'sh',
  seq: 3,
  status: 'in_doubt',
  cancelled: false,
  recorded: null,
  declared: null,
  uncommitted: false,
  byItself: null,
  setAside: [],
  decidableAtMs: null,
  holderProcess: null,
  repeatable: 'yes',
  ifFailed: 'halt',
  onFailure: null,
  undoable: false,
  atEndSeq: null,
};
const halted: Undecided = { ...doubt, status: 'halted', recorded: { status: 'completed' } };
const verdicts = ['succeeded', 'failed', 'retry', 'retryFreshKey', 'skip'];

describe('the ways out', () => {
  test.each<[string, Undecided, string[]]>([
    ['in doubt', doubt, [...verdicts, 'cancel']],
    ['recorded as unknown, before its deadline', { ...doubt, decidableAtMs: 1 }, ['cancel']],
    ['in doubt and cancelled', { ...doubt, cancelled: true }, ['succeeded', 'failed', 'skip']],
    ['not closed, and proven not to have happened', { ...doubt, uncommitted: true }, [...verdicts.slice(1), 'cancel']],
    [
      'not closed, and closed as failed by the next advance',
      { ...doubt, uncommitted: true, byItself: { kind: 'close', atMs: 1, place: null, asked: 0, text: '' } },
      ['advance', ...verdicts.slice(1), 'cancel'],
    ],
    ['under way', { ...doubt, status: 'running' }, ['cancel']],
    [
      'halted where its runbook has something for its end',
      { ...halted, undoable: true },
      [...verdicts, 'undo', 'cancel', 'continue'],
    ],
    ['halted at its end', { ...halted, atEndSeq: 7 }, [...verdicts, 'stopCleanup']],
    ['in doubt at its end', { ...doubt, atEndSeq: 7 }, [...verdicts, 'stopCleanup']],
    ['halted, not as expected', halted, [...verdicts, 'cancel', 'continue']],
    [
      'halted, failed',
      { ...halted, recorded: { status: 'failed' } },
      ['succeeded', 'retry', 'retryFreshKey', 'skip', 'cancel', 'continue'],
    ],
    [
      'an approval that was rejected',
      { ...halted, kind: 'approve', recorded: { status: 'failed' } },
      ['retry', 'retryFreshKey', 'cancel', 'continue'],
    ],
    [
      'what could not begin',
      { ...halted, repeatable: 'no', recorded: { status: 'failed' } },
      ['succeeded', 'skip', 'cancel', 'continue'],
    ],
    [
      'what would see other inputs than before',
      { ...halted, repeatable: 'freshKey', recorded: { status: 'failed' } },
      ['succeeded', 'retryFreshKey', 'skip', 'cancel', 'continue'],
    ],
  ])('%s', (_, step, names) => {
    expect(waysOut(step).map(({ name }) => name)).toEqual(names);
  });

  test.each([
    ['retry', 'it did not happen; it is tried again by itself'],
    ['next', 'it did not happen; goes on'],
    ['halt', 'it did not happen'],
  ] as const)('what `--failed` leads to is said before it is taken: %s', (ifFailed, words) => {
    expect(waysOut({ ...doubt, ifFailed }).find(({ name }) => name === 'failed')?.what).toBe(words);
  });
});
