import { describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import type { Scope, Template } from '../../src/engine/index.ts';

const scope = (over: Partial<Scope> = {}): Scope => ({
  params: { pr: 7, name: 'a "b"/c' },
  outputs: { before: { n: 1 } },
  step: { visit: 1 },
  ...over,
});
const evaluate = (source: string, over: Partial<Scope> = {}) => authoring.evaluate({ source, line: 1 }, scope(over));

describe('expressions', () => {
  test.each([
    ['output.removed >= 1', { removed: 3 }, true],
    ['output.n + 1 == 3', { n: 2 }, true],
    ['output.x * 2 == 1.0', { x: 0.5 }, true],
    ['output.x * 2 == 2', { x: 1 }, true],
    ['output.ratio > 0.5', { ratio: 1 }, true],
    ['size(output.items) == 3', { items: [1, 2, 3] }, true],
    ['output.items.all(i, i.ok)', { items: [{ ok: true }, { ok: false }] }, false],
    ['output.status in [200, 404]', { status: 404 }, true],
    ['output.id == 12345678901234567890', undefined, true],
    ['has(output.missing)', {}, false],
    ['params.pr == 7 && outputs.before.n == 1', {}, true],
  ])('%s', (source, output, expected) => {
    const value = output ?? (authoring.parseJson('{"id":12345678901234567890}') as object);
    expect(evaluate(source, { output: value })).toEqual({ kind: 'value', value: expected });
  });

  test('what cannot be evaluated is an error, never a throw', () => {
    for (const source of ['output.missing', '1 / 0', 'output.s + 1', 'nonsense(']) {
      expect(evaluate(source, { output: { s: 'x' } }).kind, source).toBe('error');
    }
  });

  test.each([
    'params.constructor',
    'params.__proto__',
    'output.constructor.constructor("return process")()',
    'this.constructor',
    '`${1}`',
    'output["con" + "structor"]',
  ])('%s reaches no prototype (hostile 17–19)', (source) => {
    expect(evaluate(source, { output: {} }).kind).toBe('error');
  });

  test('matches() is linear, and what costs too much is an error (hostile 20)', () => {
    expect(evaluate('"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!".matches("^(a+)+$")')).toEqual({ kind: 'value', value: false });
    const items = Array.from({ length: 100_000 }, (_, i) => i);
    expect(evaluate('output.all(a, output.all(b, a + b >= 0))', { output: items }).kind).toBe('error');
  });

  test.each([
    ['output.n == 9007199254740993 && output.n > 9007199254740992', '{"n":9007199254740993.0}', true],
    ['output.n == 9007199254740993', '{"n":9.007199254740993e15}', true],
    ['output.n > 9223372036854775807', '{"n":1e400}', true],
    ['output.n == 9007199254740992.0', '{"n":9007199254740993}', false],
    ['output.n > 3.3', '{"n":3.33333333333333333333}', true],
    ['output.n == 1e20', '{"n":1e20}', true],
  ])('%s of %s', (source, text, expected) => {
    expect(evaluate(source, { output: authoring.parseJson(text) })).toEqual({ kind: 'value', value: expected });
  });
  test('a number beyond all is no infinite one', () => {
    const output = authoring.parseJson('{"n":1e99999}');
    expect(evaluate('output.n > 1', { output })).toEqual({
      kind: 'error',
      message: '`output.n > 1`: it reads a number that is too large for any computer',
    });
  });
  test('large integers survive parsing', () => {
    expect(authoring.parseJson('[12345678901234567890, 1, 0.5]')).toEqual([12345678901234567890n, 1, 0.5]);
  });
});

describe('templates', () => {
  const render = (template: Template, over: Partial<Scope> = {}) => authoring.render(template, scope(over));
  const part = (expression: string, write: 'text' | 'url' | 'json' | 'jsonString') => [{ expression, write }];
  test('a value is written as its place demands', () => {
    expect(render(part('params.name', 'text'))).toEqual({ kind: 'text', text: 'a "b"/c' });
    expect(render(part('params.name', 'url'))).toEqual({ kind: 'text', text: 'a%20%22b%22%2Fc' });
    expect(render(part('params.name', 'jsonString'))).toEqual({ kind: 'text', text: 'a \\"b\\"/c' });
    expect(render(part('params.name', 'json'))).toEqual({ kind: 'text', text: '"a \\"b\\"/c"' });
    expect(render(['n=', ...part('params.pr', 'text')])).toEqual({ kind: 'text', text: 'n=7' });
  });
  test('a value that is not there is an error', () => {
    expect(render(part('outputs.gone.x', 'text')).kind).toBe('error');
  });
  test('an http cell: no parameter breaks out of its place', () => {
    const source = `---\nrunbook: demo\nparams:\n  v: { type: string }\n  base: { type: string }\n---\n\`\`\`http { name=a }\nPOST {{ params.base }}/x/{{ params.v }}\nX-V: {{ params.v }}\nContent-Type: application/json\n\n{ "s": "{{ params.v }}", "v": {{ params.v }} }\n\`\`\`\n`;
    const result = authoring.compile(source);
    const body = result.kind === 'runbook' ? result.runbook.cells[0]?.body : undefined;
    if (body === undefined) throw new Error(JSON.stringify(result));
    const at = (v: string) => authoring.renderBody(body, scope({ params: { base: 'https://example.com', v } }));
    expect(at('a"/../b')).toMatchObject({
      kind: 'body',
      body: { url: 'https://example.com/x/a%22%2F..%2Fb', body: '{ "s": "a\\"/../b", "v": "a\\"/../b" }' },
    });
    expect(at('a\r\nHost: evil').kind).toBe('error');
  });
});

describe('parameters', () => {
  const source = `---\nrunbook: demo\nparams:\n  n: { type: integer, minimum: 1 }\n  s: { type: string, pattern: "^(a+)+$", default: a }\n---\n\`\`\`sh { name=a }\ntrue\n\`\`\`\n`;
  const result = authoring.compile(source);
  if (result.kind === 'problems') throw new Error(JSON.stringify(result.problems));
  const { runbook } = result;
  test('defaults are filled in, nothing is coerced, every problem is named', () => {
    expect(authoring.resolveParams(runbook, { n: 3 })).toEqual({ n: 3, s: 'a' });
    for (const given of [{}, { n: '3' }, { n: 0 }, { n: 1, x: 2 }, { n: 1, s: 'b' }]) {
      expect(() => authoring.resolveParams(runbook, given)).toThrow(
        expect.objectContaining({ code: 'params.invalid' }),
      );
    }
    expect(() => authoring.resolveParams(runbook, { n: 0, s: 'b' })).toThrow(
      expect.objectContaining({ details: { problems: [expect.anything(), expect.anything()] } }),
    );
  });
  describe('numbers that would not be kept', () => {
    const problems = (yaml: string, cell = '```sh { name=a }\ntrue\n```\n'): string[] => {
      const compiled = authoring.compile(`---\nrunbook: demo\nparams:\n  n: ${yaml}\n---\n${cell}`);
      return compiled.kind === 'runbook'
        ? []
        : compiled.problems.map((one) => `${one.line}:${one.column} ${one.message}`);
    };
    const wayOut = 'put it in quotes, and declare what holds it as a string';
    test.each([
      ['{ type: integer, default: 9007199254740993 }', '4:32', '9007199254740993', '9007199254740992'],
      ['{ type: number, default: 1e400 }', '4:31', '1e400', 'Infinity'],
      ['{ type: integer, maximum: 9223372036854775807 }', '4:32', '9223372036854775807', '9223372036854776000'],
      ['{ enum: [1, 9007199254740993] }', '4:18', '9007199254740993', '9007199254740992'],
      ['{ type: object, default: { a: [0x20000000000001] } }', '4:37', '0x20000000000001', '9007199254740992'],
      ['{ type: number, default: 0.12345678901234567890 }', '4:31', '0.12345678901234567890', '0.12345678901234568'],
    ])('in the front matter: %s', (yaml, at, written, read) => {
      expect(problems(yaml)).toEqual([
        `${at} \`${written}\` cannot be kept as a number (it would become ${read}); ${wayOut}`,
      ]);
    });
    test('one that is exact, but where whole numbers are left out', () => {
      expect(problems('{ type: object, default: { a: [9007199254740992] } }')).toEqual([
        '4:37 `9007199254740992` cannot be kept as a number (whole ones go up to 9007199254740991); put it in quotes, and declare what holds it as a string',
      ]);
      expect(problems('{ type: string, default: "9007199254740993" }')).toEqual([]);
      expect(problems('{ type: integer, default: 0x1f, maximum: 1e3 }')).toEqual([]);
    });
    test('in an expression', () => {
      const assert = (expression: string) =>
        problems('{ type: integer }', `\`\`\`assert { name=a }\n${expression}\n\`\`\`\n`);
      expect(assert('params.n < 9007199254740993.0')).toEqual([
        '7:12 `9007199254740993.0` would be computed with as 9007199254740992; write a whole number without a fraction, or a shorter one',
      ]);
      expect(assert('params.n < 1e400')).toHaveLength(1);
      expect(assert('params.n < 9007199254740993 && params.n > 0.1')).toEqual([]);
    });
    test('among those that are given', () => {
      const compiled = authoring.compile(
        '---\nrunbook: demo\nparams: { n: { type: number }, o: {} }\n---\n```sh { name=a }\ntrue\n```\n',
      );
      if (compiled.kind === 'problems') throw new Error(JSON.stringify(compiled.problems));
      const given = (text: string) => () => authoring.resolveParams(compiled.runbook, JSON.parse(text));
      const why =
        'cannot be kept as a number (whole ones go up to 9007199254740991); declare it as a string, and give a text';
      for (const n of ['9007199254740993', '-9007199254740993', '1e400', '1e20'])
        expect(given(`{"n":${n},"o":1}`), n).toThrow(`The parameters are refused: \`n\` ${why}.`);
      expect(given('{"n":1e400,"o":{"a":[1,{"b":9007199254740993}]}}')).toThrow(
        expect.objectContaining({
          code: 'params.invalid',
          details: {
            problems: [
              { path: 'n', message: why },
              { path: 'o.a[1].b', message: why },
            ],
          },
        }),
      );
      expect(() => authoring.resolveParams(compiled.runbook, { n: 9007199254740993n, o: 1 })).toThrow(why);
      expect(given('{"n":9007199254740991,"o":{"a":0.1}}')()).toEqual({ n: 9007199254740991, o: { a: 0.1 } });
    });
    test('a text that no program would get as it was given is refused, wherever it stands', () => {
      const compiled = authoring.compile('---\nrunbook: demo\nparams: { o: {} }\n---\n```sh { name=a }\ntrue\n```\n');
      if (compiled.kind === 'problems') throw new Error(JSON.stringify(compiled.problems));
      const given = (o: unknown) => () => authoring.resolveParams(compiled.runbook, { o });
      expect(given('\ud800')).toThrow('`o` holds half of a character');
      expect(given({ a: ['x\0y'] })).toThrow('`o.a[0]` holds the character NUL');
      expect(given('\u{1f512}\ufffd')()).toEqual({ o: '\u{1f512}\ufffd' });
      const withDefault = authoring.compile(
        '---\nrunbook: demo\nparams: { s: { type: string, default: "a\\0b" } }\n---\n```sh { name=a }\ntrue\n```\n',
      );
      if (withDefault.kind === 'problems') throw new Error(JSON.stringify(withDefault.problems));
      expect(() => authoring.resolveParams(withDefault.runbook, {})).toThrow('`s` holds the character NUL');
    });
    test('`__proto__` is no key, wherever it is given', () => {
      const compiled = authoring.compile('---\nrunbook: demo\nparams: { o: {} }\n---\n```sh { name=a }\ntrue\n```\n');
      if (compiled.kind === 'problems') throw new Error(JSON.stringify(compiled.problems));
      for (const [text, path] of [
        ['{"o":1,"__proto__":{"admin":true}}', '__proto__'],
        ['{"o":[{"__proto__":{"admin":true}}]}', 'o[0].__proto__'],
      ])
        expect(() => authoring.resolveParams(compiled.runbook, JSON.parse(text ?? ''))).toThrow(
          `The parameters are refused: \`${path}\` cannot be a key; choose another name.`,
        );
    });
  });
  test('patterns are matched in linear time', () => {
    expect(() => authoring.resolveParams(runbook, { n: 1, s: `${'a'.repeat(40)}!` })).toThrow(
      expect.objectContaining({ code: 'params.invalid' }),
    );
  });
  test('more than 64 KB is refused by name', () => {
    expect(() => authoring.resolveParams(runbook, { n: 1, s: 'a'.repeat(70_000) })).toThrow(/paramsBytesMax/);
  });
});
