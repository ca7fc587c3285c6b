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
  test('patterns are matched in linear time', () => {
    expect(() => authoring.resolveParams(runbook, { n: 1, s: `${'a'.repeat(40)}!` })).toThrow(
      expect.objectContaining({ code: 'params.invalid' }),
    );
  });
  test('more than 64 KB is refused by name', () => {
    expect(() => authoring.resolveParams(runbook, { n: 1, s: 'a'.repeat(70_000) })).toThrow(/paramsBytesMax/);
  });
});
