import { expect, test } from 'vitest';
import { authoring, withinInvocation } from '../../src/authoring/index.ts';

const document = (attributes: string): string =>
  ['---', 'runbook: long', '---', '', `\`\`\`sh { name=move ${attributes} }`, 'true', '```', ''].join('\n');
const problems = (source: string, by = withinInvocation(authoring)): string[] => {
  const compiled = by.compile(source);
  return compiled.kind === 'problems' ? compiled.problems.map(({ line, message }) => `${line}: ${message}`) : [];
};

test('a place that stays takes cells of up to a day', () => {
  expect(problems(document('timeout=24h'), authoring)).toEqual([]);
  expect(problems(document('timeout=25h'), authoring)).toEqual(['5: `timeout`: `25h` is too long; at most 1d']);
});

test('functions refuse what takes longer than they may, unless it is for another place', () => {
  expect(problems(document('timeout=6h'))).toEqual([
    '5: `timeout`: `6h` is too long; at most 14m where functions run `move`; a cell with `at=PLACE` has longer, at a worker there',
  ]);
  expect(problems(document('timeout=6h at=bastion'))).toEqual([]);
  expect(problems(document('timeout=14m'))).toEqual([]);
});

test('what only looks, a probe or a poll, takes no longer anywhere', () => {
  const polled = `${document('poll=1m within=1h timeout=15m')}\n\`\`\`cel { expect=move }\ntrue\n\`\`\`\n`;
  expect(problems(polled, authoring)).toEqual(['5: `timeout`: `15m` is too long; at most 14m']);
  const probed = `${document('interrupted=probe')}\n\`\`\`sh { probe=move timeout=15m }\ntrue\n\`\`\`\n`;
  expect(problems(probed, authoring)).toEqual(['9: `timeout`: `15m` is too long; at most 14m']);
});
