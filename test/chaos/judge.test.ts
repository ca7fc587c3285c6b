/** The judge of the chaos has to find each mistake that an engine could make: here it makes them. */
import { describe, expect, test } from 'vitest';
import type { Entry } from '../../src/engine/index.ts';
import { journal, key, outcome, reserved, resolved, saw } from './drafts.ts';
import { judge, type Rules } from './judge.ts';
import type { Saw } from './processes.ts';

const rules: Rules = { permits: () => ['person', 'interrupted'], cells: ['c0'], mayBeUnseen: () => false };
const judged = (entries: Entry[], seen: Saw[], over: Partial<Rules> = {}) =>
  judge(new Map([['one', entries]]), seen, { ...rules, ...over });
const wrongOf = (entries: Entry[], seen: Saw[]): string[] => judged(entries, seen).wrong;

describe('what agrees', () => {
  test('one attempt that began and happened once', () => {
    expect(wrongOf(journal([reserved(), outcome(1)]), [saw('begin', 1), saw('effect', 1)])).toEqual([]);
  });

  test('a second attempt after a permission about the first; both may have happened', () => {
    const entries = journal([reserved(), resolved(1), reserved({ attempt: 2 }), outcome(3)]);
    const seen = [saw('begin', 1), saw('effect', 1), saw('begin', 3), saw('effect', 3)];
    expect(judged(entries, seen)).toEqual({ wrong: [], cellsCompleted: 1, doubts: 1, doubtsWitnessed: 1 });
  });

  test('a doubt without a line of the witness, where something is known that cut it off', () => {
    const entries = journal([reserved(), resolved(1), reserved({ attempt: 2 }), outcome(3)]);
    const seen = [saw('begin', 3), saw('effect', 3)];
    const asked: number[] = [];
    const mayBeUnseen: Rules['mayBeUnseen'] = (_, { seq }) => asked.push(seq) > 0;
    expect(judged(entries, seen, { mayBeUnseen })).toMatchObject({ wrong: [], doubts: 1, doubtsWitnessed: 0 });
    expect(asked).toEqual([1]);
  });

  test('one that was cut off between its effect and its line, and the next finds it done', () => {
    const entries = journal([reserved(), resolved(1), reserved({ attempt: 2 }), outcome(3)]);
    expect(judged(entries, [saw('begin', 3)], { mayBeUnseen: (_, { seq }) => seq === 1 }).wrong).toEqual([]);
    expect(judged(entries, [saw('begin', 3)], { mayBeUnseen: (_, { seq }) => seq === 3 }).wrong).not.toEqual([]);
  });

  test('a command, which does not say by which reservation it came', () => {
    const by = { actor: 'a', via: 'cli', where: 'here' };
    const entries = journal([reserved({ by }), resolved(1, { verdict: 'succeeded', permission: null, then: 'next' })]);
    const seen = [saw('begin', null), saw('effect', null)];
    expect(judged(entries, seen)).toMatchObject({ wrong: [], doubts: 1, doubtsWitnessed: 1 });
  });

  test('a step whose holder did not know, and a person afterwards: one doubt', () => {
    const unknown = { status: 'unknown', closedBy: 'policy', then: 'halt' };
    const entries = journal([reserved(), outcome(1, unknown), resolved(1), reserved({ attempt: 2 }), outcome(4)]);
    const seen = [saw('begin', 1), saw('begin', 4), saw('effect', 4)];
    expect(judged(entries, seen)).toMatchObject({ wrong: [], doubts: 1, doubtsWitnessed: 1 });
  });

  test('an attempt that never began needs no permission of its own', () => {
    const never = { status: 'never', permission: { kind: 'never', detail: 'late' } };
    const entries = journal([reserved(), outcome(1, never), reserved(), outcome(3)]);
    expect(wrongOf(entries, [saw('begin', 3), saw('effect', 3)])).toEqual([]);
  });
});

describe('what it finds', () => {
  const once = journal([reserved(), outcome(1)]);
  const cases: [string, Entry[], Saw[], string][] = [
    [
      'one reservation, begun twice',
      once,
      [saw('begin', 1), saw('begin', 1), saw('effect', 1)],
      'the step of seq 1 began twice',
    ],
    [
      'begun twice by processes that do not say by which reservation',
      once,
      [saw('begin', null), saw('begin', null), saw('effect', null)],
      `${key} began 2 times, 1 attempts were reserved`,
    ],
    [
      'begun under a reservation that nobody made',
      once,
      [saw('begin', 1), saw('effect', 1), saw('begin', 7)],
      `${key} began under seq 7, which no entry reserved for it`,
    ],
    [
      'repeated without a permission',
      journal([reserved(), outcome(1, { status: 'unknown', then: 'halt' }), reserved({ attempt: 2 }), outcome(3)]),
      [saw('begin', 1), saw('begin', 3), saw('effect', 3)],
      'c0 is reserved at seq 3, and nothing permits another attempt after seq 1',
    ],
    [
      'one permission, used twice',
      journal([reserved(), resolved(1), reserved({ attempt: 2 }), reserved({ attempt: 3 }), outcome(4)]),
      [saw('begin', 1), saw('begin', 3), saw('begin', 4), saw('effect', 4)],
      'c0 is reserved at seq 4, and nothing permits another attempt after seq 3',
    ],
    [
      'permitted afterwards',
      journal([reserved(), reserved({ attempt: 2 }), resolved(1), outcome(2)]),
      [saw('begin', 1), saw('begin', 2), saw('effect', 2)],
      'c0 is reserved at seq 2, and nothing permits another attempt after seq 1',
    ],
    [
      'permitted as the cell does not declare',
      journal([
        reserved(),
        resolved(1, { closedBy: 'probe', permission: { kind: 'probe', detail: '' } }),
        reserved({ attempt: 2 }),
        outcome(3),
      ]),
      [saw('begin', 1), saw('begin', 3), saw('effect', 3)],
      'seq 2 permits as probe, which c0 does not declare',
    ],
    [
      'completed, and it did not happen',
      once,
      [saw('begin', 1)],
      'seq 1 is completed by its holder, and it did not happen',
    ],
    [
      'completed by an answer to another attempt',
      journal([reserved(), resolved(1), reserved({ attempt: 2 }), outcome(3)]),
      [saw('begin', 1), saw('effect', 1), saw('begin', 3)],
      'seq 3 is completed by its holder, and it did not happen',
    ],
    [
      'closed as never begun, and it began',
      journal([
        reserved(),
        outcome(1, { status: 'never', permission: { kind: 'never', detail: '' } }),
        reserved(),
        outcome(3),
      ]),
      [saw('begin', 1), saw('begin', 3), saw('effect', 3)],
      'seq 1 is closed as never begun, and it began',
    ],
    [
      'taken for doubtful, though nothing cut it off',
      journal([reserved(), resolved(1), reserved({ attempt: 2 }), outcome(3)]),
      [saw('begin', 3), saw('effect', 3)],
      'seq 1 was in doubt, and nothing cut it off before it began',
    ],
    [
      'a further attempt of the same visit under another key, which no target can tell from a new request',
      journal([reserved(), resolved(1), reserved({ attempt: 2, key: `${key}-2` }), outcome(3)]),
      [saw('begin', 1), saw('begin', 3, `${key}-2`), saw('effect', 3, `${key}-2`)],
      `c0 is reserved at seq 3 under ${key}-2, and was under ${key} before`,
    ],
    [
      'left behind',
      journal([reserved()], null),
      [saw('begin', 1), saw('effect', 1)],
      'it stands at seq 1 as unfinished',
    ],
  ];
  test.each(cases)('%s', (_, entries, seen, said) => {
    expect(wrongOf(entries, seen)).toContain(`one: ${said}`);
  });

  test('a cell that was left out', () => {
    const { wrong } = judged(once, [saw('begin', 1), saw('effect', 1)], { cells: ['c0', 'c1'] });
    expect(wrong).toEqual(['one: it is completed, and of its cells c0,c1 these are: c0']);
  });

  test('passed, though nobody knows whether it happened; completed by a policy', () => {
    const passed = journal([reserved(), outcome(1, { status: 'unknown', closedBy: 'policy' })]);
    expect(wrongOf(passed, [saw('begin', 1)])).toContain('one: seq 1 ended as unknown by its policy, and was passed');
    const completed = journal([reserved(), outcome(1, { closedBy: 'policy' })]);
    expect(wrongOf(completed, [saw('begin', 1), saw('effect', 1)])).toEqual([
      'one: seq 1 is completed by its policy, which cannot know',
    ]);
  });

  test('said not to have happened, long after it had; a look before it is no lie', () => {
    const atMs = 1_800_000_000_000;
    const entries = journal([reserved(), resolved(1, { atMs: atMs + 60_000 }), reserved({ attempt: 2 }), outcome(3)]);
    const [first, ...others] = [saw('effect', 1), saw('begin', 1), saw('begin', 3), saw('effect', 3)];
    expect(wrongOf(entries, [{ ...(first as Saw), atMs }, ...others])).toEqual([
      `one: seq 2 permits another attempt of ${key} by a person, and it had happened`,
    ]);
    expect(wrongOf(entries, [{ ...(first as Saw), atMs: atMs + 55_000 }, ...others])).toEqual([]);
  });

  test('an entry that is missing', () => {
    const entries = once.filter(({ seq }) => seq !== 1);
    expect(wrongOf(entries, [])).toContain('one: entry 1 is missing');
  });

  test('something that happened for an instance that is not there', () => {
    expect(
      wrongOf(once, [saw('begin', 1), saw('effect', 1), saw('effect', 1, 'chaos/5707e1d0aaaa/other/c0/1')]),
    ).toContain('chaos/5707e1d0aaaa/other/c0/1 was seen, and no such instance exists');
  });
});
