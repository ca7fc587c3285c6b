/** The ways out that the console offers for a step whose effects are committed with its outcome: what would be refused is none. */
import { expect, it } from 'vitest';

type Way = { id: string; follows: string };
/** By its address alone: what the page is made of is checked by a configuration of its own, which knows a browser. */
const file = new URL('../../src/console/decide/ways.ts', import.meta.url).href;
const { waysOf } = (await import(file)) as { waysOf(about: object): Way[] };

const undecided = { seq: 1, repeatable: 'yes', ifFailed: 'halt', onFailure: null, undoable: false };
const offered = (body: object, status: string, open: object | null): Way[] =>
  waysOf({
    instance: {
      view: { status },
      cells: [{ name: 'pay' }],
      head: { state: { open, cancelled: null, drive: 'manual' } },
    },
    cell: { name: 'pay', body },
    undecided,
  });

const committed = { kind: 'task', effects: 'commit' };
const open = { kind: 'reserved', seq: 1 };

it.each(['running', 'in_doubt'])('that it happened is not offered while its step is open: %s', (status) => {
  const ways = offered(committed, status, open);
  expect(ways.map(({ id }) => id)).toEqual(['failed', 'retry', 'fresh', 'skip']);
  expect(ways.at(-1)?.follows).toMatch(/^pay is left as it is\. /);
});

it('once that is closed, somebody may have done it by hand', () => {
  expect(offered(committed, 'halted', null).map(({ id }) => id)).toContain('succeeded');
});

it('of any other task it is offered, since it may have happened', () => {
  const ways = offered({ kind: 'task' }, 'in_doubt', open);
  expect(ways.map(({ id }) => id)).toContain('succeeded');
  expect(ways.at(-1)?.follows).toMatch(/whether it happened or not/);
});
