/** Sections as they are told: before a run, while it goes on, afterwards, and where one cannot be judged. */
import { beforeAll, describe, expect, test } from 'vitest';
import { setup } from './support.ts';

const place = setup();
const cell = (name: string): string =>
  `\`\`\`js { name=${name} interrupted=retry }\nexport default () => ({ n: 1 });\n\`\`\`\n`;
const document = `---
runbook: ship
params: { env: { type: string, default: test } }
---
${cell('build')}
## Only in production { when="params.env == 'prod'" }
${cell('switch')}
### Canary { when="outputs.build.n == 1" }
${cell('canary_cell')}
## Otherwise { else }
${cell('tell')}
## Odd { when="dyn(outputs.build).x == 1" }
${cell('odd_one')}
`;
const whole = document.slice(0, document.indexOf('## Odd'));
/** Without what depends on time. */
const still = (text: string): string => text.replace(/\d+(\.\d+)? m?s\b/g, '0 ms').replace(/[ \t]+$/gm, '');

let file = '';
let wholeFile = '';
beforeAll(async () => {
  file = await place.write('ship.md', document);
  wholeFile = await place.write('whole.md', whole);
});

test('the plan shows which cells stand in which section', async () => {
  const { out } = await place.pawl('plan', file);
  const heads = out.split('\n').filter((line) => /^ *\d+ {2}\w/.test(line));
  expect(heads).toEqual([
    ' 1  build  js, line 5',
    ' 2  only_in_production  branch, line 9',
    '   3  switch  js, line 10',
    '   4  canary  branch, line 14',
    '     5  canary_cell  js, line 15',
    ' 6  otherwise  branch, line 19',
    '   7  tell  js, line 20',
    ' 8  odd  branch, line 24',
    '   9  odd_one  js, line 25',
  ]);
});

describe('a run that halts at a section', () => {
  let ran: string;
  beforeAll(async () => {
    const { exit, out, err } = await place.pawl('run', file, '--instance', 'ship-1');
    ran = still(out + err);
    expect(exit).toBe(1);
  });

  test('tells each branch as it is judged, and what a person may do about the one that cannot be', () => {
    expect(
      ran
        .split('\n')
        .slice(1, 6)
        .map((line) => line.trim()),
    ).toEqual([
      expect.stringMatching(/^✓ build +completed/),
      '- only_in_production  skipped, with 3 cells',
      '✓ otherwise           completed',
      expect.stringMatching(/^✓ tell +completed/),
      '✗ odd                 failed',
    ]);
    for (const name of ['switch', 'canary_cell']) expect(ran).toMatch(new RegExp(`^  -  ${name} +js +skipped$`, 'm'));
    expect(
      ran.slice(ran.indexOf('Halted')),
    ).toBe(`Halted at odd: whether its section is to be gone through cannot be judged.
  step      branch, seq 7, no reservation
  error     \`dyn(outputs.build).x == 1\`: No such key: x (when.error)
Next: see \`pawl journal ship-1 --notes\`, mend the cause, then one of:
  go into its section    pawl verdict ship-1 --seq 7 --succeeded --reason "…"
  pass over its section  pawl verdict ship-1 --seq 7 --skip --reason "…"
  give the run up        pawl cancel ship-1 --reason "…"
  in a fixed version     pawl start ship --continue ship-1 --at odd --reason "…"
`);
  });

  test('is told by its journal, with how many cells each took along', async () => {
    const skip = ['verdict', 'ship-1', '--seq', '7', '--skip', '--reason', 'not here'];
    expect((await place.pawl(...skip)).exit).toBe(0);
    const { out } = await place.pawl('journal', 'ship-1');
    const told = out.replace(/\n {20,}/g, ' ');
    expect(told).toMatch(/only_in_production skipped, with 3 cells$/m);
    expect(told).toMatch(/odd: verdict by alice: skip, with 1 cell — not here$/m);
    const { out: status } = await place.pawl('status', 'ship-1');
    expect(status).toMatch(/^ {2}- {2}odd_one +js +skipped$/m);
  });
});

test('`pawl test` tells what was skipped with its section apart from what was not reached', async () => {
  const { exit, out } = await place.pawl('test', wholeFile, '--yes');
  expect(exit).toBe(0);
  const cells = Object.fromEntries(
    [...out.matchAll(/^ *\d+ {2}(\w+) .*\n +(.+)$/gm)].map(([, name, told]) => [name, told]),
  );
  expect(cells).toMatchObject({
    only_in_production: 'skipped, as its `when` is false: nothing to interrupt',
    switch: 'skipped with its section: nothing to interrupt',
    canary: 'skipped with its section: nothing to interrupt',
    canary_cell: 'skipped with its section: nothing to interrupt',
    otherwise: 'nothing to interrupt: it has no effects',
    tell: 'gone before its effect  tried again, by interrupted=retry',
  });
  expect(out).not.toContain('not reached');
});
