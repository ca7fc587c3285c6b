import { expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';

const runbook = (lines: string[], kind: string): string =>
  [
    '---',
    'runbook: wide',
    'title: Wide',
    '---',
    '```sh { name=a }',
    'true',
    '```',
    `\`\`\`${kind}`,
    ...lines,
    '```',
    '',
  ].join('\n');

const problemsOf = (source: string): string[] => {
  const compiled = authoring.compile(source);
  return compiled.kind === 'problems' ? compiled.problems.map(({ line, message }) => `${line}: ${message}`) : [];
};

test.each([
  ['expectations', 'cel { expect=a }', 'exitCode == 0', 5, 'a'],
  ['assertions', 'assert { name=b }', '1 + 1 == 2', 8, 'b'],
])(
  'an outcome has to hold every one of its %s: 50 are taken, 51 refused with the limit',
  (_what, kind, text, line, cell) => {
    expect(
      problemsOf(
        runbook(
          Array.from({ length: 50 }, () => text),
          kind,
        ),
      ),
    ).toEqual([]);
    expect(
      problemsOf(
        runbook(
          Array.from({ length: 51 }, () => text),
          kind,
        ),
      ),
    ).toEqual([
      `${line}: cell \`${cell}\` has 51 expectations, at most 50 are possible (expectationsPerCellMax): join some with &&`,
    ]);
  },
);

test('together they have at most 64 KB', () => {
  const long = `output == "${'x'.repeat(3_500)}"`;
  const problems = problemsOf(
    runbook(
      Array.from({ length: 20 }, () => long),
      'cel { expect=a }',
    ),
  );
  expect(problems).toEqual([
    '5: the expectations of cell `a` have 70240 bytes, at most 65536 are possible (expectationsBytesMax)',
  ]);
});
