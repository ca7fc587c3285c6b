/** `pawl plan` of a runbook that has something for its ends: who takes back what, and what a failure leads to. */
import { expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import { printPlan } from '../../src/cli/planScreen.ts';
import type { Screen } from '../../src/cli/screen.ts';
import { type Cleanup, planOf, type Runbook } from '../../src/engine/index.ts';
import { withEnds } from './withEnds.ts';

const cell = (name: string): string => `\`\`\`sh { name=${name} }\ntrue\n\`\`\`\n`;
const source = `---
runbook: ends
params: { nodes: { type: array, default: [one, { at: two }] } }
---
${cell('a')}${cell('b')}
\`\`\`http { name=looks }
GET https://example.com/
\`\`\`
## All { name=all each="params.nodes" as=node }
${cell('inside')}
# After
${['undo_b', 'undo_all', 'on_failure', 'on_cancel', 'on_always'].map(cell).join('')}`;
const ends: Record<string, Cleanup> = {
  undo_b: { undo: 'b', of: 'begun' },
  on_failure: { on: 'failure' },
  on_cancel: { on: 'cancel' },
  on_always: { on: 'always' },
};

const planned = (over: Partial<Runbook>, cleanup: Record<string, Cleanup>): string[] => {
  const printed: string[] = [];
  const screen = { print: (text = '') => printed.push(text), paint: (_: string, text: string) => text, width: 200 };
  printPlan(screen as unknown as Screen, planOf(authoring, withEnds(source, cleanup, over), {}));
  return printed.map((line) => line.trim());
};

test('each cell says what takes it back, or at which ends it runs; the failure path stands below', () => {
  const lines = planned({ onFailure: 'undo' }, { ...ends, undo_all: { undo: 'all' } });
  expect(lines.filter((line) => line.startsWith('end '))).toEqual([
    'end     nothing takes it back',
    'end     taken back by undo_b, also where it only began',
    'end     taken back by undo_all',
    'end     nothing takes it back',
    'end     takes back b, also where it only began',
    'end     takes back all',
    'end     on=failure: passed over on the way, runs after a failure',
    'end     on=cancel: passed over on the way, runs once it is cancelled',
    'end     on=always: passed over on the way, runs at every end',
  ]);
  expect(lines.slice(-3, -1)).toEqual([
    'A failure gives the run up by itself: undo_b, undo_all, on_failure, on_always',
    'stays as it is: a',
  ]);
});

test('a failure halts where a person is asked, and what has nothing for its ends says nothing of them', () => {
  expect(planned({}, { ...ends, undo_all: { undo: 'all' } })).toContain(
    'A failure halts, and a person is asked (`pawl undo`); given up for it: undo_b, undo_all, on_failure, on_always',
  );
  expect(planned({}, {}).filter((line) => /^(end |A failure)/.test(line))).toEqual([]);
});

test('the elements of a list are shown where no earlier output is needed for them', () => {
  const lines = planned({}, {});
  const at = lines.indexOf('| params.nodes: 2 elements');
  expect(lines.slice(at + 1, at + 3)).toEqual(['| one', '| {"at":"two"}']);
});
