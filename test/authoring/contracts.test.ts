/** Contracts that cannot hold, and references to what may be absent, are refused at publishing. */
import { describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';

/** A first fence stands in line 13. */
const front = `---
runbook: demo
params:
  pr: { type: integer }
  name: { type: string }
  ratio: { type: number }
  on: { type: boolean }
  tags: { type: array, items: { type: string } }
  o: { type: object }
  any: {}
  maybe: { type: [string, "null"] }
---
`;
const fence = (info: string, body = 'true'): string => `\`\`\`${info}\n${body}${body === '' ? '' : '\n'}\`\`\`\n`;
const problems = (...fences: string[]): string[] => {
  const result = authoring.compile(front + fences.join(''));
  return result.kind === 'runbook' ? [] : result.problems.map((one) => `${one.line}:${one.column} ${one.message}`);
};
const sh = fence('sh { name=a }');
const js = fence('js { name=a }', 'export default () => 1');
const http = fence('http { name=a }', 'GET https://example.com/');
const manual = fence('manual { name=a }', 'Look.');
const expecting = (cell: string, expression: string): string[] => problems(cell, fence('cel { expect=a }', expression));

describe('what an expectation can see', () => {
  test.each([js, http, manual, fence('ts { name=a }', 'export default () => 1')])('no exitCode: %j', (cell) => {
    expect(expecting(cell, 'exitCode == 0')).toEqual([
      '17:1 only a script has an `exitCode`: the expectations of an `sh` cell know it; look at `output`, `status` or `error`',
    ]);
  });
  test.each([
    ['exitCode + 1', 'a condition must be true or false; this one is of type int'],
    ['exitCode < "ten"', 'this expression cannot be used: no such overload: int < string'],
    ['exitCode == "0"', 'this expression cannot be used: no such overload: int == string'],
    ['status == 0', 'this expression cannot be used: no such overload: string == int'],
    ['status', 'a condition must be true or false; this one is of type string'],
    ['params.pr', 'a condition must be true or false; this one is of type int'],
    ['params["pr"] == "7"', 'no such overload: int == string'],
    ['params.name > 7', 'no such overload: string > int'],
    ['params.ratio == "x"', 'no such overload: int == string'],
    ['params.on + 1 == 2', 'no such overload: bool + int'],
    ['params.tags[0] == 1', 'no such overload: string == int'],
    ['params.tags.all(tag, tag > 1)', 'no such overload: string > int'],
    ['1 in params.tags', 'no such overload: int in list<string>'],
    ['step.attempt == "1"', 'no such overload: int == string'],
    ['step.cell == 1', 'no such overload: string == int'],
    ['output.n == 1 && params.pr', 'Logical operator requires bool operands'],
  ])('%s', (expression, message) => {
    const found = expecting(sh, expression);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^17:\d+ /);
    expect(found[0]).toContain(message);
  });
  test.each([
    'exitCode == 0',
    'exitCode in [0, 3]',
    'status == "failed" && exitCode > 1',
    'output.anything + 1 == 2',
    'output',
    'error.code == "x"',
    'params.ratio % 2 == 0',
    'params.ratio + 0.5 > 1',
    'params.ratio * params.pr > 2.5',
    'params.any == 7 || params.any == "x"',
    'params.maybe == null || params.maybe == "x"',
    'params.o.deep.deeper == 1',
    'params.tags.exists(tag, tag.startsWith("x"))',
    'size(params) == 8 && params.all(name, name != "") && "pr" in params && params.pr > 1',
    'has(params.pr) && step.attempt + step.visit > 0',
    'params.pr == 1.5 || params.pr > 0.5',
    'string(params.pr) + params.name == "7x"',
  ])('%s is taken', (expression) => {
    expect(expecting(sh, expression)).toEqual([]);
  });
  test('a status is compared with words that it can be', () => {
    expect(expecting(sh, 'status == "complete" || "fail" != status || status in ["failed", "unknown"]')).toEqual([
      '17:11 this status is never `complete`, it is completed or failed; did you mean `completed`?',
      '17:25 this status is never `fail`, it is completed or failed; did you mean `failed`?',
      '17:66 this status is never `unknown`, it is completed or failed',
    ]);
    expect(problems(fence('await { name=a }', 'claim: x\nuntil: supported\nif: claim.status == "suported"'))).toEqual([
      '16:21 this status is never `suported`, it is asserted, supported, invalidated or superseded; did you mean `supported`?',
    ]);
  });
  test('conditions, claims and placeholders too', () => {
    expect(problems(fence('sh { name=a when="params.name" }'))).toEqual([
      '13:22 a condition must be true or false; this one is of type string',
    ]);
    expect(problems(fence('await { name=a }', 'claim: x\nuntil: supported\nif: claim.revision == "1"'))).toEqual([
      '16:5 this expression cannot be used: no such overload: int == string',
    ]);
    expect(problems(fence('await { name=a }', 'claim: x\nuntil: supported\nif: claim.evidence.n > 1'))).toEqual([]);
    expect(problems(fence('manual { name=a }', 'Look at {{ params.pr + params.name }}'))).toEqual([
      '14:12 this expression cannot be used: no such overload: int + string',
    ]);
    expect(problems(fence('manual { name=a }', 'At {{ timestamp("2026-01-31T10:00:00Z") }}'))).toEqual([
      '14:7 a value of type google.protobuf.Timestamp cannot be written; make a text or a number of it',
    ]);
  });
});

describe('an output that may be absent', () => {
  const writes = 'echo 1 > "$PAWL_OUTPUT"';
  const refused = (cell: string, reason: string): void => {
    const line = 13 + cell.split('\n').length - 1;
    const message = `\`outputs.a\` may be absent: cell \`a\` (line 13) ${reason}; look first, as in \`has(outputs.a) ? … : …\`, or give this cell \`when="has(outputs.a)"\``;
    expect(problems(cell, fence('manual { name=b }', '{{ outputs.a.n }}'))).toEqual([`${line + 1}:12 ${message}`]);
    expect(problems(cell, fence('sh { name=b when="outputs.a.n > 1" }'))).toEqual([`${line}:30 ${message}`]);
    expect(problems(cell, fence('manual { name=b }', '{{ outputs["a"].n }}'))).toEqual([`${line + 1}:12 ${message}`]);
    expect(problems(cell, fence('sh { name=b }'), fence('cel { expect=b }', 'outputs.a.n > 1'))).toEqual([
      `${line + 4}:9 ${message}`,
    ]);
    // An assert is there to fail.
    expect(problems(cell, fence('assert { name=b }', 'outputs.a.n > 1'))).toEqual([]);
    expect(problems(cell, fence('manual { name=b }', '{{ has(outputs.a.n) }}'))).toEqual([`${line + 1}:16 ${message}`]);
    for (const expression of [
      'has(outputs.a) ? string(outputs.a.n) : "none"',
      '!has(outputs.a) ? "none" : string(outputs.a.n)',
      'has(outputs.a) && outputs.a.n > 1',
      'outputs.a.n > 1 && has(outputs.a)',
      '!has(outputs.a) || outputs.a.n > 1',
      '"a" in outputs && (outputs.a.n > 1 || outputs.a.m > 1)',
      '!(has(outputs.a) && params.on) || outputs.a.n > 1',
    ])
      expect(problems(cell, fence('manual { name=b }', `{{ ${expression} }}`)), expression).toEqual([]);
    for (const expression of ['has(outputs.a) || outputs.a.n > 1', '!has(outputs.a) && outputs.a.n > 1'])
      expect(problems(cell, fence('manual { name=b }', `{{ ${expression} }}`)), expression).toHaveLength(1);
    const guarded = fence('http { name=b when="has(outputs.a) && params.on" }', 'GET https://x.com/{{ outputs.a.n }}');
    expect(problems(cell, guarded, fence('cel { expect=b }', 'output.status == outputs.a.n'))).toEqual([]);
  };
  test.each([
    ['sh { name=a when="params.on" }', 'is skipped when its `when` is false'],
    ['sh { name=a optional }', 'may fail and is optional'],
    [
      'sh { name=a optional=true when="params.on" }',
      'is skipped when its `when` is false and may fail and is optional',
    ],
    ['sh { name=a interrupted=continue }', 'is passed when it is interrupted (`interrupted=continue`)'],
  ])('%s', (info, reason) => refused(fence(info, writes), reason));
  test.each([
    [fence('sh { name=a }', 'echo 1'), 'is a script that does not name `PAWL_OUTPUT`'],
    [fence('js { name=a }', 'export default async ({ log }) => { log("x"); };'), 'is a function that returns nothing'],
    [fence('ts { name=a }', 'export default function f(): void {}'), 'is a function that returns nothing'],
  ])('%j', (cell, reason) => refused(cell, reason));
  test.each([
    fence('js { name=a }', 'export default () => 1'),
    fence('js { name=a }', 'export default () => ({ n: 1 })'),
    fence('js { name=a }', 'export default () => { return 1; }'),
    fence('js { name=a }', 'const f = () => 1;\nexport default f;'),
    fence('js { name=a }', 'import f from "node:os";\nexport default f;'),
  ])('%j may return something', (cell) => {
    expect(problems(cell, fence('manual { name=b }', '{{ outputs.a.n }}'))).toEqual([]);
  });
  test('a poll that is passed at its time-out', () => {
    const poll = fence('http { name=a poll=5s within=1m onTimeout=continue }', 'GET https://example.com/');
    refused(
      poll + fence('cel { expect=a }', 'output.status == 200'),
      'is passed at its time-out (`onTimeout=continue`)',
    );
  });
  test('an assert never has one', () => {
    const cells = [fence('assert { name=a }', 'params.on'), fence('assert { name=b }', 'has(outputs.a) && outputs.a')];
    expect(problems(...cells)).toEqual(['17:27 cell `a` (line 13) is of the kind `assert` and never has an output']);
  });
  test('is there where the same `when`, an `end` or an `assert` saw to it', () => {
    const a = fence('sh { name=a when="params.on" }', writes);
    const use = fence('manual { name=z }', '{{ outputs.a.n }}');
    expect(problems(a, fence('manual { name=z when="params.on" }', '{{ outputs.a.n }}'))).toEqual([]);
    expect(problems(a, fence('end { name=e when="!has(outputs.a)" }', ''), use)).toEqual([]);
    expect(problems(a, fence('assert { name=e }', 'has(outputs.a)'), use)).toEqual([]);
    expect(problems(a, fence('end { name=e when="has(outputs.a)" }', ''), use)).toHaveLength(1);
    expect(problems(a, fence('assert { name=e optional }', 'has(outputs.a)'), use)).toHaveLength(1);
    expect(problems(fence('sh { name=a optional=false }', writes), use)).toEqual([]);
    expect(problems(fence('sh { name=a }', writes), use)).toEqual([]);
  });
});
