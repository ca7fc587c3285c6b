/** What `npm run bench:load` fails a run for. */
import { expect, test } from 'vitest';
import { problemsOf, type Run } from '../../bench/load/judgement.ts';

const held = { heapMb: 40, rssMb: 200, handles: 5 };
const run: Run = {
  asked: { rate: 20, instances: 600 },
  seconds: 30.2,
  completed: 600,
  late: 0,
  errors: {},
  atStart: held,
  atEnd: { ...held, heapMb: 43.2, handles: 25 },
};

test('a run that held its rate, completed, and left nothing behind', () => {
  expect(problemsOf(run)).toEqual([]);
  expect(problemsOf({ ...run, atStart: null, atEnd: null })).toEqual([]);
});

test.each<[string, Partial<Run>, string[]]>([
  ['one instance less', { completed: 599 }, ['1 did not complete']],
  ['an error, while warming up too', { errors: { 'store.unavailable': 2 } }, ['2 errors: {"store.unavailable":2}']],
  ['starts that waited', { late: 3 }, ['the rate was not held: 3 started late, since too many others were not over']],
  [
    'a burst that took its time: few enough at once, and slower than asked for',
    { asked: { rate: 100, instances: 90 }, completed: 90, seconds: 3, atEnd: held },
    ['the rate was not held: 30.0 a second completed, 100 were asked for'],
  ],
  [
    '7 KB kept for each of 600',
    { atEnd: { ...held, heapMb: 44.1 } },
    ['its heap has grown by 4.1 MB, and 3.3 are no leak'],
  ],
  [
    '1 KB kept for each of 10,000',
    { asked: { rate: 20, instances: 10_000 }, completed: 10_000, seconds: 500, atEnd: { ...held, heapMb: 49.8 } },
    ['its heap has grown by 9.8 MB, and 7.9 are no leak'],
  ],
  ['handles', { atEnd: { ...held, handles: 26 } }, ['its open handles have grown by 21, and 20 are no leak']],
])('%s', (_, over, problems) => {
  expect(problemsOf({ ...run, ...over })).toEqual(problems);
});
