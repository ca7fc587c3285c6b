import { describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import { limits, type Runbook } from '../../src/engine/index.ts';
import fc from '../support/properties.ts';

const front = (more = ''): string =>
  `---\nrunbook: demo\nparams:\n  pr: { type: integer, minimum: 1 }\n  name: { type: string, default: x }\n${more}---\n`;
const fence = (info: string, body = 'true'): string => `\`\`\`${info}\n${body}\n\`\`\`\n`;
/** Front matter of five lines and its two rulers come before: a first fence stands in line 7. */
const withCells = (...fences: string[]): string => front() + fences.join('');
const compiled = (source: string): Runbook => {
  const result = authoring.compile(source);
  if (result.kind === 'problems') throw new Error(JSON.stringify(result.problems));
  return result.runbook;
};
const problems = (source: string): string[] => {
  const result = authoring.compile(source);
  return result.kind === 'runbook' ? [] : result.problems.map((one) => `${one.line}:${one.column} ${one.message}`);
};

describe('a runbook', () => {
  test('cells in document order, with their attributes, expectations and probes', () => {
    const runbook = compiled(`---
runbook: post_merge
title: After a migration is merged
params:
  pr:     { type: integer, minimum: 1 }
  region: { type: string, enum: [eu-west-1, us-east-1], default: eu-west-1 }
defaults: { timeout: 30s }
unique: "pr-{{ params.pr }}"
---
# After a migration is merged

\`\`\`ts { name=cleanup timeout=60s retry=3 interrupted=retry }
export default async ({ params, outputs, step, signal, log }) => {
  return { removed: 3 };
};
\`\`\`
\`\`\`cel { expect=cleanup }
# at least one
output.removed >= 1
\`\`\`

\`\`\`http { name=announce interrupted=probe settle=0s }
POST https://hooks.example.com/announce
Content-Type: application/json

{ "text": "PR {{ params.pr }} is live" }
\`\`\`
\`\`\`http { probe=announce done="output.status == 200" notDone="output.status == 404" }
GET https://hooks.example.com/announce/{{ step.idempotencyKey }}
\`\`\`

\`\`\`manual { name=smoke }
Open the dashboard. Is the error rate below 1%?
\`\`\`

\`\`\`sh
this fence has no braces: documentation
\`\`\`
`);
    expect([runbook.runbookId, runbook.title]).toEqual(['post_merge', 'After a migration is merged']);
    expect(runbook.cells.map((cell) => [cell.index, cell.name, cell.body.kind, cell.line, cell.timeoutMs])).toEqual([
      [0, 'cleanup', 'ts', 12, 60_000],
      [1, 'announce', 'http', 22, 30_000],
      [2, 'smoke', 'manual', 32, expect.any(Number)],
    ]);
    expect(runbook.cells[0]).toMatchObject({
      retryMax: 3,
      interrupted: 'retry',
      expect: [{ source: 'output.removed >= 1', line: 19 }],
    });
    expect(runbook.cells[1]).toMatchObject({
      interrupted: 'probe',
      settleMs: 0,
      probe: { done: 'output.status == 200', notDone: 'output.status == 404' },
    });
    expect(runbook.unique).toEqual(['pr-', { expression: 'params.pr', write: 'text' }]);
  });

  test('reads name the earlier cells whose outputs are looked at, and no others', () => {
    const runbook = compiled(
      withCells(
        fence('sh { name=a }', 'echo 1 > "$PAWL_OUTPUT"'),
        fence('js { name=b }', 'export default ({ outputs }) => outputs.a'),
        fence('js { name=c }', 'export default (context) => Object.keys(context.outputs)'),
        fence('sh { name=d when="outputs.a.ok" }'),
        fence('sh { name=e }', 'cat "$PAWL_INPUTS"'),
        fence('assert { name=f }', 'outputs.b == 1'),
      ),
    );
    expect(runbook.cells.map((cell) => cell.reads)).toEqual([[], ['a'], 'all', ['a'], 'all', ['b']]);
  });

  test('types are stripped at publishing, and lines stay where they were', () => {
    const runbook = compiled(
      withCells(
        fence(
          'ts { name=a }',
          'type A = { n: number };\nexport default ({ params }: { params: A }): number => params.n;',
        ),
      ),
    );
    const body = runbook.cells[0]?.body;
    expect(body !== undefined && 'code' in body ? body.code : '').toMatch(
      /^ +\nexport default \(\{ params \} +\) +=> params\.n;/,
    );
  });
});

describe('every problem is told at once, where it stands', () => {
  test('seven different mistakes, seven problems with line and column', () => {
    const source = `---
runbook: demo
params:
  pr: { type: integer, minimun: 1 }
titel: x
---
\`\`\`sh { name=a retry=x }
true
\`\`\`
\`\`\`sh { name=a }
true
\`\`\`
\`\`\`cel { expect=zz }
true
\`\`\`
\`\`\`ts { name=b timeut=3s }
export default () => { const x = ; }
\`\`\`
\`\`\`assert { name=c }
params.nope == 2
\`\`\`
`;
    expect(problems(source).map((line) => line.split(' ')[0])).toEqual([
      '4:24',
      '5:1',
      '7:22',
      '10:9',
      '13:17',
      '16:16',
      '17:34',
      '20:8',
    ]);
    expect(problems(source)[0]).toContain('did you mean `minimum`');
    expect(problems(source)[5]).toContain('did you mean `timeout`');
  });

  test.each([
    ['a fence that names no cell', fence('sh { retry=1 }'), '7:'],
    ['a fence that is both', fence('sh { name=a expect=b }'), '7:'],
    ['an unknown kind', fence('python { name=a }'), '7:4'],
    ['braces that do not end', fence('sh { name=a'), '7:'],
    ['an attribute twice', fence('sh { name=a retry=1 retry=2 }'), '7:24'],
    ['a name that is none', fence('sh { name=../x }'), '7:14'],
    ['a fence that does not end', '```sh { name=a }\ntrue\n', '7:'],
    ['an attribute that makes no sense here', fence('assert { name=a retry=1 }', 'true'), '7:20'],
    ['a time-out beyond the limit', fence('sh { name=a timeout=25h }'), '7:'],
    ['a poll that takes hours for one look', fence('sh { name=a poll=1m within=1h timeout=15m }'), '7:'],
    ['end without when', fence('end { name=a }', ''), '7:'],
    ['a probe that is missing', fence('sh { name=a interrupted=probe }'), '7:'],
    ['a probe of a cell that asks for none', fence('sh { name=a }') + fence('sh { probe=a }'), '10:'],
    [
      'an http probe without done',
      fence('sh { name=a interrupted=probe }') + fence('http { probe=a }', 'GET https://example.com/'),
      '10:',
    ],
    ['a later cell in an expression', fence('sh { name=a when="outputs.b" }') + fence('sh { name=b }'), '7:'],
    [
      'a later cell in code',
      fence('js { name=a }', 'export default ({ outputs }) => outputs.b') + fence('sh { name=b }'),
      '8:',
    ],
    ['an unknown name in an expression', fence('assert { name=a }', 'nonsense == 1'), '8:1'],
    ['output outside of an expectation', fence('assert { name=a }', 'output == 1'), '8:1'],
    ['a template that does not end', fence('manual { name=a }', 'Look at {{ params.pr'), '8:'],
    ['code without a default export', fence('js { name=a }', 'export const x = 1;'), '8:'],
    ['a literal private scheme', fence('http { name=a }', 'GET ftp://example.com/'), '8:'],
    ['a header that Pawl sets', fence('http { name=a }', 'GET https://example.com/\nIdempotency-Key: x'), '9:'],
    ['a pattern that is none', fence('assert { name=a }', 'params.name.matches("(")'), '8:'],
    ['a kind that comes later', fence('lambda { name=a }', 'quorum: 2'), '7:4'],
    [
      'a secret that is not declared',
      fence('http { name=a }', 'GET https://example.com/\nAuthorization: {{ secrets.X }}'),
      '9:',
    ],
    ['no cell at all', 'Just prose.\n', ''],
  ])('%s', (_name, body, where) => {
    const found = problems(front() + body);
    expect(found.length).toBeGreaterThan(0);
    expect(
      found.some((line) => line.startsWith(where)),
      found.join('\n'),
    ).toBe(true);
  });

  test('names that differ only in case', () => {
    expect(problems(`---\nrunbook: demo\nparams:\n  dir: {}\n  DIR: {}\n---\n${fence('sh { name=a }')}`)).toEqual([
      '5:3 the parameters `dir` and `DIR` differ only in case, and would both be PAWL_PARAM_DIR to a script; rename one',
    ]);
    expect(problems(withCells(fence('sh { name=check }'), fence('sh { name=Check }')))).toEqual([
      '10:9 the names `Check` and `check` (line 7) differ only in case; rename one',
    ]);
  });

  test('kinds that come later say so', () => {
    expect(problems(withCells(fence('lambda { name=a }', 'fn: x')))[0]).toContain('later version');
  });

  test('limits are named', () => {
    expect(
      problems(
        withCells(...Array.from({ length: limits.cellsPerRunbookMax + 1 }, (_, i) => fence(`sh { name=c${i} }`))),
      ).join(),
    ).toContain('cellsPerRunbookMax');
    expect(problems(`${withCells(fence('sh { name=a }'))}${'x'.repeat(limits.sourceBytesMax)}`).join()).toContain(
      'sourceBytesMax',
    );
  });
});

describe('hostile documents', () => {
  const yaml = (text: string): string[] => problems(`---\nrunbook: demo\n${text}\n---\n${fence('sh { name=a }')}`);
  test.each([
    ['an alias bomb', `a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nparams: *c`],
    ['5,000 nested lists', `params: ${'['.repeat(5_000)}`],
    ['a tag', 'title: !!js/function "x"'],
    ['a key twice', 'title: a\ntitle: b'],
    ['a merge key with __proto__', 'params: { <<: { __proto__: { type: string } } }'],
    ['a parameter named __proto__', 'params: { __proto__: { type: string } }'],
  ])('%s is refused', (_name, text) => {
    expect(yaml(text).length).toBeGreaterThan(0);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
  describe('what would reach outside of the schema of a parameter', () => {
    const of = (schema: string): string[] =>
      problems(`---\nrunbook: demo\nparams:\n  n: ${schema}\n---\n${fence('sh { name=a }')}`);
    test.each([
      ['{ anyOf: [{ $ref: "#/x" }] }', '4:18', '$ref'],
      ['{ allOf: [{ type: string }, { $id: "urn:x" }] }', '4:36', '$id'],
      ['{ properties: { a: { oneOf: [{ items: { $anchor: x } }] } } }', '4:46', '$anchor'],
      ['{ type: array, prefixItems: [{ $defs: { x: {} } }] }', '4:37', '$defs'],
      ['{ properties: { a: { $ref: "#" } } }', '4:27', '$ref'],
    ])('%s is refused', (schema, at, keyword) => {
      expect(of(schema)).toEqual([
        `${at} \`${keyword}\` is not read in the schema of a parameter; write the schema out`,
      ]);
    });
    test('names and values are no keywords', () => {
      for (const schema of [
        '{ type: object, properties: { $id: { type: string }, $ref: { type: string } } }',
        '{ enum: [{ $ref: x }] }',
        '{ type: object, default: { $id: [{ $ref: x }] } }',
        '{ const: { $schema: x } }',
      ])
        expect(of(schema), schema).toEqual([]);
    });
    test('what is wrong in a list is told there', () => {
      expect(of('{ type: array, prefixItems: [{}, { minimun: 1 }] }')).toEqual([
        '4:41 JSON Schema has no keyword `minimun`; did you mean `minimum`?',
      ]);
      expect(of('{ anyOf: [{}, { type: strin }] }')[0]).toMatch(/^4:28 the schema of `n` is not JSON Schema/);
    });
  });
  describe('a byte order mark', () => {
    const mark = 'a byte order mark (U+FEFF), which is invisible, stands here; it may begin a file, so remove it here';
    const good = front() + fence('sh { name=a }');
    test('at the beginning of a document is dropped', () => {
      expect(compiled(`\uFEFF${good}`).runbookId).toBe('demo');
    });
    test.each([
      ['demo', '\uFEFFdemo', '2:10'],
      ['demo', '"demo\uFEFF"', '2:15'],
      ['  pr:', '  \uFEFFpr:', '4:3'],
      ['name=a', 'name=\uFEFFa', '7:14'],
      ['name=a', '\uFEFFname=a', '7:9'],
      ['name=a', 'name=a\uFEFF', '7:15'],
      ['---', '\uFEFF\uFEFF---', '1:1'],
    ])('in %j as %j is refused', (there, with_, at) => {
      expect(problems(good.replace(there, with_))).toEqual([`${at} ${mark}`]);
    });
    test('among those who are asked, and in a claim', () => {
      expect(problems(front() + fence('approve { name=a approvers="bob,\uFEFFcarol" }', 'Go?'))).toEqual([
        `7:36 ${mark}`,
      ]);
      expect(problems(front() + fence('await { name=a }', 'claim: \uFEFFci\nuntil: supported'))[0]).toBe(`8:8 ${mark}`);
    });
  });
  test('parameters named constructor and toString are plain data', () => {
    const runbook = compiled(
      `---\nrunbook: demo\nparams:\n  constructor: { type: string }\n  toString: { type: integer, default: 3 }\n---\n${fence('sh { name=a }')}`,
    );
    expect(authoring.resolveParams(runbook, { constructor: 'x' })).toEqual({ constructor: 'x', toString: 3 });
    expect(() => authoring.resolveParams(runbook, {})).toThrow(/constructor/);
  });
  test.each(['~', '*', '[', '*]', '> ', '- '])('100,000 of %j end', (part) => {
    expect(problems(front() + part.repeat(100_000)).length).toBeGreaterThan(0);
  });
  test('no text at all makes it throw', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom(
        '---\n',
        'runbook: demo\n',
        'params:\n',
        '```sh { name=a }\n',
        '```\n',
        '```cel { expect=a }\n',
        '{{ params.x }}',
        'outputs.a',
        '"',
        '}',
        '\n',
        '`',
        'http { name=b }',
        'GET http://x\n',
        '&a',
        '*a',
        '!!x',
        '\u0000',
        '\ud800',
      ),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const result = authoring.compile(pieces.join(''));
        if (result.kind === 'problems')
          for (const { line, column, message } of result.problems)
            expect([line >= 1, column >= 1, message.length > 0]).toEqual([true, true, true]);
      }),
      { numRuns: 500 },
    );
  });
});
