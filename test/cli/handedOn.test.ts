/** What a process that stays remembers for a while. */
import { expect, test } from 'vitest';
import { createLeft, createNewest } from '../../src/cli/worker/handedOn.ts';
import { createQueue } from '../../src/cli/worker/turns.ts';

test('what is left to others is left for its time, and no longer', () => {
  let now = 0;
  const { leave, isLeft } = createLeft(() => now);
  leave('a', 60_000);
  expect([isLeft('a'), isLeft('b')]).toEqual([true, false]);
  now = 59_999;
  expect(isLeft('a')).toBe(true);
  now = 60_000;
  expect(isLeft('a')).toBe(false);
});

test('of what is lacking the newest are told, each once and no longer than it may be', () => {
  const { add, all } = createNewest(3, 10);
  for (const text of ['one', 'two', 'one', 'three', 'four', 'a long text here']) add(text);
  expect(all()).toEqual(['a long te…', 'four', 'three']);
});

test('what waits for its turn waits once, however often it is found due meanwhile', async () => {
  const turn = createQueue(1);
  const did: string[] = [];
  const long = Promise.withResolvers<void>();
  const work = (name: string) => async () => void did.push(name);
  const all = [turn(() => long.promise, 'a')];
  for (const name of ['a', 'b', 'a', 'b', 'b']) all.push(turn(work(name), name));
  all.push(turn(work('asked')), turn(work('asked')));
  long.resolve();
  await Promise.all(all);
  // What is at it already may have looked before it became due again.
  expect(did).toEqual(['a', 'b', 'asked', 'asked']);
  await turn(work('b'), 'b');
  expect(did.at(-1)).toBe('b');
});
