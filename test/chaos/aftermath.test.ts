/** What a run of the chaos is failed for, beyond what the judge of its journals finds. */
import { describe, expect, test } from 'vitest';
import type { Entry } from '../../src/engine/index.ts';
import { aftermath, type Happened, type Strike } from './aftermath.ts';
import { journal, outcome, reserved, resolved, saw } from './drafts.ts';
import { type ChaosReport, problemsOf } from './report.ts';

const atMs = 1_800_000_000_000;
const by = { actor: 'a', via: 'api', where: '17-1+42-3' };
/** Reserved by process 42, in doubt after five seconds, made again. */
const doubtful = journal([
  reserved({ by, atMs }),
  resolved(1, { atMs: atMs + 5_000 }),
  reserved({ attempt: 2 }),
  outcome(3),
]);
const again = [saw('begin', 3), saw('effect', 3)];
const left = (entries: Entry[], over: Partial<Happened> = {}) =>
  aftermath({
    journals: new Map([['one', entries]]),
    seen: again,
    strikes: [],
    told: [],
    neverBegun: new Set(),
    begun: new Set(),
    permits: () => ['person'],
    cells: ['c0'],
    ...over,
  });
const struck = (pid: number, fromMs: number, untilMs = Number.POSITIVE_INFINITY): Strike => ({
  pid,
  fromMs: atMs + fromMs,
  untilMs: atMs + untilMs,
});
const unexplained = ['one: seq 1 was in doubt, and nothing cut it off before it began'];

describe('a doubt of which the witness has no line', () => {
  const cases: [string, Strike[], string[]][] = [
    ['its process was killed then', [struck(42, 100)], []],
    ['it stood still then', [struck(42, 100, 8_000)], []],
    ['nothing struck anybody', [], unexplained],
    ['another process was killed', [struck(17, 100)], unexplained],
    ['it had stood still, and went on, long before', [struck(42, -60_000, -50_000)], unexplained],
    ['it was killed soon after the step was closed, and had said nothing', [struck(42, 12_000)], []],
    ['it was killed long after the step was closed', [struck(42, 60_000)], unexplained],
    ['it stood still after the step was closed', [struck(42, 12_000, 20_000)], unexplained],
  ];
  test('its holder says itself that it does not know: its request was cut', () => {
    const unknown = outcome(1, { status: 'unknown', then: 'halt' });
    const entries = journal([reserved({ by, atMs }), unknown, resolved(1), reserved({ attempt: 2 }), outcome(4)]);
    const seen = [saw('begin', 4), saw('effect', 4)];
    expect(left(entries, { seen })).toMatchObject({ wrong: [], doubts: 1, doubtsWitnessed: 0 });
  });

  test('its holder left a note that it had not begun', () => {
    expect(left(doubtful, { neverBegun: new Set(['one 1']) }).wrong).toEqual([]);
  });

  test('it was killed soon after the step was closed, which it had been about to begin', () => {
    const { wrong } = left(doubtful, { strikes: [struck(42, 12_000)], begun: new Set(['one 1']) });
    expect(wrong).toEqual(unexplained);
  });

  test.each(cases)('%s', (_, strikes, wrong) => {
    expect(left(doubtful, { strikes }).wrong).toEqual(wrong);
  });
});

test('a stop during which the step was taken over, and one that ended before', () => {
  const stops = [struck(42, 100, 8_000), struck(42, 100, 4_000), struck(17, 100, 8_000)];
  expect(left(doubtful, { strikes: stops }).stopsOvertaken).toBe(1);
  const own = journal([reserved({ by, atMs }), outcome(1, { atMs: atMs + 5_000 })]);
  expect(left(own, { seen: [saw('begin', 1), saw('effect', 1)], strikes: stops })).toMatchObject({
    wrong: [],
    stopsOvertaken: 0,
  });
});

test('what a caller was told, and what no entry says', () => {
  const told = (seq: number, status: string) =>
    left(doubtful, { strikes: [struck(42, 1)], told: [{ id: 'one', seq, status }] });
  expect(told(3, 'completed').wrong).toEqual([]);
  for (const [seq, status] of [
    [3, 'failed'],
    [1, 'completed'],
  ] as const)
    expect(told(seq, status).wrong).toEqual([`one: a caller was told that seq ${seq} ${status}, and no entry says so`]);
});

describe('what a run is failed for', () => {
  const asked = { kills: 100, stops: 20 };
  const report: ChaosReport = {
    wrong: [],
    cellsCompleted: 300,
    doubts: 40,
    doubtsWitnessed: 30,
    begins: 340,
    beginsOfCommands: 10,
    stopsOvertaken: 4,
    seed: 1,
    kills: 100,
    killsInCell: 34,
    killsOfCommands: 5,
    stops: 20,
    calls: { http: 10, cli: 10, ticks: 10 },
    told: 100,
    verdicts: 10,
    exits: { 0: 10, 4: 5, null: 5 },
    defects: [],
    instances: 60,
    ms: 1,
  };
  test('nothing, when it went through all that it must', () => {
    expect(problemsOf(report, asked)).toEqual([]);
  });

  const cases: [Partial<ChaosReport>, string][] = [
    [{ wrong: ['one: it stands'] }, 'one: it stands'],
    [{ defects: ['POST /tick: 500'] }, 'POST /tick: 500'],
    [{ exits: { 0: 10, 2: 3 } }, '3 commands ended with 2'],
    [{ kills: 99 }, 'too little happened: 99 kills, and 100 are the least'],
    [{ killsInCell: 33 }, 'too little happened: 33 kills with a cell running, and 34 are the least'],
    [{ stops: 19 }, 'too little happened: 19 stops, and 20 are the least'],
    [{ stopsOvertaken: 1 }, 'too little happened: 1 stops with their step taken over, and 2 are the least'],
    [{ cellsCompleted: 299 }, 'too little happened: 299 cells completed, and 300 are the least'],
    [{ doubtsWitnessed: 29 }, 'too little happened: 29 doubts with a line of the witness, and 30 are the least'],
    [{ told: 99 }, 'too little happened: 99 steps told, and 100 are the least'],
    [{ exits: { 0: 9 } }, 'too little happened: 9 commands that were done, and 10 are the least'],
    [{ exits: {} }, 'too little happened: 0 commands that were done, and 10 are the least'],
    [{ beginsOfCommands: 9 }, 'too little happened: 9 bodies begun by commands, and 10 are the least'],
    [{ calls: { http: 10, cli: 10, ticks: 9 } }, 'too little happened: 9 calls (ticks), and 10 are the least'],
  ];
  test.each(cases)('%j', (over, problem) => {
    expect(problemsOf({ ...report, ...over }, asked)).toEqual([problem]);
  });

  test('a shorter run must show as much for each kill', () => {
    const short = { kills: 40, stops: 8 };
    const shown = { ...report, ...short, killsInCell: 14, stopsOvertaken: 1, calls: { http: 4, cli: 4, ticks: 4 } };
    const enough = {
      ...shown,
      cellsCompleted: 120,
      doubtsWitnessed: 12,
      told: 40,
      beginsOfCommands: 4,
      exits: { 0: 4 },
    };
    expect(problemsOf(enough, short)).toEqual([]);
    expect(problemsOf({ ...enough, cellsCompleted: 119 }, short)).toEqual([
      'too little happened: 119 cells completed, and 120 are the least',
    ]);
  });
});
